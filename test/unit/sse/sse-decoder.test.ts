// The list of the standard's cases, then every cut of every recording.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { createSseDecoder } from "../../../src/sse/sse-decoder.ts";
import {
  bytesOf,
  cutAt,
  decodeChunks,
  decodeText,
  type ReadEvent,
  readEventsSlowly,
  singleBytes,
  textOf,
} from "./sse-stream.ts";

const message = (data: string, id = ""): ReadEvent => ({ type: "message", data, id });

describe("sseDecoder reads", () => {
  const cases: readonly [title: string, stream: string, events: readonly ReadEvent[]][] = [
    ["one event ended by LF", "data: a\n\n", [message("a")]],
    ["one event ended by CRLF [R1-033]", "data: a\r\n\r\n", [message("a")]],
    ["one event ended by CR [R1-033]", "data: a\r\rdata: b\r\r", [message("a"), message("b")]],
    ["line ends of all kinds in one stream [R1-033]", "data: a\r\ndata: b\rdata: c\n\r\n", [message("a\nb\nc")]],
    ["CR CR LF as two line ends", "data: a\r\r\ndata: b\n\n", [message("a"), message("b")]],
    ["LF CR as two line ends", "data: a\n\rdata: b\n\n", [message("a"), message("b")]],
    ["a byte order mark at the start as nothing", "\uFEFFdata: a\n\n", [message("a")]],
    [
      "a byte order mark later as text",
      "data: a\n\n\uFEFFdata: b\n\ndata: \uFEFFc\n\n",
      [message("a"), message("\uFEFFc")],
    ],
    ["only one byte order mark away", "\uFEFF\uFEFFdata: a\n\ndata: b\n\n", [message("b")]],
    ["comments as nothing", ": ping\n\n:\n\n:data: x\n\ndata: a\n: inside\n\n", [message("a")]],
    ["data without a colon as empty", "data\n\n", [message("")]],
    ["data with nothing behind the colon as empty", "data:\n\n", [message("")]],
    ["data without the space [R1-033]", "data:a\n\n", [message("a")]],
    ["one space away and no more", "data:  a \n\n", [message(" a ")]],
    ["a colon in the data as data", "data: a: b\n\n", [message("a: b")]],
    ["several data lines joined by LF", "data: a\ndata\ndata: b\n\n", [message("a\n\nb")]],
    [
      "the three blocks of the standard's example",
      "data\n\ndata\ndata\n\ndata:",
      [message(""), message("\n"), message("")],
    ],
    [
      "the event's type, for one event only",
      "event: x\ndata: a\n\ndata: b\n\n",
      [{ type: "x", data: "a", id: "" }, message("b")],
    ],
    ["an empty type as the default", "event: x\nevent:\ndata: a\n\n", [message("a")]],
    ["no event where there is no data, and forgets its type", "event: x\n\ndata: a\n\n", [message("a")]],
    [
      "an id for all that follow",
      "id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
      [message("a", "7"), message("b", "7"), message("c")],
    ],
    ["an id from an event without data", "id: 7\n\ndata: a\n\n", [message("a", "7")]],
    ["a byte order mark in an id as text", "id: \uFEFF7\ndata: a\n\n", [message("a", "\uFEFF7")]],
    ["an id with NUL as no id", "id: 7\ndata: a\n\nid: 8\0\ndata: b\n\n", [message("a", "7"), message("b", "7")]],
    [
      "field names by case and to the letter",
      "Data: a\ndatum: b\n data: c\ndatas: d\ndat: e\nda\n\ndata: f\n\n",
      [message("f")],
    ],
    ["unknown fields as nothing", "foo: bar\nbaz\ndata: a\n\n", [message("a")]],
    ["U+2028, U+0085, VT and FF as text", "data: a\u2028b\u0085c\vd\fe\n\n", [message("a\u2028b\u0085c\vd\fe")]],
    ["a last event without blank line [R1-012]", "data: a\n\ndata: b\n", [message("a"), message("b")]],
    [
      "a last event without any line end [R1-012]",
      "data: a\n\nevent: x\ndata: b",
      [message("a"), { type: "x", data: "b", id: "" }],
    ],
    ["runs of blank lines as nothing", "\n\n\r\n\r\rdata: a\n\n\n\n\n", [message("a")]],
    ["an empty stream as nothing", "", []],
    ["a lone byte order mark as nothing", "\uFEFF", []],
    ["bytes that are no UTF-8 names as unknown fields", "d\u00e4ta: a\ndata: b\n\n", [message("b")]],
  ];
  for (const [title, stream, events] of cases) {
    test(title, () => {
      const bytes = bytesOf(stream);
      expect(decodeText(stream)).toEqual([...events]);
      for (let at = 1; at < bytes.length; at++) expect(decodeChunks(cutAt(bytes, [at]))).toEqual([...events]);
      expect(decodeChunks(singleBytes(bytes))).toEqual([...events]);
      expect(readEventsSlowly(stream)).toEqual([...events]);
    });
  }
});

