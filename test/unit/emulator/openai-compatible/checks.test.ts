// What each server refuses of a request by itself, and what it passes over and the log tells.

import { describe, expect, test } from "bun:test";
import type { CompatibleDialectName } from "../../../../src/emulator/openai-compatible-emulator.ts";
import { at } from "../emulator-client.ts";
import { chat, emulate, names, type Options, readStream, tool, weather } from "./client.ts";

const user = (content: unknown) => ({ role: "user", content });
const messages = [user("Hello")];
const called = {
  role: "assistant",
  content: "",
  tool_calls: [{ id: "call_1", type: "function", function: { name: "get_weather", arguments: "{}" } }],
};
const result = { role: "tool", tool_call_id: "call_1", content: "sunny" };
const named = { type: "function", function: { name: "get_weather" } };
const image = (url: string) =>
  user([
    { type: "image_url", image_url: { url } },
    { type: "text", text: "What is it?" },
  ]);

async function ask(dialect: CompatibleDialectName, body: object, options: Options = {}) {
  const emulator = emulate(dialect, options);
  const response = await chat(emulator, body);
  const text = await response.text();
  return {
    status: response.status,
    text,
    notes: emulator.requests.at(-1)?.notes,
    refusal: emulator.requests.at(-1)?.refusal,
  };
}

describe("DashScope refuses", () => {
  test.each([
    ["no messages", { messages: [] }, "[] is too short - 'messages'"],
    [
      "thinking without a stream on older open weights",
      { model: "qwen3-32b" },
      "enable_thinking must be set to false for non-streaming calls",
    ],
    ["a stream-only model without a stream", { model: "qwq-plus" }, "only support stream mode"],
    ["a budget that is not positive", { thinking_budget: 0 }, "thinking_budget"],
    ["effort and budget at once", { reasoning_effort: "low", thinking_budget: 100 }, "cannot be set at the same time"],
    ["an effort that it does not know", { reasoning_effort: "high" }, "reasoning_effort must be one of"],
    [
      "a named tool while it thinks",
      { tools: [weather], tool_choice: named },
      "does not support being set to required or object in thinking mode",
    ],
    [
      "a required tool while it thinks",
      { tools: [weather], tool_choice: "required" },
      "does not support being set to required or object in thinking mode",
    ],
    [
      "search on a model without it",
      { model: "qwen3-coder-plus", enable_search: true },
      "does not support enable_search",
    ],
    ["JSON without the word", { response_format: { type: "json_object" } }, "must contain the word 'json'"],
    [
      "more tokens than the model says",
      { model: "qwen-plus", max_tokens: 1_000_000 },
      "Range of max_tokens should be [1, 65536]",
    ],
    ["metadata for models of other makers", { model: "kimi-k2.6", metadata: { sessionId: "a" } }, "metadata"],
    [
      "a tool result without its call",
      { messages: [user("Hi"), result] },
      'must be a response to a preceeding message with "tool_calls"',
    ],
    [
      "a tool call without its result",
      { messages: [user("Hi"), called, user("And?")] },
      "must be followed by tool messages",
    ],
  ])("%s", async (_name, body, sentence) => {
    const { status, text } = await ask("dashscope", { messages, ...body });

    expect(status).toBe(400);
    const error: unknown = at(JSON.parse(text), "error");
    expect(error).toMatchObject({ code: "invalid_parameter_error", message: expect.stringContaining(sentence) });
  });

  test("a prompt beyond the window, by its length", async () => {
    const { status, text } = await ask("dashscope", { messages: [user("x".repeat(1000))] }, { contextTokens: 100 });

    expect([status, at(JSON.parse(text), "error", "message")]).toEqual([
      400,
      "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 100]",
    ]);
  });

  test("a model that it does not have", async () => {
    expect(await ask("dashscope", { model: "qwen9" })).toMatchObject({ status: 404, refusal: "model-not-found" });
  });

  test.each([
    ["thinking without a stream once it is off", { model: "qwen3-32b", enable_thinking: false }],
    ["thinking on older open weights in a stream", { model: "qwen3-32b", stream: true }],
    ["a named tool without thinking", { enable_thinking: false, tools: [weather], tool_choice: named }],
    ["JSON with the word", { messages: [user("Answer in JSON")], response_format: { type: "json_object" } }],
    ["a call with its result", { messages: [user("Hi"), called, result] }],
    ["an effort of its own", { reasoning_effort: "xhigh" }],
  ])("not %s", async (_name, body) => {
    expect((await ask("dashscope", body)).status).toBe(200);
  });
});

