// The catalogue of refusals: every row of the reference, every form of body, and that nothing of the server's words gets out.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { errorHeaders } from "../../../../../src/contract/error-headers.ts";
import { dialects } from "../../../../../src/upstreams/openai-compatible/dialects/index.ts";
import { isErrorAnswer } from "../../../../../src/upstreams/openai-compatible/refusals/error-body.ts";
import { classifyAnswer, readRetryAfter } from "../../../../../src/upstreams/openai-compatible/refusals/errors.ts";
import { type ToldLengths, UpstreamRefusal } from "../../../../../src/upstreams/openai-compatible/refusals/refusal.ts";
import type { DialectName } from "../../../../../src/upstreams/openai-compatible/dialect.ts";
import { readCompatible } from "../../../../support/compatible-recordings.ts";

function classify(
  body: string | object,
  status: number,
  {
    dialect = "generic" as DialectName,
    contentType = "application/json",
    retryAfterMs = undefined as number | undefined,
  } = {},
): UpstreamRefusal {
  const { displayName, refusals } = dialects[dialect];
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return classifyAnswer(text, { status, contentType, retryAfterMs }, { upstream: "mine", displayName, rows: refusals });
}

const recorded = (name: string, status: number) => classify(new TextDecoder().decode(readCompatible(name)), status);

describe("recorded refusals", () => {
  const rows = [
    ["dashscope-err-400-arrearage.json", 400, "billing", "upstream-quota"],
    ["dashscope-err-400-data_inspection_failed.json", 400, "filter", "content-filtered"],
    ["dashscope-err-401-invalid_api_key.json", 401, "auth", "upstream-auth"],
    ["dashscope-err-429-rate-quota.json", 429, "rate", "upstream-quota"],
    ["dashscope-err-429-token-limit.json", 429, "quota-transient", "upstream-quota"],
    ["dashscope-09-http400-body-with-data-prefix.txt", 400, "filter", "content-filtered"],
    ["dashscope-10-native-sse-error.sse", 429, "quota-hard", "upstream-quota"],
    ["vllm-err-400-context-length.json", 400, "context", "context-too-long"],
    ["llamacpp-err-500-parse.json", 500, "tool-parse", "upstream-failed"],
    ["ollama-err-404.json", 404, "model", "model-not-found"],
  ] as const;
  test.each([...rows])("%s (%d) is %s, %s [R2-054]", (name, status, reason, kind) => {
    const error = recorded(name, status);

    expect({ reason: error.reason, kind: error.kind, upstream: error.upstream }).toEqual({
      reason,
      kind,
      upstream: "mine",
    });
  });
});

