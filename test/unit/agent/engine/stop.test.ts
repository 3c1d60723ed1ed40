// Runs that end before their time: late, left, cancelled, over a limit. One result each, and nothing goes on behind it.

import { describe, expect, test } from "bun:test";
import { Run } from "../../../../src/agent/engine/run.ts";
import { createRunState } from "../../../../src/agent/engine/run-state.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { type AgentStage, gate, setAgentStage } from "../../../support/agent-stage.ts";
import { calendar } from "../../../support/scripted-tools.ts";

/** A stage whose list_events hangs until its signal is aborted, and a promise of the moment when it is called. */
function hangingStage(): { stage: AgentStage; called: Promise<void> } {
  const { opened: called, open } = gate();
  const servers = {
    calendar: {
      ...calendar(),
      list_events: {
        run: (_input: unknown, { signal }: { signal: AbortSignal }) => {
          open();
          return new Promise<string>((_resolve, reject) =>
            signal.addEventListener("abort", () => reject(signal.reason)),
          );
        },
      },
    },
  };
  return { stage: setAgentStage({ servers, answers: [[["list_events"]]] }), called };
}

describe("a run that is late", () => {
  test("ends with its clock, and the call with it [R4-033] [R4-043] [R4-052] [R4-067]", async () => {
    const { stage, called } = hangingStage();
    const running = stage.run("what is on today?");
    await called;

    stage.pass(60_000);

    expect(await running).toMatchObject({
      success: false,
      totalExecutionTime: 60_000,
      results: [{ command: "list_events", success: false, error: "Stopped before it ended", durationMs: 60_000 }],
      error: { code: "timeout", message: "The run was stopped: it took longer than 60 s" },
    });
    expect(stage.tools.calls[0]?.signal.aborted).toBe(true);
    expect(stage.waitingTimers).toBe(0);
  });

  test("aborts the model's answer [R4-067]", async () => {
    const { opened: asked, open } = gate();
    const stage = setAgentStage({
      answers: [
        () => {
          open();
          return new Promise(() => {});
        },
      ],
    });
    const running = stage.run("hi");
    await asked;

    stage.pass(60_000);

    expect((await running).error?.code).toBe("timeout");
    expect(stage.model.questions[0]?.signal.aborted).toBe(true);
  });

  test("has one result when it ends in the same moment [R4-066]", async () => {
    const { opened, open } = gate<string>();
    const stage = setAgentStage({ answers: [() => opened] });
    const results: unknown[] = [];
    const running = stage.run("hi").then((result) => results.push(result));

    open("Hello.");
    stage.pass(60_000);
    await running;
    await stage.engine.close();

    expect(results).toHaveLength(1);
    expect(stage.progress.filter(({ type }) => type === "completed").length).toBeLessThanOrEqual(1);
  });

  test("tells no progress after its result [R4-026] [R4-066]", async () => {
    const { opened, open } = gate();
    const stage = setAgentStage({ answers: [[["list_events"]]] });
    let tell = (_message: string): void => {};
    stage.tools.servers["calendar"]!["list_events"] = {
      async run(_input, { onProgress }) {
        tell = (message) => onProgress?.(message);
        open();
        return new Promise(() => {});
      },
    };
    const running = stage.run("what is on today?");
    await opened;
    stage.pass(60_000);
    await running;
    const told = stage.progress.length;

    tell("half");

    expect(stage.progress).toHaveLength(told);
  });

  test("is not late while a person thinks", async () => {
    const stage = setAgentStage({ answers: [[["delete_event", { id: "e1" }]], "Gone."] });
    const asked = await stage.run("delete event e1");
    stage.pass(300_000);

    const result = await stage.engine.confirm("anna", asked.pending?.confirmation_id ?? "", "approve");

    expect(result).toMatchObject({ success: true, totalExecutionTime: 0 });
  });
});

describe("a run that nobody waits for", () => {
  test("stops, and its call too [R4-026] [R4-035] [R4-067]", async () => {
    const { stage, called } = hangingStage();
    const leaving = new AbortController();
    const running = stage.run("what is on today?", { signal: leaving.signal });
    await called;

    leaving.abort();

    expect((await running).error?.code).toBe("cancelled");
    expect(stage.tools.calls[0]?.signal.aborted).toBe(true);
    expect(stage.waitingTimers).toBe(0);
  });

  test("does not begin when its client has left already [R4-035]", async () => {
    const stage = setAgentStage();

    const result = await stage.run("hi", { signal: AbortSignal.abort() });

    expect(result.error?.code).toBe("cancelled");
    expect(stage.model.questions).toEqual([]);
  });

  test("is remembered with what is not known of it", async () => {
    const { stage, called } = hangingStage();
    const running = stage.run("what is on today?", { sessionId: "s" });
    await called;
    stage.pass(60_000);
    await running;
    await stage.engine.close();

    const [turn] = await stage.store.findTurns("anna", "s", 5);

    expect(turn?.calls).toMatchObject([
      { tool: "list_events", success: false, outcome: expect.stringContaining("not known") },
    ]);
    expect(await stage.store.listCalls("anna", 5)).toMatchObject([{ tool: "list_events", success: false }]);
  });
});