describe("sseDecoder tells", () => {
  test("the text of comments", () => {
    const comments: string[] = [];
    const decoder = createSseDecoder({ event() {}, comment: (text) => comments.push(textOf(text)) });

    for (const chunk of singleBytes(bytesOf(": ping\n:\ndata: x\n:a:b\n\n"))) decoder.feed(chunk);

    expect(comments).toEqual([" ping", "", "a:b"]);
  });

  test("lines of fields that the standard does not know, whole, and of no others", () => {
    const lines: string[] = [];
    const decoder = createSseDecoder({ event() {}, unknownLine: (line) => lines.push(textOf(line)) });
    decoder.feed(bytesOf('error: {"a"'));
    decoder.feed(bytesOf(':1}\r\ndata: a\nid: 7\nretry: 5\nevent: x\n: c\nDATA: b\n\n{"b":2}\n'));
    decoder.feed(bytesOf("last"));
    decoder.end();

    expect(lines).toEqual(['error: {"a":1}', "DATA: b", '{"b":2}', "last"]);
  });

  test("a retry of digits only", () => {
    const delays: number[] = [];
    const decoder = createSseDecoder({ event() {}, retry: (delayMs) => delays.push(delayMs) });

    decoder.feed(bytesOf("retry: 500\nretry:0\nretry: -1\nretry: 1s\nretry: 1.5\nretry:\nretry\nretry: \uff11\n"));

    expect(delays).toEqual([500, 0]);
  });

  test("where the last whole event of the chunk ends", () => {
    const decoder = createSseDecoder({ event() {} });
    const boundaryAfter = (text: string): number => {
      decoder.feed(bytesOf(text));
      return decoder.boundary;
    };

    expect(boundaryAfter("data: a\n\ndata: b\n\nda")).toBe(18);
    expect(boundaryAfter("ta: c\n")).toBe(0);
    expect(boundaryAfter("\n")).toBe(1);
    expect(boundaryAfter("data: d\r\n\r\nx")).toBe(11);
  });
});

