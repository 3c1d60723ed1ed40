// What tests may order from an OpenAI-compatible server: refusals, replies, quirks and stream faults, as one schema.

import Type, { type Static } from "typebox";
import { parseEntries, type ParsedScript } from "../parse-entries.ts";
import { after, closed, count, deliveryFields, orderFields, wireFaults } from "../script-fields.ts";

export type CallName = Static<typeof callName>;
const callName = Type.Enum([
  "completions",
  "models",
  "embeddings",
  "rerank",
  "images",
  "transcriptions",
  "speech",
  "info",
  "other",
]);

/** Each is written as the dialect writes it; one that the dialect does not know is written in its common form. */
export type RefusalName = Static<typeof refusalName>;
export type AnsweredName = Exclude<RefusalName, "reset" | "silence">;
const refusalName = Type.Enum([
  "invalid-parameter",
  "context-too-long",
  "in-debt",
  "content-filter",
  "invalid-key",
  "wrong-plan",
  "access-denied",
  "free-tier-only",
  "model-not-found",
  "empty-404",
  "timeout",
  "too-large",
  "rate-limited",
  "token-limited",
  "quota-exhausted",
  "plan-exhausted",
  "burst-limited",
  "concurrency-limited",
  "not-purchased",
  "prepaid-overdue",
  "postpaid-overdue",
  "internal-error",
  "unavailable",
  "loading",
  "parse-failed",
  "no-tools",
  "no-thinking",
  "html-page",
  "gateway-504",
  "http-status",
  "reset",
  "silence",
]);

export type Refusal = Static<typeof refusal>;
const refusal = Type.Object(
  {
    name: refusalName,
    /** `http-status` needs it, the others have their own. */
    status: Type.Optional(Type.Integer({ minimum: 200, maximum: 599 })),
    message: Type.Optional(Type.String()),
    code: Type.Optional(Type.Union([Type.String(), Type.Number(), Type.Null()])),
    type: Type.Optional(Type.String()),
    param: Type.Optional(Type.String()),
    retryAfterSeconds: Type.Optional(Type.Number()),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    /** DashScope's codes come in two spellings: that of its own protocol, and that of OpenAI. */
    spelling: Type.Optional(Type.Enum(["native", "compatible"])),
    /** The body is framed as an event although it is no stream. */
    framed: Type.Optional(Type.Boolean()),
  },
  closed,
);

/** What servers do that their own documents do not promise. */
export type Quirk = Static<typeof quirk>;
const quirk = Type.Enum([
  // Tool calls.
  "empty-call-ids",
  "no-call-ids",
  "late-call-ids",
  "repeated-names",
  "repeated-ids",
  "whole-calls",
  "object-arguments",
  "cumulative-arguments",
  "cut-arguments",
  "same-index",
  "index-from-one",
  "no-index",
  "calls-after-finish",
  "finish-stop",
  "calls-as-json-text",
  "calls-as-xml-text",
  "calls-in-reasoning",
  // Text and thoughts.
  "answer-in-reasoning",
  "think-tags",
  "think-tags-too",
  "unopened-think-tags",
  "stray-think-close",
  "both-reasoning-fields",
  "cumulative-text",
  "content-after-finish",
  "no-role",
  // The end.
  "no-finish",
  "no-done",
  "no-usage",
  "usage-always",
  "usage-on-finish",
  "usage-everywhere",
  // Framing.
  "json-answer",
  "crlf",
  "no-space",
]);

/**
 * `after` counts chunks already delivered, the one with the role included: 0 is before it. Comments do not count. It defaults
 * to 1, where nothing else is said.
 */
export type StreamFault = Static<typeof streamFault>;
const streamFault = Type.Union([
  /** An error in the dialect's in-stream form; with `after: 0` it is all that HTTP 200 brings. */
  Type.Object(
    {
      kind: Type.Literal("error"),
      after,
      refuse: Type.Optional(Type.Union([refusalName, refusal])),
      /** Whether `[DONE]` follows, other than the dialect does it. */
      done: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
  /** DashScope's private finish reason, the error's text in the place of the answer. */
  Type.Object({ kind: Type.Literal("error-finish"), after, text: Type.String() }, closed),
  ...wireFaults,
  /** `[DONE]` without a finish, and the end. */
  Type.Object({ kind: Type.Literal("done"), after }, closed),
]);

const scriptedCall = Type.Object(
  {
    name: Type.String(),
    /** An object is written in the server's style, a text as it is. */
    arguments: Type.Optional(Type.Unknown()),
    /** The text of the arguments, piece by piece. */
    pieces: Type.Optional(Type.Array(Type.String())),
    id: Type.Optional(Type.String()),
  },
  closed,
);

/** What is left out is what the emulator would have said by itself. */
export type ScriptedReply = Static<typeof scriptedReply>;
const scriptedReply = Type.Object(
  {
    /** The answer; the emulator cuts it into deltas. "" is the empty answer. */
    text: Type.Optional(Type.String()),
    /** The answer, delta by delta. */
    chunks: Type.Optional(Type.Array(Type.String())),
    /** How often the deltas are sent over again; made lazily, so it may be huge. */
    repeat: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Thoughts, whole or delta by delta. */
    reasoning: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
    calls: Type.Optional(Type.Array(scriptedCall)),
    finishReason: Type.Optional(Type.String()),
    usage: Type.Optional(
      Type.Object(
        {
          promptTokens: Type.Optional(count),
          completionTokens: Type.Optional(count),
          reasoningTokens: Type.Optional(count),
          cachedTokens: Type.Optional(count),
        },
        closed,
      ),
    ),
    quirks: Type.Optional(Type.Array(quirk)),
    /** Another version or setting of the server, for this reply. */
    variant: Type.Optional(Type.String()),
    /** The exact bytes of the body, such as a recording. */
    raw: Type.Optional(Type.String()),
    contentType: Type.Optional(Type.String()),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    /** Milliseconds before the first event, inside the stream: the prompt is read. */
    firstDelayMs: Type.Optional(count),
    ...deliveryFields,
    /** A keep-alive whenever this long nothing was said. @defaultValue the server's */
    pingEveryMs: Type.Optional(Type.Integer({ minimum: 1 })),
    faults: Type.Optional(Type.Array(streamFault)),
  },
  closed,
);

/**
 * One order. Entries are tried in the order they came; the first that fits is used and, after `times` uses, gone.
 * Without `refuse` and `reply` the call is answered as always, but late.
 */
export type ScriptEntry = Static<typeof scriptEntry>;
const scriptEntry = Type.Object(
  {
    /** Default: completions. */
    on: Type.Optional(callName),
    /** The key that was sent. */
    account: Type.Optional(Type.String()),
    ...orderFields,
    refuse: Type.Optional(Type.Union([refusalName, refusal])),
    reply: Type.Optional(scriptedReply),
  },
  closed,
);

/** @param body one entry, or an array of them */
export function parseScript(body: unknown): ParsedScript<ScriptEntry> {
  return parseEntries(scriptEntry, body);
}
