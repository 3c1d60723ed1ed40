// What `bun run test:streaming-fix` verifies, and that it would notice.

import { expect, test } from "bun:test";
import { countUp } from "../manual/count-up.ts";
import { startDialectStage } from "../support/dialect-stage.ts";

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test("counting to 100 reaches the official client without a gap [R1-029]", async () => {
  await using stage = await startDialectStage({ dialect: "dashscope" });
  const { problem, chunks } = await countUp({
    baseUrl: `${stage.harness.url}/v1`,
    apiKey: "none",
    model: undefined,
    last: 100,
  });

  expect(problem).toBe("");
  expect(chunks).toBeGreaterThan(10);
});

test.each([
  ["7 is missing: 8 stands in its place", { text: [...numbers(1, 6), ...numbers(8, 10)].join(" ") }],
  ["10 is missing: nothing stands in its place", { text: numbers(1, 9).join(" ") }],
  ["2 numbers are too many", { text: numbers(1, 12).join(" ") }],
  ["the stream ended with length", { text: numbers(1, 10).join(" "), finishReason: "length" }],
])("%s", async (problem, reply) => {
  await using stage = await startDialectStage({ dialect: "vllm" });
  stage.emulator.script({ reply });
  const counted = await countUp({
    baseUrl: `${stage.harness.url}/v1`,
    apiKey: "none",
    model: undefined,
    last: 10,
  });

  expect(counted.problem).toBe(problem);
});
