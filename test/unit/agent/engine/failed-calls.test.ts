// Whether a run has gone well of which a call has not: what makes up for a failure, what does not, and what is told of it.

import { describe, expect, test } from "bun:test";
import { flattenText } from "../../../../src/contract/chat-request.ts";
import { setAgentStage } from "../../../support/agent-stage.ts";

/** Fails at these of its calls, counted from 1. */
function failingAt(...calls: readonly number[]) {
  let made = 0;
  return { run: () => ({ text: `call ${++made}`, isError: calls.includes(made), isCut: false }) };
}

const failedRun = (message: string) => ({ success: false, error: { code: "command_failed", message } });

describe("a call that failed", () => {
  test("is made up for by a later one of the same tool [R4-016]", async () => {
    const stage = setAgentStage({
      servers: { s: { get_a: failingAt(1, 2) } },
      answers: [[["get_a"]], [["get_a"]], [["get_a"]], "There it is."],
    });

    const result = await stage.run("get it");

    expect(result).toMatchObject({ success: true, answer: "There it is." });
    expect(result.results.map(({ success }) => success)).toEqual([false, false, true]);
    expect(stage.progress.at(-1)?.message).toBe("Completed: 1 of 3 commands succeeded");
  });

  test("is not made up for by another tool, and is the one that is told [R4-016] [R4-018]", async () => {
    const stage = setAgentStage({
      servers: { s: { get_a: failingAt(1), get_b: failingAt(1) } },
      answers: [[["get_b"]], [["get_a"]], [["get_b"]], "Only half of it."],
    });

    const result = await stage.run("get both");

    expect(result).toMatchObject({ ...failedRun('Cannot carry out "s/get_a": call 1'), answer: "Only half of it." });
    expect(stage.progress.map(({ type }) => type)).not.toContain("completed");
  });

  test("is not made up for by one of the same answer, which did not know of it [R4-016]", async () => {
    const failing = setAgentStage({
      servers: { s: { get_a: failingAt(1) } },
      answers: [[["get_a"], ["get_a"]], "Half of it."],
    });

    expect(await failing.run("get both")).toMatchObject(failedRun('Cannot carry out "s/get_a": call 1'));
  });

  test("leaves out what follows in the same answer, and the model is told so", async () => {
    const stage = setAgentStage({
      servers: { s: { add_a: failingAt(1), add_b: {}, add_c: {} } },
      answers: [[["add_a"], ["add_b"], ["add_c"]], "It did not work."],
    });

    const result = await stage.run("add all three");

    expect(stage.tools.calls.map(({ tool }) => tool)).toEqual(["s/add_a"]);
    expect(result.results).toHaveLength(1);
    const told = stage.model.questions[1]?.messages.slice(-3) ?? [];
    expect(told).toMatchObject([
      { role: "tool", isError: true },
      { role: "tool", isError: true },
      { role: "tool", isError: true },
    ]);
    for (const left of told.slice(1))
      expect(flattenText(left)).toBe("Not called: a call before it, in the same answer, has failed");
  });
});

describe("a result for the model", () => {
  const told = async (text: string, isCut = false) => {
    const stage = setAgentStage({
      servers: { s: { get_a: { run: () => ({ text, isError: false, isCut }) } } },
      answers: [[["get_a"]], "Read."],
    });
    await stage.run("read it");
    return flattenText(stage.model.questions[1]!.messages.at(-1)!);
  };
  const note = "[The rest was left out: it is longer than what fits]";

  test("is whole up to 20 000 characters, and says so when it is not", async () => {
    expect(await told("x".repeat(20_000))).not.toContain(note);
    const cut = await told("x".repeat(20_001));

    expect(cut).toContain(`${"x".repeat(20_000)}\n${note}`);
    expect(cut).not.toContain("x".repeat(20_001));
  });

  test("says so, too, when its server's answer was cut before, or is mostly nothing", async () => {
    expect(await told("short", true)).toContain(`short\n${note}`);
    expect(await told(`${"\u0007".repeat(80_000)}end`)).toContain(note);
  });
});
