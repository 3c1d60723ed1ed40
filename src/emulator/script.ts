// What tests may order: refusals, scripted replies, delays, gates and stream faults, as one checked schema.

import Type, { type Static } from "typebox";
import { callForms } from "./call-markup.ts";
import { parseEntries, type ParsedScript } from "./parse-entries.ts";
import { after, closed, deliveryFields, orderFields, wireFaults } from "./script-fields.ts";

export type CallName = Static<typeof callName>;
const callName = Type.Enum([
  "completions",
  "chats/new",
  "models",
  "stop",
  "refresh",
  "auth",
  "chat",
  "chats",
  "delete",
  "files",
  "other",
]);

export type RefusalName = Static<typeof refusalName>;
const refusalName = Type.Enum([
  "rate-limited",
  "rate-limited-flat",
  "unauthorized",
  "token-expired",
  "token-revoked",
  "chat-in-progress",
  "parent-not-exist",
  "chat-not-exist",
  "first-message",
  "too-many-messages",
  "validation",
  "bad-request-flat",
  "bad-request",
  "internal-error",
  "internal-server-error",
  "model-not-found",
  "invalid-file",
  "not-found",
  "waf-punish",
  "waf-html",
  "gateway-504",
  "http-status",
  "reset",
  "silence",
]);

export type Refusal = Static<typeof refusal>;
const refusal = Type.Object(
  {
    name: refusalName,
    /** HTTP status to answer with; `http-status` needs it, the others have their own (mostly 200). */
    status: Type.Optional(Type.Integer({ minimum: 200, maximum: 599 })),
    /** `num` of the daily limit. */
    hours: Type.Optional(Type.Number()),
    code: Type.Optional(Type.String()),
    /** Other text, such as a localised one. */
    details: Type.Optional(Type.String()),
    retryAfterSeconds: Type.Optional(Type.Number()),
  },
  closed,
);

/**
 * `after` counts events already delivered, `response.created` included: 0 is before it, 1 right behind it. It defaults to 1,
 * where nothing else is said.
 */
export type StreamFault = Static<typeof streamFault>;
const streamFault = Type.Union([
  /** In-stream error object; the stream ends behind it. */
  Type.Object({ kind: Type.Literal("error"), after, code: Type.String(), details: Type.String() }, closed),
  /** In-stream error that is a plain string. */
  Type.Object({ kind: Type.Literal("error-text"), after, text: Type.String() }, closed),
  ...wireFaults,
  Type.Object({ kind: Type.Literal("unknown-event"), after }, closed),
  /** `data: [DONE]`, which the backend never sends. Without `after` it follows the finish. */
  Type.Object({ kind: Type.Literal("done"), after }, closed),
  /** A second answer with its own response id, delta by delta between those of the first. */
  Type.Object({ kind: Type.Literal("interleave"), after, text: Type.String() }, closed),
]);

export type SearchSource = Static<typeof searchSource>;
const searchSource = Type.Object(
  {
    url: Type.String(),
    title: Type.String(),
    snippet: Type.Optional(Type.String()),
    date: Type.Optional(Type.String()),
  },
  closed,
);

export type Thought = Static<typeof thought>;
const thought = Type.Object({ title: Type.String(), thought: Type.String() }, closed);

/** What is left out is what the emulator would have said by itself. */
export type ScriptedReply = Static<typeof scriptedReply>;
const scriptedReply = Type.Object(
  {
    /** The answer; the emulator cuts it into deltas. "" is the empty answer. */
    text: Type.Optional(Type.String()),
    /** The answer, delta by delta. */
    chunks: Type.Optional(Type.Array(Type.String())),
    /** Tool calls behind the text, as a model writes them. */
    calls: Type.Optional(
      Type.Array(Type.Object({ name: Type.String(), arguments: Type.Optional(Type.Unknown()) }, closed)),
    ),
    /** @defaultValue "told" */
    callForm: Type.Optional(Type.Enum([...callForms])),
    /** The answer is cut into deltas of so many signs. */
    deltaChars: Type.Optional(Type.Integer({ minimum: 1 })),
    /** How often `chunks` (or the deltas of `text`) are sent over again; made lazily, so it may be huge. */
    repeat: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Phase `think`. */
    thinking: Type.Optional(Type.String()),
    /** Phase `thinking_summary`, cumulative. */
    thoughts: Type.Optional(Type.Array(thought)),
    /** A native `web_search` round before the answer. */
    sources: Type.Optional(Type.Array(searchSource)),
    /** Image addresses, phase `image_gen`. */
    images: Type.Optional(Type.Array(Type.String())),
    /** The exact bytes of the stream, such as a recording; its ids become the ids of the nodes. */
    raw: Type.Optional(Type.String()),
    /** Events as in 2025-10: no `response_id`, no `timestamp`, `cached_tokens` on top. */
    legacyEvents: Type.Optional(Type.Boolean()),
    ...deliveryFields,
    faults: Type.Optional(Type.Array(streamFault)),
    /** What the stored chat holds when a fault cut the stream. Default: what was delivered. */
    stored: Type.Optional(Type.Enum(["delivered", "complete"])),
    /** Deltas repeat all text so far, as if `incremental_output` had been passed over. */
    cumulative: Type.Optional(Type.Boolean()),
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
    /** Bearer or account id. */
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
