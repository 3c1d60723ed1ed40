// The agent's JSON, and the runs that the tab keeps, made into the page's types.

import { describe, expect, test } from "bun:test";
import { decodeRuns, encodeRuns } from "../../../../src/page/agent/kept-runs.ts";
import { parseExamples, parseRunResult, parseServices } from "../../../../src/page/agent/parse-agent.ts";
import { createRun, leftTrouble, type Run } from "../../../../src/page/agent/run.ts";

const done = {
  success: true,
  totalExecutionTime: 12,
  results: [{ service: "a", command: "b", success: false, arguments: { x: 1 }, error: "No", durationMs: 3 }],
  pending: {
    confirmation_id: "q",
    risk: "write",
    expires_at: 7,
    commands: [{ service: "a", command: "b", arguments: { y: [2] } }],
    question: { message: "Who?", schema: { type: "object" } },
  },
  session_id: "s",
};

describe("parseRunResult", () => {
  test("takes everything that is told", () => {
    expect(parseRunResult(done)).toEqual({
      isDone: true,
      totalMs: 12,
      calls: [
        {
          service: "a",
          command: "b",
          isDone: false,
          arguments: { x: 1 },
          result: undefined,
          error: "No",
          durationMs: 3,
        },
      ],
      answer: undefined,
      question: undefined,
      pending: {
        id: "q",
        commands: [{ service: "a", command: "b", arguments: { y: [2] } }],
        isDestructive: false,
        expiresAtMs: 7,
        question: { message: "Who?", schema: { type: "object" } },
      },
      sessionId: "s",
    });
  });

  test("asks back only when it says so", () => {
    expect(parseRunResult({ clarificationQuestion: "When?" }).question).toBeUndefined();
    expect(parseRunResult({ needsClarification: true, clarificationQuestion: "When?" }).question).toBe("When?");
  });

  test.each([[undefined], [null], [1], ["done"], [[]], [{ results: 1, pending: { commands: "x" } }]])(
    "makes nothing of %p",
    (body) => {
      expect(parseRunResult(body)).toMatchObject({ isDone: false, calls: [], pending: undefined, sessionId: "" });
    },
  );
});

test("parseServices takes a risk that it does not know for the worst", () => {
  const commands = [{ name: "a", description: "A", risk: "read" }, { name: "b", risk: "odd" }, {}];
  const services = parseServices({ services: [{ name: "x", state: "failed", error: "No", commands }, {}] });

  expect(services[0]).toMatchObject({ name: "x", state: "failed", error: "No" });
  const unsigned = { services: [{ name: "x", state: "failed", error: "Sign in", needsSignIn: true }] };
  expect(parseServices(unsigned)[0]).toMatchObject({ state: "unsigned", error: "Sign in" });
  expect(services[0]?.commands.map(({ risk }) => risk)).toEqual(["read", "destructive", "destructive"]);
  expect(services[1]).toEqual({ name: "Service", state: "idle", error: undefined, commands: [] });
  expect(parseExamples({ examples: ["a", 1, "b"] })).toEqual(["a", "b"]);
});

describe("kept runs", () => {
  const { calls, pending } = parseRunResult(done);
  const waiting: Run = {
    ...createRun({ id: "r", query: "Do it", sessionId: "s", startedAtMs: 1 }),
    status: "pending",
    steps: [{ kind: "analyzing", message: "…", atMs: 2, afterMs: 0 }],
    calls,
    pending,
    totalMs: 12,
  };
  const failed: Run = {
    ...waiting,
    status: "failed",
    pending: undefined,
    trouble: { code: "timeout", message: "Late" },
  };

  test("come back as they were", () => {
    const kept = { runs: [waiting, failed], sessionId: "s" };

    expect(decodeRuns(encodeRuns(kept))).toEqual(kept);
  });

  test("were left by the page where they were at work", () => {
    const { runs } = decodeRuns(encodeRuns({ runs: [{ ...waiting, status: "running" }], sessionId: "s" }));

    expect(runs[0]).toMatchObject({ status: "failed", trouble: leftTrouble, pending: undefined });
  });

  test("are bounded: the oldest give way", () => {
    const many = Array.from({ length: 40 }, (_, index): Run => ({ ...failed, id: String(index) }));
    const large = Array.from({ length: 3 }, (_, index): Run => ({ ...many[index]!, answer: "x".repeat(400_000) }));

    expect(
      decodeRuns(encodeRuns({ runs: many, sessionId: "s" }))
        .runs.map(({ id }) => id)
        .at(0),
    ).toBe("10");
    expect(decodeRuns(encodeRuns({ runs: large, sessionId: "s" })).runs.map(({ id }) => id)).toEqual(["1", "2"]);
  });

  test.each(["", "{", "null", "[]", '{"runs":[1,{},{"id":"a","query":"b","sessionId":"c","status":"odd"}]}'])(
    "are none in %p",
    (text) => {
      expect(decodeRuns(text)).toEqual({ runs: [], sessionId: undefined });
    },
  );
});
