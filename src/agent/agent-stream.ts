// One run as an event stream: progress while it works, an error before the end of a failed one, `done` once and last.

import type { Clock } from "../contract/clock.ts";
import { toGatewayError } from "../contract/gateway-error.ts";
import { openaiErrorBody } from "../contract/openai-error.ts";
import { commentFrame, sseFrame } from "../sse/sse-writer.ts";
import type { AgentProgress, AgentResult } from "./engine.ts";

/** What runs while it is read. */
export type Run = (options: {
  readonly onProgress: (progress: AgentProgress) => void;
  readonly signal: AbortSignal;
}) => Promise<AgentResult>;

export interface AgentStreamOptions {
  /** The client has gone, or the server stops. */
  readonly signal: AbortSignal;
  /** Silence after which a comment says that the stream is alive, in milliseconds. */
  readonly keepAliveMs: number;
  readonly clock: Clock;
}

const keepAlive = commentFrame("keepalive");
/** Frames kept for a reader who does not read. Progress beyond them is left out; errors and the end never are. */
const mostWaiting = 100;

/** The result as `done` and the JSON answer tell it. */
export function encodeResult({ error: _told, ...result }: AgentResult) {
  return result;
}

/** @throws what refuses the run before it has made any progress: that is no stream yet */
export async function openRun(run: Run, options: AgentStreamOptions): Promise<ReadableStream<Uint8Array>> {
  const left = new AbortController();
  const signal = AbortSignal.any([options.signal, left.signal]);
  const early: AgentProgress[] = [];
  const begun = Promise.withResolvers<void>();
  let tell = (progress: AgentProgress): void => {
    early.push(progress);
    begun.resolve();
  };
  const startedAtMs = options.clock();
  let lastMs = startedAtMs;
  const onProgress = (progress: AgentProgress): void => {
    lastMs = progress.timestamp;
    tell(progress);
  };
  const running = run({ onProgress, signal });
  await Promise.race([begun.promise, running]);
  // The system's clock may be set back: an error is told no earlier than what was told before it.
  const ending = finish(running, startedAtMs, () => Math.max(lastMs, options.clock()));
  let timer: ReturnType<typeof setInterval> | undefined;

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const hasRoom = (): boolean => (controller.desiredSize ?? 0) > 0;
        tell = (progress) => {
          // Whoever has left hears nothing more.
          if (signal.aborted || !hasRoom()) return;
          controller.enqueue(sseFrame(progress, "progress"));
          // Silence begins anew.
          timer?.refresh();
        };
        timer = setInterval(() => {
          if (hasRoom()) controller.enqueue(keepAlive);
        }, options.keepAliveMs);
        for (const progress of early) tell(progress);
        void ending.then((frames) => {
          clearInterval(timer);
          if (left.signal.aborted) return;
          for (const frame of frames) controller.enqueue(frame);
          controller.close();
        });
      },
      cancel(reason) {
        clearInterval(timer);
        left.abort(reason);
      },
    },
    new CountQueuingStrategy({ highWaterMark: mostWaiting }),
  );
}

/** The last frames of a run. Never rejects. */
async function finish(running: Promise<AgentResult>, startedAtMs: number, clock: Clock): Promise<Uint8Array[]> {
  const result = await running.catch((error: unknown): AgentResult => {
    const known = toGatewayError(error);
    return {
      success: false,
      totalExecutionTime: clock() - startedAtMs,
      results: [],
      session_id: "",
      error: { code: openaiErrorBody(known).error.code, message: known.message },
    };
  });
  const done = sseFrame(encodeResult(result), "done");
  if (result.error === undefined) return [done];
  return [sseFrame({ type: "error", ...result.error, timestamp: clock() }, "error"), done];
}
