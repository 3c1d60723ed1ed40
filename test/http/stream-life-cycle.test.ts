// The named cases of the streaming handler, each over HTTP from the client to the emulator and back.

import { expect, test } from "bun:test";
import { startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import {
  bodyOf,
  createTalk,
  lastTurn,
  readSession,
  readStream,
  system,
  acceptedTurns,
  untilIdle,
  user,
} from "./client.ts";

const hello = { model: "qwen3-max", stream: true, messages: [user("Hello")] };

test("streaming headers are as configured [R0-043, R0-057]", async () => {
  await using harness = await startHarness();
  const response = await harness.chat(hello);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toStartWith("text/event-stream");
  expect(response.headers.get("cache-control")).toBe("no-cache");
  expect(response.headers.get("connection")).toBe("keep-alive");
  expect(response.headers.get("x-accel-buffering")).toBe("no");
  await response.text();
});

test("content is transformed and transmitted [R0-044, R0-057]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { text: "Hello there" } });
  const body = await bodyOf(await harness.chat(hello));
  expect(body).toContain('"content":"Hello"');
  expect(body).toContain("[DONE]");
  expect(body).not.toContain("response.created");
});

test("the node of the stream updates the session [R0-045, R0-057]", async () => {
  await using harness = await startHarness();
  const response = await harness.chat(hello);
  const sessionId = response.headers.get("x-session-id") ?? "";
  await response.text();
  const { responseId, userId } = lastTurn(harness);
  const session = await readSession(harness, sessionId);
  expect(session).toMatchObject({ parentId: responseId, parent_id: responseId, responseId });
  expect(session.parentId).not.toBe(userId);
});

test("a client that disconnects destroys the upstream's stream [R0-046, R0-056, R0-057]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { text: "one two three", faults: [{ kind: "stall", after: 2 }] } });
  const live = readLive(await harness.chat(hello));
  await live.nextText();
  await live.cancel();
  await harness.emulator.until((requests) => requests.some((request) => request.aborted));
  await untilIdle(harness);
});

test("a stream error yields an error frame [R0-047, R0-057]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { text: "one two three", faults: [{ kind: "drop", after: 2 }] } });
  const { error } = await readStream(await harness.chat(hello));
  expect(error?.message).toBeString();
});

test("the [DONE] marker ends the body [R0-048, R0-057]", async () => {
  await using harness = await startHarness();
  expect(await bodyOf(await harness.chat(hello))).toEndWith("data: [DONE]\n\n");
});

test("the model parameter propagates to the upstream and back [R0-049, R0-057]", async () => {
  await using harness = await startHarness();
  const { chunks } = await readStream(await harness.chat({ ...hello, model: "qwen3-coder-plus" }));
  expect(chunks.every((chunk) => chunk.model === "qwen3-coder-plus")).toBe(true);
  expect(lastTurn(harness).body.model).toBe("qwen3-coder-plus");
});

test("the transformer filters, learns, transforms and ends [R0-050, R0-057]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { chunks: ["Hello", " ", "world"] } });
  const response = await harness.chat(hello);
  const sessionId = response.headers.get("x-session-id") ?? "";
  const stream = await readStream(response);
  // 1: the upstream's first event is filtered.
  expect(stream.frames.some((frame) => frame.data.includes("response.created"))).toBe(false);
  // 2: its node is learnt.
  expect((await readSession(harness, sessionId)).parentId).toBe(lastTurn(harness).responseId);
  // 3: content becomes chunks.
  expect(stream.chunks.every((chunk) => chunk.object === "chat.completion.chunk")).toBe(true);
  // 4: it is the upstream's content.
  expect(stream.text).toBe("Hello world");
  // 5: the end sequence is there.
  expect(stream.finishReasons).toEqual(["stop"]);
  // 6: [DONE] is the last.
  expect(stream.frames.at(-1)?.data).toBe("[DONE]");
});

test("a complete streaming life cycle: request, chat, deltas, end, session, follow-up [R0-041, R0-051]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness, { messages: [system("Be brief.")] });
  const first = await talk.say("My favourite colour is teal.");
  expect(first).toContain("teal");
  const opening = lastTurn(harness);
  expect(opening.parentId).toBeNull();
  expect(opening.record.finished).toBe(true);
  expect(await talk.say("What is my favourite colour?")).toContain("teal");
  expect(lastTurn(harness)).toMatchObject({ chatId: opening.chatId, parentId: opening.responseId });
  await untilIdle(harness);
});

test("usage information is tracked: told when asked, logged always [R0-052]", async () => {
  await using harness = await startHarness();
  const { usage } = await readStream(await harness.chat({ ...hello, stream_options: { include_usage: true } }));
  await untilIdle(harness);
  const entries = harness.logLines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const line = entries.find((entry) => entry["message"] === "exchange");
  expect(line).toMatchObject({ inputTokens: usage?.prompt_tokens, outputTokens: usage?.completion_tokens });
});

for (const chainOn of ["response_id", "parent_id"] as const) {
  test(`three streamed requests are a chain of nodes with QWEN_CHAIN_ON=${chainOn} [R0-017, R0-053]`, async () => {
    await using harness = await startHarness({ environment: { QWEN_CHAIN_ON: chainOn } });
    const talk = createTalk(harness);
    for (const text of ["One", "Two", "Three"]) await talk.say(text);
    const turns = acceptedTurns(harness);
    const nodes = turns.map((turn) => (chainOn === "response_id" ? turn.responseId : turn.userId));
    expect(turns.map((turn) => turn.parentId)).toEqual([null, nodes[0] ?? "", nodes[1] ?? ""]);
    expect(turns.map((turn) => turn.content)).toEqual(["One", "Two", "Three"]);
    expect(new Set(turns.map((turn) => turn.chatId)).size).toBe(1);
  });
}
