// What events do to a run, and what a screen reader hears of it.

import { describe, expect, test } from "bun:test";
import { announceRun } from "../../../../src/page/agent/announcements.ts";
import {
  applyRunEvent,
  askOnceMore,
  createRun,
  decide,
  type Run,
  type RunEvent,
  type RunResult,
} from "../../../../src/page/agent/run.ts";

const fresh = createRun({ id: "r", query: "Delete the lunch", sessionId: "s", startedAtMs: 5 });
const plain: RunResult = {
  isDone: true,
  totalMs: 40,
  calls: [],
  answer: "It is done.",
  question: undefined,
  pending: undefined,
  sessionId: "s",
};
const pending = {
  id: "q",
  commands: [{ service: "calendar", command: "delete_event", arguments: { id: "e1" } }],
  isDestructive: true,
  expiresAtMs: 99,
  question: undefined,
};

const progress = (kind: string, atMs: number): RunEvent => ({ type: "progress", kind, message: `${kind}…`, atMs });
const done = (fields: Partial<RunResult> = {}): RunEvent => ({ type: "done", result: { ...plain, ...fields } });
const trouble = (code: string): RunEvent => ({ type: "trouble", trouble: { code, message: `${code}!` } });
const play = (run: Run, ...events: readonly RunEvent[]) => events.reduce(applyRunEvent, run);

describe("applyRunEvent", () => {
  test("counts the time of a step from where the work began, anew behind a confirmation", () => {
    const waiting = play(fresh, progress("analyzing", 1000), progress("selecting", 1200), done({ pending }));
    const run = play(decide(waiting, "approve"), progress("analyzing", 90_000), progress("executing", 90_050));

    expect(run.steps.map(({ afterMs }) => afterMs)).toEqual([0, 200, 0, 50]);
  });

  test("counts no time backwards, when the gateway's clock was set back", () => {
    const run = play(fresh, progress("analyzing", 1000), progress("selecting", 900));

    expect(run.steps.at(-1)?.afterMs).toBe(0);
  });

  test("ends with the answer, and hears nothing behind it", () => {
    const run = play(fresh, done());

    expect(run).toMatchObject({ status: "complete", answer: "It is done.", totalMs: 40 });
    expect(play(run, progress("executing", 1), trouble("timeout"), done(), { type: "stop" }, { type: "end" })).toBe(
      run,
    );
  });

  test("fails with what was told, and keeps the calls that went well", () => {
    const call = {
      service: "a",
      command: "b",
      isDone: true,
      arguments: {},
      result: 1,
      error: undefined,
      durationMs: 2,
    };
    const run = play(fresh, trouble("timeout"), done({ isDone: false, answer: undefined, calls: [call] }));

    expect(run).toMatchObject({ status: "failed", trouble: { code: "timeout", message: "timeout!" }, calls: [call] });
  });

  test("fails when the stream ends before it was whole, with or without a reason", () => {
    expect(play(fresh, { type: "end" })).toMatchObject({
      status: "failed",
      trouble: { message: "The run ended before it was whole." },
    });
    expect(play(fresh, trouble("unreachable"), { type: "end" })).toMatchObject({ trouble: { code: "unreachable" } });
  });

  test("was stopped when the gateway says so, or says nothing any more behind a stop", () => {
    const told = play(fresh, { type: "stop" }, trouble("cancelled"), done({ isDone: false }));
    const silent = play(fresh, { type: "stop" }, { type: "end" });

    expect(told).toMatchObject({ status: "stopped", trouble: undefined });
    expect(silent).toMatchObject({ status: "stopped", trouble: undefined });
    // It was done before the stop was heard.
    expect(play(fresh, { type: "stop" }, done()).status).toBe("complete");
  });

  test("waits for a word, and says it in the page's own words", () => {
    const run = play(fresh, done({ pending, answer: "Waits for your confirmation: delete_event." }), { type: "end" });

    expect(run).toMatchObject({ status: "pending", pending, answer: "" });
  });

  test("asks back", () => {
    expect(play(fresh, done({ question: "On which day?", answer: undefined }))).toMatchObject({
      status: "unclear",
      question: "On which day?",
    });
  });

  test("goes on in the session that the gateway names, and in its own where it names none", () => {
    expect(play(fresh, done({ sessionId: "other" })).sessionId).toBe("other");
    expect(play(fresh, done({ sessionId: "" })).sessionId).toBe("s");
  });
});

test("askOnceMore leaves the question as it stood, and says why", () => {
  const waiting = play(fresh, done({ pending }));
  const again = askOnceMore(decide(waiting, "approve"), "It does not fit");

  expect(again).toMatchObject({ status: "pending", pending, problem: "It does not fit", decision: undefined });
  expect(decide(again, "reject")).toMatchObject({ status: "running", problem: undefined, decision: "reject" });
});

describe("announceRun", () => {
  test("says steps, the question and the answer, each once", () => {
    const analyzing = play(fresh, progress("analyzing", 1));
    const executing = play(analyzing, progress("discovering", 2), progress("executing", 3));
    const waiting = play(executing, done({ pending }));
    const running = play(decide(waiting, "approve"), progress("analyzing", 4));
    const complete = play(running, done({ answer: "**Gone**, as `e1`." }));

    expect(announceRun(undefined, fresh)).toEqual([]);
    expect(announceRun(fresh, analyzing)).toEqual(["analyzing…"]);
    expect(announceRun(analyzing, executing)).toEqual(["discovering…", "executing…"]);
    expect(announceRun(executing, waiting)).toEqual(["Waits for your confirmation: delete_event"]);
    expect(announceRun(waiting, running)).toEqual(["analyzing…"]);
    expect(announceRun(running, complete)).toEqual(["Gone, as e1.", "Command complete"]);
    expect(announceRun(complete, complete)).toEqual([]);
  });

  test("reads out nothing that had ended when it was first seen", () => {
    expect(announceRun(undefined, play(fresh, progress("analyzing", 1), done()))).toEqual([]);
    expect(announceRun(undefined, undefined)).toEqual([]);
  });

  test("says what a service or the agent asks, what was not taken, and that it was stopped", () => {
    const question = { message: "For whom?", schema: {} };
    const asking = play(fresh, done({ pending: { ...pending, question } }));
    const again = askOnceMore(decide(asking, "approve"), "No name");

    expect(announceRun(fresh, asking)).toEqual(["A service asks: For whom?"]);
    expect(announceRun(decide(asking, "approve"), again)).toEqual(["No name"]);
    expect(announceRun(fresh, play(fresh, done({ question: "When?" })))).toEqual(["The agent asks: When?"]);
    const stopping = play(fresh, { type: "stop" });
    expect(announceRun(fresh, stopping)).toEqual(["Stopping"]);
    expect(announceRun(stopping, play(stopping, { type: "end" }))).toEqual(["Command stopped"]);
  });
});
