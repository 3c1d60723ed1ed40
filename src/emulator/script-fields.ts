// What the scripts of both emulators order in the same words: how an answer breaks off, how it is delivered, and which call
// an order is for.

import Type, { type Static } from "typebox";

export const closed = { additionalProperties: false };
export const count = Type.Integer({ minimum: 0 });

/** So much was delivered already; each script says what counts. */
export const after = Type.Optional(count);

/** How any stream may fail, whatever it says. `after` defaults to 1. */
export const wireFaults = [
  /** The connection is reset. */
  Type.Object({ kind: Type.Literal("drop"), after }, closed),
  /** A clean end of the body without a finish. */
  Type.Object({ kind: Type.Literal("end"), after }, closed),
  /** Nothing more comes, or only keep-alives. */
  Type.Object({ kind: Type.Literal("stall"), after, keepAliveEveryMs: Type.Optional(count) }, closed),
  /** The stream stays open behind its last event. */
  Type.Object({ kind: Type.Literal("stay-open") }, closed),
  /** A line that is no event the client knows: broken JSON unless `line` says otherwise. */
  Type.Object({ kind: Type.Literal("malformed"), after, line: Type.Optional(Type.String()) }, closed),
  /** The server's own, `times` of them. */
  Type.Object({ kind: Type.Literal("keep-alive"), after, times: Type.Optional(count) }, closed),
] as const;

export type WireFault = Static<(typeof wireFaults)[number]>;

export const deliveryFields = {
  /** Milliseconds between events, instead of the emulator's own pace. */
  paceMs: Type.Optional(count),
  splitBytes: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Everything that needs no waiting in one chunk of bytes. */
  joinEvents: Type.Optional(Type.Boolean()),
  encoding: Type.Optional(Type.Enum(["gzip", "br"])),
};

export const orderFields = {
  /** Substring of the newest message (completions), else of the body or path. */
  match: Type.Optional(Type.String()),
  /** Default: once. */
  times: Type.Optional(Type.Union([Type.Integer({ minimum: 1 }), Type.Literal("always")])),
  /** Wait before the answer's head. */
  delayMs: Type.Optional(count),
  /** The answer waits for one `release` of this gate; a stream waits so before each event. */
  gate: Type.Optional(Type.String()),
};
