// The stream of an answer as a source of a replay: its chunks are whole frames, and each frame has its id.

import type { ReplaySource } from "../../replay/replays.ts";

export function replaySource(body: ReadableStream<Uint8Array>): ReplaySource {
  const reader = body.getReader();
  return {
    async next() {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return undefined;
        const lastId = lastIdIn(value);
        if (lastId !== undefined) return { bytes: value, lastId };
      }
    },
    cancel(reason) {
      // Whatever it says then, nobody waits for it.
      reader.cancel(reason).catch(() => {});
    },
  };
}

const mark = Buffer.from("\n\nid: ");

/** A blank line stands between frames only: within the JSON of an event it is escaped. */
function lastIdIn(bytes: Uint8Array): number | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const before = text.lastIndexOf(mark);
  const start = before < 0 ? "id: ".length : before + mark.length;
  const id = Number.parseInt(text.subarray(start, start + 20).toString("latin1"), 10);
  return Number.isNaN(id) ? undefined : id;
}

export async function readToTheEnd(stream: ReadableStream<Uint8Array>): Promise<void> {
  const reader = stream.getReader();
  while (!(await reader.read()).done);
}
