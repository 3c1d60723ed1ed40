// Stream faults woven into the events of a reply.

import { formatSseEvent } from "../../sse/sse-writer.ts";
import type { ReplyStep } from "../reply-steps.ts";
import type { Fields, Frame } from "./chunk-form.ts";
import type { ChunkContext } from "./chunk-steps.ts";
import type { Refusal, RefusalName, StreamFault } from "./script.ts";
import { strikeWire } from "../wire-faults.ts";

export interface FaultContext {
  readonly chunk: ChunkContext;
  readonly keepAlive: string;
  /** Frames that tell of the error, without `[DONE]`. */
  errorFrames(refuse: RefusalName | Refusal): string;
  readonly isDoneBehindErrors: boolean;
}

/** Faults strike in the order given, before the event whose number (from 0) is their `after`. */
export function* withFaults(
  steps: Iterable<ReplyStep>,
  faults: readonly StreamFault[],
  context: FaultContext,
): Generator<ReplyStep> {
  let written = 0;
  for (const step of steps) {
    for (const fault of faults) if (positionOf(fault) === written) yield* strike(fault, context);
    yield step;
    written++;
  }
  // What lies beyond the end strikes at the end.
  for (const fault of faults) if (positionOf(fault) >= written) yield* strike(fault, context);
}

function positionOf(fault: StreamFault): number {
  return fault.kind === "stay-open" ? Number.POSITIVE_INFINITY : (fault.after ?? 1);
}

const done = "data: [DONE]\n\n";

function* strike(fault: StreamFault, context: FaultContext): Generator<ReplyStep> {
  switch (fault.kind) {
    case "error":
      yield { type: "event", text: context.errorFrames(fault.refuse ?? "internal-error") };
      if (fault.done ?? context.isDoneBehindErrors) yield { type: "event", text: done };
      yield { type: "end" };
      return;
    case "error-finish":
      yield { type: "event", text: formatSseEvent(errorFinish(fault.text, context.chunk)) };
      yield { type: "event", text: done };
      yield { type: "end" };
      return;
    case "done":
      yield { type: "event", text: done };
      yield { type: "end" };
      return;
    default:
      yield* strikeWire(fault, context.keepAlive);
  }
}

/** Fixture dashscope-06. */
function errorFinish(text: string, { form, frame }: { form: ChunkContext["form"]; frame: Frame }): Fields {
  return form.chunk({ content: text }, frame, { ordinal: 2, thinks: frame.thinks }, "error_finish");
}
