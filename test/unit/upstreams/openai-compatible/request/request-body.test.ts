// Requests in the words of each dialect: what goes out, what is renamed, what is left out.

import { describe, expect, test } from "bun:test";
import type { ChatRequest } from "../../../../../src/contract/chat-request.ts";
import { parseExact } from "../../../../../src/contract/exact-json.ts";
import { isJsonObject } from "../../../../../src/contract/json.ts";
import { parseRequest } from "../../../../../src/surfaces/openai-chat/parse-request.ts";
import type { Body, DialectName } from "../../../../../src/upstreams/openai-compatible/dialect.ts";
import { dialects } from "../../../../../src/upstreams/openai-compatible/dialects/index.ts";
import {
  type BodyOptions,
  encodeMessages,
} from "../../../../../src/upstreams/openai-compatible/request/encode-messages.ts";
import { createOutgoingBody } from "../../../../../src/upstreams/openai-compatible/request/outgoing-body.ts";
import { createRequestFields } from "../../../../../src/upstreams/openai-compatible/request/request-body.ts";

const all = Object.keys(dialects) as DialectName[];
const selfHosted: readonly DialectName[] = ["vllm", "sglang", "llama-cpp"];
const user = { role: "user", content: "Hi" };
const tool = { type: "function", function: { name: "read", description: "Reads", parameters: { type: "object" } } };
const otherTool = {
  type: "function",
  function: { name: "write", parameters: { type: "object", properties: { a: {} } } },
};

function createBody(request: ChatRequest, options: BodyOptions): Body {
  return { ...createRequestFields(request, options), messages: encodeMessages(request, options) };
}

function bodyOf(dialect: DialectName, fields: object = {}, model = "qwen3.7-plus"): Body {
  const request = parseRequest({ messages: [user], ...fields });
  return createBody(request, { dialect: dialects[dialect], upstream: "mine", model });
}

function messagesOf(dialect: DialectName, messages: readonly object[], fields: object = {}, model?: string): unknown[] {
  const sent = bodyOf(dialect, { messages, ...fields }, model)["messages"];
  if (!Array.isArray(sent)) throw new Error("messages are no array");
  return sent;
}

test("numbers of 64 bits in schemas keep their digits, in a body that is written anew and in one that is changed", () => {
  const schema = '{"type":"object","properties":{"id":{"enum":[9007199254740993],"maximum":9223372036854775807}}}';
  const declared = `{"type":"function","function":{"name":"f","parameters":${schema},"unknown":1}}`;
  const text = `{"messages":[{"role":"user","content":"Hi"}],"tools":[${declared}],"stream":true}`;
  const request = parseRequest(parseExact(text));
  const options = { dialect: dialects.vllm, upstream: "mine", model: "qwen3.7-plus" };
  for (const received of [undefined, Buffer.from(text)]) {
    const body = createOutgoingBody({ ...request, ...(received === undefined ? {} : { received }) }, options);
    const written = body.write(body.fields);
    const sent = typeof written === "string" ? written : Buffer.concat(written).toString();

    expect(sent).toContain(schema);
    expect(sent).not.toContain("unknown");
    expect(isJsonObject(JSON.parse(sent))).toBe(true);
  }
});

