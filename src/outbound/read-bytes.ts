// A whole body as bytes, never beyond its limit.

import type { ByteSource } from "../contract/byte-source.ts";
import { unreadable } from "./http-client.ts";

/** @returns undefined when there are more bytes than `maxBytes`: the rest is given up */
export function readBytes(body: ByteSource, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const stop = (): void => {
      signal.removeEventListener("abort", onAbort);
      body.cancel();
    };
    const onAbort = (): void => {
      stop();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) return onAbort();
    body.start({
      chunk(bytes) {
        size += bytes.length;
        if (size <= maxBytes) return void chunks.push(bytes.slice());
        stop();
        resolve(undefined);
      },
      end() {
        stop();
        resolve(Buffer.concat(chunks, size));
      },
      fail(error) {
        stop();
        reject(unreadable(error, signal));
      },
    });
  });
}
