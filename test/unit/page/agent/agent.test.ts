// What is done on the agent's tab: one run at a time, sessions, decisions, stopping, and who is let in.

import { describe, expect, test } from "bun:test";
import { createAgent } from "../../../../src/page/agent/agent.ts";
import { workingIn } from "../../../../src/page/agent/agent-state.ts";
import { lostCode, type RunEvent, type RunResult } from "../../../../src/page/agent/run.ts";
import type { AgentApi, RunReading } from "../../../../src/page/gateway/agent-api.ts";
import { RequestError, unreachable } from "../../../../src/page/gateway/api.ts";

const plain: RunResult = {
  isDone: true,
  totalMs: 1,
  calls: [],
  answer: "Done.",
  question: undefined,
  pending: undefined,
  sessionId: "told",
};
const pending = { id: "q", commands: [], isDestructive: true, expiresAtMs: 9, question: undefined };
const done: RunEvent = { type: "done", result: plain };

interface Begun extends RunReading {
  readonly asked: object;
  end(error?: unknown): void;
}

/** Runs go on when a test says so. */
function start(kept: Record<string, string> = {}) {
  const begun: Begun[] = [];
  const cancelled: string[] = [];
  const timers: (() => void)[] = [];
  const refusals: RequestError[] = [];
  const follow = (asked: object, reading: RunReading) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    reading.signal.addEventListener("abort", () => resolve());
    begun.push({ ...reading, asked, end: (error) => (error === undefined ? resolve() : reject(error)) });
    return promise;
  };
  const api: AgentApi = {
    async listServices() {
      const refusal = refusals.shift();
      if (refusal !== undefined) throw refusal;
      return [];
    },
    listExamples: async () => ["Try this"],
    run: follow,
    confirm: follow,
    cancel: async (sessionId) => void cancelled.push(sessionId),
  };
  const memory = {
    readAgentToken: () => kept["token"],
    saveAgentToken(token: string) {
      kept["token"] = token;
    },
    readRuns: () => kept["runs"] ?? "",
    saveRuns(runs: string) {
      kept["runs"] = runs;
    },
  };
  let count = 0;
  const agent = createAgent({
    api,
    memory,
    schedule: (task) => task(),
    createId: () => String(++count),
    nowMs: () => 0,
    later: (task) => void timers.push(task),
  });
  const state = agent.store.get;
  return { agent, begun, cancelled, timers, refusals, kept, state, last: () => state().runs.at(-1) };
}

type Stage = ReturnType<typeof start>;

