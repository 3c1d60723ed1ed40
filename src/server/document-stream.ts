// An import as an event stream: frames with ids, comments in silence, one ending. A reader who hangs up ends the import.

import { toGatewayError } from "../contract/gateway-error.ts";
import { commentFrame, formatSseEvent } from "../sse/sse-writer.ts";
import type { ImportEvent } from "./document-wire.ts";
import type { Trip } from "./trip.ts";

export interface ImportStreamOptions {
  /** Silence before a comment says that the stream is alive, in milliseconds. */
  readonly keepAliveMs: number;
}

/** Runs while it is read. @throws what the stream tells as its ending. */
export type RunImport = (signal: AbortSignal, tell: (event: ImportEvent) => void) => Promise<unknown>;

/** Progress is told in steps of that: of one import there are never more than some hundred frames, read or not. */
const leastProgress = 0.01;

const headers: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache",
  connection: "keep-alive",
  "x-accel-buffering": "no",
};
const encoder = new TextEncoder();
const keepAliveFrame = commentFrame("keepalive");

export function streamImport(run: RunImport, { keepAliveMs }: ImportStreamOptions, trip: Trip): Response {
  const left = new AbortController();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const frames = createFrames(controller, keepAliveMs);
      const tell = withFewerSteps((event) => frames.send(event));
      run(AbortSignal.any([trip.request.signal, left.signal]), tell)
        .then(
          () => frames.send("[DONE]"),
          (error: unknown) => frames.send({ error: toGatewayError(error).message }),
        )
        .finally(() => frames.end());
    },
    cancel(reason) {
      left.abort(reason);
    },
  });
  return new Response(body, { headers });
}

function createFrames(controller: ReadableStreamDefaultController<Uint8Array>, keepAliveMs: number) {
  let count = 0;
  let isQuiet = false;
  const enqueue = (frame: Uint8Array): void => {
    try {
      controller.enqueue(frame);
    } catch {
      // The reader hung up; the signal ends the import.
    }
  };
  const timer = setInterval(() => {
    if (isQuiet) enqueue(keepAliveFrame);
    isQuiet = true;
  }, keepAliveMs);
  return {
    send(data: object | string): void {
      count += 1;
      isQuiet = false;
      enqueue(encoder.encode(`id: ${count}\n${formatSseEvent(data)}`));
    },
    end(): void {
      clearInterval(timer);
      try {
        controller.close();
      } catch {
        // The reader hung up: closed already.
      }
    },
  };
}

function withFewerSteps(send: (event: ImportEvent) => void): (event: ImportEvent) => void {
  let told = 0;
  return (event) => {
    if (!("progress" in event)) told = 0;
    else if (event.progress < 1 && event.progress - told < leastProgress) return;
    else told = event.progress;
    send(event);
  };
}
