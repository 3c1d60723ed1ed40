// What servers get wrong without failing, on command.

import { describe, expect, test } from "bun:test";
import type { Quirk, ScriptedReply } from "../../../../src/emulator/openai-compatible-emulator.ts";
import { at } from "../emulator-client.ts";
import { chat, emulate, streamOf } from "./client.ts";

const calls: NonNullable<ScriptedReply["calls"]> = [
  { id: "call_a", name: "read", pieces: ['{"path"', ': "a"}'] },
  { id: "call_b", name: "list", pieces: ["{", "}"] },
];

async function callsWith(...quirks: Quirk[]) {
  const read = await streamOf("vllm", { calls, quirks });
  const entries = read.entries as readonly {
    id?: string;
    index?: number;
    function: { name?: string; arguments: unknown };
  }[];
  return { ...read, entries };
}

describe("tool calls", () => {
  test("have no ids, empty ones, or late ones", async () => {
    expect((await callsWith("no-call-ids")).entries.map(({ id }) => id)).toEqual(Array(6).fill(undefined));
    expect((await callsWith("empty-call-ids")).entries.map(({ id }) => id)).toEqual([
      "",
      undefined,
      undefined,
      "",
      undefined,
      undefined,
    ]);
    const late = (await callsWith("late-call-ids")).entries.map(({ id }) => id);
    expect(late).toEqual(["", "call_a", "call_a", "", "call_b", "call_b"]);
  });

  test("repeat names and ids on every piece", async () => {
    const { entries } = await callsWith("repeated-names", "repeated-ids");

    expect(entries.map((entry) => [entry.id, entry.function.name])).toEqual([
      ...Array(3).fill(["call_a", "read"]),
      ...Array(3).fill(["call_b", "list"]),
    ]);
  });

  test("come whole, with their arguments as a text or as an object", async () => {
    const text = await callsWith("whole-calls");
    expect(text.entries.map((entry) => entry.function.arguments)).toEqual(['{"path": "a"}', "{}"]);
    const objects = await callsWith("whole-calls", "object-arguments");
    expect(objects.entries.map((entry) => entry.function.arguments)).toEqual([{ path: "a" }, {}]);
  });

  test("have cumulative or cut arguments", async () => {
    const whole = await callsWith("cumulative-arguments");
    expect(whole.entries.map((entry) => entry.function.arguments)).toEqual([
      "",
      '{"path"',
      '{"path": "a"}',
      "",
      "{",
      "{}",
    ]);
    const cut = await callsWith("cut-arguments");
    expect(cut.entries.map((entry) => entry.function.arguments).join("|")).toBe('|{"path"|: "a"}||{|');
    expect(cut.finishReason).toBe("tool_calls");
  });

  test("share an index, begin at one, or have none", async () => {
    expect((await callsWith("same-index")).entries.map(({ index }) => index)).toEqual(Array(6).fill(0));
    expect((await callsWith("index-from-one")).entries.map(({ index }) => index)).toEqual([1, 1, 1, 2, 2, 2]);
    expect((await callsWith("no-index")).entries.map(({ index }) => index)).toEqual(Array(6).fill(undefined));
  });

  test("go on behind the finish, or the finish does not tell of them", async () => {
    const late = await callsWith("calls-after-finish");
    const reasons = late.chunks.map((chunk) => at(chunk, "choices", 0, "finish_reason"));
    expect(reasons.indexOf("tool_calls")).toBe(
      late.chunks.findIndex((chunk) => at(chunk, "choices", 0, "finish_reason") !== null),
    );
    expect(at(late.chunks.at(-2), "choices", 0, "delta", "tool_calls", 0, "function", "arguments")).toBe("}");
    expect((await callsWith("finish-stop")).finishReason).toBe("stop");
  });

  test("are left as text: JSON, XML, or in the thoughts", async () => {
    const json = await callsWith("calls-as-json-text");
    expect(json.content).toBe(
      '<tool_call>\n{"name": "read", "arguments": {"path": "a"}}\n</tool_call><tool_call>\n{"name": "list", "arguments": {}}\n</tool_call>',
    );
    const xml = await callsWith("calls-as-xml-text");
    expect(xml.content).toStartWith(
      "<tool_call>\n<function=read>\n<parameter=path>\na\n</parameter>\n</function>\n</tool_call>",
    );
    const thought = await callsWith("calls-in-reasoning");
    expect([thought.content, thought.reasoning]).toEqual(["", xml.content]);
    for (const { entries, finishReason } of [json, xml, thought]) expect([entries, finishReason]).toEqual([[], "stop"]);
  });
});

