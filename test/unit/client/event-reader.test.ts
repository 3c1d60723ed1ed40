// The standard's cases for the client's own parser.

import { describe, expect, test } from "bun:test";
import { parseSSEEvent, SSEError } from "../../../src/client/client.ts";
import { createEventReader } from "../../../src/client/event-reader.ts";
import type { ParsedSSEEvent } from "../../../src/client/events.ts";

function read(...pieces: readonly string[]): ParsedSSEEvent[] {
  const events: ParsedSSEEvent[] = [];
  const reader = createEventReader((event) => events.push(event));
  for (const piece of pieces) reader.feed(piece);
  const last = reader.end();
  return last === undefined ? events : [...events, last];
}

const message = (data: string, id?: string): ParsedSSEEvent => ({
  event: "message",
  data,
  ...(id === undefined ? {} : { id }),
});

describe("the event reader reads by the standard [R3-036] [R3-037] [R3-038] [R3-078] [R3-079]", () => {
  const cases: readonly [title: string, text: string, events: readonly ParsedSSEEvent[]][] = [
    ["one event [R3-036]", "data: a\n\n", [message("a")]],
    ["CRLF [R3-078]", "data: a\r\n\r\ndata: b\r\n\r\n", [message("a"), message("b")]],
    ["several data lines with CRLF [R3-078]", "data: a\r\ndata: b\r\n\r\n", [message("a\nb")]],
    ["lone CR [R3-078]", "data: a\r\rdata: b\r\r", [message("a"), message("b")]],
    ["data without the space [R3-078]", "data:a\n\n", [message("a")]],
    ["one space away and no more", "data:  a \n\n", [message(" a ")]],
    ["a last event without blank line [R3-078]", "data: a\n\ndata: b\n", [message("a"), message("b")]],
    ["a last event without line end [R3-078]", "data: a\n\ndata: b", [message("a"), message("b")]],
    ["several data lines joined by LF [R3-038] [R3-079]", "data: a\ndata:\ndata: b\n\n", [message("a\n\nb")]],
    [
      "the type, for one event only [R3-038]",
      "event: progress\ndata: a\n\ndata: b\n\n",
      [{ event: "progress", data: "a" }, message("b")],
    ],
    ["empty events as nothing [R3-037]", "\n\n\n\n", []],
    ["a type without data as nothing [R3-037]", "event: x\n\ndata: a\n\n", [message("a")]],
    ["comments as nothing [R3-015]", ": keepalive\n\ndata: a\n: b\n\n", [message("a")]],
    ["fields it does not know as nothing", "retry: 5\nfoo: bar\nbaz\ndata: a\n\n", [message("a")]],
    ["an id for its own event", "id: 7\ndata: a\n\ndata: b\n\n", [message("a", "7"), message("b")]],
    ["an id without data for the event that follows", "id: 7\n\ndata: b\n\n", [message("b", "7")]],
    ["an id with NUL as no id", "id: 7\0\ndata: a\n\n", [message("a")]],
    ["data without colon as empty data", "data\n\n", [message("")]],
    ["U+2028 as text", "data: a\u2028b\n\n", [message("a\u2028b")]],
  ];

  test.each(cases)("%s", (_, text, events) => {
    expect(read(text)).toEqual([...events]);
  });

  test.each(cases)("cut into characters: %s [R3-073]", (_, text, events) => {
    expect(read(...text)).toEqual([...events]);
  });

  test("no event that is longer than its bound, in one line or in many", () => {
    const reader = () => createEventReader(() => {}, 100);

    expect(() => reader().feed("x".repeat(101))).toThrow(SSEError);
    expect(() => reader().feed(`data: ${"x".repeat(40)}\n`.repeat(3))).toThrow("longer than 100 characters");
    expect(() => reader().feed(`data: ${"x".repeat(60)}\n\n`.repeat(3))).not.toThrow();
  });
});

describe("parseSSEEvent", () => {
  test("reads the text of one frame [R3-038] [R3-053]", () => {
    expect(parseSSEEvent('id: 3\nevent: done\ndata: {"a":\ndata: 1}')).toEqual({
      event: "done",
      data: '{"a":\n1}',
      id: "3",
    });
    expect(parseSSEEvent("data:x\r\n\r\n")).toEqual({ event: "message", data: "x" });
  });

  test("is undefined where there is no data [R3-037]", () => {
    expect(parseSSEEvent("")).toBeUndefined();
    expect(parseSSEEvent(": keepalive")).toBeUndefined();
    expect(parseSSEEvent("event: done\n\n")).toBeUndefined();
  });
});
