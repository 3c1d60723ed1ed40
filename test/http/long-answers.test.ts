// Answers that somebody has to hold whole, of upstreams that do not end: an error instead of all the memory.

import { expect, test } from "bun:test";
import { startHarness } from "../support/harness.ts";
import { parseFrames } from "../support/sse-frames.ts";
import { allTurns, bodyOf, readError, untilIdle, user } from "./client.ts";

const chunks = Array.from({ length: 40 }, () => "x".repeat(1024 * 1024));
const hello = { model: "qwen3-max", messages: [user("Hello")] };

test("a whole answer of more than 32 MiB is an error, once", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ times: "always", reply: { chunks } });
  const answer = await readError(await harness.chat(hello));
  expect(answer).toMatchObject({ status: 502, error: { code: "upstream_failed" } });
  expect(answer.error.message).toContain("longer than 32 MiB");
  expect(allTurns(harness)).toHaveLength(1);
  await untilIdle(harness);
});

test("a response of more than 32 MiB fails in its stream", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { chunks } });
  const body = await bodyOf(await harness.post("/v1/responses", { model: "qwen3-max", input: "Hello", stream: true }));
  expect(JSON.parse(parseFrames(body).at(-1)?.data ?? "")).toMatchObject({
    type: "response.failed",
    response: { error: { message: expect.stringContaining("longer than 32 MiB") } },
  });
  await untilIdle(harness);
});

test("a stream of chat completions goes on: nobody holds it", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { chunks } });
  const body = await bodyOf(await harness.chat({ ...hello, stream: true }));
  expect(body.length).toBeGreaterThan(40 * 1024 * 1024);
  expect(body.trimEnd()).toEndWith("data: [DONE]");
});
