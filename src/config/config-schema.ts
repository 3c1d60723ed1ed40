// Every setting of the gateway, once: type, range, default and meaning. Names, parsing, help and the published JSON
// schema follow from this table. `allowed` is the range in words where the schema alone reads badly.

import { type Static, Type } from "typebox";
import { agentSettings } from "./agent-settings.ts";
import { boundSettings } from "./bound-settings.ts";
import { callerSettings } from "./caller-settings.ts";
import { chatSettings } from "./chat-settings.ts";
import { storeSettings } from "./store-settings.ts";
import { watchSettings } from "./watch-settings.ts";
import { historySettings } from "./history-settings.ts";
import {
  dayMs,
  folder,
  gibibyte,
  longestTimerMs,
  limit,
  list,
  minuteMs,
  mostCounted,
  mostTokens,
  mostWorkers,
  tenYearsMs,
  toggle,
  wait,
} from "./setting-kinds.ts";

const addressRules = {
  pattern: "^https?://[^\\s/?#@]+(/[^\\s?#]*)?$",
  // Also tells load-config.ts to drop a slash at the end.
  format: "uri",
  allowed: "an http:// or https:// address without password and query",
};

function address(description: string, defaultUrl: string) {
  return Type.String({ description, default: defaultUrl, ...addressRules });
}

const secretWords = ["keys without white space", "^[!-~]+$", { writeOnly: true }] as const;
const modelWords = ["names of models", "^\\S+$"] as const;
const regionRules = {
  pattern: "^[a-z]{2,}[a-z0-9-]*$",
  allowed: "intl, cn, us, hk, or a region's full name such as ap-southeast-1",
};
const routeTarget = Type.String({ pattern: "^\\S+$" });

/** The kinds of OpenAI-compatible servers; each has a record in upstreams/openai-compatible/dialects/. */
const dialectNames = [
  "dashscope",
  "dashscope-plans",
  "modelscope",
  "vllm",
  "sglang",
  "ollama",
  "llama-cpp",
  "lm-studio",
  "generic",
] as const;

export const upstreamNameRule = "^[a-z0-9][a-z0-9._-]{0,63}$";
/** Of a Coding Plan. */
const planTiers = ["lite", "pro"] as const;

/** One upstream of the file. Names of fields are the file's. */
const upstreamSchema = Type.Object(
  {
    /** Stands before a slash in names of models, in headers, metrics and the log. */
    name: Type.String({ pattern: upstreamNameRule }),
    dialect: Type.Optional(Type.Enum(dialectNames)),
    base_url: Type.Optional(Type.String({ pattern: addressRules.pattern })),
    api_keys: Type.Optional(Type.Array(Type.String({ pattern: "^[!-~]+$" }))),
    region: Type.Optional(Type.String({ pattern: regionRules.pattern })),
    plan: Type.Optional(Type.Enum(["coding", "token"])),
    tier: Type.Optional(Type.Enum(planTiers)),
    workspace: Type.Optional(Type.String({ pattern: "^[a-z0-9-]+$" })),
    models: Type.Optional(Type.Array(Type.String({ pattern: "^\\S+$" }))),
    default_model: Type.Optional(Type.String({ pattern: "^\\S+$" })),
    headers: Type.Optional(Type.Record(Type.String(), Type.String({ pattern: "^[ -~]*$" }))),
    max_concurrent: Type.Optional(Type.Integer({ minimum: 1, maximum: mostCounted })),
    requests_per_minute: Type.Optional(Type.Integer({ minimum: 1, maximum: mostCounted })),
    tokens_per_minute: Type.Optional(Type.Integer({ minimum: 1, maximum: mostTokens })),
    /** Requests that may begin in the first second after rest, and twice as many in each that follows. */
    ramp_per_second: Type.Optional(Type.Integer({ minimum: 1, maximum: mostCounted })),
    queue_size: Type.Optional(Type.Integer({ minimum: 0, maximum: mostCounted })),
    queue_wait_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: longestTimerMs })),
  },
  { additionalProperties: false },
);

