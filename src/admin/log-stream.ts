// GET /admin/api/log: the log as it happens. The one place that streams by @elysiajs/stream, and never a reply.

import { Stream } from "@elysiajs/stream";
import { eventStreamHeaders } from "../sse/event-stream-headers.ts";
import { commentFrame, sseFrame } from "../sse/sse-writer.ts";

export interface LogFeed {
  /** @returns how to stop listening. */
  subscribe(listener: (line: string) => void): () => void;
}

/** Frames kept for a reader who does not read. Lines beyond are dropped, and said so. */
const maxWaitingFrames = 1000;

const openingFrame = commentFrame("log");
const keepAliveFrame = commentFrame("keepalive");

/**
 * @param signal ends the stream: the reader left, or the server stops.
 * @param keepAliveMs between two comments
 */
export function answerLogStream(logFeed: LogFeed, signal: AbortSignal, keepAliveMs = 15_000): Response {
  let waitingFrames = 0;
  const stream = new Stream<Uint8Array>((frames) => {
    follow(logFeed, signal, keepAliveMs, {
      send(frame) {
        frames.send(frame);
        waitingFrames += 1;
      },
      close: () => frames.close(),
      hasRoom: () => waitingFrames < maxWaitingFrames,
    });
  });
  const countDelivered = new TransformStream<Uint8Array, Uint8Array>({
    transform(frame, controller) {
      waitingFrames -= 1;
      controller.enqueue(frame);
    },
  });
  // In a Response of our own: returned as it is, the class ends the process when a reader hangs up.
  return new Response(stream.value.pipeThrough(countDelivered), { headers: eventStreamHeaders });
}

/** The class knows no backpressure: its reader asks before it sends. Bytes pass unchanged, text would get an id. */
interface FrameSink {
  /** Throws when the reader is gone. */
  send(frame: Uint8Array): void;
  close(): void;
  hasRoom(): boolean;
}

function follow(logFeed: LogFeed, signal: AbortSignal, keepAliveMs: number, sink: FrameSink): void {
  let droppedLines = 0;
  // Nothing of the head is on the wire before the first frame.
  sink.send(openingFrame);
  const unsubscribe = logFeed.subscribe((line) => {
    if (!sink.hasRoom()) {
      droppedLines += 1;
      return;
    }
    if (droppedLines > 0) sendOrLeave(commentFrame(`${droppedLines} lines dropped: the reader is too slow`));
    droppedLines = 0;
    sendOrLeave(sseFrame(line));
  });
  const keepAlive = setInterval(() => sink.hasRoom() && sendOrLeave(keepAliveFrame), keepAliveMs);
  signal.addEventListener("abort", end);
  if (signal.aborted) end();

  function sendOrLeave(frame: Uint8Array): void {
    try {
      sink.send(frame);
    } catch {
      // The reader hung up, and no signal said so.
      leave();
    }
  }

  function leave(): void {
    unsubscribe();
    clearInterval(keepAlive);
    signal.removeEventListener("abort", end);
  }

  function end(): void {
    leave();
    try {
      sink.close();
    } catch {
      // The reader hung up before the signal told so: closed already.
    }
  }
}