describe("sseDecoder carries", () => {
  test("the unfinished line, and nothing else [R0-010] [R1-003] [R1-008]", () => {
    const decoder = createSseDecoder({ event() {} });

    decoder.feed(bytesOf("data: whole\n\ndata: x"));
    expect(decoder.pendingBytes).toBe(7);

    decoder.feed(bytesOf("yz\n"));
    expect(decoder.pendingBytes).toBe(3);

    decoder.feed(bytesOf("\n"));
    expect(decoder.pendingBytes).toBe(0);
  });

  test("nothing after the end [R0-011] [R1-012]", () => {
    const decoder = createSseDecoder({ event() {} });

    decoder.feed(bytesOf("data: a\ndata: b\n\ndata: c\ndata: half"));
    decoder.end();

    expect(decoder.pendingBytes).toBe(0);
  });

  test("of a stream in two pieces the one line that was cut, once, and between events nothing [RC-005]", () => {
    const longest = "data: second, of some length";
    const events = ["data: first\n\n", `event: x\n${longest}\n\n`, "data: third\n\n"];
    const stream = bytesOf(events.join(""));
    const boundaries = events.map((_, index) => events.slice(0, index).join("").length);

    for (let cut = 0; cut <= stream.length; cut++) {
      const seen: string[] = [];
      const decoder = createSseDecoder({ event: ({ data }) => seen.push(textOf(data)) });

      decoder.feed(stream.subarray(0, cut));
      decoder.feed(stream.subarray(cut));

      expect(seen).toEqual(["first", "second, of some length", "third"]);
      expect(decoder.copiedBytes).toBeLessThanOrEqual(boundaries.includes(cut) ? 0 : longest.length);
    }
  });

  test("whole events without copying a byte", () => {
    const views: boolean[] = [];
    const chunk = bytesOf("data: a\n\nevent: x\nid: 1\ndata: bcd\n\n: ping\n\ndata: e\r\n\r\n");
    const decoder = createSseDecoder({ event: (event) => views.push(event.data.buffer === chunk.buffer) });

    decoder.feed(chunk);

    expect(views).toEqual([true, true, true]);
    expect(decoder.copiedBytes).toBe(0);
  });

  test("a line of 1 MB that arrives byte by byte without copying it over and over", () => {
    const lineBytes = 1_000_000;
    let received = 0;
    const decoder = createSseDecoder({
      event(event) {
        received = event.data.length;
      },
    });
    const byte = bytesOf("x");

    decoder.feed(bytesOf("data:"));
    for (let fed = 0; fed < lineBytes; fed++) decoder.feed(byte);
    decoder.feed(bytesOf("\n\n"));

    expect(received).toBe(lineBytes);
    expect(decoder.copiedBytes).toBeLessThan(3 * lineBytes);
  });

  test("each stream's line for itself [R1-014]", () => {
    const first: string[] = [];
    const second: string[] = [];
    const firstDecoder = createSseDecoder({ event: (event) => first.push(textOf(event.data)) });
    const secondDecoder = createSseDecoder({ event: (event) => second.push(textOf(event.data)) });

    firstDecoder.feed(bytesOf("data: on"));
    secondDecoder.feed(bytesOf("data: tw"));
    firstDecoder.feed(bytesOf("e\n\n"));
    secondDecoder.feed(bytesOf("o\n\n"));

    expect([first, second]).toEqual([["one"], ["two"]]);
  });
});

describe("sseDecoder refuses", () => {
  const maxLineBytes = 64;

  /** Feeds until a failure, twice more after it, and returns all failures. */
  function failuresOf(chunks: readonly Uint8Array[], onEvent: (data: string) => void = () => {}): unknown[] {
    const failures: unknown[] = [];
    const decoder = createSseDecoder({ event: (event) => onEvent(textOf(event.data)) }, { maxLineBytes });
    for (const chunk of chunks) {
      try {
        decoder.feed(chunk);
      } catch (error) {
        failures.push(error);
      }
      expect(decoder.pendingBytes).toBeLessThanOrEqual(2 * maxLineBytes);
    }
    decoder.end();
    expect(decoder.pendingBytes).toBe(0);
    return failures;
  }

  test("a line without end, once and with bounded memory, at whatever size of chunk [R1-035]", () => {
    const secret = bytesOf(`data: ${"secret".repeat(1000)}`);
    for (const chunks of [[secret], singleBytes(secret), cutAt(secret, [10, 60, 70, 71])]) {
      const failures = failuresOf(chunks);

      expect(failures).toHaveLength(1);
      expect(failures[0]).toBeInstanceOf(GatewayError);
      expect(failures[0]).toMatchObject({ kind: "upstream-failed" });
      expect(String(failures[0])).not.toContain("secret");
    }
  });

  test("a line one byte too long, and takes the longest, however they are cut", () => {
    const longest = bytesOf(`data: ${"x".repeat(maxLineBytes - 6)}\n\n`);
    const tooLong = bytesOf(`data: ${"x".repeat(maxLineBytes - 5)}\n\n`);
    for (let at = 1; at < longest.length; at++) {
      expect(failuresOf(cutAt(longest, [at]))).toHaveLength(0);
      expect(failuresOf(cutAt(tooLong, [at]))).toHaveLength(1);
    }
  });

  test("joined data one byte too long, and takes the longest", () => {
    const eventOf = (lastLineBytes: number) =>
      bytesOf(`data: ${"x".repeat(40)}\ndata: ${"y".repeat(lastLineBytes)}\n\n`);

    expect(failuresOf([eventOf(maxLineBytes - 41)])).toHaveLength(0);
    expect(failuresOf([eventOf(maxLineBytes - 40)])).toHaveLength(1);
  });

  test("an event of endless short data lines [R1-035]", () => {
    const lines = bytesOf("data: abc\n".repeat(100));

    expect(failuresOf([lines])).toHaveLength(1);
    expect(failuresOf(singleBytes(lines))).toHaveLength(1);
  });

  test("what follows a failure, and delivers what came before it", () => {
    const events: string[] = [];

    const failures = failuresOf(
      [bytesOf(`data: before\n\ndata: ${"x".repeat(100)}\n\n`), bytesOf("data: after\n\n")],
      (data) => events.push(data),
    );

    expect(failures).toHaveLength(1);
    expect(events).toEqual(["before"]);
  });
});

