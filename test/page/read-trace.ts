// A trace of Chromium, recorded over the debugger, and what it says of the page's main thread: tasks as the browser itself
// counts them, so that nothing that the page measures about itself is believed.

import type { CDPSession, Page } from "playwright-core";

/** One event of a trace, as far as it is looked at. Times are microseconds. */
export interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
}

export interface MainThread {
  readonly tasks: number;
  /** All tasks together. */
  readonly busyMs: number;
  readonly longestMs: number;
  /** What the web calls long: above 50 ms. */
  readonly longTasks: number;
  /** From the first task to the end of the last. */
  readonly spanMs: number;
}

export interface Recording {
  /** Ends it. */
  stop(): Promise<readonly TraceEvent[]>;
}

const categories = ["devtools.timeline", "disabled-by-default-devtools.timeline", "blink.user_timing"];

/** Set by the page itself, so that its thread is known among those of other pages. */
const mark = "the-page-that-is-traced";

export async function recordTrace(page: Page): Promise<Recording> {
  const session: CDPSession = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  // The shape is the browser's; what is read of it is looked at below.
  session.on("Tracing.dataCollected", ({ value }) => void events.push(...(value as unknown as TraceEvent[])));
  const traceConfig = { recordMode: "recordAsMuchAsPossible", includedCategories: categories } as const;
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig });
  await page.evaluate((name) => performance.mark(name), mark);
  return {
    async stop() {
      const complete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
      await session.send("Tracing.end");
      await complete;
      await session.detach();
      return events;
    },
  };
}

/** The main thread of the page that was recorded. @throws {Error} when the trace does not show which it is */
export function readMainThread(events: readonly TraceEvent[]): MainThread {
  const page = events.find(({ name }) => name === mark);
  if (page === undefined) throw new Error("Cannot read the trace: the page has left no mark in it");
  return summarize(events.filter(({ pid, tid }) => pid === page.pid && tid === page.tid));
}

const longTaskUs = 50_000;

function summarize(events: readonly TraceEvent[]): MainThread {
  const tasks = events.filter(({ name, ph }) => name === "RunTask" && ph === "X");
  let busyUs = 0;
  let longestUs = 0;
  let longTasks = 0;
  let firstUs = Number.POSITIVE_INFINITY;
  let lastUs = Number.NEGATIVE_INFINITY;
  for (const { ts, dur = 0 } of tasks) {
    busyUs += dur;
    longestUs = Math.max(longestUs, dur);
    if (dur > longTaskUs) longTasks += 1;
    firstUs = Math.min(firstUs, ts);
    lastUs = Math.max(lastUs, ts + dur);
  }
  return {
    tasks: tasks.length,
    busyMs: busyUs / 1000,
    longestMs: longestUs / 1000,
    longTasks,
    spanMs: tasks.length === 0 ? 0 : (lastUs - firstUs) / 1000,
  };
}
