// What waits for a person: kept, bound to whom and what was asked, done once, changed, rejected, forgotten, too late.

import { describe, expect, test } from "bun:test";
import type { AgentProgress } from "../../../../src/agent/engine.ts";
import { type AgentStage, type AgentStageOptions, noon, setAgentStage } from "../../../support/agent-stage.ts";
import { calendar, objectSchema } from "../../../support/scripted-tools.ts";
import { useTemporaryFiles } from "../../store/temporary-store.ts";

const nextFile = useTemporaryFiles();
const remove = [["list_events"], ["delete_event", { id: "e1" }]] as const;

async function askedStage(options: AgentStageOptions = {}): Promise<{ stage: AgentStage; id: string }> {
  const stage = setAgentStage({ answers: [remove], ...options });
  const result = await stage.run("delete event e1");
  return { stage, id: result.pending?.confirmation_id ?? "" };
}

const madeCalls = ({ tools }: AgentStage) => tools.calls.map(({ tool, input }) => [tool, input]);

describe("a run that wants to delete", () => {
  test("does what needs no asking, and waits with the rest [R4-005] [R4-015]", async () => {
    const stage = setAgentStage({ answers: [remove] });

    const result = await stage.run("delete event e1");

    expect(result).toEqual({
      success: true,
      totalExecutionTime: 0,
      results: [
        {
          service: "calendar",
          command: "list_events",
          arguments: {},
          success: true,
          result: "No events",
          durationMs: 0,
        },
      ],
      answer: "Waits for your confirmation: delete_event.",
      pending: {
        confirmation_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        commands: [{ service: "calendar", command: "delete_event", arguments: { id: "e1" } }],
        risk: "destructive",
        expires_at: noon + 600_000,
      },
      session_id: expect.any(String),
    });
    expect(madeCalls(stage)).toEqual([["calendar/list_events", {}]]);
    expect(stage.waitingTimers).toBe(0);
  });

  test("waits with writing too where the settings say so", async () => {
    const input = { title: "a", start: "2026-11-28T14:00:00Z" };
    const stage = setAgentStage({ settings: { confirm: "writes" }, answers: [[["create_event", input]]] });

    const result = await stage.run("add an event");

    expect(result.pending).toMatchObject({ risk: "write", commands: [{ command: "create_event" }] });
  });

  test("asks nothing where the settings allow it", async () => {
    const stage = setAgentStage({ settings: { allow: ["calendar/delete_event"] }, answers: [remove, "Gone."] });

    expect(await stage.run("delete event e1")).toMatchObject({ success: true, answer: "Gone." });
  });

  test("does not ask when a call before it has failed", async () => {
    const stage = setAgentStage({ answers: [remove, "I could not look."] });
    stage.tools.servers["calendar"]!["list_events"] = {
      run: () => {
        throw new Error("down");
      },
    };

    const result = await stage.run("delete event e1");

    expect(result.pending).toBeUndefined();
    expect(stage.model.lastWords).toContain("Not called: a call before it, in the same answer, has failed");
  });
});