describe("every dialect", () => {
  test.each(all)("%s always asks for a stream, and for usage in it", (dialect) => {
    for (const stream of [true, false]) {
      expect(bodyOf(dialect, { stream })).toMatchObject({
        model: "qwen3.7-plus",
        stream: true,
        stream_options: { include_usage: true },
      });
    }
  });

  test.each(all)("%s gets what the gateway does not know, but not what is the gateway's own", (dialect) => {
    const body = bodyOf(dialect, { temperature: 0.1, top_k: 20, seed: null, session_id: "s", n: 1, stop: ["x"] });

    expect(body).toMatchObject({ temperature: 0.1, top_k: 20, stop: ["x"] });
    for (const field of ["session_id", "n", "seed"]) expect(body).not.toHaveProperty(field);
  });

  test("the output limit has one name, whatever the client calls it", () => {
    expect(bodyOf("dashscope", { max_completion_tokens: 99 })).toMatchObject({ max_tokens: 99 });
    expect(bodyOf("vllm", { max_tokens: 98 })).toMatchObject({ max_tokens: 98 });
    expect(bodyOf("vllm", { max_completion_tokens: 99 })).not.toHaveProperty("max_completion_tokens");
  });

  test.each(all)("%s gets sound and video as the client wrote them, and says itself what it cannot take", (dialect) => {
    const content = [
      { type: "text", text: "What is said?" },
      { type: "input_audio", input_audio: { data: "AAAA", format: "wav" } },
      { type: "audio_url", audio_url: { url: "https://a.example/a.mp3" } },
      { type: "video_url", video_url: { url: "https://a.example/a.mp4" }, fps: 2, max_pixels: 1000 },
      { type: "video", video: ["https://a.example/1.png", "https://a.example/2.png"], fps: 2 },
    ];

    expect(messagesOf(dialect, [{ role: "user", content }], {}, "qwen3-omni")).toEqual([{ role: "user", content }]);
  });

  test("unknown fields of other protocols are not passed on", () => {
    const request: ChatRequest = { ...parseRequest({ messages: [user], top_k: 3 }), surface: "anthropic-messages" };
    const body = createBody(request, { dialect: dialects.vllm, upstream: "mine", model: "m" });

    expect(body).not.toHaveProperty("top_k");
  });

  test("fields of OpenAI's own service stay here, but for a server that nothing is known of", () => {
    const fields = { store: true, metadata: { a: "b" }, prompt_cache_key: "k", service_tier: "auto" };
    for (const dialect of all) {
      const expected = dialect === "generic" ? Object.keys(fields) : [];
      expect(Object.keys(bodyOf(dialect, fields)).filter((field) => field in fields)).toEqual(expected);
    }
  });
});

describe("thinking", () => {
  const off = { enable_thinking: false };
  const on = { enable_thinking: true };

  test("is a field of its own on DashScope, always said where the model's default is known", () => {
    expect(bodyOf("dashscope", on)).toMatchObject({ enable_thinking: true });
    expect(bodyOf("dashscope", off)).toMatchObject({ enable_thinking: false });
    expect(bodyOf("dashscope", {}, "qwen3.7-plus")).toMatchObject({ enable_thinking: true });
    expect(bodyOf("dashscope", {}, "qwen-plus")).toMatchObject({ enable_thinking: false });
    expect(bodyOf("dashscope", {}, "kimi-k2.5")).not.toHaveProperty("enable_thinking");
  });

  test("is never switched off where it cannot be", () => {
    expect(bodyOf("dashscope", off, "qwq-32b")).not.toHaveProperty("enable_thinking");
    expect(bodyOf("dashscope-plans", off, "qwen3.8-max")).not.toHaveProperty("enable_thinking");
    // Mandatory in the plan's preset alone.
    expect(bodyOf("dashscope", off, "qwen3.8-max")).toMatchObject({ enable_thinking: false });
  });

  test("budget and effort never go together: DashScope refuses both", () => {
    const both = { thinking_budget: 100, reasoning_effort: "high" };

    expect(bodyOf("dashscope", both, "qwen3.8-flash")).toMatchObject({ thinking_budget: 100 });
    expect(bodyOf("dashscope", both, "qwen3.8-flash")).not.toHaveProperty("reasoning_effort");
  });

  test("efforts have DashScope's words, for models that know them", () => {
    const effort = (reasoning_effort: string, model: string) => bodyOf("dashscope", { reasoning_effort }, model);

    expect(effort("high", "qwen3.8-flash")).toMatchObject({ enable_thinking: true, reasoning_effort: "xhigh" });
    expect(effort("minimal", "qwen3.8-flash")).toMatchObject({ reasoning_effort: "low" });
    expect(effort("medium", "qwen4-max")).toMatchObject({ enable_thinking: true, reasoning_effort: "medium" });
    expect(effort("none", "qwen3.8-flash")).toMatchObject({ enable_thinking: false });
    expect(effort("high", "qwen3.7-max")).not.toHaveProperty("reasoning_effort");
  });

  test("budgets and efforts stand for one another where a server knows one of them alone", () => {
    const budget = (thinking_budget: number) => bodyOf("ollama", { thinking_budget });
    expect([1024, 8192, 32_000].map((tokens) => budget(tokens)["reasoning_effort"])).toEqual(["low", "medium", "high"]);
    expect(bodyOf("ollama", { thinking_budget: 0 })).toMatchObject({ reasoning_effort: "none" });

    const effort = (reasoning_effort: string) => bodyOf("dashscope", { reasoning_effort }, "qwen3.7-max");
    expect(effort("low")).toMatchObject({ enable_thinking: true, thinking_budget: 4096 });
    expect(effort("medium")).toMatchObject({ thinking_budget: 16_384 });
    expect(effort("high")).not.toHaveProperty("thinking_budget");
    expect(bodyOf("dashscope", { thinking_budget: 77, reasoning_effort: "low" }, "qwen3.7-max")).toMatchObject({
      thinking_budget: 77,
    });
  });

  test.each([...selfHosted])("is an argument of the template on %s, beside the client's own", (dialect) => {
    expect(bodyOf(dialect, off)).toMatchObject({ chat_template_kwargs: { enable_thinking: false } });
    expect(bodyOf(dialect, { reasoning_effort: "high", chat_template_kwargs: { a: 1 } })).toMatchObject({
      chat_template_kwargs: { a: 1, enable_thinking: true, reasoning_effort: "xhigh" },
    });
    expect(bodyOf(dialect)).not.toHaveProperty("chat_template_kwargs");
    expect(bodyOf(dialect, on)).not.toHaveProperty("enable_thinking");
  });

  test("a budget has vLLM's name there, and none where nobody reads it", () => {
    expect(bodyOf("vllm", { thinking_budget: 50 })).toMatchObject({ thinking_token_budget: 50 });
    expect(Object.keys(bodyOf("sglang", { thinking_budget: 50 })).filter((key) => key.includes("budget"))).toEqual([]);
  });

  test("is an effort on Ollama", () => {
    expect(bodyOf("ollama", off)).toMatchObject({ reasoning_effort: "none" });
    expect(bodyOf("ollama", on)).toMatchObject({ reasoning_effort: "medium" });
    expect(bodyOf("ollama", { reasoning_effort: "xhigh" })).toMatchObject({ reasoning_effort: "max" });
    expect(bodyOf("ollama")).not.toHaveProperty("reasoning_effort");
  });

  test("stays as the client wrote it on a server that nothing is known of, and is left to LM Studio's setting", () => {
    expect(bodyOf("generic", { enable_thinking: false, thinking_budget: 3 })).toMatchObject({
      enable_thinking: false,
      thinking_budget: 3,
    });
    expect(Object.keys(bodyOf("lm-studio", { ...off, reasoning_effort: "low" })).sort()).toEqual([
      "messages",
      "model",
      "stream",
      "stream_options",
    ]);
  });
});

