// A server asks the person something in the middle of a call: the run waits with an open call, and goes on with the answer.

import { describe, expect, test } from "bun:test";
import { gate, setAgentStage } from "../../../support/agent-stage.ts";
import { calendar, objectSchema } from "../../../support/scripted-tools.ts";

const asked = { message: "Which room?\u0000", schema: objectSchema({ room: { type: "string" } }) };

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A stage whose create_event asks for a room. */
function askingStage() {
  const servers = {
    calendar: calendar(async (_input, { elicit }) => JSON.stringify((await elicit?.(asked)) ?? "nobody")),
  };
  return setAgentStage({
    servers,
    answers: [[["create_event", { title: "a", start: "2026-11-28T14:00:00Z" }]], "Done."],
  });
}

async function askedStage() {
  const stage = askingStage();
  const result = await stage.run("add an event", { sessionId: "s" });
  return { stage, result, id: result.pending?.confirmation_id ?? "" };
}

describe("a server's question", () => {
  test("becomes the run's", async () => {
    const { result } = await askedStage();

    expect(result).toMatchObject({
      success: true,
      answer: "Which room?",
      pending: { commands: [], risk: "write", question: { message: "Which room?", schema: asked.schema } },
      results: [],
    });
  });

  test("is answered with data, and the call goes on", async () => {
    const { stage, id } = await askedStage();

    const result = await stage.engine.confirm("anna", id, "approve", { changed: { room: "blue" } });

    expect(stage.tools.calls).toHaveLength(1);
    expect(result).toMatchObject({
      success: true,
      answer: "Done.",
      results: [{ command: "create_event", success: true, result: '{"action":"accept","content":{"room":"blue"}}' }],
    });
  });

  test("is declined by a no", async () => {
    const { stage, id } = await askedStage();

    const result = await stage.engine.confirm("anna", id, "reject");

    expect(result.results[0]?.result).toBe('{"action":"decline"}');
  });

  test("takes only what fits, and only once", async () => {
    const { stage, id } = await askedStage();

    await expect(stage.engine.confirm("anna", id, "approve", { changed: {} })).rejects.toMatchObject({
      message: 'Invalid request: "arguments" do not fit: "room" is missing',
    });
    await stage.engine.confirm("anna", id, "approve", { changed: { room: "blue" } });
    await expect(stage.engine.confirm("anna", id, "reject")).rejects.toMatchObject({ kind: "gone" });
  });

  test("does not count as work, and is not waited for for ever", async () => {
    const { stage, id } = await askedStage();
    stage.pass(599_999);
    expect(stage.tools.calls[0]?.signal.aborted).toBe(false);

    stage.pass(1);

    expect(stage.tools.calls[0]?.signal.aborted).toBe(true);
    await expect(stage.engine.confirm("anna", id, "reject")).rejects.toMatchObject({ kind: "gone" });
    expect(stage.waitingTimers).toBe(0);
  });

  test.each(["drop", "cancel", "close"] as const)("ends with %s", async (how) => {
    const { stage, id } = await askedStage();

    if (how === "drop") expect(await stage.engine.drop("anna", id)).toBe(true);
    if (how === "cancel") expect(await stage.engine.cancel("anna", "s")).toBe(true);
    if (how === "close") await stage.engine.close();

    expect(stage.tools.calls[0]?.signal.aborted).toBe(true);
    expect(stage.waitingTimers).toBe(0);
  });

  test("that its server did not wait for holds the run up until it is answered, and then all that came of it is told", async () => {
    const { opened: givenUp, open: giveUp } = gate();
    const stage = setAgentStage({
      servers: {
        calendar: calendar(async (_input, { elicit }) => {
          void elicit?.(asked);
          await givenUp;
          return { text: "Nobody answered in time", isError: true, isCut: false };
        }),
      },
      answers: [[["create_event", { title: "a", start: "2026-11-28T14:00:00Z" }]], "It could not be added."],
    });
    const { pending } = await stage.run("add an event");
    giveUp();
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(stage.model.questions).toHaveLength(1);

    const result = await stage.engine.confirm("anna", pending?.confirmation_id ?? "", "approve", {
      changed: { room: "blue" },
    });

    expect(result).toMatchObject({
      success: false,
      answer: "It could not be added.",
      results: [{ command: "create_event", success: false, error: "Nobody answered in time" }],
    });
    expect(stage.waitingTimers).toBe(0);
  });

  test.each(["drop", "cancel", "close", "expire"] as const)(
    "that its server did not wait for ends with %s",
    async (how) => {
      const servers = {
        calendar: calendar((_input, { elicit }) => {
          void elicit?.(asked);
          return "Added all the same";
        }),
      };
      const answers = [[["create_event", { title: "a", start: "2026-11-28T14:00:00Z" }]], "Done."] as const;
      const stage = setAgentStage({ servers, answers });
      const { pending } = await stage.run("add an event", { sessionId: "s" });
      const id = pending?.confirmation_id ?? "";

      if (how === "drop") expect(await stage.engine.drop("anna", id)).toBe(true);
      if (how === "cancel") expect(await stage.engine.cancel("anna", "s")).toBe(true);
      if (how === "close") await stage.engine.close();
      if (how === "expire") stage.pass(600_000);

      await stage.engine.settled();
      expect(stage.waitingTimers).toBe(0);
      await expect(stage.engine.confirm("anna", id, "reject")).rejects.toMatchObject({ kind: "gone" });
    },
  );

  test("cannot be answered where its call does not run", async () => {
    const { stage } = await askedStage();
    const other = {
      id: "q",
      caller: "anna",
      kind: "elicitation",
      createdAtMs: 0,
      expiresAtMs: Number.MAX_SAFE_INTEGER,
      plan: {},
    } as const;
    await stage.store.ask(other);

    await expect(stage.engine.confirm("anna", "q", "reject")).rejects.toMatchObject({ kind: "gone" });
  });

  test("is declined when another is open: one can be told at a time", async () => {
    const { opened, open } = gate();
    const stage = setAgentStage({ answers: [[["get_a"], ["get_b"]], "Done."] });
    stage.tools.servers["calendar"] = {
      get_a: { run: async (_input, { elicit }) => JSON.stringify(await elicit?.(asked)) },
      get_b: {
        async run(_input, { elicit }) {
          await opened;
          return JSON.stringify(await elicit?.(asked));
        },
      },
    };
    const first = await stage.run("get both");
    open();

    const result = await stage.engine.confirm("anna", first.pending?.confirmation_id ?? "", "approve", {
      changed: { room: "blue" },
    });

    expect(result.results.map(({ command, result: given }) => [command, String(given).slice(11, 18)])).toEqual([
      ["get_a", 'accept"'],
      ["get_b", "decline"],
    ]);
  });
});