describe("confirm", () => {
  test("carries it out and goes on to the answer [R4-005]", async () => {
    const { stage, id } = await askedStage();
    stage.model.say("Event e1 is deleted.");
    const progress: AgentProgress[] = [];

    const result = await stage.engine.confirm("anna", id, "approve", { onProgress: (one) => void progress.push(one) });

    expect(madeCalls(stage)[1]).toEqual(["calendar/delete_event", { id: "e1" }]);
    expect(result).toMatchObject({ success: true, answer: "Event e1 is deleted." });
    expect(result.results.map(({ command }) => command)).toEqual(["list_events", "delete_event"]);
    expect(progress.map(({ message }) => message)).toEqual([
      "Going on with your confirmation...",
      "Executing: delete_event (2/2)",
      "Completed: 2 commands",
    ]);
    // Both results stand behind the model's one answer, in the order of its calls.
    expect(stage.model.questions[1]?.messages.slice(2).map(({ role }) => role)).toEqual(["assistant", "tool", "tool"]);
    expect(stage.model.lastWords).toMatch(/No events[\s\S]*Deleted/);
  });

  test("rejected: nothing is done, and the question is gone [R4-005]", async () => {
    const { stage, id } = await askedStage();
    stage.tools.states["calendar"] = "failed";

    const result = await stage.engine.confirm("anna", id, "reject");

    expect(result).toMatchObject({ success: true, answer: "Not done, as you wished: delete_event." });
    expect(stage.tools.calls).toHaveLength(1);
    await expect(stage.engine.confirm("anna", id, "approve")).rejects.toMatchObject({ kind: "gone" });
  });

  test("runs once, however many say yes at the same time", async () => {
    const { stage, id } = await askedStage();
    stage.model.say("Gone.");

    const answers = await Promise.allSettled(
      Array.from({ length: 5 }, () => stage.engine.confirm("anna", id, "approve")),
    );

    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(answers.find(({ status }) => status === "rejected")).toMatchObject({ reason: { kind: "gone" } });
    expect(stage.tools.calls.filter(({ tool }) => tool === "calendar/delete_event")).toHaveLength(1);
  });

  test("knows the question of nobody else [R4-025]", async () => {
    const { stage, id } = await askedStage();

    await expect(stage.engine.confirm("bert", id, "approve")).rejects.toMatchObject({ kind: "not-found" });
    await expect(stage.engine.confirm("anna", "made-up", "approve")).rejects.toMatchObject({ kind: "not-found" });
    expect(await stage.engine.drop("bert", id)).toBe(false);
    expect(stage.tools.calls).toHaveLength(1);
  });

  test("comes too late when the question has expired", async () => {
    const { stage, id } = await askedStage();
    stage.pass(600_000);

    await expect(stage.engine.confirm("anna", id, "approve")).rejects.toMatchObject({
      kind: "gone",
      message: "Cannot confirm: the question has expired; send the request once more",
    });
  });

  test("takes other arguments that fit", async () => {
    const { stage, id } = await askedStage({ answers: [[["delete_event", { id: "e1" }]]] });
    stage.model.say("Event e2 is deleted.");

    await stage.engine.confirm("anna", id, "approve", { changed: { id: "e2" } });

    expect(madeCalls(stage)).toEqual([["calendar/delete_event", { id: "e2" }]]);
    expect(stage.model.lastWords).toContain('The user has changed the arguments to {"id":"e2"}');
    expect(await stage.store.listCalls("anna", 1)).toMatchObject([{ decision: "changed", success: true }]);
  });

  test("tells the model of long ones no more than of a long result", async () => {
    const { stage, id } = await askedStage({ answers: [[["delete_event", { id: "e1" }]]] });
    stage.model.say("Done.");

    await stage.engine.confirm("anna", id, "approve", { changed: { id: "e".repeat(900_000) } });

    expect(stage.model.lastWords.length).toBeLessThan(50_000);
  });

  test("refuses other arguments that do not fit, and the question still waits", async () => {
    const { stage, id } = await askedStage({ answers: [[["delete_event", { id: "e1" }]]] });

    await expect(stage.engine.confirm("anna", id, "approve", { changed: { id: 2 } })).rejects.toMatchObject({
      kind: "invalid-request",
      message: 'Invalid request: "arguments" do not fit: "id" must be string',
    });

    stage.model.say("Gone.");
    expect(await stage.engine.confirm("anna", id, "approve")).toMatchObject({ success: true });
  });

  test("refuses other arguments for several commands", async () => {
    const { stage, id } = await askedStage({
      answers: [
        [
          ["delete_event", { id: "e1" }],
          ["delete_event", { id: "e2" }],
        ],
      ],
    });

    await expect(stage.engine.confirm("anna", id, "approve", { changed: { id: "e3" } })).rejects.toMatchObject({
      param: "arguments",
    });
  });

  test.each([
    ["says something else", { ...calendar()["delete_event"], description: "Deletes everything" }],
    [
      "wants something else",
      { ...calendar()["delete_event"], schema: objectSchema({ id: { type: "string" }, all: {} }) },
    ],
    ["is gone", undefined],
  ])("does not call a tool that %s since", async (_name, changed) => {
    const { stage, id } = await askedStage();
    const tools = stage.tools.servers["calendar"]!;
    if (changed === undefined) delete tools["delete_event"];
    else tools["delete_event"] = changed;

    const result = await stage.engine.confirm("anna", id, "approve");

    expect(result).toMatchObject({
      success: false,
      error: { code: "tool_changed", message: expect.stringContaining('Cannot call "delete_event"') },
      results: [{ command: "list_events" }],
    });
    expect(stage.tools.calls).toHaveLength(1);
    expect(await stage.store.listCalls("anna", 1)).toMatchObject([{ tool: "delete_event", decision: "replaced" }]);
    await expect(stage.engine.confirm("anna", id, "approve")).rejects.toMatchObject({ kind: "gone" });
  });

  test("waits on while the service cannot be reached", async () => {
    const { stage, id } = await askedStage();
    stage.tools.states["calendar"] = "failed";

    await expect(stage.engine.confirm("anna", id, "approve")).rejects.toMatchObject({
      kind: "overloaded",
      message: 'Cannot confirm: the service "calendar" cannot be reached; try again',
    });

    stage.tools.states["calendar"] = "ready";
    stage.model.say("Gone.");
    expect(await stage.engine.confirm("anna", id, "approve")).toMatchObject({ success: true });
  });

  test("does not call a tool whose name was given to another [hash pinned]", async () => {
    const { stage, id } = await askedStage();
    const tools = stage.tools.servers["calendar"]!;
    tools["delete_event"] = { ...tools["list_events"], run: () => "Not this one" };

    const result = await stage.engine.confirm("anna", id, "approve");

    expect(result.error?.code).toBe("tool_changed");
  });

  test("asks anew about the next call: an agreement is for one", async () => {
    const { stage, id } = await askedStage();
    stage.model.say([["delete_event", { id: "e2" }]]);

    const result = await stage.engine.confirm("anna", id, "approve");

    expect(result.pending?.commands).toMatchObject([{ arguments: { id: "e2" } }]);
    expect(result.pending?.confirmation_id).not.toBe(id);
    expect(madeCalls(stage).map(([tool]) => tool)).toEqual(["calendar/list_events", "calendar/delete_event"]);
  });

  test("leaves out what follows a command that fails", async () => {
    const { stage, id } = await askedStage({
      answers: [
        [
          ["delete_event", { id: "e1" }],
          ["delete_event", { id: "e2" }],
        ],
      ],
    });
    stage.tools.servers["calendar"]!["delete_event"]!.run = () => ({
      text: "No such event",
      isError: true,
      isCut: false,
    });
    stage.model.say("It was not there.");

    const result = await stage.engine.confirm("anna", id, "approve");

    expect(stage.tools.calls).toHaveLength(1);
    expect(result).toMatchObject({ success: false, results: [{ error: "No such event" }] });
  });

  test("goes on in a process that was started since", async () => {
    const path = nextFile();
    const { id } = await askedStage({ path });
    const restarted = setAgentStage({ path, answers: ["Gone."] });

    const result = await restarted.engine.confirm("anna", id, "approve");

    expect(result).toMatchObject({ success: true, answer: "Gone." });
    expect(result.results.map(({ command }) => command)).toEqual(["list_events", "delete_event"]);
    expect(madeCalls(restarted)).toEqual([["calendar/delete_event", { id: "e1" }]]);
  });
});

test("the questions of a run have one name, those behind a confirmation another, and each is forgotten with its part", async () => {
  const stage = setAgentStage({ answers: [[["list_events"]], [["delete_event", { id: "e1" }]], "It is gone."] });

  const asked = await stage.run("delete the event of today");
  const forgottenBefore = [...stage.forgotten];
  await stage.engine.confirm("anna", asked.pending?.confirmation_id ?? "", "approve");

  const [first, second, third] = stage.model.questions.map(({ conversation }) => conversation);
  expect(first).toBeString();
  expect(second).toBe(first!);
  expect(third).not.toBe(first!);
  expect(forgottenBefore).toEqual([`anna ${first}`]);
  expect(stage.forgotten).toEqual([`anna ${first}`, `anna ${third}`]);
});

describe("drop", () => {
  test("forgets the question [R4-005]", async () => {
    const { stage, id } = await askedStage();

    expect(await stage.engine.drop("anna", id)).toBe(true);
    expect(await stage.engine.drop("anna", id)).toBe(false);
    await expect(stage.engine.confirm("anna", id, "approve")).rejects.toMatchObject({
      kind: "gone",
      message: "Cannot confirm: the question was dropped",
    });
  });
});