describe("a run that fails", () => {
  test("stops the calls beside the one that failed", async () => {
    const stage = setAgentStage({ answers: [[["get_a"], ["get_b"]]] });
    stage.tools.servers["calendar"] = { get_a: {}, get_b: { run: () => new Promise(() => {}) } };
    stage.store.endCall = () => Promise.reject(new Error("disk full"));

    const result = await stage.run("get both");

    expect(result.error?.code).toBe("internal");
    expect(result.results).toMatchObject([{ command: "get_b", error: "Stopped before it ended" }]);
    expect(stage.tools.calls.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  });
});

describe("cancel", () => {
  test("ends the user's run of that session, and no other", async () => {
    const { stage, called } = hangingStage();
    const running = stage.run("what is on today?", { sessionId: "s" });
    await called;

    expect(await stage.engine.cancel("bert", "s")).toBe(false);
    expect(await stage.engine.cancel("anna", "t")).toBe(false);
    expect(await stage.engine.cancel("anna", "s")).toBe(true);

    expect((await running).error).toEqual({ code: "cancelled", message: "The run was stopped, as asked" });
    await stage.engine.close();
    expect(await stage.engine.cancel("anna", "s")).toBe(false);
  });

  test("close ends all of them", async () => {
    const { stage, called } = hangingStage();
    const running = stage.run("what is on today?");
    await called;

    await stage.engine.close();

    expect((await running).error?.code).toBe("cancelled");
  });
});

describe("a run beyond its limits", () => {
  test("ends with the last call that it may make", async () => {
    const stage = setAgentStage({
      settings: { maxSteps: 2 },
      answers: Array.from({ length: 3 }, () => [["list_events"]] as const),
    });

    const result = await stage.run("again and again");

    expect(stage.tools.calls).toHaveLength(2);
    expect(result).toMatchObject({ success: false, error: { code: "step_limit" } });
    expect(result.results).toHaveLength(2);
  });

  test.each([["get_a"], ["add_a"]])(
    "makes as many calls of one answer as it may, and of more none: %s",
    async (tool) => {
      const outcome = async (calls: number) => {
        const stage = setAgentStage({
          settings: { maxSteps: 2 },
          servers: { s: { [tool]: {} } },
          answers: [Array.from({ length: calls }, () => [tool] as const), "Done."],
        });
        const { success, error } = await stage.run("all at once");
        return [success, error?.code, stage.tools.calls.length];
      };

      expect(await outcome(2)).toEqual([true, undefined, 2]);
      expect(await outcome(3)).toEqual([false, "step_limit", tool === "get_a" ? 0 : 2]);
    },
  );

  test("ends when it only looks for tools that are not there", async () => {
    const stage = setAgentStage({
      settings: { maxSteps: 2 },
      answers: Array.from({ length: 20 }, () => [["nothing"]] as const),
    });

    expect((await stage.run("again and again")).error).toMatchObject({
      code: "step_limit",
      message: expect.stringContaining("after 12 questions to the model"),
    });
    expect(stage.model.questions).toHaveLength(12);
  });

  test("ends when it has used its tokens", async () => {
    const stage = setAgentStage({
      settings: { maxTokens: 150 },
      answers: Array.from({ length: 3 }, () => [["list_events"]] as const),
    });

    const result = await stage.run("again and again");

    expect(result).toMatchObject({ success: false, error: { code: "token_limit" } });
    expect(result.results).toHaveLength(2);
  });
});

describe("calls of one answer", () => {
  test("go at the same time when all only read, and in turn otherwise", async () => {
    let underWay = 0;
    let most = 0;
    const run = async () => {
      most = Math.max(most, ++underWay);
      await Promise.resolve();
      underWay -= 1;
      return "ok";
    };
    const servers = { s: { get_a: { run }, get_b: { run }, add_c: { run } } };
    const reading = setAgentStage({ servers, answers: [[["get_a"], ["get_b"]], "Done."] });
    const mixed = setAgentStage({ servers, answers: [[["get_a"], ["add_c"]], "Done."] });

    await reading.run("get both");
    expect(most).toBe(2);
    most = 0;
    await mixed.run("get and add");
    expect(most).toBe(1);
  });
});

test("a run that was stopped before somebody listens to it again tells so at once", async () => {
  const about = { turnId: "t", sessionId: "s", query: "hi", mark: "m", model: undefined };
  const parts = { clock: () => 0, startTimer: () => () => {}, timeoutMs: 60_000, log: silentLog };
  const run = new Run("anna", { requestId: "req_1" }, createRunState(about), parts);

  run.stop("cancelled", "The run was stopped, as asked");
  const result = await run.listen({});

  expect(result).toMatchObject({ success: false, error: { code: "cancelled" }, session_id: "s" });
});
