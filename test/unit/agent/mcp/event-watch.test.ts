import { describe, expect, test } from "bun:test";
import { createEventWatch } from "../../../../src/agent/mcp/event-watch.ts";
import { cutAt } from "../../../support/recordings.ts";

const encoder = new TextEncoder();

/** @returns whether one of the chunks was too long */
function isTooLong(chunks: readonly Uint8Array[], maxBytes: number): boolean {
  const watch = createEventWatch(maxBytes, true);
  return chunks.map((chunk) => watch.isTooLong(chunk)).some(Boolean);
}

describe("createEventWatch", () => {
  test.each([
    ["LF", "\n"],
    ["CRLF", "\r\n"],
  ])("createEventWatch bounds each event apart, wherever the bytes are cut: %s", (_name, end) => {
    const event = `data: 12345678${end}${end}`;
    const stream = encoder.encode(event + event + event);

    for (let at = 1; at < stream.length; at++) {
      expect(isTooLong(cutAt(stream, at), event.length)).toBe(false);
      expect(isTooLong(cutAt(stream, at), event.length - end.length - 1)).toBe(true);
    }
  });

  test("createEventWatch bounds any other body as a whole", () => {
    const watch = createEventWatch(10, false);

    expect([watch.isTooLong(encoder.encode("{}\n\n{}\n\n")), watch.isTooLong(encoder.encode("{}\n"))]).toEqual([
      false,
      true,
    ]);
  });
});
