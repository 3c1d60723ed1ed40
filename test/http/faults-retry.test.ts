// What is repeated, how often, how long and when not: everything as Qwen sees it, up to the first word and never after.

import { describe, expect, test } from "bun:test";
import { startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
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
  user,
} from "./client.ts";

const hello = { model: "qwen3-max", stream: true, messages: [user("Say: Hello")] };
const page = { name: "http-status", status: 503 } as const;

describe.each([true, false])("with stream %p", (stream) => {
  test("two failures before the first word are not noticed [R0-059, R2-048]", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ refuse: page }, { reply: { text: "x", faults: [{ kind: "drop", after: 1 }] } });
    expect(await answerTo(harness, hello.messages, { body: { stream } })).toBe("Hello");
    expect(allTurns(harness)).toHaveLength(3);
    expect(callsOf(harness, "chats/new")).toHaveLength(1);
  });

  test("RETRY_MAX_ATTEMPTS bounds the attempts [R2-060]", async () => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "5" } });
    harness.emulator.script({ times: "always", refuse: page });
    expect(await readError(await harness.chat({ ...hello, stream }))).toMatchObject({ status: 502 });
    expect(allTurns(harness)).toHaveLength(5);
  });
});

test("a failure behind the first word is told, and not repeated [R0-059]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({
    reply: { chunks: ["one ", "two"], faults: [{ kind: "error", after: 2, code: "x", details: "y" }] },
  });
  const { error, text } = await readStream(await harness.chat(hello));
  expect({ text, code: error?.code }).toEqual({ text: "one ", code: "upstream_failed" });
  expect(allTurns(harness)).toHaveLength(1);
});

test("thoughts are words, too: a failure behind them is not repeated [R0-059]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({
    reply: { thinking: "hm hm", text: "x", faults: [{ kind: "error", after: 2, code: "x", details: "y" }] },
  });
  const { error, reasoning } = await readStream(await harness.chat(hello));
  expect({ reasoning, code: error?.code }).toEqual({ reasoning: "hm hm", code: "upstream_failed" });
  expect(allTurns(harness)).toHaveLength(1);
});

test("delays double from RETRY_BASE_DELAY_MS to RETRY_MAX_DELAY_MS, less jitter [R2-060]", async () => {
  await using harness = await startHarness({
    environment: { RETRY_MAX_ATTEMPTS: "4", RETRY_BASE_DELAY_MS: "40", RETRY_MAX_DELAY_MS: "80" },
  });
  harness.emulator.script({ times: "always", refuse: page });
  await readError(await harness.chat(hello));
  const told = harness.logLines
    .map((line) => JSON.parse(line) as { message: string; delayMs?: number })
    .filter((line) => line.message === "Asking the upstream once more")
    .map((line) => line.delayMs ?? 0);
  expect(told).toHaveLength(3);
  for (const [index, full] of [40, 80, 80].entries()) {
    expect(told[index]).toBeGreaterThanOrEqual(full / 2);
    expect(told[index]).toBeLessThanOrEqual(full);
  }
  // And they were waited for.
  const times = allTurns(harness).map((turn) => turn.record.receivedAtMs);
  for (const [index, delayMs] of told.entries()) {
    expect((times[index + 1] ?? 0) - (times[index] ?? 0)).toBeGreaterThanOrEqual(delayMs - 2);
  }
});

test("Retry-After is waited for, where it fits the budget", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ refuse: { ...page, retryAfterSeconds: 0.2 } });
  expect(await answerTo(harness, hello.messages)).toBe("Hello");
  const [first, second] = allTurns(harness).map((turn) => turn.record.receivedAtMs);
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(198);
});

test("a client whose head is out hears heartbeats between two attempts", async () => {
  await using harness = await startHarness({ environment: { HOLD_HEADERS_MS: "0", SSE_KEEPALIVE_MS: "20" } });
  harness.emulator.script({ gate: "held", refuse: { ...page, retryAfterSeconds: 0.3 } });
  const live = readLive(await harness.chat(hello));
  expect(await live.nextBlock()).toBe(": keepalive");
  harness.emulator.release("held");
  await harness.emulator.until((requests) => requests.some((request) => request.refusal === "http-status"));
  let beats = 0;
  for (; allTurns(harness).length === 1 && beats < 5; beats++) expect(await live.nextBlock()).toBe(": keepalive");
  expect(beats).toBe(5);
  expect(await live.rest()).toContain("Hello");
});

