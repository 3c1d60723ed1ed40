// The handler as its users meet it: in a pipeline of web streams.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { SSEChunkHandler, type SSEChunkHandlerOptions } from "../../../src/sse/sse-chunk-handler.ts";
import type { Log, LogFields, LogLevel } from "../../../src/telemetry/log.ts";
import { bytesOf, cutAt, decodeChunks, readEventsSlowly, singleBytes, textOf } from "./sse-stream.ts";

/** Chunks that come out of a pipeline, as text. */
async function pipe(chunks: readonly Uint8Array[], options: SSEChunkHandlerOptions = {}): Promise<string[]> {
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  const received: string[] = [];
  for await (const chunk of source.pipeThrough(new SSEChunkHandler(options))) received.push(textOf(chunk));
  return received;
}

const pipeText = async (text: string): Promise<string> => (await pipe([bytesOf(text)])).join("");

interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
  readonly error?: unknown;
}

function recordLog(lines: LogLine[], bound: LogFields = {}): Log {
  const record =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}, error?: unknown): void =>
      void lines.push({ level, message, fields: { ...bound, ...fields }, error });
  return {
    debug: record("debug"),
    info: record("info"),
    warn: record("warn"),
    error: record("error"),
    with: (fields) => recordLog(lines, { ...bound, ...fields }),
  };
}

describe("SSEChunkHandler passes on", () => {
  test("a frame fed in three writes at the third one [R1-005] [R1-007] [R1-008]", async () => {
    const handler = new SSEChunkHandler({ readableStrategy: { highWaterMark: 10 } });
    const writer = handler.writable.getWriter();
    const reader = handler.readable.getReader();

    await writer.write(bytesOf("da"));
    await writer.write(bytesOf("ta: x"));
    expect(handler.pendingBytes).toBe(7);
    const read = reader.read();
    await writer.write(bytesOf("\n\n"));

    expect(textOf((await read).value ?? bytesOf(""))).toBe("data: x\n\n");
    expect(handler.pendingBytes).toBe(0);
  });

  test("data lines ended by LF [R1-009]", async () => {
    expect(await pipe([bytesOf("data: a\nda")])).toEqual(["data: a\n", "da\n"]);
  });

  test("event lines ended by LF [R1-010]", async () => {
    expect(await pipe([bytesOf("event: ping\nda")])).toEqual(["event: ping\n", "da\n"]);
  });

  test("blank lines, so that two events stay two [R1-011]", async () => {
    expect(await pipeText("data: a\n\ndata: b\n\n")).toBe("data: a\n\ndata: b\n\n");
  });

  test("id, retry, comments and unknown lines untouched [R1-031]", async () => {
    const stream = "id: 7\nretry: 500\n: ping\ndata: a\nwhat is this\n\n";
    expect(await pipeText(stream)).toBe(stream);
  });

  test("lines ended by CRLF and CR with LF [R1-033]", async () => {
    expect(await pipeText("data: a\r\n\r\ndata: b\r\rdata: c\n\n")).toBe("data: a\n\ndata: b\n\ndata: c\n\n");
  });

  test("what is left at the end of input, and keeps nothing [R1-012]", async () => {
    const handler = new SSEChunkHandler();
    const source = new Blob(["data: a\n\ndata: b"]).stream();

    const output = await new Response(source.pipeThrough(handler)).text();

    expect(output).toBe("data: a\n\ndata: b\n");
    expect(handler.pendingBytes).toBe(0);
  });

  test("characters of several bytes cut at each byte [R1-032]", async () => {
    const stream = "data: 🙂你\n\n";
    const bytes = bytesOf(stream);
    for (let at = 1; at < bytes.length; at++) {
      const output = await pipe(cutAt(bytes, [at]));
      expect(output.join("")).toBe(stream);
    }
  });

  test("bytes that are no UTF-8 as they are", async () => {
    const bytes = Uint8Array.of(0x64, 0x3a, 0xff, 0xfe, 0x80, 0x0a, 0x0a);
    const output = new Blob([bytes]).stream().pipeThrough(new SSEChunkHandler());
    expect(await new Response(output).bytes()).toEqual(bytes);
  });

  test("two streams at once without mixing their lines [R1-014]", async () => {
    const outputs = await Promise.all([
      pipe(singleBytes(bytesOf("data: one\n\ndata: one\n\n"))),
      pipe(singleBytes(bytesOf("data: two\n\ndata: two\n\n"))),
    ]);

    expect(outputs.map((chunks) => chunks.join(""))).toEqual([
      "data: one\n\ndata: one\n\n",
      "data: two\n\ndata: two\n\n",
    ]);
  });

  test("every event, well formed, for any cuts and line ends [R1-001] [R1-002] [R1-022] [R1-023]", async () => {
    const piece = fc.oneof(
      fc.constantFrom("data: a", "data:", "event: e", "id: 1", ": c", "{broken", "\n", "\n\n", "\r", "\r\n", "🙂"),
      fc.string({ maxLength: 4 }),
    );
    const property = fc.asyncProperty(
      fc.array(piece, { maxLength: 20 }),
      fc.array(fc.nat(60), { maxLength: 6 }),
      async (pieces, cuts) => {
        const stream = pieces.join("");
        const output = await pipe(cutAt(bytesOf(stream), cuts));
        expect(output.every((chunk) => chunk.endsWith("\n"))).toBe(true);
        expect(output.join("")).not.toContain("\r");
        expect(decodeChunks(output.map(bytesOf))).toEqual(readEventsSlowly(stream));
      },
    );
    await fc.assert(property, { numRuns: 2_000 });
  });
});

