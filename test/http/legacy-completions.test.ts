// POST /v1/completions: the protocol before chat, streamed and whole.

import { expect, test } from "bun:test";
import { startDialectStage } from "../support/dialect-stage.ts";
import { startHarness } from "../support/harness.ts";
import { parseFrames } from "../support/sse-frames.ts";
import { acceptedTurns, bodyOf, lastTurn } from "./client.ts";

const path = "/v1/completions";

interface TextChunk {
  readonly id: string;
  readonly object: string;
  readonly model: string;
  readonly choices: readonly { readonly text: string; readonly finish_reason: string | null }[];
  readonly usage?: { readonly total_tokens: number };
}

async function readChunks(response: Response): Promise<TextChunk[]> {
  const frames = parseFrames(await bodyOf(response));
  expect(frames.at(-1)?.data).toBe("[DONE]");
  // The shape is what the tests assert.
  return frames.slice(0, -1).map((frame) => JSON.parse(frame.data) as TextChunk);
}

const textOf = (chunks: readonly TextChunk[]): string => chunks.map((chunk) => chunk.choices[0]?.text ?? "").join("");

test("a whole legacy completion is a text_completion [R2-007]", async () => {
  await using harness = await startHarness();
  const response = await harness.post(path, { model: "qwen3-max", prompt: "Say: Hello" });
  const body = JSON.parse(await bodyOf(response)) as { usage: object };
  expect(body).toMatchObject({
    id: expect.stringMatching(/^cmpl-/),
    object: "text_completion",
    model: "qwen3-max",
    choices: [{ index: 0, text: "Hello", logprobs: null, finish_reason: "stop" }],
    usage: { total_tokens: expect.any(Number) },
  });
  expect(lastTurn(harness).content).toBe("Say: Hello");
});

test("a streamed legacy completion is text chunks, one finish and [DONE] [R0-007, R0-022]", async () => {
  await using harness = await startHarness();
  const chunks = await readChunks(
    await harness.post(path, { model: "qwen3-max", prompt: "Count from 1 to 9", stream: true }),
  );
  expect(textOf(chunks)).toBe("1 2 3 4 5 6 7 8 9");
  expect(chunks.every((chunk) => chunk.object === "text_completion" && chunk.model === "qwen3-max")).toBe(true);
  expect(chunks.flatMap((chunk) => chunk.choices[0]?.finish_reason ?? [])).toEqual(["stop"]);
  expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("stop");
});

test("a streamed legacy completion tells its usage when asked, behind the finish [R0-023]", async () => {
  await using harness = await startHarness();
  const request = { prompt: "Hello", stream: true, stream_options: { include_usage: true } };
  const chunks = await readChunks(await harness.post(path, request));
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
  expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
});

for (const stream of [true, false]) {
  test(`echo puts the prompt before the answer with stream ${stream}`, async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: " and more" } });
    const response = await harness.post(path, { prompt: 'Say "this"\n', echo: true, stream });
    const text = stream
      ? textOf(await readChunks(response))
      : (JSON.parse(await bodyOf(response)) as TextChunk).choices[0]?.text;
    expect(text).toBe('Say "this"\n and more');
  });
}

test("a list of one prompt is that prompt; several prompts one after the other are several chats", async () => {
  await using harness = await startHarness();
  for (const prompt of [["Say: one"], "Say: one"]) await bodyOf(await harness.post(path, { prompt }));
  expect(acceptedTurns(harness).map((turn) => turn.content)).toEqual(["Say: one", "Say: one"]);
  expect(new Set(acceptedTurns(harness).map((turn) => turn.chatId)).size).toBe(2);
});

test("a legacy completion leaves reasoning out", async () => {
  await using harness = await startHarness();
  const body = await bodyOf(
    await harness.post(path, { model: "qwen3-max-thinking", prompt: "Say: Hello", stream: true }),
  );
  expect(body).not.toContain("reasoning");
  expect(
    textOf(
      parseFrames(body)
        .slice(0, -1)
        .map((frame) => JSON.parse(frame.data) as TextChunk),
    ),
  ).toBe("Hello");
});

test("a thin session of legacy completions continues its chat", async () => {
  await using harness = await startHarness();
  await bodyOf(await harness.post(path, { prompt: "My name is Ada.", session_id: "s" }));
  expect(await bodyOf(await harness.post(path, { prompt: "What is my name?", session_id: "s" }))).toContain("Ada");
  const turns = acceptedTurns(harness);
  expect(turns[1]?.parentId).toBe(turns[0]?.responseId ?? "");
});

for (const stream of [true, false]) {
  test(`what steers a legacy completion reaches a server that can obey it, with stream ${stream}`, async () => {
    await using stage = await startDialectStage({ dialect: "vllm" });
    const steering = { stop: ["5"], temperature: 0.3, top_p: 0.5, seed: 7, presence_penalty: 0.1, top_k: 3 };
    const ofThisProtocol = { suffix: "!", echo: false, best_of: 1, logprobs: 2, n: 1 };
    const request = { prompt: "Count from 1 to 9", max_tokens: 99, stream, ...steering, ...ofThisProtocol };
    const response = await stage.harness.post(path, request);
    const text = stream
      ? textOf(await readChunks(response))
      : (JSON.parse(await bodyOf(response)) as TextChunk).choices[0]?.text;
    expect(text).toBe("1 2 3 4 ");
    expect(stage.lastBody()).toMatchObject({ max_tokens: 99, ...steering });
    for (const field of ["prompt", ...Object.keys(ofThisProtocol)]) expect(stage.lastBody()).not.toHaveProperty(field);
  });
}