export type UpstreamSettings = Static<typeof upstreamSchema>;

/** Property names are the environment's names in camelCase. `writeOnly` marks secrets: they are never echoed. */
export const configSchema = Type.Object(
  {
    host: Type.String({
      description: "Address to listen on. Anything but a loopback address needs API_KEY",
      default: "127.0.0.1",
      pattern: "^[^\\s/]+$",
      allowed: "a host name or an IP address",
    }),
    port: Type.Integer({
      description: "Port to listen on; 0 takes a free one",
      default: 8787,
      minimum: 0,
      maximum: 65535,
    }),
    workers: Type.Union([Type.Integer({ minimum: 1, maximum: mostWorkers }), Type.Literal("auto")], {
      description: "How many processes serve on the port, on Linux. auto: one for each core",
      default: 1,
      allowed: `a whole number from 1 to ${mostWorkers}, or auto`,
    }),
    dataDir: Type.String({
      description:
        "Folder of the database and of generated keys. Default: qwen-gateway in $XDG_DATA_HOME or ~/.local/share, ./data without a home",
      ...folder,
    }),
    apiKey: list("Keys that clients must present, one or several", "keys without white space", "^[!-~]+$", {
      writeOnly: true,
    }),
    adminKey: list(
      "Keys for /admin, /metrics and /health/detailed, one or several. Default: on a loopback address without API_KEY whoever is at this machine, elsewhere nobody may open /admin",
      ...secretWords,
    ),
    insecure: toggle("Allow a non-loopback address without API_KEY", false),
    generateApiKey: toggle(
      "Without API_KEY on a non-loopback address: make a key, keep it in DATA_DIR, print it once",
      false,
    ),
    allowedHosts: list(
      "Host names by which clients may call besides loopback, when no key is set",
      "host names such as gateway.example.com",
      "^[^\\s/,*.][^\\s/,*]*$",
    ),
    trustedProxies: list(
      "Addresses of reverse proxies whose X-Forwarded-For counts",
      "IP addresses or ranges such as 10.0.0.0/8",
      "^[0-9a-fA-F:.]+(/[0-9]{1,3})?$",
    ),
    corsOrigin: list(
      "Origins of web pages that may call, or * for any",
      "origins such as https://app.example.com, or *",
      "^(\\*|[a-z][a-z0-9+.-]*://[^\\s/,*]+)$",
    ),
    masterKey: Type.Optional(
      Type.String({
        description: "Key that encrypts stored credentials: 32 bytes in hex. Default: a key file in DATA_DIR",
        pattern: "^[0-9a-fA-F]{64}$",
        writeOnly: true,
        allowed: "64 hexadecimal characters",
      }),
    ),

    masterKeyPrevious: list(
      "Earlier values of MASTER_KEY: they open what was sealed with them, until qwen-gateway keys rotate-master has been run",
      "texts of 64 hexadecimal characters",
      "^[0-9a-fA-F]{64}$",
      { writeOnly: true },
    ),

    qwenToken: Type.Optional(
      Type.String({
        description: "Bearer token of your account on chat.qwen.ai",
        pattern: "^[!-~]+$",
        writeOnly: true,
        allowed: "a token without white space",
      }),
    ),
    qwenCookies: Type.Optional(
      Type.String({
        description: "Whole Cookie header of your signed-in browser on chat.qwen.ai",
        pattern: "^[ -~]+$",
        writeOnly: true,
        allowed: "one line of printable ASCII such as name=value; name=value",
      }),
    ),
    qwenHeaders: Type.Optional(
      Type.Record(Type.String(), Type.String({ pattern: "^[ -~]*$" }), {
        description: "Further headers captured from your signed-in browser, such as bx-umidtoken",
        writeOnly: true,
        allowed: 'a JSON object such as {"bx-umidtoken": "T2gA..."}',
      }),
    ),
    qwenAccounts: Type.Optional(
      Type.Array(
        Type.Object(
          {
            alias: Type.Optional(Type.String({ pattern: "^[^\\x00-\\x1f\\x7f]{1,64}$" })),
            token: Type.Optional(Type.String({ pattern: "^[!-~]+$" })),
            cookies: Type.Optional(Type.String({ pattern: "^[ -~]+$" })),
            headers: Type.Optional(Type.Record(Type.String(), Type.String({ pattern: "^[ -~]*$" }))),
          },
          { additionalProperties: false, minProperties: 1 },
        ),
        {
          description: "Further accounts of yours, each with alias, token, cookies and headers as above",
          writeOnly: true,
          allowed: 'a list such as [{"alias": "work", "cookies": "token=...; refresh_token=..."}]',
        },
      ),
    ),
    qwenBaseUrl: address("Where the Qwen web backend answers", "https://chat.qwen.ai"),
    qwenAuthUrl: address("Where the Qwen web backend signs in", "https://auth.qwen.ai"),
    qwenChainOn: Type.Enum(["response_id", "parent_id"], {
      description: "Which id of an answer the next turn continues",
      default: "response_id",
    }),
    qwenChatTitle: Type.String({
      description: "Title of the chats that the gateway creates",
      default: "API Chat",
      minLength: 1,
      maxLength: 200,
      allowed: "text of 1 to 200 characters",
    }),
    qwenDeleteChats: toggle("Deleting a session also deletes its chats at Qwen", false),
    qwenMaxMessageChars: Type.Optional(
      Type.Integer({
        description:
          "Longest message that is sent to the Qwen web backend as text, in characters. Default: 60000 for chat.qwen.ai, whose firewall stops longer ones, else no limit",
        minimum: 1,
        maximum: gibibyte,
      }),
    ),
    qwenUpload: toggle(
      "Longer messages go up as a text file, and files of messages as they are; false refuses both",
      true,
    ),
    qwenUploadUrl: Type.Optional(
      Type.String({
        description: "Where files are put. Default: the storage that Qwen names",
        ...addressRules,
      }),
    ),
    qwenRecover: toggle("An answer whose stream breaks off is completed from the stored chat, if that holds it", true),

    qwenMaxConcurrent: limit(
      "Most replies of Qwen web accounts at a time, all accounts together. Beyond it requests wait",
    ),
    qwenRequestsPerMinute: limit("Most requests to Qwen web accounts within a minute. Beyond it requests wait"),

    upstreamBaseUrl: Type.Optional(
      Type.String({
        description: "Address of an OpenAI-compatible server of yours, such as http://127.0.0.1:11434/v1",
        ...addressRules,
      }),
    ),
    upstreamApiKey: list("Its keys, one or several; none where it needs none", ...secretWords),
    upstreamDialect: Type.Optional(
      Type.Enum(dialectNames, { description: "What kind of server it is. Default: detected by asking it" }),
    ),
    upstreamModels: list("The models that clients see, instead of the server's own list", ...modelWords),
    upstreamMaxConcurrent: limit("Most replies of this server at a time. Beyond it requests wait"),
    upstreamRequestsPerMinute: limit("Most requests to it within a minute. Beyond it requests wait"),
    upstreamTokensPerMinute: limit(
      "Most tokens, read and written, within a minute. Beyond it requests wait",
      mostTokens,
    ),
    dashscopeApiKey: list("Your keys of Alibaba Cloud Model Studio (DashScope), one or several", ...secretWords),
    dashscopeRegion: Type.Optional(Type.String({ description: "Region of these keys. Default: intl", ...regionRules })),
    dashscopePlan: Type.Optional(
      Type.Enum(["coding", "token"], { description: "Plan that these keys belong to. Default: pay as you go" }),
    ),
    dashscopeTier: Type.Optional(
      Type.Enum(planTiers, { description: "Tier of a coding plan, whose limits are then kept. Default: those of pro" }),
    ),
    dashscopeMaxConcurrent: limit("Most replies of DashScope at a time. Beyond it requests wait"),
    dashscopeRequestsPerMinute: limit(
      "Most requests to DashScope within a minute, and a sixtieth of it within a second. Beyond it requests wait",
    ),
    dashscopeTokensPerMinute: limit("The same for tokens, read and written. Beyond it requests wait", mostTokens),
    modelscopeApiKey: list("Your keys of ModelScope, one or several", ...secretWords),
    upstreams: Type.Optional(
      Type.Array(upstreamSchema, {
        description: "Further upstreams, the first asked first, each with a name of its own",
        writeOnly: true,
        allowed: `a list of objects with name and base_url, or name and dialect; dialects are ${dialectNames.join(", ")}`,
      }),
    ),
    modelRoutes: Type.Optional(
      Type.Record(Type.String({ minLength: 1 }), Type.Union([routeTarget, Type.Array(routeTarget, { minItems: 1 })]), {
        description:
          "Names of models that clients ask for, and what serves them, in order: a model, upstream/model or upstream/. A name may end in *",
        allowed: 'an object such as {"claude-*": ["dashscope/qwen3-coder-plus", "qwen3-max"]}',
      }),
    ),
    defaultModel: Type.String({
      description: "Model of requests that name none",
      default: "qwen3-max",
      pattern: "^\\S+$",
      allowed: "the name of a model",
    }),
    contextTrim: Type.Enum(["off", "tool-results", "oldest-turns", "both"], {
      description:
        "A conversation that is longer than its model's context: refused, old results of tools shortened, the oldest turns left out, or both",
      default: "off",
    }),

    sessionMatch: Type.Enum(["history", "first-message"], {
      description: "How a request finds its conversation: by its whole history, or by its first message alone",
      default: "history",
    }),
    sessionTimeout: Type.Integer({
      description: "How long an unused session is kept, in milliseconds",
      default: 30 * dayMs,
      minimum: 1,
      maximum: tenYearsMs,
    }),
    sessionCleanupInterval: wait("Time between two sweeps of expired sessions, in milliseconds", 10 * minuteMs),

    ...storeSettings,
    ...boundSettings,
    ...historySettings,
    ...callerSettings,
    ...chatSettings,
    ...agentSettings,
    ...watchSettings,

    transport: Type.Enum(["socket", "fetch"], {
      description:
        "How upstreams are reached: by sockets of the gateway's own, or by the platform's fetch, which knows proxies and is the default where HTTPS_PROXY, HTTP_PROXY or ALL_PROXY is set",
      default: "socket",
    }),
    stream: toggle(
      "false answers every request with one JSON document, whatever it asks for; the typed chat and the agent stream all the same",
      true,
    ),
    streamUsage: Type.Enum(["request", "always"], {
      description: "Token usage in streams: when the request asks for it, or always",
      default: "request",
    }),
    reasoningDisplay: Type.Enum(["field", "tags", "hidden"], {
      description:
        "Thoughts of a model: in the place that the client's protocol has for them, as <think> tags before the answer, or not at all. A request may say otherwise",
      default: "field",
    }),
    wrapAnswer: Type.Enum(["off", "attempt_completion"], {
      description:
        "For agents of the old Roo Code protocol: answers without a call of theirs come within <attempt_completion>. A request may say otherwise",
      default: "off",
    }),
    logLevel: Type.Enum(["debug", "info", "warn", "error", "silent"], {
      description: "Lowest level that is logged",
      default: "info",
    }),
    logFormat: Type.Enum(["auto", "pretty", "json"], {
      description: "Form of log lines; auto is pretty on a terminal and json elsewhere",
      default: "auto",
    }),
    debugStreaming: toggle("Log how chunks are processed. Only true turns it on, any other value is off", false),
  },
  { additionalProperties: false },
);

type Fields = Static<typeof configSchema>;
export type ConfigKey = keyof Fields;

/** Deep frozen. Keys that are optional and not set are absent. */
export type Config = {
  readonly [Key in keyof Fields]: Fields[Key] extends string[] ? readonly string[] : Fields[Key];
};
