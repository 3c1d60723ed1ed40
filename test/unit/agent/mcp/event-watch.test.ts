import { describe, expect, test } from "bun:test";
import { createEventWatch } from "../../../../src/agent/mcp/event-watch.ts";
import { cutAt } from "../../../support/recordings.ts";

const encoder = new TextEncoder();

/** @returns whether one of the chunks was too long, and whether the stream can be taken up again */
function watched(chunks: readonly Uint8Array[], maxBytes: number) {
  const watch = createEventWatch(maxBytes, true);
  const isTooLong = chunks.map((chunk) => watch.isTooLong(chunk)).some(Boolean);
  return { isTooLong, canResume: watch.canResume() };
}

describe("createEventWatch", () => {
  test.each([
    ["LF", "\n"],
    ["CRLF", "\r\n"],
  ])("createEventWatch bounds each event apart, wherever the bytes are cut: %s", (_name, end) => {
    const event = `data: 12345678${end}${end}`;
    const stream = encoder.encode(event + event + event);

    for (let at = 1; at < stream.length; at++) {
      expect(watched(cutAt(stream, at), event.length).isTooLong).toBe(false);
      expect(watched(cutAt(stream, at), event.length - end.length - 1).isTooLong).toBe(true);
    }
  });

  test("createEventWatch finds an id wherever the bytes are cut, and none within a line", () => {
    const told = encoder.encode("data: a\nid: 7\n\n");
    const within = encoder.encode("data: id: 7\n\n");

    for (let at = 1; at < told.length; at++) expect(watched(cutAt(told, at), 100).canResume).toBe(true);
    for (let at = 1; at < within.length; at++) expect(watched(cutAt(within, at), 100).canResume).toBe(false);
  });

  test("createEventWatch bounds any other body as a whole", () => {
    const watch = createEventWatch(10, false);

    expect([watch.isTooLong(encoder.encode("{}\n\n{}\n\n")), watch.isTooLong(encoder.encode("{}\n"))]).toEqual([
      false,
      true,
    ]);
    expect(watch.canResume()).toBe(false);
  });
});