describe("the plans refuse", () => {
  test("models that are not in the plan, by 400", async () => {
    const { status, text } = await ask("dashscope-plans", { model: "Qwen3.7-Plus" });

    expect([status, at(JSON.parse(text), "error", "message")]).toEqual([400, "model 'Qwen3.7-Plus' is not supported."]);
  });

  test("to stop the thinking of qwen3.8-max", async () => {
    expect((await ask("dashscope-plans", { model: "qwen3.8-max", enable_thinking: false })).status).toBe(400);
    expect((await ask("dashscope-plans", { model: "qwen3.8-flash", enable_thinking: false })).status).toBe(200);
  });

  test("ordinary keys, as DashScope refuses theirs", async () => {
    const ordinary = await chat(emulate("dashscope-plans"), {}, { key: "sk-ordinary" });
    expect([ordinary.status, await ordinary.text()]).toEqual([
      401,
      expect.stringContaining("invalid access token or token expired"),
    ]);
    const plan = await chat(emulate("dashscope"), {}, { key: "sk-sp-plan" });
    expect([plan.status, await plan.text()]).toEqual([403, expect.stringContaining("invalid api-key")]);
  });
});

describe("servers with a chat template refuse", () => {
  const late = [
    user("Hi"),
    { role: "assistant", content: "Hello" },
    { role: "system", content: "Be brief" },
    user("And?"),
  ];

  test.each([
    ["vllm", late, "System message must be at the beginning."],
    ["sglang", late, "System message must be at the beginning."],
    ["llama-cpp", late, "Jinja Exception: System message must be at the beginning."],
    ["lm-studio", late, "Error rendering prompt with jinja template"],
    ["vllm", [{ role: "system", content: "Be brief" }], "No user query found in messages."],
  ] as const)("%s: a system message that is late, or nobody who asks", async (dialect, list, sentence) => {
    const { status, text } = await ask(dialect, { messages: list });

    expect(status).toBe(400);
    expect(text).toContain(sentence);
  });

  test.each(["ollama", "dashscope", "generic"] as const)("%s does not", async (dialect) => {
    expect((await ask(dialect, { messages: late })).status).toBe(200);
  });
});

describe("vLLM refuses", () => {
  test.each([
    [
      "stream options without a stream",
      { stream_options: { include_usage: true } },
      "Stream options can only be defined",
    ],
    ["a tool choice without tools", { tool_choice: "required" }, "`tools` must be set"],
    [
      "a named tool that is not declared",
      { tools: [tool("other")], tool_choice: named },
      "does not match any of the specified",
    ],
    ["room that is not there", { max_tokens: 300_000 }, "the model's context length is only 262144 tokens"],
  ])("%s", async (_name, body, sentence) => {
    const { status, text } = await ask("vllm", body);

    expect([status, at(JSON.parse(text), "error", "type")]).toEqual([400, "BadRequestError"]);
    expect(text).toContain(sentence);
  });

  test("another model's name, by 404", async () => {
    const { status, text } = await ask("vllm", { model: "gpt-4o" });

    expect([status, at(JSON.parse(text), "error")]).toEqual([
      404,
      { message: "The model `gpt-4o` does not exist.", type: "NotFoundError", param: "model", code: 404 },
    ]);
  });
});

describe("SGLang", () => {
  const long = { messages: [user("x".repeat(1000))], stream: true };

  test("answers 400 where older versions answer HTTP 200 with an error alone", async () => {
    const current = await ask("sglang", long, { contextTokens: 100 });
    expect([current.status, at(JSON.parse(current.text), "object")]).toEqual([400, "error"]);

    const old = await ask("sglang", long, { contextTokens: 100, variant: "old" });
    expect(old.status).toBe(200);
    const { chunks, isDone } = readStream(old.text);
    expect(chunks).toHaveLength(1);
    expect(at(chunks[0], "error")).toMatchObject({ object: "error", code: 400 });
    expect(isDone).toBe(true);
  });

  test("serves any name", async () => {
    expect((await ask("sglang", { model: "default" })).status).toBe(200);
  });
});

describe("Ollama", () => {
  test.each([
    ["no messages", { messages: [] }, "[] is too short - 'messages'"],
    [
      "an answer without content",
      { messages: [user("Hi"), { role: "assistant", content: null }, user("?")] },
      "invalid message content type: <nil>",
    ],
    ["images elsewhere", { messages: [image("https://example.com/a.png")] }, "invalid image input"],
    ["an effort that it does not know", { reasoning_effort: "extreme" }, "invalid reasoning value: 'extreme'"],
    [
      "tools that say nothing of what they take",
      { tools: [{ type: "function", function: { name: "a" } }] },
      "parameters",
    ],
    [
      "thoughts of a model without them",
      { model: "qwen3-coder-next:latest", reasoning_effort: "high" },
      "does not support thinking",
    ],
  ])("refuses %s", async (_name, body, sentence) => {
    const { status, text } = await ask("ollama", { messages, ...body });

    expect([status, at(JSON.parse(text), "error", "type")]).toEqual([400, "invalid_request_error"]);
    expect(at(JSON.parse(text), "error", "message")).toContain(sentence);
  });

  test("takes an answer that is nothing but calls, and images as data", async () => {
    const list = [user("Hi"), { ...called, content: null }, result, image("data:image/png;base64,AAAA")];
    expect((await ask("ollama", { messages: list })).status).toBe(200);
  });

  test("cuts a long prompt without a word: it forgets what was said first", async () => {
    const list = [user("My name is Mira."), { role: "assistant", content: "x".repeat(2000) }, user("What is my name?")];
    const long = await ask("ollama", { messages: list }, { contextTokens: 100 });
    const short = await ask("ollama", { messages: list });

    expect(long.text).not.toContain("Mira");
    expect(short.text).toContain("Mira");
    expect(long.notes).toEqual(["prompt cut: 2 messages left out"]);
    expect(Number(at(JSON.parse(long.text), "usage", "prompt_tokens"))).toBeLessThan(100);
  });
});