describe("SSEChunkHandler", () => {
  test("honours the queuing strategies [R1-006]", async () => {
    const handler = new SSEChunkHandler({
      writableStrategy: new ByteLengthQueuingStrategy({ highWaterMark: 1000 }),
      readableStrategy: { highWaterMark: 7 },
    });
    const writer = handler.writable.getWriter();

    expect(writer.desiredSize).toBe(1000);
    for (let written = 0; written < 6; written++) await writer.write(bytesOf("data: a\n\n"));

    expect(writer.desiredSize).toBe(1000);
  });

  test("errors the stream and logs it with its component when a line has no end [R1-013] [R1-018] [R1-035]", async () => {
    const lines: LogLine[] = [];
    const handler = new SSEChunkHandler({ maxLineBytes: 100, log: recordLog(lines) });
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(bytesOf("secret")) });

    const failure = await new Response(endless.pipeThrough(handler)).text().catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(GatewayError);
    expect(handler.pendingBytes).toBe(0);
    expect(lines).toMatchObject([{ level: "error", fields: { component: "sse-chunk-handler" }, error: failure }]);
    expect(JSON.stringify(lines)).not.toContain("secret");
  });

  test("errors the stream when it is fed something else than bytes [R1-013]", async () => {
    const lines: LogLine[] = [];
    const handler = new SSEChunkHandler({ log: recordLog(lines) });
    const strings = new ReadableStream({
      start(controller) {
        controller.enqueue("data: a\n\n");
      },
    });

    await expect(new Response(strings.pipeThrough(handler)).text()).rejects.toThrow("a chunk is not bytes");
    expect(lines).toMatchObject([{ level: "error", fields: { component: "sse-chunk-handler" } }]);
  });

  test("reports chunks in numbers and never in content when asked to [R1-026] [R1-028]", async () => {
    const lines: LogLine[] = [];

    await pipe([bytesOf("data: secret\n\nda"), bytesOf("ta: secret")], { debugLog: recordLog(lines) });

    const component = "sse-chunk-handler";
    expect(lines.map(({ message, fields }) => [message, fields])).toEqual([
      ["chunk", { component, chunkBytes: 16, lines: 2, carryBytes: 2 }],
      ["chunk", { component, chunkBytes: 10, lines: 0, carryBytes: 12 }],
      ["end", { component, flushedBytes: 12, lines: 1 }],
    ]);
    expect(lines.every((line) => line.level === "debug")).toBe(true);
    expect(JSON.stringify(lines)).not.toContain("secret");
  });

  test("says nothing about a stream that goes well unless asked to [R1-026]", async () => {
    const lines: LogLine[] = [];

    await pipe([bytesOf("data: a\n\nda")], { log: recordLog(lines) });

    expect(lines).toEqual([]);
  });
});
