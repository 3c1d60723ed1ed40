// Scripted replies and what goes wrong in streams, in process.

import { describe, expect, test } from "bun:test";
import {
  createQwenWebEmulator,
  type ScriptedReply,
  type StreamFault,
} from "../../../src/emulator/qwen-web-emulator.ts";
import { at, eventsOf, newChat, readTurn, turn, turnRequest } from "./emulator-client.ts";

async function start(reply: ScriptedReply, gate?: string) {
  const emulator = createQwenWebEmulator({ seed: 1, tokenDelayMs: 0 });
  const chatId = await newChat(emulator);
  emulator.script({ ...(gate === undefined ? {} : { gate }), reply });
  const leaving = new AbortController();
  const response = await emulator.fetch(turnRequest({ chatId, content: "hello", signal: leaving.signal }));
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Error("Cannot read the reply: it has no body");
  const decoder = new TextDecoder();
  return {
    emulator,
    chatId,
    leaving,
    reader,
    read: async () => decoder.decode((await reader.read()).value, { stream: true }),
    rest: async () => {
      let text = "";
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        text += decoder.decode(part.value, { stream: true });
      }
      return text;
    },
  };
}

const chunks = ["a", "b", "c"];

async function streamOf(fault: StreamFault, reply: ScriptedReply = { chunks }): Promise<string> {
  return (await start({ ...reply, faults: [fault] })).rest();
}

describe("scripted replies", () => {
  test("say the given deltas, text or nothing", async () => {
    const contents = (raw: string) =>
      eventsOf(raw)
        .map((event) => at(event, "choices", 0, "delta", "content"))
        .filter((content) => content !== "" && content !== undefined);
    expect(contents(await (await start({ chunks })).rest())).toEqual(["a", "b", "c"]);
    expect(contents(await (await start({ chunks, repeat: 2 })).rest())).toEqual(["a", "b", "c", "a", "b", "c"]);
    expect(readTurn(await (await start({ text: "Same words." })).rest()).answer).toBe("Same words.");
    expect(eventsOf(await (await start({ text: "" })).rest())).toHaveLength(2);
    // Twice at the end, as in all captures, for the final usage.
    const grown = ["a", "ab", "abc", "abc", "abc"];
    expect(contents(await (await start({ chunks, cumulative: true })).rest())).toEqual(grown);
  });

  test("are used only by a turn that is accepted", async () => {
    const emulator = createQwenWebEmulator({ seed: 1, tokenDelayMs: 0 });
    const chatId = await newChat(emulator);
    emulator.script({ match: "hello", reply: { text: "scripted" } });
    const refused = await emulator.fetch(turnRequest({ chatId, parentId: "none", content: "hello" }));
    await refused.text();
    expect((await turn(emulator, { chatId, content: "other" })).answer).not.toBe("scripted");
    expect((await turn(emulator, { chatId, content: "hello" })).answer).toBe("scripted");
    expect(emulator.pendingScripts).toBe(0);
  });

  test("come in lock-step through a gate, one event a release", async () => {
    const { emulator, read, rest } = await start({ chunks }, "g");
    const record = emulator.requests.at(-1);
    emulator.release("g");
    expect(await read()).toContain("response.created");
    expect(record?.eventsDelivered).toBe(1);
    const next = read();
    emulator.release("g");
    expect(await next).toContain('"content": "a"');
    expect(record?.eventsDelivered).toBe(2);
    emulator.release("g", "all");
    expect(readTurn(`${await rest()}`).isFinished).toBe(true);
  });

  test("are made only as fast as they are read", async () => {
    const { emulator, read, reader } = await start({ chunks: ["x".repeat(1000)], repeat: 1_000_000 });
    for (let count = 0; count < 5; count++) await read();
    expect(emulator.requests.at(-1)?.eventsDelivered).toBe(5);
    await reader.cancel();
  });

  test("split into pieces of n bytes, inside characters too", async () => {
    const whole = await start({ text: "你好 🌤️", splitBytes: 7 });
    const sizes: number[] = [];
    const bytes: number[] = [];
    for (let part = await whole.reader.read(); !part.done; part = await whole.reader.read()) {
      sizes.push(part.value.length);
      bytes.push(...part.value);
    }
    expect(Math.max(...sizes)).toBe(7);
    expect(sizes.length).toBeGreaterThan(100);
    const { answer, isFinished } = readTurn(new TextDecoder().decode(new Uint8Array(bytes)));
    expect([answer, isFinished]).toEqual(["你好 🌤️", true]);
    expect(whole.emulator.requests.at(-1)).toMatchObject({ finished: true, eventsDelivered: 6 });
  });

  test("join into one chunk", async () => {
    const { read, reader } = await start({ text: "one two three four", joinEvents: true });
    expect(readTurn(await read())).toMatchObject({ answer: "one two three four", isFinished: true });
    expect((await reader.read()).done).toBe(true);
  });

  test("finish the turn with the event that says so, before the body ends", async () => {
    const { emulator, chatId, read } = await start({ text: "", faults: [{ kind: "stay-open" }] });
    await read();
    expect(await read()).toContain('"finished"');
    expect(emulator.requests.at(-1)).toMatchObject({ finished: true, aborted: false, endedAtMs: undefined });
    expect((await turn(emulator, { chatId, content: "next" })).isFinished).toBe(true);
  });
});

