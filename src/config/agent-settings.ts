// The settings of the agent: its tool servers, its bounds, what it asks before it does it, and tokens of users.

import { Type } from "typebox";
import { dayMs, list, longestTimerMs, minuteMs, toggle, wait } from "./setting-kinds.ts";

/** One tool server, as other clients write it under `mcpServers`. */
export const toolServerSchema = Type.Object(
  {
    command: Type.Optional(Type.String({ minLength: 1 })),
    args: Type.Optional(Type.Array(Type.String())),
    env: Type.Optional(Type.Record(Type.String(), Type.String())),
    cwd: Type.Optional(Type.String({ minLength: 1 })),
    /** A variable may stand at its beginning. */
    url: Type.Optional(Type.String({ pattern: "^(https?://|\\$\\{)" })),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    /** `streamable-http`, `streamableHttp` and `http` are the same. Absent: by what there is, and of two HTTP forms the newer first. */
    type: Type.Optional(Type.Enum(["stdio", "http", "streamable-http", "streamableHttp", "sse"])),
    disabled: Type.Optional(Type.Boolean()),
    /** The other way round, as Codex has it. */
    enabled: Type.Optional(Type.Boolean()),
    /** Only these of its tools, as Gemini CLI, Qwen Code and Codex have it. */
    includeTools: Type.Optional(Type.Array(Type.String())),
    enabled_tools: Type.Optional(Type.Array(Type.String())),
    /** None of these, as Gemini CLI and Qwen Code, Roo Code and Windsurf, and Codex have it. */
    excludeTools: Type.Optional(Type.Array(Type.String())),
    disabledTools: Type.Optional(Type.Array(Type.String())),
    disabled_tools: Type.Optional(Type.Array(Type.String())),
    /** Longest wait for one call: up to 3600 in seconds, as Cline has it, above in milliseconds, as Claude Code does. */
    timeout: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: longestTimerMs })),
    /** The same in milliseconds, whatever the number. */
    timeout_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: longestTimerMs })),
    /** The same in seconds, as Codex has it. */
    tool_timeout_sec: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: longestTimerMs / 1000 })),
    /** One connection for all users, or one each. */
    shared: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: true },
);

/** What the agent may do by itself, by tool: patterns of `server/tool`, `*` stands for anything. */
const toolPatterns = ["patterns of server/tool, such as calendar/delete_*", "^\\S+$"] as const;

/** One rule of the file for some callers. */
const toolPattern = Type.String({ pattern: "^\\S+$" });
const confirmations = ["destructive", "writes", "never"] as const;
const callerRuleSchema = Type.Object(
  {
    /** Beginnings of keys, with * for the rest, or whole keys. */
    keys: Type.Optional(Type.Array(Type.String({ pattern: "^[!-~]+$" }), { minItems: 1 })),
    /** The sub of their tokens; * stands for anything. */
    users: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })),
    confirm: Type.Optional(Type.Enum(confirmations)),
    allow: Type.Optional(Type.Array(toolPattern)),
    ask: Type.Optional(Type.Array(toolPattern)),
    deny: Type.Optional(Type.Array(toolPattern)),
  },
  { additionalProperties: false },
);

export const agentSettings = {
  mcpServers: Type.Optional(
    Type.Record(Type.String({ minLength: 1, maxLength: 200 }), toolServerSchema, {
      description: "Tool servers (MCP) of the agent, in the form of other clients' mcpServers",
      // Some of it is: what is wrong with it is told by names alone.
      writeOnly: true,
      allowed: "an object of servers by name, each with command or url",
    }),
  ),
  mcpConfig: Type.Optional(
    Type.String({
      description: "JSON file with mcpServers, such as another client's",
      minLength: 1,
      allowed: "the path of a file",
    }),
  ),
  agentModel: Type.Optional(
    Type.String({
      description: "Model of the agent. Unset: the default model",
      pattern: "^\\S+$",
      allowed: "the name of a model",
    }),
  ),
  agentTimeoutMs: wait("Longest run of the agent. Waiting for a person does not count", minuteMs),
  agentMaxSteps: Type.Integer({
    description: "Most calls of tools in one run of the agent",
    default: 20,
    minimum: 1,
    maximum: 1000,
  }),
  agentConfirm: Type.Enum(confirmations, {
    description:
      "What the agent asks before it does it: what destroys or cannot be undone, all that changes something, or nothing",
    default: "destructive",
  }),
  agentConfirmExpiryMs: wait("How long a question of the agent waits for its answer", dayMs),
  agentAllow: list("Tools that the agent calls without asking", ...toolPatterns),
  agentAsk: list("Tools that the agent always asks about", ...toolPatterns),
  agentDeny: list("Tools that the agent never calls", ...toolPatterns),
  agentRules: Type.Optional(
    Type.Array(callerRuleSchema, {
      description: "The same for single callers, beside the rules for all: whichever stands anywhere counts",
      // Whole keys may stand in it.
      writeOnly: true,
      allowed: 'a list such as [{"keys": ["ci-*"], "users": ["ann"], "confirm": "writes", "deny": ["mail/*"]}]',
    }),
  ),
  agentOpen: toggle("Serve the agent without a token on a loopback address that has no keys", false),
  agentSampling: toggle("Let tool servers ask the model (MCP sampling), through the gateway's own upstreams", false),
  mcpCacheMs: wait("How long the list of a tool server's tools is believed", 5 * minuteMs),
  mcpCallTimeoutMs: wait("Longest call of a tool", minuteMs),
  jwtSecret: Type.Optional(
    Type.String({
      description: "Secret of user tokens (JWT, HS256), at least 32 bytes",
      minLength: 32,
      writeOnly: true,
      allowed: "at least 32 bytes",
    }),
  ),
  jwtPublicKey: Type.Optional(
    Type.String({
      description: "Public key of user tokens (JWT), in PEM or as a JWK, or the path of a file that holds it",
      minLength: 1,
      allowed: "a key in PEM, a JWK, or the path of a file",
    }),
  ),
  jwtJwksUrl: Type.Optional(
    Type.String({
      description: "Address of the key set (JWKS) of user tokens",
      pattern: "^https?://[^\\s]+$",
      allowed: "an http:// or https:// address",
    }),
  ),
  jwtIssuer: Type.Optional(
    Type.String({ description: "Issuer that user tokens must name", minLength: 1, allowed: "a text" }),
  ),
  jwtAudience: Type.Optional(
    Type.String({ description: "Audience that user tokens must name", minLength: 1, allowed: "a text" }),
  ),
};
