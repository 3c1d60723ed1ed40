// The stream of one run: how much it keeps for whoever does not read, and what it does not leave out.

import { expect, test } from "bun:test";
import { type AgentStreamOptions, openRun, type Run } from "../../../src/agent/agent-stream.ts";
import type { AgentResult } from "../../../src/agent/engine.ts";
import { gate } from "../../support/agent-stage.ts";
import { readLive } from "../../support/live-stream.ts";
import { parseFrames } from "../../support/sse-frames.ts";

const failed: AgentResult = {
  success: false,
  totalExecutionTime: 5,
  results: [],
  error: { code: "command_failed", message: "Cannot carry it out" },
  session_id: "s1",
};

const options: AgentStreamOptions = { signal: new AbortController().signal, keepAliveMs: 60_000, clock: () => 1 };

test("openRun keeps a hundred steps for a reader who does not read, and the end behind them [R4-045]", async () => {
  const { opened, open } = gate();
  const told = gate();
  const run: Run = async ({ onProgress }) => {
    onProgress({ type: "analyzing", message: "Analyzing your request...", timestamp: 1 });
    await opened;
    for (let step = 1; step <= 10_000; step++)
      onProgress({ type: "executing", message: `step ${step}`, timestamp: step });
    told.open();
    return failed;
  };

  const stream = await openRun(run, options);
  open();
  await told.opened;
  const frames = parseFrames(await new Response(stream).text());

  expect(frames.filter(({ event }) => event === "progress").length).toBeLessThanOrEqual(100);
  expect(frames.slice(-2).map(({ event }) => event)).toEqual(["error", "done"]);
});

test("openRun keeps no comments for a reader who does not read [R4-045]", async () => {
  const { opened, open } = gate();
  const run: Run = async ({ onProgress }) => {
    onProgress({ type: "analyzing", message: "Analyzing your request...", timestamp: 1 });
    for (let step = 1; step <= 200; step++) onProgress({ type: "executing", message: `step ${step}`, timestamp: step });
    await opened;
    return failed;
  };

  const stream = await openRun(run, { ...options, keepAliveMs: 1 });
  // Time for many comments, of which none may be kept behind a hundred steps.
  await ticks(20, 1);
  open();
  const text = await new Response(stream).text();

  expect(text.split("\n\n").filter((block) => block.startsWith(":")).length).toBeLessThanOrEqual(1);
});

test("openRun says that it is alive once a silence, from the last step on [R4-021]", async () => {
  const keepAliveMs = 20;
  let step = (): void => {};
  const { opened, open } = gate();
  const run: Run = async ({ onProgress }) => {
    step = () => onProgress({ type: "executing", message: "step", timestamp: 1 });
    step();
    await opened;
    return failed;
  };
  const stream = await openRun(run, { ...options, keepAliveMs });
  const live = readLive(new Response(stream));
  expect(await live.nextBlock()).toContain("step");

  expect(await live.nextBlock()).toBe(": keepalive");
  step();
  expect(await live.nextBlock()).toContain("step");
  expect(await live.nextBlock()).toBe(": keepalive");
  open();

  expect(parseFrames(await live.rest()).map(({ event }) => event)).toEqual(["error", "done"]);
});

test.each([
  ["fails", async () => failed],
  ["throws", () => Promise.reject(new Error("lost"))],
] as const)(
  "openRun tells the error of a run that %s no earlier than its steps, also on a clock that was set back [R4-011]",
  async (_how, end) => {
    let nowMs = 1_000_000;
    const run: Run = async ({ onProgress }) => {
      onProgress({ type: "analyzing", message: "Analyzing your request...", timestamp: nowMs });
      nowMs -= 60_000;
      return end();
    };

    const stream = await openRun(run, { ...options, clock: () => nowMs });
    const frames = parseFrames(await new Response(stream).text());

    const [step, error, done] = frames.map(({ data }) => JSON.parse(data) as Record<string, unknown>);
    expect([step?.["timestamp"], error?.["timestamp"]]).toEqual([1_000_000, 1_000_000]);
    expect(done?.["totalExecutionTime"]).toBeGreaterThanOrEqual(0);
  },
);

/** Resolves when a timer of its own has rung so often. */
function ticks(count: number, everyMs: number): Promise<void> {
  return new Promise((resolve) => {
    let rung = 0;
    const timer = setInterval(() => {
      rung += 1;
      if (rung < count) return;
      clearInterval(timer);
      resolve();
    }, everyMs);
  });
}
