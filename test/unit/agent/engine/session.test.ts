// Follow-ups: what a run knows of those before it in its session, and what it does not.

import { describe, expect, test } from "bun:test";
import { setAgentStage } from "../../../support/agent-stage.ts";
import { calendar } from "../../../support/scripted-tools.ts";

const event = { title: "Yoga", start: "2026-11-28T14:00:00Z" };
const created = [[["create_event", event]], "Yoga is in your calendar."] as const;

describe("a follow-up", () => {
  test("knows what was asked, called, given and answered", async () => {
    const stage = setAgentStage({ answers: [...created, "It is at two."] });
    const first = await stage.run("add yoga");

    await stage.run("when is it?", { sessionId: first.session_id });

    const messages = stage.model.questions.at(-1)?.messages ?? [];
    expect(messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "tool", "assistant", "user"]);
    expect(messages[2]).toMatchObject({
      toolCalls: [{ toolName: "create_event", argumentsText: JSON.stringify(event) }],
    });
    for (const words of ["add yoga", "Created e1", "Yoga is in your calendar.", "when is it?"]) {
      expect(stage.model.lastWords).toContain(words);
    }
  });

  test("answers a question of the run before [R4-027]", async () => {
    const stage = setAgentStage({ answers: [[["ask_user", { question: "Which John?" }]], ...created] });
    const first = await stage.run("meet John");

    await stage.run("the one from work", { sessionId: first.session_id });

    expect(stage.model.lastWords).toMatch(/meet John[\s\S]*Which John\?[\s\S]*the one from work/);
  });

  test("knows what was confirmed, once", async () => {
    const stage = setAgentStage({ answers: [[["delete_event", { id: "e1" }]], "Gone.", "e1."] });
    const first = await stage.run("delete event e1", { sessionId: "s" });
    await stage.engine.confirm("anna", first.pending?.confirmation_id ?? "", "approve");

    await stage.run("which one was it?", { sessionId: "s" });

    const messages = stage.model.questions.at(-1)?.messages ?? [];
    expect(messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "tool", "assistant", "user"]);
    expect(stage.model.lastWords).toContain("Gone.");
  });

  test("is shown the tools of the session where there are many", async () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`get_thing${index}`, {}]));
    const stage = setAgentStage({
      servers: { many, calendar: { get_a: {}, get_b: {}, get_c: {}, ...calendar() } },
      answers: [
        [["find_tools", { query: "delete event" }]],
        ["delete_event"].map((name) => [name, { id: "e1" }] as const),
        "Gone.",
      ],
      settings: { confirm: "never" },
    });
    const first = await stage.run("weg damit");
    stage.model.say("Well.");

    await stage.run("and one more thing", { sessionId: first.session_id });

    expect(first.results).toMatchObject([{ command: "delete_event", success: true }]);
    expect(stage.model.questions.at(-1)?.tools[0]?.name).toBe("delete_event");
  });

  test("of another user knows nothing [R4-025]", async () => {
    const stage = setAgentStage({ answers: [...created, "Hello."] });
    await stage.run("add yoga", { sessionId: "s" });

    await stage.engine.processQuery("bert", "hi", { sessionId: "s" });

    expect(stage.model.questions.at(-1)?.messages).toHaveLength(2);
  });

  test("knows nothing after the session has expired", async () => {
    const stage = setAgentStage({ answers: [...created, "Hello."] });
    await stage.run("add yoga", { sessionId: "s" });
    stage.pass(60 * 60_000 + 1);

    await stage.run("hi", { sessionId: "s" });

    expect(stage.model.questions.at(-1)?.messages).toHaveLength(2);
  });

  test("knows the last eight runs", async () => {
    const stage = setAgentStage({ answers: Array.from({ length: 11 }, () => "Well.") });
    for (let index = 0; index <= 10; index++) {
      stage.pass(1);
      await stage.run(`query number ${index}`, { sessionId: "s" });
    }

    expect(stage.model.questions.at(-1)?.messages).toHaveLength(2 + 8 * 2);
    expect(stage.model.lastWords).toMatch(/^(?![\s\S]*number 1\b)[\s\S]*number 2\b/);
  });

  test("is told neither long results nor long arguments again", async () => {
    const title = "long ".repeat(1000);
    const stage = setAgentStage({
      servers: { calendar: calendar(() => "x".repeat(50_000)) },
      answers: [[["create_event", { ...event, title }]], "Done.", "Well."],
    });
    await stage.run("add it", { sessionId: "s" });

    await stage.run("and now?", { sessionId: "s" });

    expect(JSON.stringify(stage.model.questions.at(-1)?.messages).length).toBeLessThan(6000);
  });
});
