// Pieces of a reply to the events of its stream, in the dialect's form. Counts what is said on the way.

import type { ReplyStep } from "../reply-steps.ts";
import { countTokens } from "../reply-steps.ts";
import type { CallPiece, ChunkForm, Fields, Frame, Spoken, UsageCount } from "./chunk-form.ts";
import type { Piece } from "./reply-pieces.ts";
import type { Quirk } from "./script.ts";

export interface ChunkContext {
  readonly form: ChunkForm;
  readonly frame: Frame;
  readonly quirks: ReadonlySet<Quirk>;
  readonly asksForUsage: boolean;
  readonly tally: Tally;
}

/** Tokens said so far, and what the request cost. */
export interface Tally {
  count(piece: Piece): void;
  readonly usage: UsageCount;
}

/** @param fixed numbers that a script wants */
export function createTally(promptTokens: number, cachedTokens: number, fixed: Partial<UsageCount> = {}): Tally {
  let reasoningTokens = 0;
  let completionTokens = 0;
  return {
    count(piece) {
      if (piece.type === "finish") return;
      const text = piece.type === "call" ? piece.argumentsText + (piece.isFirst ? piece.name : "") : piece.text;
      const tokens = text === "" ? 0 : countTokens(text);
      completionTokens += tokens;
      if (piece.type === "reasoning") reasoningTokens += tokens;
    },
    get usage() {
      return { promptTokens, cachedTokens, completionTokens, reasoningTokens, ...fixed };
    },
  };
}

/** Its last event is the finish of the reply. */
export function* chunkSteps(pieces: Iterable<Piece>, context: ChunkContext): Generator<ReplyStep> {
  let held: string | undefined;
  for (const fields of chunks(pieces, context)) {
    if (held !== undefined) yield { type: "event", text: held };
    held = frameOf(fields, context.quirks);
  }
  if (!context.quirks.has("no-done")) {
    if (held !== undefined) yield { type: "event", text: held };
    held = frameOf("[DONE]", context.quirks);
  }
  if (held !== undefined) yield { type: "event", text: held, isFinish: true };
}

function* chunks(pieces: Iterable<Piece>, context: ChunkContext): Generator<Fields> {
  const { form, frame, quirks, tally } = context;
  let ordinal = 0;
  let spoken: Spoken = "nothing";
  /** Delta that waits for the finish to ride on it. */
  let held: Fields | undefined;
  const usageOf = () => form.usage(tally.usage, frame);
  const isTold = context.asksForUsage || quirks.has("usage-always");
  const hasUsageChunk = isTold && !quirks.has("no-usage") && !quirks.has("usage-on-finish");
  const write = (delta: Fields, reason?: string): Fields => {
    const place = { ordinal: ordinal++, thinks: frame.thinks };
    const said = quirks.has("no-role") ? without(delta, "role") : delta;
    const chunk = form.chunk(said, frame, place, reason);
    const isCounted = quirks.has("usage-everywhere") || (reason !== undefined && quirks.has("usage-on-finish"));
    const last = reason !== undefined && !hasUsageChunk ? form.lastFields?.(usageOf()) : {};
    return { ...chunk, ...(isCounted ? { usage: usageOf() } : {}), ...last };
  };

  if (form.opening !== undefined) yield write(form.opening(frame.thinks));
  for (const piece of pieces) {
    tally.count(piece);
    if (piece.type === "finish") {
      yield write(held ?? form.endDelta(spoken, frame.thinks), piece.reason);
      held = undefined;
      continue;
    }
    if (held !== undefined) yield write(held);
    held = undefined;
    const delta = deltaOf(piece, context, { ordinal, thinks: frame.thinks });
    spoken = piece.type === "call" ? "calls" : piece.type;
    if (piece.type === "call" && form.finishRidesOnCalls) held = delta;
    else yield write(delta);
  }
  if (held !== undefined) yield write(held);
  if (hasUsageChunk) yield { ...form.usageChunk(usageOf(), frame), ...form.lastFields?.(usageOf()) };
}

function deltaOf(
  piece: Exclude<Piece, { type: "finish" }>,
  { form, quirks }: ChunkContext,
  place: { ordinal: number; thinks: boolean },
): Fields {
  switch (piece.type) {
    case "content":
      return form.content(piece.text, place);
    case "reasoning": {
      const delta = form.reasoning(piece.text, place);
      const both = { reasoning: piece.text, reasoning_content: piece.text };
      return quirks.has("both-reasoning-fields") ? { ...delta, ...both } : delta;
    }
    case "call":
      return form.calls([entryOf(piece, form, quirks)], place);
    default:
      return piece satisfies never;
  }
}

function entryOf(piece: CallPiece, form: ChunkForm, quirks: ReadonlySet<Quirk>): Fields {
  let entry = form.callEntry(piece);
  // A cast: every form writes an object there.
  const called = entry["function"] as Fields;
  if (quirks.has("repeated-names")) entry = { ...entry, function: { ...called, name: piece.name } };
  if (quirks.has("repeated-ids")) entry = { ...entry, id: piece.id };
  if (quirks.has("empty-call-ids") && piece.isFirst) entry = { ...entry, id: "" };
  if (quirks.has("late-call-ids")) entry = { ...entry, id: piece.isFirst ? "" : piece.id };
  if (quirks.has("no-call-ids")) entry = without(entry, "id");
  if (quirks.has("no-index")) entry = without(entry, "index");
  // Servers that forget that arguments are a text: only whole calls can be written so.
  if (quirks.has("object-arguments")) {
    entry = { ...entry, function: { ...called, name: piece.name, arguments: JSON.parse(piece.argumentsText || "{}") } };
  }
  return entry;
}

function without(fields: Fields, name: string): Fields {
  const { [name]: _left, ...rest } = fields;
  return rest;
}

/** One event, as the quirks of framing have it. */
function frameOf(data: Fields | "[DONE]", quirks: ReadonlySet<Quirk>): string {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  const end = quirks.has("crlf") ? "\r\n\r\n" : "\n\n";
  return `data:${quirks.has("no-space") ? "" : " "}${text}${end}`;
}
