// Sessions of real coding agents on the compiled executable, over the web backend: what they send back is taken for what they
// were sent, so that Qwen is told what is new and nothing twice.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ModelStage, startModelStage } from "../support/model-stage.ts";
import { agentMs, chatOf, connect, isRunnable, key, prepare, runAgent } from "./agent-stage.ts";
import { type RealAgent, realAgents } from "./real-agents.ts";

setDefaultTimeout(2 * agentMs);

describe.skipIf(!isRunnable)("a session of", () => {
  let stage: ModelStage;
  beforeAll(async () => {
    stage = await startModelStage("web", { API_KEY: key });
  });
  beforeEach(() => stage.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  /** Asks, and goes on in a new process. @returns the bodies of both, those of work beside it aside */
  async function goOn(agent: RealAgent) {
    const task = prepare(agent, stage);
    await connect(agent.name, stage);
    await runAgent(agent, stage, task.question);
    stage.script({ text: "Jam, then." }, "Name a word like it");

    const ran = await runAgent(agent, stage, "", agent.goOn?.("Name a word like it."));

    expect(ran.output).toContain("Jam, then.");
    const next = stage.asked().find((body) => body.includes("Name a word like it"));
    return { first: stage.asked()[0], next, answer: task.answer };
  }

  test.each(["claude-code", "codex", "opencode", "continue"])(
    "%s that a new process continues goes on in its chat",
    async (name) => {
      const { first, next, answer } = await goOn(agentOf(name));

      expect(chatOf(next)).toBe(chatOf(first));
      expect(next).not.toContain(answer);
    },
  );

  // Its record of a session leaves out what it had said of the day, and its requests name no session.
  test("qwen-code that a new process continues is told whole in a new chat", async () => {
    const { first, next, answer } = await goOn(agentOf("qwen-code"));

    expect(chatOf(next)).not.toBe(chatOf(first));
    expect(next).toContain(answer);
  });

  test("claude-code holds although it fills in defaults and takes blanks off what it writes", async () => {
    const agent = agentOf("claude-code");
    const file = join(stage.place.folder, "fruit.txt");
    writeFileSync(file, "apple\n");
    stage.script({ calls: [agent.readCall(file)] }, "Make it a pear");
    const edit = { file_path: file, old_string: "apple", new_string: "pear  \n\tplum" };
    stage.script({ calls: [{ name: "Edit", arguments: edit }] }, "apple");
    stage.script({ text: "It is a pear." }, "updated successfully");
    await connect("claude-code", stage);

    const { output } = await runAgent(agent, stage, "Make it a pear.");

    expect(output).toContain("It is a pear.");
    expect(readFileSync(file, "utf8")).toBe("pear\n\tplum\n");
    expect(stage.asked().map(chatOf)).toEqual(Array(3).fill(chatOf(stage.asked()[0])));
    expect(stage.asked()[2]).not.toContain("plum");
  });
});

function agentOf(name: string): RealAgent {
  return realAgents.find((agent) => agent.name === name)!;
}
