// Stream faults woven into the steps of a reply.

import type { ReplyStep } from "./reply-steps.ts";
import type { StreamFault } from "./script.ts";
import {
  createdEvent,
  errorEvent,
  errorTextEvent,
  type EventFrame,
  finishEvent,
  keepAliveEvent,
  textEvent,
  unknownEvent,
} from "./stream-events.ts";
import { strikeWire } from "./wire-faults.ts";

export interface FaultContext {
  readonly frame: EventFrame;
  /** Response id of an interleaved second answer. */
  readonly otherResponseId: string;
}

/** Faults strike in the order given, before the event whose number (from 0) is their `after`. */
export function* withFaults(
  steps: Iterable<ReplyStep>,
  faults: readonly StreamFault[],
  context: FaultContext,
): Generator<ReplyStep> {
  const interleaved = faults.find((fault) => fault.kind === "interleave");
  const woven =
    interleaved === undefined ? steps : interleave(steps, interleaved.text, interleaved.after ?? 1, context);
  let written = 0;
  for (const step of woven) {
    for (const fault of faults) if (positionOf(fault) === written) yield* strike(fault, context);
    yield step;
    written++;
  }
  for (const fault of faults) {
    // What lies beyond the end strikes at the end; a `done` without a place belongs there.
    const position = positionOf(fault);
    if (position === undefined ? fault.kind !== "interleave" : position >= written) yield* strike(fault, context);
  }
}

/** Undefined: behind the finish. */
function positionOf(fault: StreamFault): number | undefined {
  switch (fault.kind) {
    case "stay-open":
    case "interleave":
      return undefined;
    case "done":
      return fault.after;
    default:
      return fault.after ?? 1;
  }
}

function* strike(fault: StreamFault, { frame }: FaultContext): Generator<ReplyStep> {
  switch (fault.kind) {
    case "error":
      yield { type: "event", text: errorEvent(frame, fault.code, fault.details) };
      yield { type: "end" };
      return;
    case "error-text":
      yield { type: "event", text: errorTextEvent(fault.text) };
      yield { type: "end" };
      return;
    case "unknown-event":
      yield { type: "event", text: unknownEvent(frame) };
      return;
    case "done":
      yield { type: "event", text: "data: [DONE]\n\n" };
      return;
    case "interleave":
      return;
    default:
      yield* strikeWire(fault, keepAliveEvent(frame));
  }
}

/** The second answer starts at `after`, speaks after each event of the first, and finishes behind it. */
function* interleave(
  steps: Iterable<ReplyStep>,
  text: string,
  after: number,
  { frame, otherResponseId }: FaultContext,
): Generator<ReplyStep> {
  const other: EventFrame = { ...frame, responseId: otherResponseId, responseIndex: 1 };
  const usage = { inputTokens: 50, outputTokens: 1, reasoningTokens: 0, cachedTokens: 0 };
  const words = text.match(/\s*\S+/g) ?? [];
  let written = 0;
  for (const step of steps) {
    if (written === after) yield { type: "event", text: createdEvent(other) };
    yield step;
    if (written >= after) {
      const word = words.shift();
      if (word !== undefined) yield { type: "event", text: textEvent(other, "answer", word, usage) };
    }
    written++;
  }
  yield { type: "event", text: finishEvent(other, "answer") };
}