describe("text and thoughts", () => {
  const reply = (...quirks: Quirk[]): ScriptedReply => ({ reasoning: ["Hm", "."], chunks: ["Hi", " you"], quirks });
  const both = async (...quirks: Quirk[]) => {
    const { reasoning, content } = await streamOf("sglang", reply(...quirks));
    return [reasoning, content];
  };

  test.each([
    [["answer-in-reasoning"], ["Hm.Hi you", ""]],
    [["think-tags"], ["", "<think>\nHm.\n</think>\n\nHi you"]],
    [["unopened-think-tags"], ["", "Hm.\n</think>\n\nHi you"]],
    [["think-tags-too"], ["Hm.", "<think>\nHm.\n</think>\n\nHi you"]],
    [["stray-think-close"], ["Hm.", "</think>Hi you"]],
    [["cumulative-text"], ["HmHm.", "HiHi you"]],
  ] as const)("%p", async (quirks, said) => {
    expect(await both(...quirks)).toEqual([...said]);
  });

  test("stand under both names, or the role is missing", async () => {
    const { chunks } = await streamOf("sglang", reply("both-reasoning-fields", "no-role"));

    expect(at(chunks[1], "choices", 0, "delta")).toMatchObject({ reasoning: "Hm", reasoning_content: "Hm" });
    expect(JSON.stringify(chunks)).not.toContain('"role"');
  });

  test("go on behind the finish", async () => {
    const { chunks, content } = await streamOf("generic", { chunks: ["Hi", " you"], quirks: ["content-after-finish"] });

    expect(content).toBe("Hi you");
    const reasons = chunks.map((chunk) => at(chunk, "choices", 0, "finish_reason"));
    expect(reasons).toEqual([null, null, "stop", null, undefined]);
  });
});

describe("the end", () => {
  const end = async (...quirks: Quirk[]) => streamOf("vllm", { chunks: ["Hi"], quirks });

  test("comes without a finish, without usage, without [DONE]", async () => {
    const finish = await end("no-finish");
    expect([finish.finishReason, finish.isDone, finish.usage !== undefined]).toEqual([undefined, true, true]);
    const usage = await end("no-usage");
    expect([usage.finishReason, usage.isDone, usage.usage]).toEqual(["stop", true, undefined]);
    const done = await end("no-done");
    expect([done.finishReason, done.isDone, done.usage !== undefined]).toEqual(["stop", false, true]);
  });

  test("has usage on the finish, on every chunk, or unasked", async () => {
    const onFinish = await end("usage-on-finish");
    expect(onFinish.chunks.filter((chunk) => at(chunk, "usage") !== undefined)).toHaveLength(1);
    expect(at(onFinish.chunks.at(-1), "choices", 0, "finish_reason")).toBe("stop");
    const everywhere = await end("usage-everywhere");
    expect(everywhere.chunks.every((chunk) => at(chunk, "usage", "prompt_tokens") !== undefined)).toBe(true);
    const unasked = await streamOf("vllm", { chunks: ["Hi"], quirks: ["usage-always"] }, { stream_options: undefined });
    expect(unasked.usage).toBeDefined();
  });

  test("finish reasons are whatever a script says", async () => {
    expect((await streamOf("vllm", { text: "Hi", finishReason: "content_filter" })).finishReason).toBe(
      "content_filter",
    );
  });
});

describe("framing", () => {
  test("has CRLF, and no space behind the colon", async () => {
    const { raw, content } = await streamOf("vllm", { chunks: ["Hi"], quirks: ["crlf", "no-space"] });

    expect(raw).toStartWith('data:{"id"');
    expect(raw.replaceAll("\r\n", "")).not.toContain("\n");
    expect(content).toBe("Hi");
  });

  test("is missing: one JSON answer to a stream request, or another content type", async () => {
    const emulator = emulate("generic");
    emulator.script(
      { reply: { text: "Hi", quirks: ["json-answer"] } },
      { reply: { text: "Hi", contentType: "text/plain" } },
    );

    const whole = await chat(emulator, { stream: true });
    expect(at(await whole.json(), "object")).toBe("chat.completion");
    expect((await chat(emulator, { stream: true })).headers.get("content-type")).toBe("text/plain");
  });
});

describe("an emulator", () => {
  test("has quirks of its own on every reply", async () => {
    const emulator = emulate("generic", { quirks: ["no-done"] });
    const ask = async () => (await chat(emulator, { stream: true })).text();

    expect(await ask()).not.toContain("[DONE]");
    expect(await ask()).not.toContain("[DONE]");
  });
});
