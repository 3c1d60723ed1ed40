// The catalogue of refusals: by what a server's words are recognised, and what the client reads instead of them.
// Sources: error-code, rate-limit and coding-plan pages of Model Studio (2026-10), sources and trackers of vLLM, SGLang,
// Ollama, llama.cpp and LM Studio (2025-04 to 2026-11), captures by clients. See docs/upstreams.md.

import type { ErrorText } from "./error-body.ts";
import type { RefusalReason } from "./refusal.ts";

export interface RefusalFacts extends ErrorText {
  /** Of the answer; 200 for an error inside a stream. The status that the body tells goes before it. */
  readonly httpStatus: number;
}

export interface RefusalRow {
  readonly reason: RefusalReason;
  readonly when: (facts: RefusalFacts) => boolean;
  /** What follows the upstream's name and a space. @defaultValue the reason's own sentence */
  readonly message?: string;
  /** The request's field that is to blame. */
  readonly param?: string;
  readonly retryAfterMs?: number;
}

const minuteMs = 60_000;

const codeIs =
  (...codes: readonly string[]) =>
  ({ code, type }: RefusalFacts): boolean =>
    codes.includes(code) || codes.includes(type);

const says =
  (pattern: RegExp) =>
  ({ text }: RefusalFacts): boolean =>
    pattern.test(text);

