// A reply that is sent whole, and what a scripted fault makes of it where there is no stream.

import { brokenConnection } from "../broken-connection.ts";
import { untilAborted, waitFor } from "../gates.ts";
import { abandonCall, type Call, refuseCall } from "./call.ts";
import type { WholeAnswer } from "./chunk-form.ts";
import type { ChunkContext } from "./chunk-steps.ts";
import type { CompatibleState } from "./emulator-state.ts";
import type { Piece } from "./reply-pieces.ts";

export interface WholeContext {
  readonly pieces: Iterable<Piece>;
  readonly context: ChunkContext;
  readonly leave: AbortSignal;
}

export async function answerWhole(call: Call, state: CompatibleState, whole: WholeContext): Promise<Response> {
  const { form, frame } = whole.context;
  const pieces = [...whole.pieces];
  const paceMs = call.script?.reply?.paceMs ?? state.options.tokenDelayMs ?? 20;
  // It takes as long as its stream would.
  await waitFor((pieces.length - 1) * paceMs, whole.leave);
  if (whole.leave.aborted) return abandonCall(call, state);
  const body = JSON.stringify(form.whole(gather(pieces, whole.context), frame));
  state.limits.spend(call.key, whole.context.tally.usage.completionTokens);
  const headers = {
    "content-type": call.script?.reply?.contentType ?? "application/json",
    "x-request-id": call.requestId,
    ...call.script?.reply?.headers,
  };
  const [fault] = call.script?.reply?.faults ?? [];
  switch (fault?.kind) {
    case undefined:
    case "keep-alive":
    case "stay-open":
      call.record.finished = true;
      return new Response(body, { headers });
    case "error": {
      const refuse = fault.refuse ?? "internal-error";
      return refuseCall(call, state, typeof refuse === "string" ? { name: refuse } : refuse);
    }
    case "error-finish":
      return refuseCall(call, state, { name: "internal-error", message: fault.text });
    case "drop":
      return brokenConnection(state.resetError);
    case "stall":
      await untilAborted(whole.leave);
      return abandonCall(call, state);
    case "end":
    case "done":
    case "malformed":
      return new Response(body.slice(0, Math.ceil(body.length / 2)), { headers });
    default:
      return fault satisfies never;
  }
}

function gather(pieces: Iterable<Piece>, { tally }: ChunkContext): WholeAnswer {
  let content = "";
  let reasoning = "";
  let finishReason = "stop";
  const calls: { id: string; name: string; argumentsText: string }[] = [];
  for (const piece of pieces) {
    tally.count(piece);
    switch (piece.type) {
      case "content":
        content += piece.text;
        break;
      case "reasoning":
        reasoning += piece.text;
        break;
      case "finish":
        finishReason = piece.reason;
        break;
      case "call": {
        const last = calls.at(-1);
        if (piece.isFirst || last === undefined) calls.push({ ...piece });
        else last.argumentsText += piece.argumentsText;
        break;
      }
      default:
        piece satisfies never;
    }
  }
  return { content, reasoning, finishReason, calls, usage: tally.usage };
}
