// A web stream that is noted as it is read: nothing is read ahead of its reader.

export interface StreamHooks {
  chunk(bytes: Uint8Array): void;
  /** Called once. `given-up`: by its reader. */
  over(how: "complete" | "failed" | "given-up", error?: unknown): void;
}

export function recordStream(stream: ReadableStream<Uint8Array>, hooks: StreamHooks): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) {
            hooks.over("complete");
            controller.close();
            return;
          }
          hooks.chunk(value);
          controller.enqueue(value);
        } catch (error) {
          hooks.over("failed", error);
          controller.error(error);
        }
      },
      cancel(reason) {
        hooks.over("given-up");
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
