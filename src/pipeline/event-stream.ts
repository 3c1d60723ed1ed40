// Any source of events as a stream of numbered frames: progress, live data, a chat of somebody's own. One reader, no replay.

import { longestTimerMs } from "../config/setting-kinds.ts";
import { toGatewayError } from "../contract/gateway-error.ts";
import { commentFrame } from "../sse/sse-writer.ts";
import { FrameWriter } from "./frame-writer.ts";

export interface EventStreamOptions {
  /** Silence after which a comment says that the stream is alive, in milliseconds. @defaultValue 15_000 */
  readonly keepAliveMs?: number;
  /** Ends the stream without an end mark. */
  readonly signal?: AbortSignal;
  /** Called when the reader hangs up, also while the source is at work. */
  onHangUp?(): void;
  /** The sentence that a reader is told of a failure. @defaultValue the message of a `GatewayError`, else a general one */
  readonly describeError?: (error: unknown) => string;
}

const keepAlive = commentFrame("keepalive");
const silence = Symbol("silence");

/**
 * Each event becomes one frame with an `id:`; objects are written as JSON, texts as they stand. The end
 * of the source becomes `[DONE]`, its failure `{"error": "..."}`. The source is asked for the next event only when the
 * reader has room, and `return` of its iterator is called when the reader hangs up.
 * @example new Response(createEventStream(source), { headers: { "content-type": "text/event-stream" } })
 */
export function createEventStream(
  source: AsyncIterable<object | string>,
  options: EventStreamOptions = {},
): ReadableStream<Uint8Array> {
  const { keepAliveMs = 15_000, signal, describeError = describe } = options;
  const events = source[Symbol.asyncIterator]();
  const frames = new FrameWriter();
  /** Is asked for, and outlives the pull that a comment has answered. */
  let next: Promise<IteratorResult<object | string>> | undefined;
  let isEnded = false;

  function leave(): void {
    isEnded = true;
    signal?.removeEventListener("abort", leave);
    // A source that is at work hears of it when it is done with that: it has a signal of its own if it wants to be quick.
    // What it says to that has no reader.
    Promise.try(() => events.return?.()).catch(() => {});
  }

  async function write(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (isEnded) return controller.close();
    try {
      next ??= events.next();
      const result = await orSilence(next, keepAliveMs, signal);
      if (isEnded) return controller.close();
      if (result === silence) return controller.enqueue(keepAlive);
      next = undefined;
      if (result.done !== true) {
        frames.event(result.value);
        return controller.enqueue(frames.take());
      }
      frames.event("[DONE]");
    } catch (error) {
      if (isEnded) return controller.close();
      frames.event({ error: describeError(error) });
      // Its event could not be written: it has not ended by itself.
      if (next === undefined) leave();
    }
    isEnded = true;
    signal?.removeEventListener("abort", leave);
    controller.enqueue(frames.take());
    controller.close();
  }

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        signal?.addEventListener("abort", leave);
        if (signal?.aborted === true) leave();
        // The head is on the wire with the first bytes, and the first event may be far.
        controller.enqueue(keepAlive);
      },
      pull: write,
      cancel() {
        options.onHangUp?.();
        leave();
      },
    },
    { highWaterMark: 2 },
  );
}

function describe(error: unknown): string {
  return toGatewayError(error).message;
}

async function orSilence<T>(
  work: Promise<T>,
  limitMs: number,
  signal: AbortSignal | undefined,
): Promise<T | typeof silence> {
  const over = Promise.withResolvers<typeof silence>();
  const timer = setTimeout(over.resolve, Math.min(limitMs, longestTimerMs), silence);
  const end = (): void => over.resolve(silence);
  signal?.addEventListener("abort", end);
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}