describe("DashScope's table (1.9), native and compatible spelling", () => {
  const rows = [
    [400, "InvalidParameter", "x is wrong", "request", false],
    [400, "invalid_parameter_error", "Range of input length should be [1, 30720]", "context", false],
    [400, "Arrearage", "Access denied", "billing", false],
    [400, "DataInspectionFailed", "Input data may contain inappropriate content", "filter", false],
    [401, "InvalidApiKey", "Invalid API-key provided.", "auth", false],
    [403, "AccessDenied", "Access denied.", "permission", false],
    [403, "access_denied", "No right", "permission", false],
    [403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted", "quota-hard", false],
    [404, "ModelNotFound", "Model not exist.", "model", false],
    [404, "model_not_found", "The model `x` does not exist", "model", false],
    [408, "RequestTimeOut", "Request timed out", "timeout", true],
    [413, "", "", "size", false],
    [429, "Throttling", "Requests throttling triggered.", "rate", true],
    [429, "Throttling.RateQuota", "Requests rate limit exceeded", "rate", true],
    [429, "limit_requests", "You exceeded your current requests list.", "rate", true],
    [429, "Throttling.AllocationQuota", "Allocated quota exceeded", "quota-transient", true],
    [429, "insufficient_quota", "You exceeded your current quota", "quota-transient", true],
    [429, "insufficient_quota", "Free allocated quota exceeded.", "quota-hard", false],
    [429, "Throttling.BurstRate", "Request rate increased too quickly", "burst", true],
    [429, "limit_burst_rate", "Request rate increased too quickly", "burst", true],
    [429, "Throttling.Concurrency", "Too many", "concurrency", true],
    [429, "CommodityNotPurchased", "Commodity has not purchased yet.", "billing", false],
    [429, "PrepaidBillOverdue", "The prepaid bill is overdue.", "billing", false],
    [429, "PostpaidBillOverdue", "The postpaid bill is overdue.", "billing", false],
    [500, "InternalError", "An internal error has occured", "server", true],
    [503, "ModelServingError", "Too busy", "server", true],
  ] as const;
  test.each([...rows])("%d %s %s", (status, code, message, reason, retryable) => {
    const native = classify({ code, message, request_id: "r" }, status);
    const compatible = classify({ error: { code, message, type: code, param: null }, request_id: "r" }, status);

    for (const error of [native, compatible]) expect([error.reason, error.retryable]).toEqual([reason, retryable]);
  });
});

test.each([
  ["Tool names are not allowed to be [search]", "request", "tools", /another name/],
  ["The tool call is not supported.", "request", "tools", /cannot call tools/],
  // Its own words are those of Qwen's templates (oh-my-pi#1859, 2026-06).
  ["The error info is [Unexpected item type in content.]", "request", "messages", /cannot read images/],
  ["Repetitive tool calls detected in the conversation history.", "request", "messages", /again and again/],
  ["Exceeded limit on max bytes per data-uri item: 10485760", "size", undefined, /too many bytes/],
  ["Multimodal file size is too large", "size", undefined, /too many bytes/],
  ['tool_choice is one of the strings that should be ["none", "auto"]', "request", "tool_choice", /name one/],
] as const)("DashScope's error-code page, read 2026-06: %s", (message, reason, param, advice) => {
  const error = classify({ error: { code: "invalid_parameter_error", message } }, 400);

  expect([error.reason, error.param]).toEqual([reason, param]);
  expect(error.message).toMatch(advice);
});

/** vLLM PR 31870 (2026-01), runpod-workers/worker-vllm#85, both with the body that was refused in them. */
test.each([
  "1 validation error:\n  {'type': 'value_error', 'loc': ('body',), 'msg': 'Value error, temperature must be non-negative', 'input': {'messages': [{'content': 'QUOTED'}]}}",
  "1 validation error for ChatCompletionRequest\nbest_of\n  Extra inputs are not permitted [type=extra_forbidden, input_value='QUOTED', input_type=str]",
])("what a server quotes of the request is no reason of its own: %s", (message) => {
  for (const quoted of ["invalid api-key", "Too many requests", "Free allocated quota exceeded", "context length"]) {
    expect(classify({ error: { message: message.replace("QUOTED", quoted) } }, 400).reason).toBe("request");
  }
});

describe("plans for coding tools (1.13)", () => {
  const rows = [
    [401, "invalid access token or token expired", "auth"],
    [403, "invalid api-key", "auth"],
    [400, "model 'Qwen3' is not supported", "model"],
    [429, "hour allocated quota exceeded", "quota-hard"],
    [400, "Range of input length should be [1, 1000000]", "context"],
  ] as const;
  test.each([...rows])("%d %s", (status, message, reason) => {
    expect(classify({ error: { message } }, status, { dialect: "dashscope-plans" }).reason).toBe(reason);
  });

  test("an ordinary key is told apart from a plan's", () => {
    const error = classify({ error: { message: "invalid access token" } }, 401, { dialect: "dashscope-plans" });

    expect(error.message).toContain("sk-sp-");
  });

  test("404 without a body is a wrong address, not a wrong model", () => {
    const error = classify("", 404, { contentType: "" });

    expect([error.reason, error.kind]).toEqual(["not-an-api", "upstream-failed"]);
    expect(error.message).toContain("base URL");
  });
});

describe("other servers' forms", () => {
  const rows: readonly (readonly [name: string, status: number, body: object | string, reason: string])[] = [
    ["old vLLM, flat", 400, { object: "error", message: "bad", type: "BadRequestError", code: 400 }, "request"],
    ["vLLM, unknown model", 404, { object: "error", message: "The model `x` does not exist.", code: 404 }, "model"],
    ["vLLM, too much to do", 503, { error: { message: "Service is overloaded" } }, "concurrency"],
    ["SGLang, too much to do", 503, { object: "error", message: "The request queue is full." }, "concurrency"],
    ["Ollama, too much to do", 503, { error: { message: "server busy, please try again." } }, "concurrency"],
    ["LM Studio, no memory", 400, { error: "Failed to load model" }, "loading"],
    [
      "ModelScope, the day's quota",
      429,
      { error: { code: "insufficient_quota", message: "You have exceeded today's quota for this model" } },
      "quota-hard",
    ],
    [
      "DashScope, body too big",
      413,
      { error: { code: "invalid_parameter_error", message: "Exceeded limit on max bytes per request" } },
      "size",
    ],
    ["FastAPI, list of details", 422, { detail: [{ loc: ["body"], msg: "field required" }] }, "request"],
    ["FastAPI, no such route", 404, { detail: "Not Found" }, "not-an-api"],
    ["Ollama, no such route", 404, "404 page not found", "not-an-api"],
    [
      "llama.cpp, no such route",
      404,
      { error: { code: 404, message: "File Not Found", type: "not_found_error" } },
      "not-an-api",
    ],
    [
      "LM Studio, no such route",
      200,
      { error: "Unexpected endpoint or method. (POST /chat/completions)" },
      "not-an-api",
    ],
    [
      "Ollama's cloud, the running period of its plan",
      429,
      { error: { message: "you (ana) have reached your weekly usage limit, upgrade for higher limits" } },
      "quota-hard",
    ],
    [
      "Ollama's cloud, older",
      429,
      { error: "you've reached your hourly usage limit, please wait or upgrade to continue" },
      "quota-hard",
    ],
    [
      "a token plan that is used up",
      429,
      { error: { code: "insufficient_quota", message: "Your token-plan quota has been exhausted" } },
      "quota-hard",
    ],
    ["Open WebUI, its pages instead of its API", 405, { detail: "Method Not Allowed" }, "not-an-api"],
    [
      "llama.cpp, started for embeddings alone (#3815)",
      501,
      {
        error: {
          code: 501,
          message: "This server does not support completions. Start it without `--embeddings`",
          type: "not_supported_error",
        },
      },
      "not-offered",
    ],
    [
      "vLLM, a model for something else",
      400,
      { object: "error", message: "The model does not support Chat Completions API", code: 400 },
      "not-offered",
    ],
    [
      "Ollama, a model for something else",
      400,
      { error: { message: "this model does not support embeddings" } },
      "not-offered",
    ],
    [
      "Ollama, a model for embeddings alone",
      400,
      { error: { message: '"nomic-embed-text:latest" does not support chat' } },
      "not-offered",
    ],
    ["a proxy that does not do it", 501, "", "not-offered"],
    [
      "llama.cpp, a schema that it makes no grammar of",
      400,
      { error: { code: 400, message: "Failed to initialize samplers: failed to parse grammar" } },
      "request",
    ],
    ["OpenAI, no such route", 404, { error: { message: "Invalid URL (POST /chat/completions)" } }, "not-an-api"],
    [
      "llama.cpp, context",
      400,
      {
        error: {
          code: 400,
          message: "the request exceeds the available context size, try increasing it",
          type: "exceed_context_size_error",
          n_prompt_tokens: 5000,
          n_ctx: 4096,
        },
      },
      "context",
    ],
    [
      "llama.cpp, loading",
      503,
      { error: { code: 503, message: "Loading model", type: "unavailable_error" } },
      "loading",
    ],
    ["llama.cpp, key", 401, { error: { code: 401, message: "Invalid API Key", type: "authentication_error" } }, "auth"],
    ["LM Studio, nothing loaded", 404, { error: "No models loaded. Please load a model" }, "model"],
    ["ModelScope", 401, { errors: { message: "Please bind your account" }, request_id: "r" }, "auth"],
    [
      "LM Studio, a model that died (#1050, 2025-10)",
      400,
      { error: "The model has crashed without additional information. (Exit code: null)" },
      "server",
    ],
    ["LM Studio, a model that was put away", 400, { error: "Model unloaded." }, "server"],
    [
      "Groq, a call that cannot be read (opencode#1018, 2025-07)",
      400,
      { error: { message: "Failed to call a function. Please adjust your prompt.", code: "tool_use_failed" } },
      "tool-parse",
    ],
    [
      "Groq, more than a minute's tokens at once (code-cli#339, 2026-06)",
      413,
      {
        error: {
          message:
            "Request too large for model `qwen/qwen3-32b` in organization `o` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 38891, please reduce your message size and try again.",
          type: "tokens",
          code: "rate_limit_exceeded",
        },
      },
      "context",
    ],
    [
      "OpenRouter, a model without tools",
      404,
      { error: { message: "No endpoints found that support tool use. To learn more ...", code: 404 } },
      "request",
    ],
    [
      "OpenRouter, the day's free requests",
      429,
      { error: { message: "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000", code: 429 } },
      "quota-hard",
    ],
    ["SiliconFlow", 403, { code: 30_001, message: "Sorry, your account balance is insufficient" }, "billing"],
    ["Novita", 403, { code: 403, reason: "NOT_ENOUGH_BALANCE", message: "not enough balance" }, "billing"],
    ["new-api", 403, { error: { message: "用户额度不足", code: "insufficient_user_quota" } }, "billing"],
    [
      "LiteLLM, a budget",
      400,
      { error: { message: "Budget has been exceeded! Current cost: 28.09", type: "budget_exceeded", code: "400" } },
      "billing",
    ],
    [
      "LiteLLM, a model",
      400,
      { error: { message: "{'error': '/chat/completions: Invalid model name passed in model=foo.'}", code: "400" } },
      "model",
    ],
    ["a text", 502, "Bad gateway", "server"],
    ["a firewall's page", 403, "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>", "not-an-api"],
    ["a proxy's page", 504, "<html>Gateway Time-out</html>", "timeout"],
    ["OpenAI's own", 400, { error: { message: "x", code: "context_length_exceeded" } }, "context"],
  ];
  test.each([...rows])("%s", (_name, status, body, reason) => {
    expect<string>(classify(body, status).reason).toBe(reason);
  });

  test("Ollama's missing model says how to get it", () => {
    const body = new TextDecoder().decode(readCompatible("ollama-err-404.json"));

    expect(classify(body, 404, { dialect: "ollama" }).message).toContain("ollama pull");
  });

  test("a page or foreign JSON under 200 is no answer of such a server", () => {
    expect(classify("<!doctype html><title>Sign in</title>", 200, { contentType: "text/html" }).reason).toBe(
      "not-an-api",
    );
    expect(classify({ hello: "world" }, 200).reason).toBe("not-an-api");
    expect(classify("", 200).reason).toBe("not-an-api");
  });

  test("an error under 200 counts by what it says", () => {
    expect(classify({ error: { message: "Requests rate limit exceeded" } }, 200).reason).toBe("rate");
    expect(classify({ error: { message: "x", code: 401 } }, 200).reason).toBe("auth");
  });

  const statuses = [
    [400, "invalid-request"],
    [401, "upstream-auth"],
    [402, "upstream-quota"],
    [403, "upstream-auth"],
    [408, "upstream-timeout"],
    [413, "too-large"],
    [422, "invalid-request"],
    [429, "upstream-quota"],
    [500, "upstream-failed"],
    [503, "upstream-failed"],
    [504, "upstream-timeout"],
    [529, "upstream-failed"],
  ] as const;
  test.each([...statuses])("a bare status %d is %s [R2-054]", (status, kind) => {
    expect(classify("", status, { contentType: "" }).kind).toBe(kind);
  });
});

describe("what the client is told", () => {
  test("a context that is too long, in the words by which agents compact", () => {
    const error = recorded("vllm-err-400-context-length.json", 400);

    expect(error.message).toBe(
      "The prompt is too long: 1015 tokens > 1014 maximum, this model's maximum context length is 1024 tokens. Shorten the conversation or start a new one",
    );
    expect(error.limits).toEqual({ contextTokens: 1024, promptTokens: 1015, maxPromptTokens: 1014 });
    // For whoever shortens the prompt: others' lengths are no business of theirs.
    expect(error.lengths).toEqual(error.limits);
    expect(classify("", 500).lengths).toBeUndefined();
  });

  /** As their servers write them (sources and trackers, 2025-04 to 2026-11). */
  const tooLong: readonly (readonly [string, string, ToldLengths])[] = [
    [
      "vLLM, before 0.11",
      "This model's maximum context length is 4096 tokens. However, you requested 5010 tokens (5000 in the messages, 10 in the completion). Please reduce the length of the messages or completion.",
      { contextTokens: 4096, promptTokens: 5000 },
    ],
    [
      "vLLM, 2026",
      "This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens. Please reduce the length of the input messages.",
      { contextTokens: 4096, promptTokens: 5000 },
    ],
    [
      "vLLM's engine",
      "The decoder prompt (length 5000) is longer than the maximum model length of 4096. Make sure that `max_model_len` is no smaller than the number of text tokens.",
      { contextTokens: 4096, promptTokens: 5000 },
    ],
    [
      "SGLang",
      "The input (493354 tokens) is longer than the model's context length (262144 tokens).",
      { contextTokens: 262_144, promptTokens: 493_354 },
    ],
    [
      "SGLang, with an answer",
      "Requested token count exceeds the model's maximum context length of 32768 tokens. You requested a total of 40000 tokens: 35000 tokens from the input messages and 5000 tokens for the completion.",
      { contextTokens: 32_768, promptTokens: 35_000 },
    ],
    [
      "llama.cpp",
      "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
      { contextTokens: 4096, promptTokens: 5000 },
    ],
    [
      "LM Studio",
      "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 5432>= n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input",
      { contextTokens: 4096, promptTokens: 5432 },
    ],
    [
      "LM Studio, its other one",
      "Trying to keep the first 5432 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.",
      { contextTokens: 4096 },
    ],
    ["Ollama", "the input length exceeds the context length", {}],
    [
      "SiliconFlow",
      "length of prompt_tokens (57535) must be less than max_seq_len (32768).",
      { contextTokens: 32_768, promptTokens: 57_535 },
    ],
    [
      "TensorRT-LLM",
      "The sum of prompt length (9000.0), query length (0) and max_tokens (1000) should not exceed max_num_tokens (8192)",
      { contextTokens: 8192, promptTokens: 9000 },
    ],
    [
      "text-generation-inference",
      "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000",
      { promptTokens: 5000, maxPromptTokens: 4095 },
    ],
    [
      "text-generation-inference, with an answer",
      "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 10 `max_new_tokens`",
      { contextTokens: 4096, promptTokens: 5000 },
    ],
    ["DashScope", "Range of input length should be [1, 98304]", { maxPromptTokens: 98_304 }],
    [
      "OpenAI",
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 8545 tokens. Please reduce the length of the messages.",
      { contextTokens: 8192, promptTokens: 8545 },
    ],
    [
      "Anthropic, behind a proxy",
      "prompt is too long: 213462 tokens > 200000 maximum",
      { promptTokens: 213_462, maxPromptTokens: 200_000 },
    ],
  ];
  test.each([...tooLong])("%s is told with its numbers, in words by which clients compact", (_, message, limits) => {
    const error = classify({ error: { message, type: "BadRequestError", code: 400 } }, 400);

    expect(error).toMatchObject({ kind: "context-too-long", limits });
    expect(error.limits).toEqual(limits);
    expect(error.message).toMatch(/prompt is too long.*maximum context length/i);
    const { promptTokens, maxPromptTokens, contextTokens } = limits;
    const most = maxPromptTokens ?? contextTokens;
    if (promptTokens !== undefined)
      expect(error.message).toContain(`too long: ${promptTokens} tokens > ${most} maximum`);
    if (contextTokens !== undefined)
      expect(error.message).toContain(`maximum context length is ${contextTokens} tokens`);
    if (most !== undefined) expect(error.message).toContain(String(most));
  });

  test("a prompt that leaves no room for its answer is not said to be longer than it may be", () => {
    const message =
      "This model's maximum context length is 4096 tokens. However, you requested 4100 tokens (4000 in the messages, 100 in the completion).";

    expect(classify({ error: { message } }, 400).message).toBe(
      "The prompt is too long: 4000 tokens and an answer, this model's maximum context length is 4096 tokens. Shorten the conversation or start a new one",
    );
  });

  test("the field to blame, where its name is one", () => {
    expect(classify({ error: { message: "x", param: "top_k" } }, 400)).toMatchObject({ param: "top_k" });
    expect(classify({ error: { message: "x", param: "my secret: 1" } }, 400).param).toBeUndefined();
    expect(classify({ error: { message: "This model does not support enable_search" } }, 400).param).toBe(
      "enable_search",
    );
  });

  test("nothing of what the server wrote: it may quote the prompt", () => {
    const secret = "sk-12345 and the user's words";
    for (const status of [400, 401, 403, 404, 429, 500]) {
      const error = classify({ error: { message: secret, param: secret, code: secret } }, status);
      expect(error.message + (error.param ?? "")).not.toContain("12345");
      expect(String((error.cause as Error).message)).toContain("12345");
    }
  });

  test("when to ask again: what the server says goes first", () => {
    expect(classify("", 429, { retryAfterMs: 7000 }).retryAfterMs).toBe(7000);
    expect(classify("", 429).retryAfterMs).toBe(2000);
    expect(classify("", 500).retryAfterMs).toBeUndefined();
  });

  test("that asking again is useless where a person has to act", () => {
    for (const code of ["Arrearage", "InvalidApiKey", "AllocationQuota.FreeTierOnly"]) {
      expect(errorHeaders(classify({ code, message: "x" }, 400))).toMatchObject({ "x-should-retry": "false" });
    }
    expect(errorHeaders(classify("", 429))).not.toHaveProperty("x-should-retry");
  });
});

test("whatever a server answers is a refusal that can be told", () => {
  const field = fc.constantFrom("error", "errors", "message", "code", "type", "param", "detail", "object");
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc.dictionary(field, fc.jsonValue()).map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(body, fc.integer({ min: 200, max: 599 }), (text, status) => {
      const error = classify(text, status);
      expect(error).toBeInstanceOf(UpstreamRefusal);
      expect(error.message).toMatch(/^[\x20-\x7e]+$/);
    }),
  );
});