test("Retry-After beyond the budget is told to the client instead", async () => {
  await using harness = await startHarness({ environment: { RETRY_BUDGET_MS: "500" } });
  harness.emulator.script({ times: "always", refuse: { name: "http-status", status: 503, retryAfterSeconds: 7 } });
  const answer = await readError(await harness.chat(hello));
  expect(answer.status).toBe(502);
  expect(answer.headers.get("retry-after")).toBe("7");
  expect(answer.headers.get("x-should-retry")).toBeNull();
  expect(allTurns(harness)).toHaveLength(1);
});

test("RETRY_BUDGET_MS ends the attempts, waits and chat creation included, and tells the client not to start over", async () => {
  await using harness = await startHarness({
    environment: {
      RETRY_BUDGET_MS: "150",
      RETRY_MAX_ATTEMPTS: "100",
      RETRY_BASE_DELAY_MS: "40",
      RETRY_MAX_DELAY_MS: "40",
    },
  });
  harness.emulator.script({ on: "chats/new", delayMs: 60 }, { times: "always", refuse: page });
  const startedAtMs = performance.now();
  const answer = await readError(await harness.chat(hello));
  expect(performance.now() - startedAtMs).toBeLessThan(1000);
  expect(answer.status).toBe(502);
  expect(answer.headers.get("x-should-retry")).toBe("false");
  expect(allTurns(harness).length).toBeLessThan(6);
  expect(allTurns(harness).length).toBeGreaterThan(1);
});

test("an upstream that never answers spends the budget once, not once an attempt", async () => {
  await using harness = await startHarness({
    environment: { RETRY_BUDGET_MS: "100", FIRST_BYTE_TIMEOUT_MS: "150", RETRY_MAX_ATTEMPTS: "10" },
  });
  harness.emulator.script({ times: "always", refuse: "silence" });
  const answer = await readError(await harness.chat(hello));
  expect(answer).toMatchObject({ status: 504, error: { code: "upstream_timeout" } });
  expect(answer.headers.get("x-should-retry")).toBe("false");
  expect(allTurns(harness)).toHaveLength(1);
});

test("chats/new that fails in passing is repeated, a refusal of it is not [R2-047]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ on: "chats/new", times: 2, refuse: page });
  expect(await answerTo(harness, hello.messages)).toBe("Hello");
  expect(callsOf(harness, "chats/new")).toHaveLength(3);
  harness.emulator.script({ on: "chats/new", times: "always", refuse: "validation" });
  await readError(await harness.chat({ ...hello, messages: [user("Another one")] }));
  expect(callsOf(harness, "chats/new")).toHaveLength(4);
});

test("a chat whose message is refused again and again stays one chat: no litter", async () => {
  await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "2" } });
  harness.emulator.script({ times: 10, refuse: page });
  for (let request = 0; request < 5; request++) await readError(await harness.chat(hello));
  expect(allTurns(harness)).toHaveLength(10);
  expect(callsOf(harness, "chats/new")).toHaveLength(1);
  expect(await answerTo(harness, hello.messages)).toBe("Hello");
  expect(callsOf(harness, "chats/new")).toHaveLength(1);
  expect(harness.emulator.chats()).toHaveLength(1);
});

test("a reset before the head is repeated as often as configured, then a 502 [R2-055, R0-054]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ times: "always", refuse: "reset" });
  const answer = await readError(await harness.chat(hello));
  expect(answer).toMatchObject({ status: 502, error: { code: "upstream_failed" } });
  expect(answer.error.message).toBe("Cannot reach the upstream: the connection was closed");
  // One more where the connection may have been closed while it was kept.
  expect([3, 4]).toContain(allTurns(harness).length);
  expect(callsOf(harness, "chats/new")).toHaveLength(1);
});

test("one reset is not noticed, though only one attempt is allowed: the connection may have been stale", async () => {
  await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
  harness.emulator.script({ refuse: "reset" });
  expect(await answerTo(harness, hello.messages)).toBe("Hello");
  expect(allTurns(harness)).toHaveLength(2);
});

