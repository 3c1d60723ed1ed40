// A tool server that asks the model in the middle of a call: what the caller of the run may not use, it may not either.

import { expect, test } from "bun:test";
import type { AgentResult } from "../../src/agent/engine.ts";
import { startAgentGateway } from "../support/agent-gateway.ts";
import { bearer, keysBeside } from "../support/keys-beside.ts";
import { acceptedTurns } from "./client.ts";

const helper = {
  tools: [{ name: "summarise", annotations: { readOnlyHint: true }, does: "sample" as const }],
};

/** Runs the tool for a key that may use this model alone, and tells what came of it. */
async function runFor(model: string) {
  await using gateway = await startAgentGateway(
    { helper },
    { AGENT_SAMPLING: "true", API_KEY: "owner", DEFAULT_MODEL: "qwen3-max" },
  );
  const { harness } = gateway;
  const key = await keysBeside(harness).create("ann", { models: [model] });
  gateway.answer(["summarise"], "It says hello.", "Well.");
  const answer = await harness.post("/api/agent", { query: "Summarise it", model }, { headers: bearer(key) });
  // The shape is what the test asserts.
  const { results } = (await answer.json()) as AgentResult;
  return {
    succeeded: results.map(({ success }) => success),
    asked: acceptedTurns(harness).map(({ record }) => (record.body as { readonly model: string }).model),
  };
}

test("is answered by the agent's model where the caller may use it", async () => {
  const { succeeded, asked } = await runFor("qwen3-max");

  expect(succeeded).toEqual([true]);
  expect(asked).toEqual(["qwen3-max", "qwen3-max", "qwen3-max"]);
});

test("is refused where the caller may not, and nobody is asked", async () => {
  const { succeeded, asked } = await runFor("qwen3-coder-plus");

  expect(succeeded).toEqual([false]);
  expect(asked).toEqual(["qwen3-coder-plus", "qwen3-coder-plus"]);
});