describe("stream faults", () => {
  test("an error object or text ends the stream, first or after n events", async () => {
    const early = await streamOf({ kind: "error", after: 0, code: "quota_limit", details: "high demand" });
    expect(eventsOf(early)).toEqual([
      { error: { code: "quota_limit", details: "high demand" }, response_id: expect.any(String) },
    ]);
    const late = await streamOf({ kind: "error", after: 3, code: "data_inspection_failed", details: "x" });
    expect(readTurn(late).answer).toBe("ab");
    expect(late).not.toContain("finished");
    expect(await streamOf({ kind: "error-text", text: "Internal error!" })).toEndWith(
      'data: {"error": "Internal error!"}\n\n',
    );
  });

  test("drop resets the connection", async () => {
    const { emulator, read } = await start({ chunks, faults: [{ kind: "drop", after: 2 }] });
    await read();
    expect(await read()).toContain('"a"');
    await expect(read()).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(emulator.requests.at(-1)).toMatchObject({ eventsDelivered: 2, finished: false, aborted: false });
  });

  test("end closes cleanly without a finish", async () => {
    const raw = await streamOf({ kind: "end", after: 3 });
    expect(readTurn(raw)).toMatchObject({ answer: "ab", isFinished: false });
  });

  test.each([
    ["delivered", "a", "typing"],
    ["complete", "abc", "finished"],
  ] as const)("leave the %s text in the stored chat", async (stored, text, status) => {
    const { emulator, rest } = await start({ chunks, stored, faults: [{ kind: "end", after: 2 }] });
    await rest();
    const messages = at(emulator.chats()[0], "chat", "history", "messages");
    const node = Object.values(Object(messages)).find((candidate) => at(candidate, "role") === "assistant");
    expect(at(node, "content_list", 0)).toMatchObject({ phase: "answer", content: text, status });
  });

  test("stall stays silent, or says only that it lives", async () => {
    const silent = await start({ chunks, faults: [{ kind: "stall", after: 1 }] });
    await silent.read();
    let isOver = false;
    const pending = silent.reader.read().then(() => {
      isOver = true;
    });
    const other = await newChat(silent.emulator);
    expect((await turn(silent.emulator, { chatId: other, content: "meanwhile" })).isFinished).toBe(true);
    expect(isOver).toBe(false);
    await silent.reader.cancel();
    await pending;
    const alive = await start({ chunks, faults: [{ kind: "stall", after: 1, keepAliveEveryMs: 0 }] });
    await alive.read();
    expect(await alive.read()).toContain('"keep_alive"');
    expect(await alive.read()).toContain('"keep_alive"');
    await alive.reader.cancel();
  });

  test("other lines come between the events and harm nothing", async () => {
    const broken = await streamOf({ kind: "malformed", after: 2 });
    expect(broken).toContain('data: {"choices": [{"delta": {"role": "assist\n\n');
    expect(readTurn(broken)).toMatchObject({ answer: "abc", isFinished: true });
    expect(await streamOf({ kind: "malformed", line: "event: odd" })).toContain("\n\nevent: odd\n\n");
    expect(readTurn(await streamOf({ kind: "unknown-event" })).answer).toBe("abc");
    expect(await streamOf({ kind: "done" })).toEndWith("data: [DONE]\n\n");
    expect(await streamOf({ kind: "done", after: 2 })).toContain('[DONE]\n\ndata: {"choices"');
    expect((await streamOf({ kind: "keep-alive", times: 3 })).match(/keep_alive/g)).toHaveLength(3);
  });

  test("interleave speaks with a second response id", async () => {
    const raw = await streamOf({ kind: "interleave", text: "x y" });
    const events = eventsOf(raw);
    const created = events.map((event) => at(event, "response.created")).filter((value) => value !== undefined);
    expect(created.map((value) => at(value, "response_index"))).toEqual(["0", "1"]);
    const [first, second] = created.map((value) => at(value, "response_id"));
    const said = (id: unknown) =>
      events
        .filter((event) => at(event, "response_id") === id)
        .map((event) => at(event, "choices", 0, "delta", "content"))
        .join("");
    expect([said(first), said(second)]).toEqual(["abc", "x y"]);
    expect(raw.match(/finished/g)).toHaveLength(2);
  });
});

describe("a client that leaves", () => {
  test("by cancelling the body is noted, and the node stays incomplete", async () => {
    const { emulator, read, reader } = await start({ chunks });
    await read();
    await read();
    await reader.cancel();
    expect(emulator.requests.at(-1)).toMatchObject({ aborted: true, finished: false, eventsDelivered: 2 });
    const messages = at(emulator.chats()[0], "chat", "history", "messages");
    const node = Object.values(Object(messages)).find((candidate) => at(candidate, "role") === "assistant");
    expect(at(node, "content_list", 0, "content")).toBe("a");
  });

  test("by its signal is noted, and its read rejects", async () => {
    const { emulator, read, leaving } = await start({ chunks, faults: [{ kind: "stall", after: 1 }] });
    await read();
    const pending = read();
    leaving.abort();
    await expect(pending).rejects.toMatchObject({ name: "AbortError" });
    await emulator.until((requests) => requests.at(-1)?.aborted === true);
  });

  test("before it was answered is not answered", async () => {
    const emulator = createQwenWebEmulator({ seed: 1 });
    const signal = AbortSignal.abort();
    await expect(emulator.fetch(turnRequest({ chatId: "x", content: "x", signal }))).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});