async function finish({ begun }: Stage, event: RunEvent, error?: unknown): Promise<void> {
  begun.at(-1)?.onEvent(event);
  begun.at(-1)?.end(error);
  // What follows the end has been done.
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

describe("run", () => {
  test("sends one at a time, and the next in the session that the gateway has named", async () => {
    const stage = start();
    stage.agent.run("  first ");
    stage.agent.run("pressed twice");
    await finish(stage, done);
    stage.agent.run("second");

    expect(stage.begun.map(({ asked }) => asked)).toEqual([
      { query: "first", sessionId: "2" },
      { query: "second", sessionId: "told" },
    ]);
    expect(stage.state().runs.map(({ status }) => status)).toEqual(["complete", "running"]);
  });

  test("sends nothing that is empty", () => {
    const stage = start();
    stage.agent.run(" \n ");

    expect(stage.begun).toEqual([]);
  });

  test("fails with the refusal, and is sent once more by retry alone", async () => {
    const stage = start();
    stage.agent.run("first");
    await finish(stage, { type: "progress", kind: "analyzing", message: "", atMs: 0 }, new RequestError("Busy", 503));
    expect(stage.last()).toMatchObject({ status: "failed", trouble: { code: "503", message: "Busy" } });
    expect(stage.begun).toHaveLength(1);
    stage.agent.retry(stage.last()?.id ?? "");

    expect(stage.begun.at(-1)?.asked).toMatchObject({ query: "first" });
  });

  test("begins without what was before, unless something is at work", async () => {
    const stage = start();
    stage.agent.run("first");
    stage.agent.begin();
    expect(stage.state().runs).toHaveLength(1);
    await finish(stage, done);
    stage.agent.begin();
    stage.agent.run("second");

    expect(stage.begun.at(-1)?.asked).not.toMatchObject({ sessionId: "told" });
    expect(stage.state().runs).toHaveLength(1);
  });
});

describe("decide", () => {
  async function ask(): Promise<Stage> {
    const stage = start();
    stage.agent.run("first");
    await finish(stage, { type: "done", result: { ...plain, pending } });
    return stage;
  }

  test("is sent once, with what was changed", async () => {
    const stage = await ask();
    const { id } = stage.last()!;
    stage.agent.decide(id, "approve", { a: 1 });
    stage.agent.decide(id, "reject");
    await finish(stage, done);
    stage.agent.decide(id, "approve");

    expect(stage.begun.slice(1).map(({ asked }) => asked)).toEqual([
      { confirmationId: "q", decision: "approve", changed: { a: 1 } },
    ]);
    expect(stage.last()).toMatchObject({ status: "complete", decision: "approve" });
  });

  test.each([
    [new RequestError("Does not fit", 400), "Does not fit"],
    [new RequestError(unreachable, 0), unreachable],
  ])("leaves the question open where nobody took the word (%s)", async (error, problem) => {
    const stage = await ask();
    stage.agent.decide(stage.last()!.id, "approve");
    stage.begun.at(-1)?.end(error);
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();

    expect(stage.last()).toMatchObject({ status: "pending", pending, problem });
    expect(workingIn(stage.state())).toBeUndefined();
  });

  test.each([404, 410])("fails when the question is gone (%d)", async (status) => {
    const stage = await ask();
    stage.agent.decide(stage.last()!.id, "approve");
    stage.begun.at(-1)?.end(new RequestError("Gone", status));
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();

    expect(stage.last()).toMatchObject({ status: "failed", pending: undefined, trouble: { message: "Gone" } });
  });
});

describe("stop", () => {
  test("asks the gateway, and leaves it time to tell what was done", async () => {
    const stage = start();
    stage.agent.run("first");
    stage.agent.stop();
    stage.agent.stop();
    expect(stage.cancelled).toEqual(["2"]);
    expect(stage.last()?.status).toBe("stopping");
    expect(stage.begun[0]?.signal.aborted).toBe(false);
    stage.begun[0]?.onEvent({ type: "trouble", trouble: { code: "cancelled", message: "" } });
    await finish(stage, { type: "done", result: { ...plain, isDone: false } });

    expect(stage.last()?.status).toBe("stopped");
  });

  test("hangs up when the gateway says nothing", async () => {
    const stage = start();
    stage.agent.run("first");
    stage.agent.stop();
    stage.timers[0]?.();
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();

    expect(stage.begun[0]?.signal.aborted).toBe(true);
    expect(stage.last()?.status).toBe("stopped");
  });

  test("of a page that is left says so, and is kept", () => {
    const stage = start();
    stage.agent.run("first");
    stage.agent.leave();
    const next = start(stage.kept);

    expect(next.last()).toMatchObject({ query: "first", status: "failed", trouble: { code: "left" } });
    expect(next.state().sessionId).toBe("2");
  });

  const lost: RunEvent = { type: "trouble", trouble: { code: lostCode, message: "The connection was lost." } };

  test.each([
    ["in the middle", [lost], undefined],
    ["before its first event", [], new RequestError(unreachable, 0)],
  ])("of a page that is left says so where its connection ends first, %s", async (_, events, error) => {
    const stage = start();
    stage.agent.run("first");
    stage.agent.expectLeave();
    for (const event of events) stage.begun[0]!.onEvent(event);
    stage.begun[0]!.end(error);
    await Bun.sleep(0);
    stage.agent.leave();

    expect(start(stage.kept).last()).toMatchObject({ status: "failed", trouble: { code: "left" } });
  });

  test("of a page that was not left after all tells of a connection that is lost later", async () => {
    const stage = start();
    stage.agent.run("first");
    stage.agent.expectLeave();
    stage.begun[0]!.onEvent({ type: "progress", kind: "analyzing", message: "Analyzing", atMs: 1 });
    stage.begun[0]!.onEvent(lost);
    stage.begun[0]!.end();
    await Bun.sleep(0);
    expect(stage.last()?.trouble).toEqual({ code: lostCode, message: "The connection was lost." });

    stage.agent.expectLeave();
    stage.agent.run("second");
    stage.begun[1]!.end(new RequestError(unreachable, 0));
    await Bun.sleep(0);

    expect(stage.last()?.trouble?.code).toBe("0");
  });
});

describe("list", () => {
  test("asks for a token where the gateway wants one, and for another where it is the wrong one", async () => {
    const stage = start();
    stage.refusals.push(new RequestError("Cannot serve this request without the token of the agent", 401));
    await stage.agent.list();
    expect(stage.state()).toMatchObject({ access: "wanted", error: undefined, isListing: false });
    stage.refusals.push(new RequestError("Cannot serve this request: it is not the token of the agent", 401));
    await stage.agent.giveToken("wrong");
    expect(stage.state().access).toBe("refused");
    await stage.agent.giveToken("right");

    expect(stage.state()).toMatchObject({ access: "granted", services: [], examples: ["Try this"] });
    expect(stage.kept["token"]).toBe("right");
  });

  test("says why it could not be told", async () => {
    const stage = start();
    stage.refusals.push(new RequestError("Down", 503));
    await stage.agent.list();
    expect(stage.state()).toMatchObject({ access: "granted", error: "Down" });
    await stage.agent.list();

    expect(stage.state().error).toBeUndefined();
  });
});
