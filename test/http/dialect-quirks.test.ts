// What servers do that their documents do not promise, each quirk of the emulator on each kind of server: the client sees
// nothing of it.

import { describe, expect, test } from "bun:test";
import {
  type CompatibleDialectName,
  compatibleDialects,
  type Quirk,
  variantsOf,
} from "../../src/emulator/openai-compatible-emulator.ts";
import { startDialectStage } from "../support/dialect-stage.ts";
import { callQuirks, textQuirks } from "../support/played-quirks.ts";
import { readReply } from "../support/read-reply.ts";
import { user } from "./client.ts";

const played = compatibleDialects().flatMap((dialect) =>
  variantsOf(dialect).map((variant) => ({ dialect, variant, name: `${dialect} ${variant}` })),
);

/** Two at once, of servers that have been seen without ids. */
const nameless: readonly Quirk[][] = [
  ["no-call-ids", "same-index"],
  ["no-call-ids", "no-index", "repeated-names"],
];
const tool = (name: string) => ({ type: "function", function: { name, parameters: { type: "object" } } });
const tools = [tool("read"), tool("list")];
const calls = [
  { name: "read", arguments: { path: "a" } },
  { name: "read", arguments: { path: "b" } },
  { name: "list" },
];
const reasoning = ["I think ", "about it."];
const chunks = ["Hello ", "there, friend."];

/** Servers of one's own, started without their reasoning parser, perhaps. */
const selfHosted = (dialect: CompatibleDialectName) => !/^(?:dashscope|modelscope)/.test(dialect);
const tagsByThemselves = ["llama-cpp none", "lm-studio tags", "llama-cpp deepseek-legacy"];

describe.each(played)("$name", ({ dialect, variant, name }) => {
  const start = () => startDialectStage({ dialect, variant, environment: { RETRY_MAX_ATTEMPTS: "1" } });
  const body = { stream: true, stream_options: { include_usage: true }, messages: [user("Go")] };

  test("parallel calls come whole, whatever is wrong with them", async () => {
    await using stage = await start();
    for (const quirks of selfHosted(dialect) ? [...callQuirks, ...nameless] : callQuirks) {
      stage.emulator.script({ reply: { reasoning, calls, quirks } });
      const reply = await readReply(await stage.chat({ ...body, tools }));

      const told = reply.calls.map((call) => [call.name, call.arguments]);
      expect([quirks, told, reply.text, reply.finish]).toEqual([
        quirks,
        [
          ["read", { path: "a" }],
          ["read", { path: "b" }],
          ["list", {}],
        ],
        "",
        "tool_calls",
      ]);
      expect(new Set(reply.calls.map(({ id }) => id)).size).toBe(3);
    }
  });

  test.each([true, false])("arguments that are cut off are never taken for whole, stream: %p", async (stream) => {
    await using stage = await start();
    stage.emulator.script({
      reply: { calls: [{ name: "read", arguments: { path: "a" } }], quirks: ["cut-arguments"] },
    });
    const reply = await readReply(await stage.chat({ stream, tools, messages: [user("Go")] }));

    expect(reply.finish).toBe("length");
  });

  test.each([true, false])("thoughts and answer come apart and once, stream: %p", async (stream) => {
    await using stage = await start();
    for (const quirks of textQuirks) {
      stage.emulator.script({ reply: { reasoning, chunks, quirks } });
      const reply = await readReply(await stage.chat({ ...body, stream, ...(stream ? {} : { stream_options: null }) }));

      expect([quirks, reply.reasoning.trim(), reply.text, reply.finish]).toEqual([
        quirks,
        "I think about it.",
        "Hello there, friend.",
        "stop",
      ]);
      expect(reply.usage?.completion_tokens).toBeGreaterThan(0);
    }
  });

  // Such servers do both at once only in this table.
  if (!selfHosted(dialect) || dialect === "generic")
    test("deltas that repeat all before them are said once", async () => {
      await using stage = await start();
      stage.emulator.script(
        { reply: { reasoning, chunks, quirks: ["cumulative-text"] } },
        { reply: { chunks: ["One ", "two ", "three ", "four ", "five."], quirks: ["cumulative-text"] } },
      );
      const short = await readReply(await stage.chat(body));
      const longer = await readReply(await stage.chat(body));

      expect([short.reasoning, short.text]).toEqual(["I think about it.", "Hello there, friend."]);
      expect(longer.text).toBe("One two three four five.");
    });

  if (selfHosted(dialect) && !tagsByThemselves.includes(name))
    test("thoughts that nothing opens are found out", async () => {
      await using stage = await start();
      stage.emulator.script({ times: 4, reply: { reasoning, chunks, quirks: ["unopened-think-tags"] } });
      const whole = async () => readReply(await stage.chat({ messages: [user("Go")] }));
      const streamed = async () => readReply(await stage.chat(body));
      const apart = { text: "Hello there, friend." };

      const [first, second] = [await streamed(), await streamed()];
      // What a client has read cannot be taken back.
      expect(first.text).toContain("</think>");
      expect(second).toMatchObject({ ...apart, reasoning: "I think about it.\n" });
      expect(await whole()).toMatchObject(apart);
      expect(stage.harness.logLines.filter((line) => line.includes("reasoning parser"))).toHaveLength(1);

      stage.emulator.reset();
      stage.emulator.script({ times: 2, reply: { text: "No thoughts any more." } });
      expect(await streamed()).toMatchObject({ text: "No thoughts any more." });
      expect(await streamed()).toMatchObject({ text: "No thoughts any more.", reasoning: "" });
    });

  if (selfHosted(dialect))
    test("thoughts that nothing opens are told apart where the answer goes out whole", async () => {
      await using stage = await start();
      stage.emulator.script({ reply: { reasoning, chunks, quirks: ["unopened-think-tags"] } });
      const reply = await readReply(await stage.chat({ messages: [user("Go")] }));

      expect([reply.reasoning.trim(), reply.text]).toEqual(["I think about it.", "Hello there, friend."]);
    });

  test("an answer in the field of thoughts is the answer when nothing else comes", async () => {
    await using stage = await start();
    stage.emulator.script({ reply: { chunks, quirks: ["answer-in-reasoning"] } });
    const reply = await readReply(await stage.chat({ ...body, enable_thinking: false }));
    const isMended = selfHosted(dialect) && !["ollama", "llama-cpp"].includes(dialect);

    expect((isMended ? reply.text : reply.reasoning).trim()).toBe("Hello there, friend.");
  });

  test("a stream without a finish is no good end", async () => {
    await using stage = await start();
    stage.emulator.script({ reply: { chunks, quirks: ["no-finish"] } });
    const reply = await readReply(await stage.chat(body));

    expect(reply.text).toBe("Hello there, friend.");
    // Some servers that nobody knows send none, ever.
    if (dialect === "generic") expect([reply.finish, reply.error]).toEqual(["stop", undefined]);
    else expect([reply.finish, reply.error?.code]).toEqual([undefined, "upstream_failed"]);
  });
});