describe("llama.cpp refuses", () => {
  test("a prompt beyond the window, with both numbers", async () => {
    const { status, text } = await ask("llama-cpp", { messages: [user("x".repeat(1000))] }, { contextTokens: 100 });

    expect([status, JSON.parse(text)]).toEqual([
      400,
      {
        error: {
          code: 400,
          message: "request (254 tokens) exceeds the available context size (100 tokens), try increasing it",
          type: "exceed_context_size_error",
          n_prompt_tokens: 254,
          n_ctx: 100,
        },
      },
    ]);
  });

  test("to go on with an answer while it thinks", async () => {
    const list = [user("Hi"), { role: "assistant", content: "Hel" }];
    const { status, text } = await ask("llama-cpp", { messages: list });
    expect([status, text.includes("prefill is incompatible with enable_thinking")]).toEqual([400, true]);

    const off = { messages: list, chat_template_kwargs: { enable_thinking: false } };
    expect((await ask("llama-cpp", off)).status).toBe(200);
  });
});

describe("LM Studio", () => {
  test("refuses a named tool choice and json_object, in its flat form", async () => {
    const choice = await ask("lm-studio", { tools: [weather], tool_choice: named });
    expect([choice.status, JSON.parse(choice.text)]).toEqual([
      400,
      { error: "Invalid tool_choice type: 'object'. Supported string values: none, auto, required" },
    ]);
    const json = await ask("lm-studio", { response_format: { type: "json_object" } });
    expect(JSON.parse(json.text)).toEqual({ error: "'response_format.type' must be 'json_schema' or 'text'" });
  });

  test("tells a stream of a long prompt within HTTP 200, by an event with a type", async () => {
    const body = { messages: [user("x".repeat(1000))] };
    const whole = await ask("lm-studio", body, { contextTokens: 100 });
    const streamed = await ask("lm-studio", { ...body, stream: true }, { contextTokens: 100 });

    expect(whole.status).toBe(400);
    expect(streamed.status).toBe(200);
    expect(streamed.text).toStartWith('event: error\ndata: {"error":{"message":"Trying to keep the first 254 tokens');
  });
});

describe("a strict server", () => {
  test("refuses a field that it does not know, and names it", async () => {
    const { status, text } = await ask("generic", { enable_thinking: false }, { variant: "strict" });

    expect([status, at(JSON.parse(text), "error", "param")]).toEqual([400, "enable_thinking"]);
    expect((await ask("generic", { enable_thinking: false })).status).toBe(200);
  });
});

describe("a body that is no JSON object", () => {
  test.each(names)("is refused by %s with 400", async (dialect) => {
    const emulator = emulate(dialect);
    const request = new Request("http://emulator.invalid/v1/chat/completions", {
      method: "POST",
      headers: { authorization: `Bearer ${dialect === "dashscope-plans" ? "sk-sp-a" : "sk-a"}` },
      body: "[1]",
    });

    expect((await emulator.fetch(request)).status).toBe(400);
  });
});

describe("the log notes what is passed over", () => {
  test("fields of other servers", async () => {
    expect((await ask("vllm", { enable_thinking: false })).notes).toEqual(["passed over: enable_thinking"]);
    expect((await ask("ollama", { tool_choice: "required" })).notes).toEqual(["passed over: tool_choice"]);
    expect((await ask("dashscope", { chat_template_kwargs: {} })).notes).toEqual(["passed over: chat_template_kwargs"]);
  });

  test("thoughts under a name that is not read", async () => {
    const list = [user("Hi"), { role: "assistant", content: "Hello", reasoning_content: "A greeting." }, user("And?")];

    expect((await ask("vllm", { messages: list })).notes).toEqual(["thoughts dropped: messages[1].reasoning_content"]);
    expect((await ask("sglang", { messages: list })).notes).toEqual([]);
  });

  test("tool results without their calls, where the server does not say", async () => {
    const list = [user("Hi"), result, user("And?")];

    expect((await ask("vllm", { messages: list })).notes).toEqual(["tool result without its call: messages[1]"]);
  });

  test("parts of content that a model of another maker does not read", async () => {
    const list = [user([{ type: "text", text: "My name is Mira. What is my name?" }])];

    const lost = await ask("dashscope", { model: "glm-5.2", messages: list, enable_thinking: false });
    expect(lost.notes).toEqual(["parts of content were lost"]);
    expect(lost.text).not.toContain("Mira");
    const read = await ask("dashscope", { model: "qwen3.7-plus", messages: list, enable_thinking: false });
    expect(read.text).toContain("Mira");
  });
});
