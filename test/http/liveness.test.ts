// Clocks of a running reply, with short settings: silence before and within an answer, heartbeats, a head that is held,
// clients that do not read, and the end of the gateway itself.

import { expect, test } from "bun:test";
import type { ScriptEntry } from "../../src/emulator/qwen-web-emulator.ts";
import { startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import {
  acceptedTurns,
  allTurns,
  answerTo,
  bodyOf,
  callsOf,
  createTalk,
  lastTurn,
  readError,
  readStream,
  untilAnswer,
  untilIdle,
  user,
} from "./client.ts";
import { postUnread } from "../support/unread-post.ts";

const hello = { model: "qwen3-max", stream: true, messages: [user("Hello")] };
const stalled: ScriptEntry = {
  reply: { chunks: ["one ", "two ", "three"], faults: [{ kind: "stall", after: 2 }] },
};

for (const stream of [true, false]) {
  test(`an upstream that never answers is a 504 after FIRST_BYTE_TIMEOUT_MS with stream ${stream}`, async () => {
    await using harness = await startHarness({
      environment: { FIRST_BYTE_TIMEOUT_MS: "400", RETRY_MAX_ATTEMPTS: "2" },
    });
    harness.emulator.script({ times: "always", refuse: "silence" });
    const answer = await readError(await harness.chat({ ...hello, stream }));
    expect(answer).toMatchObject({ status: 504, error: { code: "upstream_timeout", type: "upstream_error" } });
    expect(answer.contentType).toStartWith("application/json");
    expect(allTurns(harness)).toHaveLength(2);
    await untilIdle(harness);
  });
}

test("an upstream that answers and says nothing is a 504 as well, and is not left generating", async () => {
  await using harness = await startHarness({
    environment: { FIRST_BYTE_TIMEOUT_MS: "60", STALL_TIMEOUT_MS: "60", RETRY_MAX_ATTEMPTS: "1" },
  });
  harness.emulator.script({ reply: { text: "one two", faults: [{ kind: "stall", after: 1 }] } });
  const answer = await readError(await harness.chat(hello));
  expect(answer).toMatchObject({ status: 504, error: { code: "upstream_timeout" } });
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop"));
  expect(callsOf(harness, "stop")[0]?.body).toMatchObject({ response_id: lastTurn(harness).responseId });
});

test("an upstream that falls silent in its answer is an error frame and [DONE] after STALL_TIMEOUT_MS", async () => {
  await using harness = await startHarness({ environment: { STALL_TIMEOUT_MS: "60", SSE_KEEPALIVE_MS: "10" } });
  harness.emulator.script(stalled);
  const body = await bodyOf(await harness.chat(hello));
  const stream = parseChatStream(body);
  // Heartbeats do not hide a dead upstream.
  expect(body).toContain(": keepalive\n\n");
  expect(stream.text).toBe("one ");
  expect(stream.error).toMatchObject({ code: "upstream_timeout" });
  expect(stream.finishReasons).toEqual([]);
  expect(stream.doneCount).toBe(1);
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop"));
});

test("a whole answer whose upstream falls silent is asked for once more, then a 504", async () => {
  await using harness = await startHarness({ environment: { STALL_TIMEOUT_MS: "60", RETRY_MAX_ATTEMPTS: "2" } });
  harness.emulator.script(stalled, { reply: { text: "Second time" } });
  const response = await harness.chat({ ...hello, stream: false });
  expect(await bodyOf(response)).toContain("Second time");
  expect(allTurns(harness)).toHaveLength(2);
});

test("the upstream's keep-alive events count as life, REPLY_TIMEOUT_MS ends it all the same", async () => {
  await using harness = await startHarness({
    environment: { STALL_TIMEOUT_MS: "60", REPLY_TIMEOUT_MS: "400", SSE_KEEPALIVE_MS: "25" },
  });
  const faults = [{ kind: "stall", after: 2, keepAliveEveryMs: 10 }] as const;
  harness.emulator.script({ reply: { chunks: ["one ", "two"], faults: [...faults] } });
  const body = await bodyOf(await harness.chat(hello));
  const stream = parseChatStream(body);
  expect(stream.error).toMatchObject({
    code: "upstream_timeout",
    message: expect.stringContaining("longer than 0.4 s"),
  });
  expect(body.split(": keepalive\n\n").length).toBeGreaterThan(2);
  expect(body).not.toContain("keep_alive");
});

test("a silent stream hears comments between its frames every SSE_KEEPALIVE_MS", async () => {
  await using harness = await startHarness({ environment: { SSE_KEEPALIVE_MS: "10" } });
  harness.emulator.script({ gate: "held", reply: { chunks: ["one ", "two"] } });
  harness.emulator.release("held", 2);
  const live = readLive(await harness.chat(hello));
  expect(await live.nextText()).toBe("one ");
  expect(await live.nextBlock()).toBe(": keepalive");
  expect(await live.nextBlock()).toBe(": keepalive");
  harness.emulator.release("held", "all");
  expect(await live.nextText()).toBe("two");
  expect(await live.rest()).toEndWith("data: [DONE]\n\n");
});

test("a head that was held for HOLD_HEADERS_MS goes out with a comment, and the answer follows", async () => {
  await using harness = await startHarness({ environment: { HOLD_HEADERS_MS: "20", SSE_KEEPALIVE_MS: "20" } });
  harness.emulator.script({ gate: "held", reply: { text: "Hello" } });
  const response = await harness.chat(hello);
  expect(response.status).toBe(200);
  const live = readLive(response);
  expect(await live.nextBlock()).toBe(": keepalive");
  expect(await live.nextBlock()).toBe(": keepalive");
  harness.emulator.release("held", "all");
  const stream = parseChatStream((await live.rest()).replaceAll(": keepalive\n\n", ""));
  expect(stream.text).toBe("Hello");
  expect(stream.finishReasons).toEqual(["stop"]);
  expect(stream.doneCount).toBe(1);
});

test("a refusal behind a held head is a frame in the stream", async () => {
  await using harness = await startHarness({ environment: { HOLD_HEADERS_MS: "20" } });
  harness.emulator.script({ gate: "held", refuse: "rate-limited" });
  const response = await harness.chat(hello);
  expect(response.status).toBe(200);
  harness.emulator.release("held");
  const stream = await readStream(response);
  expect(stream.error).toMatchObject({ code: "upstream_quota", type: "rate_limit_error" });
  expect(stream.chunks).toHaveLength(1);
  expect(stream.doneCount).toBe(1);
});

test("a transient failure behind a held head is still repeated: nothing of an answer was sent [R0-059]", async () => {
  await using harness = await startHarness({ environment: { HOLD_HEADERS_MS: "20" } });
  harness.emulator.script({ gate: "held", refuse: "internal-error" }, { reply: { text: "Hello" } });
  const response = await harness.chat(hello);
  harness.emulator.release("held");
  const stream = await readStream(response);
  expect(stream.text).toBe("Hello");
  expect(stream.error).toBeUndefined();
  expect(allTurns(harness)).toHaveLength(2);
});

test("a hang-up behind a held head stops what runs and frees the chat [R0-034]", async () => {
  await using harness = await startHarness({ environment: { HOLD_HEADERS_MS: "20" } });
  harness.emulator.script({ gate: "held", reply: { text: "one two" } });
  harness.emulator.release("held", 1);
  const live = readLive(await harness.chat(hello));
  // Of a turn that was not asked there is nothing to stop.
  await harness.emulator.until((requests) => requests.some((request) => request.eventsDelivered === 1));
  await live.cancel();
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop"));
  await untilIdle(harness);
});

test("HOLD_HEADERS_MS=0 sends the head at once", async () => {
  await using harness = await startHarness({ environment: { HOLD_HEADERS_MS: "0" } });
  harness.emulator.script({ on: "chats/new", gate: "held" });
  const response = await harness.chat(hello);
  expect(response.status).toBe(200);
  expect(allTurns(harness)).toHaveLength(0);
  harness.emulator.release("held", "all");
  expect((await readStream(response)).finishReasons).toEqual(["stop"]);
});

test("a client that does not read is cut after CLIENT_STALL_MS and its upstream with it", async () => {
  await using harness = await startHarness({ environment: { CLIENT_STALL_MS: "100" } });
  harness.emulator.script({ reply: { chunks: ["x".repeat(65_536)], repeat: 100_000 } });
  const { socket } = await postUnread(`${harness.url}/v1/chat/completions`, hello);
  await harness.emulator.until((requests) =>
    requests.some((request) => request.turn !== undefined && request.endedAtMs !== undefined),
  );
  expect(lastTurn(harness).record.finished).toBe(false);
  // 6.5 GB were offered; what was taken fits the buffers between.
  expect(lastTurn(harness).record.eventsDelivered).toBeLessThan(2000);
  await untilIdle(harness);
  socket.terminate();
});

test("stopping lets a running stream finish while nothing new is taken [R2-061]", async () => {
  await using harness = await startHarness();
  const { url } = harness;
  harness.emulator.script({ gate: "held", reply: { chunks: ["one ", "two"] } });
  harness.emulator.release("held", 2);
  const live = readLive(await harness.chat(hello));
  expect(await live.nextText()).toBe("one ");
  const restarted = harness.restart();
  const isTaken = () =>
    fetch(`${url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(hello), keepalive: false }).then(
      (response) => response.status === 200,
      () => false,
    );
  expect(await isTaken()).toBe(false);
  harness.emulator.release("held", "all");
  expect(await live.rest()).toEndWith("data: [DONE]\n\n");
  await restarted;
  expect(acceptedTurns(harness)).toHaveLength(1);
});

test("a stream that outlasts DRAIN_TIMEOUT_MS ends with a typed error, its turn is not committed [R2-061]", async () => {
  await using harness = await startHarness({ environment: { DRAIN_TIMEOUT_MS: "30" } });
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const node = lastTurn(harness).responseId;
  harness.emulator.script(stalled);
  const response = await harness.chat({ ...hello, messages: [...talk.messages, user("A story")] });
  const [body] = await Promise.all([bodyOf(response), harness.restart()]);
  const stream = parseChatStream(body);
  expect(stream.error).toMatchObject({ type: "overloaded_error", message: expect.stringContaining("shutting down") });
  expect(stream.doneCount).toBe(1);
  expect(callsOf(harness, "stop")).toHaveLength(1);
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness).parentId).toBe(node);
});

test("a whole answer that outlasts DRAIN_TIMEOUT_MS is a 503 [R2-061]", async () => {
  await using harness = await startHarness({ environment: { DRAIN_TIMEOUT_MS: "30" } });
  harness.emulator.script(stalled);
  const asked = harness.chat({ ...hello, stream: false });
  await harness.emulator.until((requests) => requests.some((request) => request.eventsDelivered === 2));
  const [answer] = await Promise.all([asked.then(readError), harness.restart()]);
  expect(answer).toMatchObject({ status: 503, error: { type: "overloaded_error" } });
});

test("stopping twice, and with nothing running, is quick and harmless", async () => {
  await using harness = await startHarness();
  await answerTo(harness, [user("Hello")]);
  await harness.restart();
  await harness.restart();
  await untilAnswer(
    () => harness.get("/health/ready"),
    (response) => response.status === 200,
  );
});

test("streams that tell of no reply are kept alive as well, after SSE_KEEPALIVE_MS", async () => {
  await using harness = await startHarness({ environment: { SSE_KEEPALIVE_MS: "20" } });
  for (const path of ["/admin/api/log", "/api/feed"]) {
    const live = readLive(await harness.get(path));
    // A feed begins with one, whatever is set; what is logged meanwhile stands between them, this request above all.
    for (const comment of [1, 2]) {
      let block = await live.nextBlock();
      while (block !== undefined && block !== ": keepalive") block = await live.nextBlock();
      expect([path, comment, block]).toEqual([path, comment, ": keepalive"]);
    }
    await live.cancel();
  }
});