// SGLang stamps each chunk anew, and so do others. What is passed on keeps that, and loses nothing by it.
test.each(["sglang", "llama-cpp"] as const)(
  "%s: an answer over the turn of a second arrives whole",
  async (dialect) => {
    let secondsMs = 1_790_000_000_000;
    const clock = () => (secondsMs += 1000);
    await using stage = await startDialectStage({ dialect, emulator: { clock } });
    stage.emulator.script({ reply: { text: "one two three four" } });

    const stream = await (await stage.chat({ stream: true, messages: [user("Count")] })).text();

    // Chunks of the emulator, which the gateway has passed on.
    const chunks = [...stream.matchAll(/^data: (\{.*\})$/gm)].map(
      ([, json = ""]) =>
        JSON.parse(json) as {
          readonly created: number;
          readonly choices: readonly { delta: { content?: string | null } }[];
        },
    );
    const times = chunks.map(({ created }) => created);
    expect(chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? "")).join("")).toBe(
      "one two three four",
    );
    expect(new Set(times).size).toBeGreaterThan(1);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(stream.endsWith("data: [DONE]\n\n")).toBe(true);
  },
);

describe("a stop string that vLLM would also find in thoughts (#51641)", () => {
  const body = { stop: ["END"], messages: [user("Count")] };

  test.each([{ stream: true }, { stream: false }])("ends the answer alone: %p", async (more) => {
    await using stage = await startDialectStage({ dialect: "vllm" });
    stage.emulator.script({ reply: { reasoning: "I say END, and go on.", chunks: ["one E", "ND two"] } });

    const reply = await readReply(await stage.chat({ ...body, ...more }));

    expect(stage.lastBody()).not.toHaveProperty("stop");
    expect([reply.reasoning, reply.text, reply.finish]).toEqual(["I say END, and go on.", "one ", "stop"]);
  });

  test.each([
    ["vllm", "a model that is not to think", { chat_template_kwargs: { enable_thinking: false } }],
    ["vllm", "a model of an unknown name", { model: "mine" }],
    ["vllm", "probabilities of tokens, which pass as they came", { logprobs: true }],
    [
      "vllm",
      "more strings than are looked for at each event",
      { stop: Array.from({ length: 101 }, (_, at) => `${at}`) },
    ],
    ["vllm", "strings that are long together", { stop: ["a".repeat(10_001)] }],
    ["sglang", "another server", {}],
  ] as const)("is the server's business at %s: %s", async (dialect, _, more) => {
    await using stage = await startDialectStage({ dialect });
    const sent = { ...body, ...more };

    await readReply(await stage.chat({ ...sent, stream: true }));

    expect(stage.lastBody()["stop"]).toEqual([...sent.stop]);
  });
});