describe("sseDecoder cut anywhere", () => {
  const folder = new URL("../../fixtures/qwen-web/", import.meta.url);
  for (const name of readdirSync(folder)
    .sort()
    .filter((file) => file.endsWith(".sse"))) {
    test(`gives equal events for ${name} [R0-010] [R1-023]`, () => {
      const bytes = new Uint8Array(readFileSync(new URL(name, folder)));
      const whole = decodeChunks([bytes]);

      expect(whole).toEqual(readEventsSlowly(textOf(bytes)));
      expect(whole.length).toBeGreaterThan(1);
      for (let at = 1; at < bytes.length; at++) {
        if (!Bun.deepEquals(decodeChunks(cutAt(bytes, [at])), whole)) throw new Error(`differs when cut at ${at}`);
      }
      expect(decodeChunks(singleBytes(bytes))).toEqual(whole);
    });
  }

  test("keeps characters of several bytes whole [R1-032]", () => {
    const text = "🙂 häßlich 你好 👩‍👩‍👧‍👦";
    const bytes = bytesOf(`data: ${text}\n\n`);
    for (let at = 1; at < bytes.length; at++) expect(decodeChunks(cutAt(bytes, [at]))).toEqual([message(text)]);
  });

  test("agrees with the slow reading for any text, line ends and cuts [R1-002] [R1-023]", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "data",
        "data:",
        "data: ",
        "event: e",
        "id: 1",
        "retry: 5",
        ": c",
        "\n",
        "\n\n",
        "\r",
        "\r\n",
        "\r\n\r\n",
      ),
      fc.constantFrom("\uFEFF", "\0", ":", " ", "🙂", "你", "\u2028"),
      fc.string({ unit: "binary", maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.array(fc.nat(120), { maxLength: 8 }), (pieces, cuts) => {
        // Through bytes once: a lone surrogate has none.
        const bytes = bytesOf(pieces.join(""));
        expect(decodeChunks(cutAt(bytes, cuts))).toEqual(readEventsSlowly(textOf(bytes)));
      }),
      { numRuns: 10_000 },
    );
  });

  test("counts as many events out as frames in, garbage between them [R1-001] [R1-002] [R1-004] [R1-024]", () => {
    const garbage = fc.constantFrom("", "%%% garbage\n", "{broken\n", ": ping\n\n", "\n", "datax: no\n");
    const frame = fc.tuple(garbage, fc.string({ maxLength: 6 }), fc.constantFrom("\n", "\r\n", "\r"));
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), fc.array(fc.nat(200), { maxLength: 10 }), (frames, cuts) => {
        const stream = frames.map(([noise, text, end]) => `${noise}data: ${JSON.stringify(text)}${end}${end}`).join("");
        const events = decodeChunks(cutAt(bytesOf(stream), cuts));
        expect(events.map((event) => JSON.parse(event.data))).toEqual(frames.map(([, text]) => text));
      }),
      { numRuns: 10_000 },
    );
  });
});