describe("thoughts of earlier replies", () => {
  const history = [user, { role: "assistant", content: "A", reasoning_content: "hm" }, { role: "user", content: "B" }];
  const names: readonly (readonly [DialectName, readonly string[]])[] = [
    ["dashscope", ["reasoning_content"]],
    ["vllm", ["reasoning", "reasoning_content"]],
    ["sglang", ["reasoning_content"]],
    ["ollama", ["reasoning"]],
    ["llama-cpp", ["reasoning_content"]],
    ["lm-studio", ["reasoning_content"]],
  ];
  test.each([...names])("go to %s as %p", (dialect, fields) => {
    const [, assistant] = messagesOf(dialect, history);
    const found = Object.keys(assistant as object).filter((key) => key.startsWith("reasoning"));

    expect(found.sort()).toEqual([...fields]);
  });

  test("count on DashScope only when asked for", () => {
    expect(bodyOf("dashscope", { messages: history })).toMatchObject({ preserve_thinking: true });
    expect(bodyOf("dashscope", { messages: history, enable_thinking: false })).not.toHaveProperty("preserve_thinking");
    expect(bodyOf("dashscope", { messages: history, preserve_thinking: false })).toMatchObject({
      preserve_thinking: false,
    });
    expect(bodyOf("dashscope")).not.toHaveProperty("preserve_thinking");
  });
});