test("an answer beside which no error is told is none", () => {
  for (const errors of [null, [], undefined]) expect(isErrorAnswer({ choices: [], errors })).toBe(false);
  for (const errors of [{ message: "no" }, [{ message: "no" }], "no"]) expect(isErrorAnswer({ errors })).toBe(true);
});

test("a code that is an object with names of JavaScript's own is no status", () => {
  expect(classify({ error: { code: { toString: "" }, message: "x" } }, 500).reason).toBe("server");
});

// A key that waits for what was meant as milliseconds, or for ever, serves nobody again until a restart.
test.each(["999999999", "1e300", "Infinity", "99999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])(
  "readRetryAfter believes %j for a day",
  (value) => {
    const headers = new Headers({ "retry-after": value });

    expect(readRetryAfter(headers, Date.parse("2026-11-01T00:00:00Z"))).toBe(86_400_000);
  },
);

test("a refusal tells the true time where it is longer than clients are told to wait", () => {
  const refused = (retryAfterMs: number) =>
    classify({ error: { message: "Slow down" } }, 429, { retryAfterMs }).message;

  expect(refused(60_000)).toEndWith("right now: try again in a moment");
  expect(refused(2 * 3_600_000)).toEndWith("right now: try again in 2 h");
});

test("readRetryAfter reads seconds, dates and milliseconds", () => {
  const read = (headers: Record<string, string>) =>
    readRetryAfter(new Headers(headers), Date.parse("2026-11-01T00:00:00Z"));

  expect(read({ "retry-after": "3" })).toBe(3000);
  expect(read({ "retry-after": "Sun, 01 Nov 2026 00:01:00 GMT" })).toBe(60_000);
  expect(read({ "retry-after-ms": "1500", "retry-after": "2" })).toBe(1500);
  expect(read({ "retry-after": "soon" })).toBeUndefined();
  expect(read({ "retry-after": "1793491260" })).toBe(60_000);
  expect(read({})).toBeUndefined();
});
