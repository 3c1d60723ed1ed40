// One stream of the compiled executable, read by the `ai` package: the same text as all other clients see (test/e2e).

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";
import { startStage, type Stage } from "../e2e/stage.ts";
import { hardPieces, hardText } from "../support/hard-text.ts";

setDefaultTimeout(20_000);

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

test("the same text by the ai package [R1-025]", async () => {
  await stage.emulator.script({
    reply: { thinking: "I think.", chunks: [...hardPieces], splitBytes: 7, paceMs: 1 },
  });
  const provider = createOpenAICompatible({ name: "gateway", baseURL: `${stage.gateway.url}/v1` });
  const pieces = await Array.fromAsync(streamText({ model: provider("qwen3-max"), prompt: "Say it" }).textStream);

  expect(pieces.join("")).toBe(hardText);
  expect(pieces.length).toBeGreaterThan(1);
});
