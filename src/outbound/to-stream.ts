// A byte source as a web stream, for whoever wants web types. One chunk is read ahead at most.

import type { ByteSource } from "../contract/byte-source.ts";

export function toStream(source: ByteSource): ReadableStream<Uint8Array> {
  let isStarted = false;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (isStarted) return source.resume();
      isStarted = true;
      source.start({
        chunk(bytes) {
          controller.enqueue(bytes);
          if ((controller.desiredSize ?? 0) <= 0) source.pause();
        },
        end: () => controller.close(),
        fail: (error) => controller.error(error),
      });
    },
    cancel: () => source.cancel(),
  });
}
