// What is read out of a trace.

import { expect, test } from "bun:test";
import { chromium } from "playwright-core";
import { hasBrowser } from "./browser.ts";
import { chromiumFlags, findChromium } from "./find-chromium.ts";
import { readMainThread, recordTrace, type TraceEvent } from "./read-trace.ts";

const mark = (pid: number, tid: number): TraceEvent => ({ name: "the-page-that-is-traced", ph: "R", pid, tid, ts: 0 });
const task = (pid: number, tid: number, ts: number, dur: number, name = "RunTask"): TraceEvent => ({
  name,
  ph: "X",
  pid,
  tid,
  ts,
  dur,
});

test("readMainThread sums the tasks of the page that was marked, and passes over other threads and what is within tasks", () => {
  const events = [
    mark(3, 1),
    task(1, 1, 0, 900_000),
    task(2, 1, 0, 1000),
    task(3, 1, 10_000, 20_000),
    task(3, 1, 12_000, 15_000, "FunctionCall"),
    task(3, 1, 40_000, 60_000),
    task(3, 2, 0, 500_000),
  ];

  expect(readMainThread(events)).toEqual({ tasks: 2, busyMs: 80, longestMs: 60, longTasks: 1, spanMs: 90 });
});

test("readMainThread says so when no page has marked it", () => {
  expect(() => readMainThread([])).toThrow("Cannot read the trace");
});

test.skipIf(!hasBrowser)("recordTrace sees a task that holds the page up for as long as it takes", async () => {
  const browser = await chromium.launch({ executablePath: findChromium() ?? "", headless: true, args: chromiumFlags });
  const page = await browser.newPage();
  const recording = await recordTrace(page);

  // A task of the page's own: what the debugger asks for is done within one of the debugger's.
  await page.evaluate(async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(() => {
      for (const endMs = performance.now() + 120; performance.now() < endMs;);
      setTimeout(resolve);
    });
    await promise;
  });
  const { longestMs, longTasks } = readMainThread(await recording.stop());
  await browser.close();

  expect(longestMs).toBeGreaterThanOrEqual(119);
  expect(longTasks).toBeGreaterThanOrEqual(1);
});
