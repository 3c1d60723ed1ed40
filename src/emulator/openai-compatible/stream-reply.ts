// The events of a reply as the body of a response: faults woven in, delivery noted, limits freed at its end.

import { createCompressor } from "../compressor.ts";
import type { ReplyStep } from "../reply-steps.ts";
import { createStreamWriter } from "../stream-writer.ts";
import { type Call, errorFrames } from "./call.ts";
import type { ChunkContext } from "./chunk-steps.ts";
import type { CompatibleState } from "./emulator-state.ts";
import { withFaults } from "./faults.ts";

export interface StreamContext {
  readonly steps: Iterable<ReplyStep>;
  readonly context: ChunkContext;
  /** The client left, or the emulator was reset. */
  readonly leave: AbortSignal;
}

export function streamReply(call: Call, state: CompatibleState, stream: StreamContext): Response {
  const { context } = stream;
  const { dialect, options } = state;
  const scripted = call.script?.reply;
  const steps = withFaults(stream.steps, scripted?.faults ?? [], {
    chunk: context,
    keepAlive: dialect.keepAlive.text,
    errorFrames: (refuse) => errorFrames(call, state, refuse),
    isDoneBehindErrors: dialect.errors.isDoneBehind,
  });
  const encoding = state.compress ? scripted?.encoding : undefined;
  const writer = createStreamWriter({
    steps,
    gates: state.gates,
    gate: call.script?.gate,
    paceMs: scripted?.paceMs ?? options.tokenDelayMs ?? 20,
    firstDelayMs: scripted?.firstDelayMs,
    pingEveryMs: scripted?.pingEveryMs ?? options.pingEveryMs ?? dialect.keepAlive.everyMs,
    splitBytes: scripted?.splitBytes,
    joinEvents: scripted?.joinEvents === true,
    compressor: encoding === undefined ? undefined : createCompressor(encoding),
    keepAlive: () => dialect.keepAlive.text,
    resetError: state.resetError,
    signal: stream.leave,
    onEvent(step) {
      call.record.eventsDelivered++;
      if (step.isFinish === true) call.record.finished = true;
      state.log.touch();
    },
    onEnd(end) {
      call.record.aborted = end === "aborted";
      call.record.endedAtMs = state.clock();
      state.limits.leave(call.key);
      state.limits.spend(call.key, context.tally.usage.completionTokens);
      state.log.touch();
    },
  });
  const headers = new Headers({
    "content-type": scripted?.contentType ?? "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-request-id": call.requestId,
    ...scripted?.headers,
  });
  if (encoding !== undefined) headers.set("content-encoding", encoding);
  call.isStreaming = true;
  return new Response(writer.body, { headers });
}