const wrongAddress = "has nothing at the address of chat completions: check its base URL, it mostly ends in /v1";
/** FastAPI, Ollama, llama.cpp; OpenAI and its imitators. */
const noRoute = /^(?:404 )?(?:page |file )?not found\.?$|^method not allowed\.?$|^invalid url \(/;

/** llama.cpp; vLLM by xgrammar, and by llguidance where that fails. Which schema it was nobody tells. */
export const noGrammar = /failed to parse grammar|features not supported by xgrammar|\bgrammar error: /;

/** Older models of DashScope, older vLLM: none but a named tool can be demanded. */
export const noRequiredTool = /\btool_choice\b.*(?:is one of the strings|must either be a named tool)/;

/** Read from the top; what is told by a code or a sentence of its own stands before what only a status tells. */
export const commonRows: readonly RefusalRow[] = [
  {
    reason: "filter",
    when: (facts) =>
      codeIs("datainspectionfailed", "data_inspection_failed", "content_filter")(facts) ||
      says(/inappropriate content|content (?:security|safety) (?:policy|check)/)(facts),
  },
  // Money before rights and quotas: DashScope calls arrears "access denied".
  {
    reason: "billing",
    when: (facts) =>
      codeIs(
        "arrearage",
        "commoditynotpurchased",
        "prepaidbilloverdue",
        "postpaidbilloverdue",
        "insufficient_balance",
        // one-api and new-api; LiteLLM, under status 400.
        "insufficient_user_quota",
        "pre_consume_token_quota_failed",
        "budget_exceeded",
        // SiliconFlow, Novita.
      )(facts) ||
      says(/account is in good standing|insufficient balance|balance is insufficient|not enough balance/)(facts),
  },
  {
    reason: "quota-hard",
    when: (facts) => codeIs("allocationquota.freetieronly")(facts) || says(/free allocated quota exceeded/)(facts),
    message:
      "has used up the free quota of this key for the model: switch to paid use in its console, or use another key",
  },
  {
    // Coding plans; token plans (sub2api PR 6748, 2026-09); Ollama's cloud (hermes-agent PR 68832, 2026-08).
    reason: "quota-hard",
    when: says(
      /(?:hour|week|month) allocated quota exceeded|token-?\s?plan.* quota has been exhausted|(?:hourly|session|weekly|monthly) usage limit/,
    ),
    message: "has used up the quota of this plan for the running period: wait for the next one, or use another key",
  },
  {
    reason: "quota-hard",
    // ModelScope; OpenRouter's free models.
    when: says(/exceeded today'?s quota|free-models-per-day/),
    message: "has used up today's quota of this key for the model: wait for tomorrow's, or use another key",
  },
  // More than a minute's tokens at once: no minute lets it in (Groq's free tier and Qwen3, 2026-06; OpenAI).
  { reason: "context", when: says(/^request too large for .*tokens per min/) },
  {
    reason: "burst",
    when: (facts) =>
      codeIs("throttling.burstrate", "limit_burst_rate")(facts) || says(/rate increased too quickly/)(facts),
  },
  { reason: "concurrency", when: codeIs("throttling.concurrency") },
  {
    reason: "quota-transient",
    when: (facts) =>
      codeIs("throttling.allocationquota", "insufficient_quota")(facts) || says(/throttling: ?tpm|\btpm\b/)(facts),
  },
  {
    reason: "rate",
    when: (facts) =>
      codeIs("throttling", "throttling.ratequota", "limit_requests", "rate_limit_exceeded")(facts) ||
      says(/too many requests|requests? rate limit|rate limit (?:exceeded|reached)|^throttling/)(facts),
  },
  {
    reason: "context",
    when: (facts) =>
      codeIs("exceed_context_size_error", "context_length_exceeded")(facts) ||
      says(
        /range of input length|context length|context size|context window|maximum (?:input|model) length|longer than the model|input is too long|prompt is too long|input length .* exceed|length of prompt_tokens .* max_seq_len|prompt length .* max_num_tokens|`inputs` (?:tokens \+ `max_new_tokens` must be|must have less than)/,
      )(facts),
  },
  {
    reason: "model",
    when: (facts) =>
      codeIs("modelnotfound", "model_not_found", "model_not_supported")(facts) ||
      says(
        /model .*(?:does not exist|not found|not exist|is not supported)|not found, try pulling|no models? loaded|no such model|invalid model name/,
      )(facts),
  },
  {
    reason: "auth",
    when: (facts) =>
      codeIs("invalidapikey", "invalid_api_key", "authentication_error")(facts) ||
      says(/invalid access token|token expired|invalid api-?key|incorrect api key/)(facts),
  },
  // LM Studio, under status 200.
  { reason: "not-an-api", when: says(/^unexpected endpoint or method/), message: wrongAddress },
  // llama.cpp without or with `--embeddings` (#3815, #14223), vLLM's models for something else, Ollama's (2026-07).
  {
    reason: "not-offered",
    when: says(
      /does not support (?:chat$|(?:chat )?(?:completions?|embeddings?|rerank(?:ing)?|transcriptions?|translations?)\b)/,
    ),
  },
  // llama.cpp; Groq, under status 400.
  {
    reason: "tool-parse",
    when: (facts) => codeIs("tool_use_failed")(facts) || says(/failed to parse input at pos/)(facts),
  },
  // LM Studio, under status 400 (#1050, 2025-10): it loads the model again with the next request.
  { reason: "server", when: says(/model (?:has )?crashed|model (?:is |was )?unloaded/) },
  { reason: "loading", when: says(/loading model|model is (?:being )?loaded|model is loading/) },
  {
    reason: "loading",
    when: says(/failed to load (?:the )?model/),
    message: "could not load the model: its own log has the reason, mostly too little memory",
  },
  {
    reason: "concurrency",
    when: says(/(?:service|server) is overloaded|request queue is full|server busy/),
    message: "has more requests than it can take: try again in a moment",
  },
  // Its code is that of any wrong parameter on DashScope.
  { reason: "size", when: says(/max bytes per (?:request|data-uri item)|multimodal file size is too large/) },
  ...requestRows(),
  { reason: "permission", when: codeIs("accessdenied", "access_denied", "model.accessdenied") },
  ...statusRows(),
];

/** Refusals that name what is wrong with the request. */
function requestRows(): RefusalRow[] {
  return [
    {
      reason: "request",
      when: says(/must contain the word .?json|word .?json.? in/),
      message: 'answers in JSON only when a message says so: write the word "json" into the prompt',
      param: "response_format",
    },
    {
      reason: "request",
      when: says(noGrammar),
      message: "makes no grammar of the schema of a tool, or of the answer: say less in it",
    },
    {
      reason: "request",
      when: says(
        /response_format|json_schema|json_object|json mode|structured.?output|guided.?(?:json|decoding)|xgrammar/,
      ),
      message: "does not answer in the form that response_format asks for: leave it out, or choose another model",
      param: "response_format",
    },
    {
      reason: "request",
      when: says(/tool names are not allowed/),
      message: "has tools of its own, such as one named search: give yours another name",
      param: "tools",
    },
    {
      reason: "request",
      when: says(/repetitive tool calls/),
      message: "goes on no longer with a conversation that makes the same call again and again: say what else to do",
      param: "messages",
    },
    {
      reason: "request",
      when: says(noRequiredTool),
      message: "demands no call of any tool from this model: name one in tool_choice, or leave it away",
      param: "tool_choice",
    },
    {
      reason: "request",
      when: says(/tool_choice.*thinking/),
      message:
        "forces no tool on this model, which cannot help thinking: leave tool_choice away, or choose another model",
      param: "tool_choice",
    },
    {
      reason: "request",
      when: says(/not support enable_search/),
      message: "has no web search for this model: leave enable_search out",
      param: "enable_search",
    },
    {
      reason: "request",
      when: says(/thinking_budget/),
      message: "refused the thinking budget: it must be positive and no more than the model allows",
      param: "thinking_budget",
    },
    {
      reason: "request",
      when: says(/range of max_tokens|max_tokens is too large|max_tokens must be|max_completion_tokens is too large/),
      message: "refused max_tokens: it is more than the model can write",
      param: "max_tokens",
    },
    {
      reason: "request",
      when: says(
        /does not support tools|tool call is not supported|enable-auto-tool-choice|tool.call.parser|no endpoints found that support tool/,
      ),
      message: "cannot call tools with this model: start the server with a tool parser, or choose another model",
      param: "tools",
    },
    {
      reason: "request",
      when: says(
        /does not support (?:image|vision|multimodal)|not a multimodal model|image input is not supported|no endpoints found that support image|at most 0 image|unexpected item type in content/,
      ),
      message: "cannot read images with this model: choose one with vision",
      param: "messages",
    },
    {
      reason: "request",
      when: (facts) => codeIs("invalidparameter", "invalid_parameter_error", "badrequesterror")(facts),
    },
  ];
}

/** What the status says when nothing else does. */
function statusRows(): RefusalRow[] {
  const statusIs =
    (...statuses: readonly number[]) =>
    ({ status, httpStatus }: RefusalFacts): boolean =>
      statuses.includes(status ?? httpStatus);
  return [
    { reason: "auth", when: statusIs(401) },
    { reason: "billing", when: statusIs(402) },
    { reason: "permission", when: statusIs(403) },
    {
      reason: "not-an-api",
      when: (facts) => statusIs(404, 405)(facts) && (facts.text === "" || says(noRoute)(facts)),
      message: wrongAddress,
    },
    { reason: "model", when: statusIs(404) },
    { reason: "not-offered", when: statusIs(501) },
    { reason: "timeout", when: (facts) => statusIs(408, 504, 524)(facts) || codeIs("requesttimeout")(facts) },
    { reason: "size", when: statusIs(413) },
    { reason: "rate", when: statusIs(429) },
    { reason: "request", when: statusIs(400, 409, 415, 422) },
    { reason: "server", when: statusIs(503, 529), retryAfterMs: 2000 },
    { reason: "server", when: () => true },
  ];
}

/** Rows of the plans for coding tools, read before the common ones (coding-plan page, 2026-10). */
export const planRows: readonly RefusalRow[] = [
  {
    reason: "auth",
    when: says(/invalid access token|token expired/),
    message:
      "refused the key: it is an ordinary one, or the plan has expired. Plan keys begin with sk-sp- and serve on the plan's own host",
  },
  {
    reason: "rate",
    when: says(/concurrency|too frequent/),
    retryAfterMs: minuteMs,
  },
];

/** Rows of Ollama, read before the common ones (2026-08). */
export const ollamaRows: readonly RefusalRow[] = [
  {
    reason: "model",
    when: says(/not found, try pulling|model .*not found/),
    message: "does not have this model: fetch it there with `ollama pull`, or GET /v1/models for those it has",
    param: "model",
  },
];
