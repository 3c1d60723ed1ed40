// POST /v1/messages over servers that speak OpenAI's protocol: native tools, calls in text, thoughts, fields, failures.

import { describe, expect, test } from "bun:test";
import { serveOpenAICompatibleEmulator } from "../../src/emulator/openai-compatible-emulator.ts";
import { onePixel } from "../support/client-stage.ts";
import { startHarness } from "../support/harness.ts";
import { answered, clock, type MessageTurn, resultOf, says, send, weather } from "./message-client.ts";

type Dialect = "vllm" | "dashscope" | "generic";
const models = { vllm: "Qwen/Qwen3.6-27B", dashscope: "qwen3.8-max", generic: undefined } as const;

async function start(dialect: Dialect) {
  const server = serveOpenAICompatibleEmulator({ dialect, hostname: "127.0.0.1", port: 0, seed: 1, tokenDelayMs: 0 });
  const upstreams = JSON.stringify([{ name: "mine", dialect, base_url: `${server.url}/v1`, api_keys: ["sk-one"] }]);
  const harness = await startHarness({ environment: { UPSTREAMS: upstreams, RETRY_MAX_ATTEMPTS: "1" } });
  const known = models[dialect];
  const model = known === undefined ? {} : { model: `mine/${known}` };
  return {
    server,
    ask: (messages: readonly MessageTurn[], body: object = {}) => send(harness, messages, { ...model, ...body }),
    /** The newest body that the server got. */
    sent: () =>
      server.emulator.requests.filter(({ on }) => on === "completions").at(-1)?.body as Record<string, unknown>,
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

const tools = [weather, clock];
const callBoth = says("Call get_weather with city=Paris and days=2, and get_time with zone=CET");
const expected = [
  ["get_weather", { city: "Paris", days: 2 }],
  ["get_time", { zone: "CET" }],
];

describe.each(["vllm", "dashscope"] as const)("%s", (dialect) => {
  test.each([true, false])("parallel calls and an answer from their results, streamed: %p", async (stream) => {
    await using stage = await start(dialect);
    for (const quirks of [[], ["calls-as-xml-text"], ["same-index", "empty-call-ids"], ["repeated-ids"]] as const) {
      if (dialect === "dashscope" && quirks.length > 0) continue;
      stage.server.emulator.script({ reply: { quirks: [...quirks] } });
      const message = await stage.ask([callBoth], { stream, tools });
      expect(message.calls.map(({ name, input }) => [name, input])).toEqual(expected);
      expect(message.stopReason).toBe("tool_use");

      const results = says(message.calls.map((call, index) => resultOf(call, `result ${index}`)));
      const next = await stage.ask([callBoth, answered(message), results], { stream, tools });
      expect(next.text).toContain("get_time says: result 1");
      expect(next.stopReason).toBe("end_turn");
    }
  });

  test.each([true, false])("thoughts, and the counts that the server told, streamed: %p", async (stream) => {
    await using stage = await start(dialect);
    stage.server.emulator.script({
      reply: { reasoning: ["I count."], text: "1 2 3", usage: { promptTokens: 44, completionTokens: 6 } },
    });
    const message = await stage.ask([says("Count")], { stream, thinking: { type: "enabled", budget_tokens: 1024 } });

    expect(message.content.map(({ type }) => type)).toEqual(["thinking", "text"]);
    expect(message.text).toBe("1 2 3");
    const { input_tokens: input = 0, cache_read_input_tokens: cached = 0 } = message.usage ?? {};
    expect(input + cached).toBe(44);
    expect(message.usage?.output_tokens).toBe(6);
  });

  test("an answer that grew too long says so", async () => {
    await using stage = await start(dialect);
    const message = await stage.ask([says("Count from 1 to 50")], { max_tokens: 5 });

    expect(message.stopReason).toBe("max_tokens");
  });

  test("more tokens than the model can say are as many as it can", async () => {
    await using stage = await start(dialect);
    const message = await stage.ask([says("Say hello")], { max_tokens: 9_000_000 });

    expect(message).toMatchObject({ status: 200, text: "hello", stopReason: "end_turn" });
  });

  test("a stop sequence cuts the answer and ends the request behind the gateway", async () => {
    await using stage = await start(dialect);
    stage.server.emulator.script({ reply: { text: "word STOP ", repeat: 2000, paceMs: 1 } });
    const message = await stage.ask([says("Go")], { stop_sequences: ["STOP"] });
    await stage.server.emulator.until((requests) => requests.some(({ aborted }) => aborted));

    expect(message).toMatchObject({ text: "word ", stopReason: "stop_sequence", stopSequence: "STOP" });
  });
});

test("fields reach the server under its own names", async () => {
  await using stage = await start("vllm");
  await stage.ask([says("Say hello")], {
    temperature: 0.5,
    top_p: 0.9,
    top_k: 20,
    tools,
    tool_choice: { type: "any", disable_parallel_tool_use: true },
    system: "Be brief.",
  });

  expect(stage.sent()).toMatchObject({
    temperature: 0.5,
    top_p: 0.9,
    top_k: 20,
    tool_choice: "required",
    parallel_tool_calls: false,
    max_tokens: 1000,
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Say hello" },
    ],
  });
});

test("a server that was not started to count thoughts is asked to think all the same, and never again to count", async () => {
  await using stage = await start("vllm");
  const message = "thinking_token_budget is set but reasoning_config is not configured. Please set --reasoning-config";
  stage.server.emulator.script({ refuse: { name: "invalid-parameter", message } });
  const thinking = { type: "enabled", budget_tokens: 1024 };
  const answers = [
    await stage.ask([says("Say hello")], { thinking }),
    await stage.ask([says("Say hello")], { thinking }),
  ];

  expect(answers).toMatchObject([{ text: "hello" }, { text: "hello" }]);
  expect(stage.server.emulator.requests.filter(({ on }) => on === "completions")).toHaveLength(3);
  expect(stage.sent()).toMatchObject({ chat_template_kwargs: { enable_thinking: true } });
  expect(stage.sent()).not.toHaveProperty("thinking_token_budget");
});

test("pictures and documents reach the server as parts and text", async () => {
  await using stage = await start("vllm");
  const content = [
    { type: "image", source: { type: "base64", media_type: "image/png", data: onePixel } },
    { type: "document", title: "notes.txt", source: { type: "text", media_type: "text/plain", data: "Buy milk." } },
    { type: "text", text: "What is this?" },
  ];
  const message = await stage.ask([says(content)]);

  expect(message.text).toContain("image 1");
  expect(stage.sent()["messages"]).toEqual([
    {
      role: "user",
      content: [
        { type: "image_url", image_url: { url: `data:image/png;base64,${onePixel}` } },
        { type: "text", text: "notes.txt:\nBuy milk." },
        { type: "text", text: "What is this?" },
      ],
    },
  ]);
});

test("a refusal before the first word is a status, a break in the stream an event", async () => {
  await using stage = await start("vllm");
  stage.server.emulator.script({ refuse: "internal-error" });
  const refused = await stage.ask([says("Hello")]);
  stage.server.emulator.script({ reply: { text: "half an answer", faults: [{ kind: "end", after: 3 }] } });
  const broken = await stage.ask([says("Hello")]);

  expect(refused).toMatchObject({ status: 502, error: { error: { type: "api_error" } } });
  expect(broken.events.at(-1)).toBe("error");
  expect(broken.error?.error.type).toBe("api_error");
});

test("what was refused for its content is a refusal", async () => {
  await using stage = await start("vllm");
  stage.server.emulator.script({ reply: { text: "I cannot", finishReason: "content_filter" } });
  const message = await stage.ask([says("Hello")]);

  expect(message.stopReason).toBe("refusal");
});
