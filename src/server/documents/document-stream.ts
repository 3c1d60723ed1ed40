// An import as an event stream. A reader who hangs up ends the import.

import { createEventStream } from "../../pipeline/event-stream.ts";
import { eventStreamHeaders } from "../../sse/event-stream-headers.ts";
import type { ImportEvent } from "./document-wire.ts";
import type { Trip } from "../trip.ts";

export interface ImportStreamOptions {
  /** Silence before a comment says that the stream is alive, in milliseconds. */
  readonly keepAliveMs: number;
}

/** Runs while it is read. @throws what the stream tells as its ending. */
export type RunImport = (signal: AbortSignal, tell: (event: ImportEvent) => void) => Promise<unknown>;

/** Progress is told in steps of that: of one import there are never more than some hundred events, read or not. */
const leastProgress = 0.01;

export function streamImport(run: RunImport, { keepAliveMs }: ImportStreamOptions, trip: Trip): Response {
  const left = new AbortController();
  const signal = AbortSignal.any([trip.request.signal, left.signal]);
  const onHangUp = (): void => left.abort();
  const body = createEventStream(eventsOf(run, signal), { keepAliveMs, signal, onHangUp });
  return new Response(body, { headers: eventStreamHeaders });
}

/** What the import tells while it runs, in its order. */
async function* eventsOf(run: RunImport, signal: AbortSignal): AsyncGenerator<ImportEvent, void> {
  const waiting: ImportEvent[] = [];
  let wake = (): void => {};
  let isOver = false;
  const told = withFewerSteps((event) => {
    waiting.push(event);
    wake();
  });
  const running = run(signal, told).finally(() => {
    isOver = true;
    wake();
  });
  // Its failure is thrown below, when what was told before has been read.
  running.catch(() => {});
  for (;;) {
    for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) yield event;
    if (isOver) break;
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    await promise;
  }
  await running;
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