describe("messages", () => {
  test("one system message stands first, wherever the client put them", () => {
    const messages = [
      { role: "system", content: "A" },
      user,
      { role: "developer", content: [{ type: "text", text: "B" }] },
    ];

    expect(messagesOf("vllm", messages)).toEqual([
      { role: "system", content: "A\n\nB" },
      { role: "user", content: "Hi" },
    ]);
  });

  test("texts in parts are one string, pictures stay parts", () => {
    const image = { type: "image_url", image_url: { url: "data:image/png;base64,AA", detail: "low" } };
    const parts = [
      { type: "text", text: "a" },
      { type: "text", text: "b" },
    ];

    expect(messagesOf("vllm", [{ role: "user", content: parts }])).toEqual([{ role: "user", content: "a\nb" }]);
    expect(messagesOf("vllm", [{ role: "user", content: [...parts.slice(1), image] }])).toEqual([
      { role: "user", content: [{ type: "text", text: "b" }, image] },
    ]);
  });

  test("a call and its result, with what templates need", () => {
    const messages = [
      user,
      { role: "assistant", content: null, tool_calls: [{ id: "c", function: { name: "read", arguments: "" } }] },
      { role: "tool", tool_call_id: "c", content: [{ type: "text", text: "done" }] },
    ];

    expect(messagesOf("ollama", messages).slice(1)).toEqual([
      {
        role: "assistant",
        content: "",
        tool_calls: [{ id: "c", type: "function", function: { name: "read", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "c", content: "done" },
    ]);
  });

  test.each([
    ["sound ones as they came", '{"a": 1.0}', '{"a": 1.0}'],
    ["JSON in a string", JSON.stringify('{"a":1}'), '{"a":1}'],
    ["broken ones mended, where that needs no guessing", "{'a': True,}", '{"a": true}'],
    ["null", "null", "{}"],
    ["a list", "[1]", '{"unreadable_arguments":"[1]"}'],
    ["what was cut off", '{"text": "Once up', '{"unreadable_arguments":"{\\"text\\": \\"Once up"}'],
  ])("arguments of the history are an object's JSON: %s (vLLM #47761)", (_, written, sent) => {
    const called = (text: string) => [{ id: "c", type: "function", function: { name: "read", arguments: text } }];
    const messages = [user, { role: "assistant", content: [{ type: "text", text: "x" }], tool_calls: called(written) }];

    expect(messagesOf("vllm", messages)[1]).toMatchObject({ tool_calls: called(sent) });
  });

  test("Ollama is told of no picture that it would have to fetch", () => {
    const messages = [
      { role: "user", content: [{ type: "image_url", image_url: { url: "https://example.com/a.png" } }] },
    ];

    expect(() => messagesOf("ollama", messages)).toThrow("data: URL");
    expect(messagesOf("vllm", messages)).toHaveLength(1);
  });

  test("text files become text, other files are refused, or parts where nothing is known", () => {
    const file = (file_data: string) => [
      { role: "user", content: [{ type: "file", file: { filename: "a.md", file_data } }] },
    ];

    expect(messagesOf("vllm", file(`data:text/markdown;charset=utf-8;base64,${btoa("# Hi")}`))).toEqual([
      { role: "user", content: "a.md:\n# Hi" },
    ]);
    expect(messagesOf("vllm", file("data:application/json,%7B%7D"))).toEqual([{ role: "user", content: "a.md:\n{}" }]);
    expect(() => messagesOf("vllm", file("data:application/pdf;base64,AA"))).toThrow("text files alone");
    expect(messagesOf("generic", file("data:application/pdf;base64,AA"))).toMatchObject([
      { content: [{ type: "file", file: { filename: "a.md" } }] },
    ]);
  });

  test("cache markers go to DashScope alone, the four newest", () => {
    const marked = (text: string) => ({ type: "text", text, cache_control: { type: "ephemeral" } });
    const messages = ["1", "2", "3", "4", "5"].map((text) => ({ role: "user", content: [marked(text)] }));
    const isMarked = (message: unknown) => JSON.stringify(message).includes("cache_control");

    expect(messagesOf("dashscope", messages).map(isMarked)).toEqual([false, true, true, true, true]);
    expect(messagesOf("vllm", messages).map(isMarked)).toEqual([false, false, false, false, false]);
  });

  test("glm on DashScope gets one text, since it loses parts without tools", () => {
    const content = [{ type: "text", text: "a", cache_control: { type: "ephemeral" } }];

    expect(messagesOf("dashscope", [{ role: "user", content }], {}, "glm-5")).toEqual([{ role: "user", content: "a" }]);
  });

  test("prefix continuation and names travel where they are known", () => {
    const messages = [user, { role: "assistant", content: "So", partial: true, name: "x", foo: 1 }];

    expect(messagesOf("dashscope", messages)[1]).toEqual({
      role: "assistant",
      content: "So",
      partial: true,
      name: "x",
    });
    expect(messagesOf("vllm", messages)[1]).toEqual({ role: "assistant", content: "So", name: "x" });
  });
});

describe("tools", () => {
  test("parallel calls are asked for on DashScope, unless the client says otherwise", () => {
    expect(bodyOf("dashscope", { tools: [tool] })).toMatchObject({ parallel_tool_calls: true });
    expect(bodyOf("dashscope", { tools: [tool], parallel_tool_calls: false })).toMatchObject({
      parallel_tool_calls: false,
    });
    expect(bodyOf("dashscope")).not.toHaveProperty("parallel_tool_calls");
    expect(bodyOf("vllm", { tools: [tool] })).not.toHaveProperty("parallel_tool_calls");
  });

  test("an empty schema is sent to Ollama and left away elsewhere", () => {
    expect(bodyOf("ollama", { tools: [tool] })["tools"]).toMatchObject([
      { function: { parameters: { type: "object", properties: {} } } },
    ]);
    expect(JSON.stringify(bodyOf("vllm", { tools: [tool] })["tools"])).not.toContain("parameters");
    expect(JSON.stringify(bodyOf("vllm", { tools: [otherTool] })["tools"])).toContain("parameters");
  });

  const named = { type: "function", function: { name: "write" } };

  test("LM Studio is told no schema without properties, which it refuses (#2203)", () => {
    const open = { type: "object", additionalProperties: true };
    const tools = [{ type: "function", function: { name: "run", parameters: open } }, otherTool];
    const schemasOf = (dialect: DialectName) =>
      (bodyOf(dialect, { tools })["tools"] as { function: { parameters: object } }[]).map(
        ({ function: { parameters } }) => parameters,
      );

    expect(schemasOf("lm-studio")).toEqual([{ ...open, properties: {} }, otherTool.function.parameters]);
    expect(schemasOf("vllm")).toEqual([open, otherTool.function.parameters]);
  });

  test("a choice is passed on where it is obeyed", () => {
    for (const choice of ["auto", "required", named]) {
      expect(bodyOf("vllm", { tools: [tool, otherTool], tool_choice: choice })["tool_choice"]).toEqual(choice);
    }
    expect(bodyOf("dashscope", { tools: [tool], tool_choice: "none" })["tool_choice"]).toBe("none");
  });

  test("a named choice leaves one tool where names are not obeyed", () => {
    const names = (body: Body) =>
      (body["tools"] as { function: { name: string } }[]).map((entry) => entry.function.name);
    const [llama, ollama] = (["llama-cpp", "ollama"] as const).map((dialect) =>
      bodyOf(dialect, { tools: [tool, otherTool], tool_choice: named }),
    );

    expect([names(llama!), llama!["tool_choice"]]).toEqual([["write"], "required"]);
    expect([names(ollama!), ollama!["tool_choice"]]).toEqual([["write"], undefined]);
  });

  test("none leaves the tools out where markup would leak (tenstorrent#4386)", () => {
    const body = bodyOf("vllm", { tools: [tool], tool_choice: "none", parallel_tool_calls: true });

    for (const field of ["tools", "tool_choice", "parallel_tool_calls"]) expect(body).not.toHaveProperty(field);
  });
});

describe("the rest", () => {
  test("web search is DashScope's alone", () => {
    expect(bodyOf("dashscope", { web_search_options: {} })).toMatchObject({ enable_search: true });
    expect(bodyOf("vllm", { enable_search: true })).not.toHaveProperty("enable_search");
  });

  test("Ollama is told Qwen's sampling, since it would take 1.0", () => {
    expect(bodyOf("ollama", {}, "qwen3.6:27b")).toMatchObject({ temperature: 0.6, top_p: 0.95 });
    expect(bodyOf("ollama", { enable_thinking: false, top_p: 0.5 }, "qwen3.6:27b")).toMatchObject({
      temperature: 0.7,
      top_p: 0.5,
    });
    expect(bodyOf("ollama", {}, "llama4")).not.toHaveProperty("temperature");
    expect(bodyOf("vllm")).not.toHaveProperty("temperature");
  });

  test("what is sent is JSON", () => {
    for (const dialect of all) {
      const body = bodyOf(dialect, { tools: [tool], tool_choice: "auto", reasoning_effort: "low" });
      expect(isJsonObject(JSON.parse(JSON.stringify(body)))).toBe(true);
    }
  });
});
