// Failures within a stream, on command.

import { describe, expect, test } from "bun:test";
import type {
  CompatibleDialectName,
  ScriptedReply,
  StreamFault,
} from "../../../../src/emulator/openai-compatible-emulator.ts";
import { at } from "../emulator-client.ts";
import { chat, emulate, names, readStream, streamOf } from "./client.ts";

const chunks = ["one", " two", " three"];

/** Without thoughts and gaps, so that places are easy to count. */
function withFault(fault: StreamFault): ScriptedReply {
  return { chunks, faults: [fault] };
}

async function open(dialect: CompatibleDialectName, reply: ScriptedReply, gate?: string) {
  const emulator = emulate(dialect);
  emulator.script({ reply, ...(gate === undefined ? {} : { gate }) });
  const leaving = new AbortController();
  const response = await chat(emulator, { stream: true }, { signal: leaving.signal });
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  return { emulator, leaving, reader, read: async () => decoder.decode((await reader.read()).value, { stream: true }) };
}

describe("an error in the stream", () => {
  test.each([
    ["dashscope", false, "internal_error"],
    ["vllm", true, 500],
    ["sglang", true, 500],
    ["ollama", false, null],
    ["llama-cpp", false, 500],
    ["generic", false, null],
  ] as const)("of %s: [DONE] behind it is %p", async (dialect, isDone, code) => {
    const read = await streamOf(dialect, withFault({ kind: "error", after: 2 }));

    expect(at(read.chunks.at(-1), "error", "code")).toBe(code);
    expect([read.isDone, read.finishReason]).toEqual([isDone, undefined]);
    expect(read.content).toStartWith("one");
    expect(read.content).not.toContain("three");
  });

  test("of LM Studio is an event with a type", async () => {
    const { raw } = await streamOf("lm-studio", withFault({ kind: "error" }));

    expect(raw).toContain('event: error\ndata: {"error":');
  });

  test("may be all that HTTP 200 brings, of any kind and with [DONE] or without", async () => {
    const fault: StreamFault = { kind: "error", after: 0, refuse: "rate-limited", done: true };
    const { chunks: events, isDone } = await streamOf("dashscope", withFault(fault));

    expect(events).toHaveLength(1);
    expect(at(events[0], "error", "code")).toBe("limit_requests");
    expect(isDone).toBe(true);
  });

  test("may come behind keep-alives", async () => {
    const reply: ScriptedReply = {
      chunks,
      faults: [
        { kind: "keep-alive", after: 0, times: 2 },
        { kind: "error", after: 0 },
      ],
    };
    const { raw } = await streamOf("vllm", reply);

    expect(raw).toStartWith(': keep-alive\n\n: keep-alive\n\ndata: {"error":');
  });

  test("may be DashScope's finish reason", async () => {
    const { content, finishReason, isDone } = await streamOf(
      "dashscope",
      withFault({ kind: "error-finish", after: 1, text: "Throttling: TPM(2/1)" }),
    );

    expect([content, finishReason, isDone]).toEqual(["oneThrottling: TPM(2/1)", "error_finish", true]);
  });

  test.each(names)("of %s is refused with its status where there is no stream", async (dialect) => {
    const emulator = emulate(dialect);
    emulator.script({ reply: withFault({ kind: "error" }) });

    expect((await chat(emulator, {})).status).toBe(500);
  });
});

