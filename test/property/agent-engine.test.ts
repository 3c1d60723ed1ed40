// Whatever a model says, tools do and people decide: what must hold of every run of the agent.

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Message } from "../../src/contract/chat-request.ts";
import type { AgentProgress, AgentResult, Decision } from "../../src/agent/engine.ts";
import { type AgentStage, setAgentStage } from "../support/agent-stage.ts";
import type { ScriptedAnswer, ScriptedCall } from "../support/scripted-model.ts";
import { objectSchema, type ScriptedServers } from "../support/scripted-tools.ts";

const id = objectSchema({ id: { type: "integer" } });
const harmful = new Set(["s/delete_it", "s/send_it"]);

const scriptedCall: fc.Arbitrary<ScriptedCall> = fc.tuple(
  fc.constantFrom("get_it", "get_it", "list_it", "add_it", "delete_it", "send_it", "made_up", "find_tools", "ask_user"),
  fc.oneof(
    { weight: 4, arbitrary: fc.integer().map((value) => ({ id: value })) },
    { weight: 1, arbitrary: fc.string() },
    { weight: 1, arbitrary: fc.constant({ id: "x" }) },
  ),
);
const scriptedAnswer: fc.Arbitrary<ScriptedAnswer> = fc.oneof(
  { weight: 4, arbitrary: fc.array(scriptedCall, { minLength: 1, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.string() },
  {
    weight: 1,
    arbitrary: fc.constant(() => {
      throw new Error("down");
    }),
  },
);
const toolDeed = fc.constantFrom("ok", "fails", "throws", "says so");
const decision: fc.Arbitrary<Decision> = fc.constantFrom("approve", "reject");

function serversThat(deeds: readonly string[]): ScriptedServers {
  let next = 0;
  const run = () => {
    const deed = deeds[next++ % deeds.length];
    if (deed === "throws") throw new Error("broken");
    return { text: deed ?? "", isError: deed === "fails", isCut: false };
  };
  const names = ["get_it", "list_it", "add_it", "delete_it", "send_it"];
  return { s: Object.fromEntries(names.map((name) => [name, { schema: id, run }])) };
}

/** Each call of the model has its result, once, right behind it and in order. */
function expectPaired(messages: readonly Message[]): void {
  for (const [index, message] of messages.entries()) {
    if (message.role !== "assistant") continue;
    const behind = messages.slice(index + 1, index + 1 + message.toolCalls.length);
    expect(behind.map((one) => (one.role === "tool" ? one.callId : one.role))).toEqual(
      message.toolCalls.map(({ callId }) => callId),
    );
  }
  const calls = messages.flatMap((one) => (one.role === "assistant" ? one.toolCalls : []));
  expect(messages.filter(({ role }) => role === "tool")).toHaveLength(calls.length);
}

function expectSound(result: AgentResult, stage: AgentStage): void {
  expect(result.success).toBe(result.error === undefined);
  expect(stage.waitingTimers).toBe(0);
  const told = [result.answer, result.clarificationQuestion, result.error].filter((one) => one !== undefined);
  expect(told.length).toBeGreaterThan(0);
  if (result.success && result.pending === undefined) expect(result.results.length).toBeLessThanOrEqual(20);
  const made = result.results.filter(
    ({ error }) => error === undefined || !/is missing|must be|not a JSON/.test(error),
  );
  expect(made).toHaveLength(stage.tools.calls.length);
}

const orderOfRun = /^analyzing discovering selecting( executing)*( completed)?$/;
const orderOfRest = /^analyzing( executing)*( completed)?$/;
const orderOf = (progress: readonly AgentProgress[]) => progress.map(({ type }) => type).join(" ");

test("a run of the agent has one sound result, and destroys only what a person has agreed to", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(scriptedAnswer, { maxLength: 8 }),
      fc.array(toolDeed, { minLength: 1, maxLength: 5 }),
      fc.array(decision, { minLength: 1, maxLength: 3 }),
      async (answers, deeds, decisions) => {
        const stage = setAgentStage({ servers: serversThat(deeds), answers });
        let result = await stage.run("do it");
        expect(orderOf(stage.progress)).toMatch(orderOfRun);
        expect(stage.tools.calls.filter(({ tool }) => harmful.has(tool))).toEqual([]);
        expectSound(result, stage);

        for (const word of decisions) {
          const { pending } = result;
          if (pending === undefined) break;
          const before = stage.tools.calls.length;
          const progress: AgentProgress[] = [];
          result = await stage.engine.confirm("anna", pending.confirmation_id, word, {
            onProgress: (one) => void progress.push(one),
          });
          expect(orderOf(progress)).toMatch(orderOfRest);
          const done = stage.tools.calls.slice(before).filter(({ tool }) => harmful.has(tool));
          const agreed = word === "approve" ? pending.commands : [];
          for (const { tool, input } of done) {
            expect(agreed.map((one) => [`${one.service}/${one.command}`, one.arguments])).toContainEqual([tool, input]);
          }
          expectSound(result, stage);
        }

        for (const { messages } of stage.model.questions) expectPaired(messages);
        await stage.engine.close();
      },
    ),
    { numRuns: 200 },
  );
});