test("a challenge is never repeated, whatever is configured", async () => {
  await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "10" } });
  for (const refuse of ["waf-html", "waf-punish"] as const) {
    harness.emulator.script({ times: "always", refuse });
    expect(await readError(await harness.chat(hello))).toMatchObject({ status: 503 });
  }
  expect(allTurns(harness).length).toBeLessThanOrEqual(2);
});

describe("a chat that is still busy", () => {
  test.each([
    "chat-in-progress",
    { name: "chat-in-progress", status: 400 },
    { name: "chat-in-progress", code: "RateLimited" },
  ] as const)("told by %j is waited for, and the message goes to the same chat", async (refuse) => {
    await using harness = await startHarness();
    const talk = createTalk(harness);
    await talk.say("My name is Ada.");
    const { chatId, responseId } = lastTurn(harness);
    harness.emulator.script({ refuse });
    expect(await talk.say("What is my name?")).toContain("Ada");
    expect(lastTurn(harness)).toMatchObject({ chatId, parentId: responseId, content: "What is my name?" });
    expect(callsOf(harness, "chats/new")).toHaveLength(1);
  });

  test("for longer than the budget is left for a new chat with the whole history", async () => {
    await using harness = await startHarness({ environment: { RETRY_BUDGET_MS: "100" } });
    const talk = createTalk(harness);
    await talk.say("My name is Ada.");
    const { chatId } = lastTurn(harness);
    harness.emulator.script({ refuse: "chat-in-progress" });
    expect(await talk.say("What is my name?")).toContain("Ada");
    const turn = lastTurn(harness);
    expect(turn.chatId).not.toBe(chatId);
    expect(turn.content).toContain("My name is Ada.");
  });
});

describe("a chat that is still busy, of a client that sends no history", () => {
  test("for longer than the budget is told, since a new chat would know nothing; then it goes on", async () => {
    await using harness = await startHarness({ environment: { RETRY_BUDGET_MS: "100" } });
    const say = (text: string) => harness.chat({ session_id: "s1", messages: [user(text)] });
    await (await say("My name is Ada.")).text();
    const { chatId } = lastTurn(harness);
    harness.emulator.script({ match: "What is my name?", times: "always", refuse: "chat-in-progress" });

    expect(await readError(await say("What is my name?"))).toMatchObject({
      status: 503,
      error: { message: expect.stringContaining("Qwen is still busy with its last answer"), code: "overloaded" },
    });
    expect(callsOf(harness, "chats/new")).toHaveLength(1);
    expect(await (await say("What was my first message?")).text()).toContain("Ada");
    expect(lastTurn(harness).chatId).toBe(chatId);
  });
});

describe("a chain that is broken", () => {
  test.each([
    "parent-not-exist",
    "chat-not-exist",
    "first-message",
    { name: "bad-request", details: "Invalid input the chat x is not exist." },
    { name: "not-found", details: "Invalid input the chat x is not exist." },
  ] as const)("told by %j goes on in a new chat with everything, unnoticed", async (refuse) => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
    const talk = createTalk(harness);
    await talk.say("My name is Ada.");
    harness.emulator.script({ refuse });
    expect(await talk.say("What is my name?")).toContain("Ada");
    expect(acceptedTurns(harness)).toHaveLength(2);
    expect(callsOf(harness, "chats/new")).toHaveLength(2);
    // The new chat is the conversation from now on.
    const { chatId, responseId } = lastTurn(harness);
    await talk.say("Thank you");
    expect(lastTurn(harness)).toMatchObject({ chatId, parentId: responseId });
  });
});

test("a stale version header does not spoil chats/new, and travels with the message", async () => {
  await using harness = await startHarness({
    environment: { QWEN_HEADERS: '{"version":"0.0.1"}' },
    emulator: { currentVersion: "0.3.11" },
  });
  expect(await answerTo(harness, hello.messages)).toBe("Hello");
  expect(callsOf(harness, "chats/new")[0]?.headers["version"]).toBeUndefined();
  expect(lastTurn(harness).record.headers["version"]).toBe("0.0.1");
});

test("a missing version header is told as what it is, once", async () => {
  await using harness = await startHarness({ emulator: { currentVersion: "0.3.11" } });
  const answer = await readError(await harness.chat(hello));
  expect(answer).toMatchObject({ status: 502, error: { code: "upstream_failed" } });
  expect(answer.error.message).toContain("headers");
  expect(allTurns(harness)).toHaveLength(1);
  await bodyOf(await harness.get("/health"));
});