describe("a stream that breaks", () => {
  test("ends without a finish", async () => {
    const read = await streamOf("vllm", withFault({ kind: "end", after: 2 }));

    expect([read.content, read.finishReason, read.isDone, read.usage]).toEqual(["one", undefined, false, undefined]);
  });

  test("says [DONE] without a finish", async () => {
    const read = await streamOf("vllm", withFault({ kind: "done", after: 2 }));

    expect([read.content, read.finishReason, read.isDone]).toEqual(["one", undefined, true]);
  });

  test("is reset", async () => {
    const { read, emulator } = await open("vllm", withFault({ kind: "drop", after: 2 }));
    await read();
    expect(await read()).toContain('"content":"one"');

    await expect(read()).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(emulator.requests.at(-1)).toMatchObject({ finished: false, aborted: false, eventsDelivered: 2 });
  });

  test("falls silent until the client leaves", async () => {
    const { read, leaving, emulator } = await open("vllm", withFault({ kind: "stall", after: 1 }));
    await read();
    const rest = read();
    leaving.abort();

    await expect(rest).rejects.toMatchObject({ name: "AbortError" });
    expect(emulator.requests.at(-1)).toMatchObject({ aborted: true, eventsDelivered: 1 });
  });

  test("falls silent but for keep-alives of its own form", async () => {
    const { read, reader } = await open("llama-cpp", withFault({ kind: "stall", after: 1, keepAliveEveryMs: 1 }));
    await read();

    expect([await read(), await read()]).toEqual([":\n\n", ":\n\n"]);
    await reader.cancel();
  });

  test("stays open behind its last event", async () => {
    const { read, emulator, leaving } = await open("vllm", { chunks: [], faults: [{ kind: "stay-open" }] });
    expect(await read()).toContain('"role":"assistant"');
    expect(await read()).toContain('"finish_reason":"stop"');
    expect(await read()).toBe("data: [DONE]\n\n");

    expect(emulator.requests.at(-1)).toMatchObject({ finished: true, endedAtMs: undefined });
    leaving.abort();
  });

  test("holds a line that is no event", async () => {
    const broken = await streamOf("vllm", withFault({ kind: "malformed", after: 2 }));
    expect(broken.raw).toContain('data: {"choices": [{"delta": {"role": "assist\n\n');
    expect([broken.content, broken.finishReason]).toEqual(["one two three", "stop"]);

    const other = await streamOf("vllm", withFault({ kind: "malformed", line: "event: ping\ndata: {}" }));
    expect(other.raw).toContain("event: ping\ndata: {}\n\n");
  });

  test("is cut, silent or reset where it is one answer", async () => {
    const emulator = emulate("vllm");
    emulator.script(
      { reply: withFault({ kind: "end" }) },
      { reply: withFault({ kind: "drop" }) },
      { reply: withFault({ kind: "stall" }) },
    );
    const cut = await (await chat(emulator, {})).text();
    expect(() => JSON.parse(cut)).toThrow();
    await expect(chat(emulator, {})).rejects.toMatchObject({ code: "ECONNRESET" });
    const leaving = new AbortController();
    const silent = chat(emulator, {}, { signal: leaving.signal });
    await emulator.until((requests) => requests.length === 3);
    leaving.abort();
    await expect(silent).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("the pace of a stream", () => {
  test("follows a gate, one event a release", async () => {
    const { read, emulator, reader } = await open("vllm", { chunks }, "g");
    expect(emulator.requests.at(-1)?.eventsDelivered).toBe(0);
    emulator.release("g");
    expect(await read()).toContain('"role":"assistant"');
    const next = read();
    emulator.release("g");
    expect(await next).toContain('"content":"one"');
    emulator.release("g", "all");
    await reader.cancel();
    expect(emulator.requests.at(-1)).toMatchObject({ aborted: true, finished: false });
  });

  test("is that of a whole answer too, and a client may leave before it comes", async () => {
    const emulator = emulate("vllm");
    emulator.script({ reply: { chunks, paceMs: 60_000 } });
    const leaving = new AbortController();
    const whole = chat(emulator, {}, { signal: leaving.signal });
    await emulator.until((requests) => requests.length === 1);
    leaving.abort();

    await expect(whole).rejects.toMatchObject({ name: "AbortError" });
    expect(emulator.requests.at(-1)).toMatchObject({ aborted: true, finished: false });
  });

  test("pings while the prompt is read, before the first chunk and between chunks", async () => {
    const { read, reader } = await open("llama-cpp", { chunks, firstDelayMs: 60_000, pingEveryMs: 1 });

    expect([await read(), await read()]).toEqual([":\n\n", ":\n\n"]);
    await reader.cancel();

    const gated = await open("vllm", { chunks, pingEveryMs: 1 }, "g");
    gated.emulator.release("g");
    expect(await gated.read()).toContain('"role":"assistant"');
    expect(await gated.read()).toBe(": keep-alive\n\n");
    gated.emulator.release("g", "all");
    let rest = "";
    while (!rest.includes("[DONE]")) rest += await gated.read();
    expect(readStream(rest).content).toBe("one two three");
  });

  test("is that of its reader", async () => {
    const { read, emulator, reader } = await open("vllm", { chunks: ["x".repeat(1000)], repeat: 1_000_000 });
    for (let count = 0; count < 5; count++) await read();

    expect(emulator.requests.at(-1)?.eventsDelivered).toBe(5);
    await reader.cancel();
  });

  test("splits and joins as ordered", async () => {
    const split = await open("dashscope", { text: "你好 🌤️", splitBytes: 7 });
    expect((await split.reader.read()).value?.length).toBe(7);
    await split.reader.cancel();

    const joined = await open("dashscope", { chunks, joinEvents: true });
    expect(readStream(await joined.read())).toMatchObject({ content: "one two three", isDone: true });
  });
});
