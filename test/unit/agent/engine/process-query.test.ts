// A query from its first word to its result: what is told on the way, what is called, what comes of it.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { flattenText } from "../../../../src/contract/chat-request.ts";
import type { AgentProgress, ModelQuestion } from "../../../../src/agent/engine.ts";
import { gate, setAgentStage } from "../../../support/agent-stage.ts";
import { calendar, objectSchema } from "../../../support/scripted-tools.ts";

const meeting = { title: "Meeting with John", start: "2026-11-28T14:00:00Z" };
const oneCall = [[["create_event", meeting]], "The meeting is in your calendar."] as const;

describe("processQuery", () => {
  test("tells its steps in order, in the words of the rows [R4-011] [R4-012] [R4-013] [R4-014] [R4-051] [R4-056]", async () => {
    const stage = setAgentStage({
      servers: { calendar: calendar(), mail: { list_mails: {}, send_mail: {} } },
      answers: oneCall,
    });

    await stage.run("schedule a meeting with John tomorrow at 2 PM");

    expect(stage.progress.map(({ type, message }) => [type, message])).toEqual([
      ["analyzing", "Analyzing your request..."],
      ["discovering", "Found 2 services with 5 commands"],
      ["selecting", "Selecting commands..."],
      ["executing", "Executing: create_event (1/1)"],
      ["completed", "Completed: 1 command"],
    ]);
  });

  test("says when it was, and never goes back in time [R4-011]", async () => {
    const stage = setAgentStage({ answers: [[["list_events"]], [["list_events"]], "Nothing."] });
    stage.tools.servers["calendar"]!["list_events"] = {
      run() {
        stage.pass(-5000);
        return "No events";
      },
    };

    await stage.run("what is on today?");

    const times = stage.progress.map(({ timestamp }) => timestamp);
    expect(times).toEqual([...times].sort((one, other) => one - other));
    expect(times.every(Number.isInteger)).toBe(true);
  });

  test("schedules a meeting without a question [R4-022] [R4-015]", async () => {
    const stage = setAgentStage({ answers: oneCall });

    const result = await stage.run("schedule a meeting with John tomorrow at 2 PM");

    expect(stage.tools.calls.map(({ user, tool, input }) => [user, tool, input])).toEqual([
      ["anna", "calendar/create_event", meeting],
    ]);
    expect(result).toEqual({
      success: true,
      totalExecutionTime: 0,
      results: [
        {
          service: "calendar",
          command: "create_event",
          success: true,
          arguments: meeting,
          result: "Created e1",
          durationMs: 0,
        },
      ],
      answer: "The meeting is in your calendar.",
      session_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  test("hands results on: the second call knows what the first gave [R4-022] [R4-056]", async () => {
    const stage = setAgentStage({
      answers: [
        [["list_events", { day: "today" }]],
        ({ messages }) => [
          ["create_event", { ...meeting, title: JSON.stringify(messages.at(-1)).match(/No \w+/)?.[0] }],
        ],
        "Done.",
      ],
    });

    const result = await stage.run("add what is missing");

    expect(stage.tools.calls[1]?.input["title"]).toBe("No events");
    expect(result.results.map(({ command }) => command)).toEqual(["list_events", "create_event"]);
    expect(stage.progress.filter(({ type }) => type === "executing").map(({ message }) => message)).toEqual([
      "Executing: list_events (1/1)",
      "Executing: create_event (2/2)",
    ]);
  });

  test("counts the calls that it knows of [R4-014]", async () => {
    const stage = setAgentStage({
      answers: [
        [
          ["create_event", meeting],
          ["create_event", meeting],
        ],
        "Both.",
      ],
    });

    await stage.run("two meetings");

    expect(stage.progress.filter(({ type }) => type === "executing").map(({ message }) => message)).toEqual([
      "Executing: create_event (1/2)",
      "Executing: create_event (2/2)",
    ]);
  });

  test("carries one plan over several services [R4-028]", async () => {
    const stage = setAgentStage({
      servers: {
        calendar: calendar(),
        notes: { add_note: { schema: objectSchema({ text: { type: "string" } }) } },
      },
      answers: [[["list_events"]], [["add_note", { text: "No events" }]], "Noted."],
    });

    const result = await stage.run("note what is on today");

    expect(result.results.map(({ service }) => service)).toEqual(["calendar", "notes"]);
  });

  test("asks back instead of acting, whatever else the model calls [R4-027] [R4-052]", async () => {
    const stage = setAgentStage({
      answers: [
        [
          ["create_event", meeting],
          ["ask_user", { question: "Which John?" }],
        ],
      ],
    });

    const result = await stage.run("schedule a meeting with John");

    expect(result).toMatchObject({ success: true, needsClarification: true, clarificationQuestion: "Which John?" });
    expect(result.results).toEqual([]);
    expect(stage.tools.calls).toEqual([]);
  });

  test("asks back when the model asks as JSON [R4-027] [R4-056]", async () => {
    const json = '{"needsClarification": true, "clarificationQuestion": "Which John?"}';
    for (const text of [json, `\`\`\`json\n${json}\n\`\`\``]) {
      const result = await setAgentStage({ answers: [text] }).run("meet John");

      expect(result).toMatchObject({ needsClarification: true, clarificationQuestion: "Which John?" });
      expect(result.answer).toBeUndefined();
    }
  });

  test("tells a call while it is under way, not behind it [R4-019] [R4-051]", async () => {
    const { opened, open } = gate<string>();
    const stage = setAgentStage({ servers: { calendar: calendar(() => opened) }, answers: oneCall });
    const told = gate<AgentProgress>();

    const running = stage.run("schedule a meeting", {
      onProgress: (one) => one.type === "executing" && told.open(one),
    });

    expect((await told.opened).message).toBe("Executing: create_event (1/1)");
    open("Created e1");
    expect((await running).success).toBe(true);
  });

  test("passes on what a server says of its progress", async () => {
    const stage = setAgentStage({
      servers: {
        calendar: calendar((_input, { onProgress }) => {
          onProgress?.("half of it");
          return "Created e1";
        }),
      },
      answers: oneCall,
    });

    await stage.run("schedule a meeting");

    expect(stage.progress[4]).toMatchObject({
      type: "executing",
      message: "Executing: create_event (1/1): half of it",
    });
  });

  test("takes back the marks that the model copies, from its answer and from arguments", async () => {
    const copied = ({ messages }: ModelQuestion) => flattenText(messages.at(-1)!);
    const stage = setAgentStage({
      answers: [
        [["list_events"]],
        (question) => [["create_event", { ...meeting, title: copied(question) }]],
        (question) => `It says:\n${copied(question)}`,
      ],
    });

    const result = await stage.run("add what is missing");

    expect(stage.tools.calls[1]?.input["title"]).toBe("No events");
    expect(result.answer).toBe("It says:\nCreated e1");
  });

  test("answers in words when nothing is to be called", async () => {
    const result = await setAgentStage({ answers: ["Hello."] }).run("hi");

    expect(result).toMatchObject({ success: true, answer: "Hello.", results: [] });
  });

  test("uses a tool that has come since, without code for it [R4-023] [R4-056]", async () => {
    const stage = setAgentStage({ answers: ["No."] });
    await stage.run("water the plants");
    stage.tools.servers["garden"] = { add_water: { description: "Waters plants" } };
    stage.model.say([["add_water"]], "Watered.");

    const result = await stage.run("water the plants");

    expect(stage.tools.discoveries).toBe(2);
    expect(result.results).toMatchObject([{ service: "garden", command: "add_water", success: true }]);
  });

  test("says how to get a service where there is none", async () => {
    const stage = setAgentStage({ servers: {} });

    const { error } = await stage.run("what is on today?");

    expect(error).toEqual({
      code: "no_tools",
      message: "Cannot carry out the request: there is no tool server yet, qwen-gateway mcp add makes one",
    });
  });

  test("says so when no service has a command", async () => {
    const stage = setAgentStage({ servers: { calendar: calendar() } });
    stage.tools.states["calendar"] = "failed";

    const result = await stage.run("what is on today?");

    expect(result).toMatchObject({
      success: false,
      error: { code: "no_tools", message: 'Cannot carry out the request: "calendar" cannot be reached' },
    });
    expect(stage.progress[1]?.message).toBe("Found 0 services with 0 commands");
  });

  test("keeps what was done when the model fails later [R4-034] [R4-052]", async () => {
    const stage = setAgentStage({
      answers: [
        [["create_event", meeting]],
        () => {
          throw new GatewayError("upstream-failed", "Cannot answer: the upstream is down");
        },
      ],
    });

    const result = await stage.run("schedule a meeting");

    expect(result).toMatchObject({
      success: false,
      error: { code: "upstream_failed", message: "Cannot answer: the upstream is down" },
    });
    expect(result.results).toMatchObject([{ command: "create_event", success: true }]);
    expect(stage.progress.some(({ type }) => type === "completed")).toBe(false);
  });

  test("tells nothing of the inside of what failed unexpectedly", async () => {
    const stage = setAgentStage({
      answers: [
        () => {
          throw new Error("secret");
        },
      ],
    });

    const result = await stage.run("hi");

    expect(result.error?.code).toBe("internal");
    expect(JSON.stringify(result)).not.toContain("secret");
  });

  test("runs a hundred at once, each for itself [R4-044] [R4-050]", async () => {
    const stage = setAgentStage();
    stage.model.say(
      ...Array.from({ length: 200 }, () => ({ messages }: { messages: readonly unknown[] }) => {
        const query = /query \d+/.exec(JSON.stringify(messages))?.[0] ?? "";
        return messages.length > 2 ? `Done: ${query}` : [["create_event", { ...meeting, title: query }] as const];
      }),
    );

    const results = await Promise.all(Array.from({ length: 100 }, (_, index) => stage.run(`query ${index}`)));

    expect(results.map(({ answer }) => answer)).toEqual(results.map((_, index) => `Done: query ${index}`));
    expect(new Set(results.map(({ session_id }) => session_id)).size).toBe(100);
    expect(stage.waitingTimers).toBe(0);
  });

  test("is not disturbed by a listener that throws [R4-024]", async () => {
    const stage = setAgentStage({ answers: oneCall });

    const result = await stage.run("schedule a meeting", {
      onProgress() {
        throw new Error("bad listener");
      },
    });

    expect(result.success).toBe(true);
  });

  test("tells no progress to whoever wants none [R4-024]", async () => {
    const stage = setAgentStage({ answers: oneCall });

    await stage.run("schedule a meeting", { streaming: false });

    expect(stage.progress).toEqual([]);
  });
});
