// The matrix of faults for `@openai/agents`: it runs the tools that our stream calls and ends with what it is told then, and
// does not when the fault is planted.

import { describe, expect, test } from "bun:test";
import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, tool } from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";
import { chatFaults, plantFault, responsesFaults } from "../support/checkers/planted-faults.ts";
import { answerOf, streamed } from "../support/surface/answer-of.ts";

const models = { chat: OpenAIChatCompletionsModel, responses: OpenAIResponsesModel } as const;
const faultsOf = { chat: chatFaults, responses: responsesFaults } as const;

/** What it did: the inputs of the tools that it ran, and its last words. */
async function runOn(protocol: keyof typeof models, first: string): Promise<readonly unknown[]> {
  const inputs: unknown[] = [];
  const answers = [first, await answerOf(protocol, "web", true, { text: ["Done."] })];
  const client = new OpenAI({
    baseURL: "http://gateway.test/v1",
    apiKey: "none",
    maxRetries: 0,
    fetch: async () => streamed(answers.shift() ?? ""),
  });
  const run = (name: string, parameters: z.ZodObject) =>
    tool({
      name,
      description: name,
      parameters,
      execute: async (input) => {
        inputs.push(input);
        return "done";
      },
    });
  const tools = [
    run("get_weather", z.object({ city: z.string(), days: z.number() })),
    run("get_time", z.object({ zone: z.string() })),
  ];
  const agent = new Agent({ name: "Guide", tools, model: new models[protocol](client, "m") });
  // Traces would go to OpenAI.
  const result = await new Runner({ tracingDisabled: true }).run(agent, "Hello", { stream: true, maxTurns: 3 });
  await result.completed;
  return [...inputs, result.finalOutput];
}

const whole = [{ city: "Paris", days: 2 }, { zone: "CET" }, "Done."];

const matrix = {
  chat: ["no tool index", "index always 0"],
  responses: ["no completed", "no call_id"],
} as const;

describe.each(["chat", "responses"] as const)("@openai/agents by %s", (protocol) => {
  test.each(["web", "compatible"] as const)("runs what our answer calls over a %s upstream", async (lane) => {
    expect(await runOn(protocol, await answerOf(protocol, lane, true))).toEqual(whole);
  });

  test.each(matrix[protocol])("%s: does not", async (name) => {
    const fault = faultsOf[protocol].find((known) => known.name === name)!;
    const spoilt = plantFault(await answerOf(protocol, "web", true), fault);
    const did = await runOn(protocol, spoilt).catch((error: unknown) => [error]);

    expect(did).not.toEqual(whole);
  });
});
