// What a refused request is changed to: each repair, once, and never what would change its meaning.

import { describe, expect, test } from "bun:test";
import { findRepair } from "../../../../../src/upstreams/openai-compatible/request/body-repairs.ts";
import type { Body } from "../../../../../src/upstreams/openai-compatible/dialect.ts";
import { classifyAnswer } from "../../../../../src/upstreams/openai-compatible/refusals/errors.ts";
import type { UpstreamRefusal } from "../../../../../src/upstreams/openai-compatible/refusals/refusal.ts";
import { readCompatible, testSource } from "../../../../support/compatible-recordings.ts";

function refusalOf(message: string | object, status = 400): UpstreamRefusal {
  const text = JSON.stringify(typeof message === "string" ? { error: { message } } : message);
  return classifyAnswer(text, { status, contentType: "application/json", retryAfterMs: undefined }, testSource);
}

function repair(message: string | object, body: Body, status = 400, applied: readonly string[] = []): Body | undefined {
  return findRepair(refusalOf(message, status), body, new Set(applied))?.change(body);
}

const thinking: Body = { model: "m", stream: true, enable_thinking: true, thinking_budget: 9, preserve_thinking: true };
const plain: Body = { model: "m", stream: true };

describe("findRepair", () => {
  test.each([
    "parameter.enable_thinking must be set to false for non-streaming calls",
    "This model only support stream mode, please enable the stream parameter",
    "current user api does not support http call",
    "The tool_choice parameter does not support being set to required or object in thinking mode",
  ])("switches thinking off: %s", (message) => {
    expect(repair(message, thinking)).toEqual({ ...plain, enable_thinking: false });
    expect(repair(message, thinking, 400, ["thinking-off"])).toBeUndefined();
  });

  test("switches it off in the template's arguments where it stands there", () => {
    const body = { ...plain, chat_template_kwargs: { a: 1, enable_thinking: true } };

    expect(repair("tool_choice cannot be forced while thinking", body)).toEqual({
      ...plain,
      chat_template_kwargs: { a: 1, enable_thinking: false },
    });
  });

  test("thinks where the model must, and goes on with a beginning without thoughts (llama.cpp, DashScope)", () => {
    const restricted = "The value of the enable_thinking parameter is restricted to True.";
    const prefill = "Assistant response prefill is incompatible with enable_thinking.";
    const partial = "Partial mode is not supported when enable_thinking is true";

    expect(repair(restricted, { ...plain, enable_thinking: false })).toEqual(plain);
    expect(repair(restricted, { ...plain, enable_thinking: true })).toBeUndefined();
    expect(repair(partial, thinking)).toEqual({ ...plain, enable_thinking: false });
    expect(repair(prefill, { ...plain, chat_template_kwargs: { a: 1 } })).toEqual({
      ...plain,
      chat_template_kwargs: { a: 1, enable_thinking: false },
    });
  });

  test("asks for any object by its schema where nothing else is known", () => {
    const body = { ...plain, response_format: { type: "json_object" } };
    const refusal = "'response_format.type' must be 'json_schema' or 'text'";

    expect(repair(refusal, body)).toEqual({
      ...plain,
      response_format: { type: "json_schema", json_schema: { name: "object", schema: { type: "object" } } },
    });
    expect(repair(refusal, plain)).toBeUndefined();
  });

  /** llama.cpp; vLLM's two makers of grammars (#16880; paroquant#31, 2026-04). */
  test.each([
    "Failed to initialize samplers: failed to parse grammar",
    "The provided JSON schema contains features not supported by xgrammar.",
    "Grammar error: Unknown format: uri",
  ])("takes limits of values out of tools that no grammar can be made of, and nothing else of them: %s", (refusal) => {
    const toolWith = (parameters: object) =>
      ({ type: "function", function: { name: "add", description: "Adds", parameters } }) as Body;
    const limited = {
      type: "object",
      properties: {
        pattern: { type: "string", pattern: "^\\d{4}$", maxLength: 4000, description: "A pattern" },
        items: {
          type: "array",
          minItems: 1,
          uniqueItems: true,
          items: { anyOf: [{ type: "string", format: "uri" }, { enum: ["format"] }] },
        },
      },
      required: ["pattern"],
      propertyNames: { pattern: "^[a-z]" },
      $defs: { format: { type: "string", minLength: 2, default: { pattern: "a" } } },
      additionalProperties: false,
    };
    const free = {
      type: "object",
      properties: {
        pattern: { type: "string", description: "A pattern" },
        items: { type: "array", items: { anyOf: [{ type: "string" }, { enum: ["format"] }] } },
      },
      required: ["pattern"],
      $defs: { format: { type: "string", default: { pattern: "a" } } },
      additionalProperties: false,
    };

    expect(repair(refusal, { ...plain, tools: [toolWith(limited), toolWith({})] })).toEqual({
      ...plain,
      tools: [toolWith(free), toolWith({})],
    });
    const strict = { type: "function", function: { name: "add", strict: true, parameters: limited } } as Body;
    expect(repair(refusal, { ...plain, tools: [toolWith(free), strict] })).toBeUndefined();
    expect(repair(refusal, plain)).toBeUndefined();
  });

  test("takes thinking out of a request to a model that has none (Ollama)", () => {
    expect(repair('"llama3" does not support thinking', { ...plain, reasoning_effort: "high" })).toEqual(plain);
  });

  test("leaves an effort out where a model knows only whether it thinks, which it does by itself (Ollama)", () => {
    const refusal = (word: string) => `think value "${word}" is not supported for this model`;

    expect(repair(refusal("medium"), { ...plain, reasoning_effort: "medium" })).toEqual(plain);
    expect(repair(refusal("none"), { ...plain, reasoning_effort: "none" })).toBeUndefined();
  });

  test("leaves a budget out that the model does not allow", () => {
    const message = "thinking_budget must be positive integer and not greater than 1024";

    expect(repair(message, { ...plain, thinking_budget: 9999 })).toEqual(plain);
  });

  /** vLLM since PR 20859 (2026-03), and the words that PR 57830 proposes (2026-09). */
  test.each([
    "thinking_token_budget is set but reasoning_config is not configured. Please set --reasoning-config to use thinking_token_budget.",
    "thinking_token_budget is set but reasoning_config is not configured. Please set --reasoning-parser and/or --reasoning-config to use thinking_token_budget.",
    "thinking_token_budget needs the reasoning start and end strings, and none are configured",
  ])("leaves a budget out that the server was not started to count: %s", (message) => {
    const body = { ...plain, thinking_token_budget: 1024 };

    expect(repair(message, body)).toEqual(plain);
    expect(repair(message, body, 500)).toEqual(plain);
    expect(repair(message, plain)).toBeUndefined();
  });

  /** vLLM since PR 43402 (2026-05). */
  test("leaves it to the client to write another budget where the number is refused", () => {
    const refusal = "thinking_token_budget must be a non-negative integer";

    expect(repair(refusal, { ...plain, thinking_token_budget: -2 })).toBeUndefined();
  });

  test("asks for the highest effort that older servers know where they do not know the word for more", () => {
    const ollama = (word: string) => `invalid reasoning value: '${word}' (must be "high", "medium", "low", or "none")`;
    const openai = "Input should be 'none', 'low', 'medium' or 'high'";
    const withEffort = (word: string) => ({ ...plain, reasoning_effort: word });

    expect(repair(ollama("max"), withEffort("max"))).toEqual(withEffort("high"));
    expect(repair({ error: { message: openai, param: "reasoning_effort" } }, withEffort("xhigh"))).toEqual(
      withEffort("high"),
    );
    expect(repair(`[{"loc":["body","reasoning_effort"],"msg":"${openai}"}]`, withEffort("minimal"))).toEqual(
      withEffort("low"),
    );
    expect(repair(ollama("low"), withEffort("low"))).toBeUndefined();
  });

  test("leaves the other new words alone where one is unknown", () => {
    const refusal =
      "Unsupported value: 'reasoning_effort' does not support 'xhigh'. Supported are 'minimal' and 'high'.";
    const found = findRepair(refusalOf(refusal), { ...plain, reasoning_effort: "xhigh" }, new Set());

    expect(found).toMatchObject({ isLasting: true });
    for (const effort of ["minimal", "max", "high"]) {
      const later = { ...plain, reasoning_effort: effort };
      expect(found!.change(later)).toBe(later);
    }
  });

  test("says a budget where the model does not think without one (Qwen-Agent#941, 2026-08)", () => {
    const refusal = "The thinking_budget parameter must be a positive integer and not greater than 0";

    expect(repair(refusal, { ...plain, enable_thinking: true })).toEqual({
      ...plain,
      enable_thinking: true,
      thinking_budget: 8192,
    });
    expect(repair(refusal, { ...plain, enable_thinking: false })).toBeUndefined();
    // The two may not stand side by side.
    const withEffort = { ...plain, enable_thinking: true, reasoning_effort: "low" };
    expect(repair(refusal, withEffort)).toBeUndefined();
  });

  /** Older models of DashScope (pydantic-ai#1265), vLLM up to 0.8.2 (pydantic-ai#582). */
  test.each([
    'tool_choice is one of the strings that should be ["none", "auto"]',
    'Value error, `tool_choice` must either be a named tool, "auto", or "none".',
  ])("names the one tool that has to be called where a name alone is understood: %s", (refusal) => {
    const tool = (name: string) => ({ type: "function", function: { name } });
    const asked = { ...plain, tools: [tool("add")], tool_choice: "required" };

    expect(repair(refusal, asked)).toEqual({ ...asked, tool_choice: tool("add") });
    expect(repair(refusal, { ...asked, tools: [tool("add"), tool("subtract")] })).toBeUndefined();
    expect(repair(refusal, { ...asked, tool_choice: tool("add") })).toBeUndefined();
  });

  test("keeps the budget where it may not stand beside an effort", () => {
    const body = { ...plain, thinking_budget: 9, reasoning_effort: "low" };

    expect(repair("reasoning_effort and thinking_budget cannot be both set", body)).toEqual({
      ...plain,
      thinking_budget: 9,
    });
  });

  test.each(["stream_options", "parallel_tool_calls", "metadata", "chat_template_kwargs", "preserve_thinking"])(
    "asks without %s where the server does not know it",
    (field) => {
      const body = { ...plain, [field]: {} };

      expect(repair(`Unrecognized request argument supplied: ${field}`, body)).toEqual(plain);
      expect(repair({ error: { message: "bad", param: field } }, body)).toEqual(plain);
    },
  );

  /** Groq, OpenAI, FastAPI, vLLM of 2024, Cerebras and NVIDIA. */
  test.each([
    (field: string) => `property '${field}' is unsupported`,
    (field: string) => `Unrecognized request argument supplied: ${field}`,
    (field: string) => ({ detail: [{ loc: ["body", field], msg: "Extra inputs are not permitted", input: "x" }] }),
    (field: string) =>
      `[{'type': 'extra_forbidden', 'loc': ('body', '${field}'), 'msg': 'Extra inputs are not permitted'}]`,
    (field: string) => `body.${field}: property 'body.${field}' is unsupported`,
    (field: string) => `Validation: Unsupported parameter(s): \`${field}\``,
  ])("leaves out what agents send to whatever they meet, in anybody's words: %#", (told) => {
    for (const field of ["prompt_cache_key", "store", "service_tier", "user", "thinking", "reasoning", "verbosity"]) {
      expect(repair(told(field), { ...plain, [field]: "x" })).toEqual(plain);
    }
  });

  test.each([
    "Tools with mixed values for 'strict' are not allowed. Please set all tools to 'strict: true' or 'strict: false'",
    "Tools with strict=True are not supported by this model",
  ])("sends tools that are not strict where not all of them may be: %s", (message) => {
    const tool = (fields: object): Body => ({ type: "function", function: { name: "add", ...fields } });
    const body = { ...plain, tools: [tool({ strict: true }), tool({})] };

    expect(repair(message, body)).toEqual({ ...plain, tools: [tool({}), tool({})] });
    expect(repair(message, { ...plain, tools: [tool({})] })).toBeUndefined();
  });

  test("takes no word of a sentence for the name of a field", () => {
    const body = { ...plain, user: "u", thinking: { type: "enabled" }, store: true };

    expect(repair("Only the roles 'user' and 'assistant' are known: 'tool' is not supported", body)).toBeUndefined();
    expect(repair("This model does not support images while thinking", body)).toBeUndefined();
  });

  test("asks every later time without a field that is unknown", () => {
    const body = { ...plain, reasoning_effort: "none" };
    const found = findRepair(refusalOf("Unrecognized request argument supplied: reasoning_effort"), body, new Set());

    expect(found).toMatchObject({ isLasting: true });
    expect(found!.change({ ...plain, reasoning_effort: "low" })).toEqual(plain);
  });

  /** OpenAI; Groq and Cerebras with models of Qwen (pi#1745, chatwise-releases#1325, 2026-03); servers without words for it. */
  test.each([
    "Unsupported value: 'reasoning_effort' does not support 'high' with this model.",
    "`reasoning_effort` must be one of `none` or `default`",
    "1 validation error\nreasoning_effort\n Input should be 'low' or 'medium' [type=enum, input_value='high', input_type=str]",
    { error: { message: "bad", param: "reasoning_effort" } },
  ])("asks every later time without a value that is refused, and with the others: %j", (message) => {
    const found = findRepair(refusalOf(message), { ...plain, reasoning_effort: "high" }, new Set());

    expect(found).toMatchObject({ isLasting: true });
    expect(found!.change({ ...plain, reasoning_effort: "high" })).toEqual(plain);
    const low = { ...plain, reasoning_effort: "low" };
    expect(found!.change(low)).toBe(low);
  });

  test("takes no other effort where the server names all that it knows, and remembers no values without end", () => {
    const groq = "`reasoning_effort` must be one of `none` or `default`";
    const budget = { error: { message: "bad", param: "thinking_token_budget" } };

    expect(repair(groq, { ...plain, reasoning_effort: "xhigh" })).toEqual(plain);
    expect(findRepair(refusalOf(budget), { ...plain, thinking_token_budget: 9 }, new Set())?.isLasting).toBe(false);
  });

  test("keeps a field that is known, and only stands in the way of another wish", () => {
    const body = { ...plain, enable_thinking: true, response_format: { type: "json_object" } };

    expect(repair("Json mode response is not supported when enable_thinking is true", body)).toBeUndefined();
  });

  /** openai/openai-openapi#541 (2026-05). */
  test("leaves a field out that may not stand beside tools", () => {
    const refusal =
      "Function tools with reasoning_effort are not supported for gpt-5.4. Please use /v1/responses instead.";
    const tools: Body[] = [{ type: "function", function: { name: "add" } }];

    expect(repair(refusal, { ...plain, tools, reasoning_effort: "medium" })).toEqual({ ...plain, tools });
  });

  test("asks for as many tokens as the model can say, and as the prompt leaves", () => {
    const body = { ...plain, max_tokens: 32_000 };
    const context =
      "You passed 20000 input tokens and requested 32000 output tokens. However, the model's context length is only 32768 tokens";

    expect(repair("Range of max_tokens should be [1, 8192]", body)).toMatchObject({ max_tokens: 8192 });
    expect(repair(context, body)).toMatchObject({ max_tokens: 12_768 });
    expect(repair("max_tokens is too large: 32000", body)).toEqual(plain);
  });

  test("asks for what fits into what is left of credits, of a minute and of a context, this once", () => {
    const body = { ...plain, max_tokens: 32_000 };
    const credit =
      "This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can only afford 1234.";
    const minute =
      "Request too large for model `qwen/qwen3-32b` on tokens per minute (TPM): Limit 6000, Requested 38891";
    const tgi =
      "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 2096 `inputs` tokens and 32000 `max_new_tokens`";

    expect(repair(credit, body, 402)).toEqual({ ...plain, max_tokens: 1234 });
    expect(findRepair(refusalOf(credit, 402), body, new Set())?.isLasting).toBe(false);
    expect(repair(minute, body, 413)).toEqual(plain);
    expect(repair(tgi, body, 422)).toEqual({ ...plain, max_tokens: 2000 });
    expect(repair("max_total_tokens (40000) must be less than or equal to max_seq_len (32768)", body)).toEqual(plain);
    expect(repair("`max_tokens` must be less than or equal to `8192`", body)).toEqual({ ...plain, max_tokens: 8192 });
  });

  test("says the same under the name that the server knows, every later time", () => {
    const openai =
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    const found = findRepair(refusalOf(openai), { ...plain, max_tokens: 10 }, new Set());

    expect(found).toMatchObject({ isLasting: true });
    expect(found!.change({ ...plain, max_tokens: 10 })).toEqual({ ...plain, max_completion_tokens: 10 });
    expect(found!.change(plain)).toBe(plain);
  });

  test("remembers how many tokens a model can say, whatever is asked for next", () => {
    const found = findRepair(
      refusalOf("Range of max_tokens should be [1, 8192]"),
      { ...plain, max_tokens: 9000 },
      new Set(),
    );
    const few = { ...plain, max_tokens: 10 };

    expect(found).toMatchObject({ isLasting: true });
    expect(found!.change({ ...plain, max_tokens: 32_000 })).toMatchObject({ max_tokens: 8192 });
    expect(found!.change(few)).toBe(few);
    expect(found!.change(plain)).toBe(plain);
  });

  /** vllm-project/vllm#33418 (2026-01), #42474 (2026-05) and public reports of the time between. */
  test.each([
    "You passed 768 input tokens and requested 32001 output tokens. However, the model's context length is only 32768 tokens, resulting in a maximum input length of 767 tokens.",
    "This model's maximum context length is 32768 tokens. However, you requested 32001 output tokens and your prompt contains at least 768 input tokens, for a total of at least 32769 tokens.",
    "This model's maximum context length is 767 tokens. However, your request has 768 input tokens. Please reduce the length of the input messages.",
  ])("asks for what is left where the server stopped counting the prompt", (context) => {
    expect(repair(context, { ...plain, max_tokens: 32_001 })).toEqual(plain);
    expect(repair(context, plain)).toBeUndefined();
    expect(repair(context, { ...plain, max_tokens: 512 })).toBeUndefined();
  });

  test("leaves a prompt alone that leaves no room for an answer: the client should know", () => {
    const body = new TextDecoder().decode(readCompatible("vllm-err-400-context-length.json"));

    expect(repair(JSON.parse(body), { ...plain, max_tokens: 10 })).toBeUndefined();
    expect(repair("The input (9 tokens) is longer than the model's context length (8 tokens)", plain)).toBeUndefined();
  });

  test("asks llama.cpp for the whole answer where it cannot stream a call", () => {
    const body = { ...plain, stream_options: { include_usage: true } };

    expect(repair("Failed to parse input at pos 39: ", body, 500)).toEqual({ ...plain, stream: false });
    expect(repair("Failed to parse input at pos 39: ", { ...plain, stream: false }, 500)).toBeUndefined();
  });

  test.each([
    "This model does not support enable_search",
    "tools is not supported by this model",
    "'messages' must contain the word 'json'",
    "temperature is unknown",
  ])("never takes out what the client asked for: %s", (message) => {
    const body = { ...plain, enable_search: true, tools: [], temperature: 1, response_format: {} };

    expect(repair(message, body)).toBeUndefined();
  });
});
