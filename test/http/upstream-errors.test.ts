// Refusals of the backend before the first word: the status a client sees, whether it should ask again, what is repeated.

import { expect, test } from "bun:test";
import type { ScriptEntry } from "../../src/emulator/qwen-web-emulator.ts";
import { startHarness } from "../support/harness.ts";
import {
  allTurns,
  answerTo,
  bodyOf,
  callsOf,
  createTalk,
  lastTurn,
  readError,
  readStream,
  untilAnswer,
  user,
} from "./client.ts";

const hello = { model: "qwen3-max", stream: true, messages: [user("Hello")] };

interface Row {
  readonly name: string;
  readonly script: Pick<ScriptEntry, "refuse" | "reply">;
  readonly status: number;
  readonly code: string;
  /** How often the backend is asked. */
  readonly attempts: number;
  /** The client is told that a repetition is useless. */
  readonly final?: true;
}

const inStream = (code: string, details: string, after: number): Row["script"] => ({
  reply: { text: "Hello", faults: [{ kind: "error", after, code, details }] },
});

const rows: readonly Row[] = [
  {
    name: "rate-limited",
    script: { refuse: "rate-limited" },
    status: 429,
    code: "upstream_quota",
    attempts: 1,
    final: true,
  },
  {
    name: "rate-limited-flat",
    script: { refuse: "rate-limited-flat" },
    status: 429,
    code: "upstream_quota",
    attempts: 1,
    final: true,
  },
  {
    name: "unauthorized",
    script: { refuse: "unauthorized" },
    status: 502,
    code: "upstream_auth",
    attempts: 1,
    final: true,
  },
  {
    name: "token-expired",
    script: { refuse: "token-expired" },
    status: 502,
    code: "upstream_auth",
    attempts: 1,
    final: true,
  },
  {
    name: "token-revoked",
    script: { refuse: "token-revoked" },
    status: 502,
    code: "upstream_auth",
    attempts: 1,
    final: true,
  },
  {
    name: "waf-punish",
    script: { refuse: "waf-punish" },
    status: 503,
    code: "upstream_challenge",
    attempts: 1,
    final: true,
  },
  {
    name: "waf-html",
    script: { refuse: "waf-html" },
    status: 503,
    code: "upstream_challenge",
    attempts: 1,
    final: true,
  },
  { name: "internal-error", script: { refuse: "internal-error" }, status: 502, code: "upstream_failed", attempts: 3 },
  {
    name: "internal-server-error",
    script: { refuse: "internal-server-error" },
    status: 502,
    code: "upstream_failed",
    attempts: 3,
  },
  {
    name: "an HTTP 500 page",
    script: { refuse: { name: "http-status", status: 500 } },
    status: 502,
    code: "upstream_failed",
    attempts: 3,
  },
  {
    name: "an HTTP 503 page",
    script: { refuse: { name: "http-status", status: 503 } },
    status: 502,
    code: "upstream_failed",
    attempts: 3,
  },
  { name: "gateway-504", script: { refuse: "gateway-504" }, status: 504, code: "upstream_timeout", attempts: 3 },
  {
    name: "bad-request-flat",
    script: { refuse: "bad-request-flat" },
    status: 502,
    code: "upstream_failed",
    attempts: 3,
  },
  { name: "model-not-found", script: { refuse: "model-not-found" }, status: 404, code: "model_not_found", attempts: 1 },
  { name: "validation", script: { refuse: "validation" }, status: 500, code: "internal", attempts: 1 },
  {
    name: "a quota error in the stream",
    script: inStream("RateLimited", "upper limit", 1),
    status: 429,
    code: "upstream_quota",
    attempts: 1,
    final: true,
  },
  {
    name: "a content error in the stream",
    script: inStream("data_inspection_failed", "inappropriate content", 1),
    status: 400,
    code: "content_filter",
    attempts: 1,
  },
  {
    name: "an error before the stream's first event",
    script: inStream("internal_error", "Internal Error", 0),
    status: 502,
    code: "upstream_failed",
    attempts: 3,
  },
  {
    name: "an end before the first word",
    script: { reply: { text: "Hello", faults: [{ kind: "end", after: 1 }] } },
    status: 502,
    code: "upstream_failed",
    attempts: 3,
  },
  {
    name: "a reset before the first word",
    script: { reply: { text: "Hello", faults: [{ kind: "drop", after: 1 }] } },
    status: 502,
    code: "upstream_failed",
    attempts: 3,
  },
];

for (const { name, script, status, code, attempts, final } of rows) {
  test(`${name} is ${status} ${code} before anything is streamed [R0-031, R2-054]`, async () => {
    await using harness = await startHarness({ environment: { ACCOUNT_COOLDOWN_MAX_MS: "1" } });
    for (const stream of [true, false]) {
      const before = allTurns(harness).length;
      harness.emulator.script({ times: attempts, ...script });
      const answer = await readError(await harness.chat({ ...hello, stream }));
      expect(answer).toMatchObject({ status, error: { code } });
      expect(answer.contentType).toStartWith("application/json");
      expect(answer.headers.get("x-should-retry")).toBe(final === true ? "false" : null);
      expect(Number(answer.headers.get("retry-after") ?? "1")).toBeLessThanOrEqual(60);
      expect(answer.text).not.toMatch(/aliyun|x5sec|<html|\bat \/|test-token|chat_id/i);
      expect(allTurns(harness).length - before).toBe(attempts);
      expect(harness.emulator.pendingScripts).toBe(0);
    }
    // The chat that was made for the first is used again by the others.
    expect(callsOf(harness, "chats/new")).toHaveLength(1);
  });
}

test("an account's limit tells the true time in words and at most a minute in the header", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ refuse: { name: "rate-limited", hours: 7 } });
  const answer = await readError(await harness.chat(hello));
  expect(answer.error.message).toContain("7 h");
  expect(answer.headers.get("retry-after")).toBe("60");
});

test.each([
  [429, "Qwen takes no more requests from this account right now: try again in 2 h"],
  [503, "Qwen failed to answer this request: try again in 2 h"],
  [504, "Qwen took too long to answer: try again in 2 h"],
])("a %d whose Retry-After is hours tells the true time in words", async (status, message) => {
  await using harness = await startHarness();
  harness.emulator.script({ refuse: { name: "http-status", status, retryAfterSeconds: 7200 } });
  const answer = await readError(await harness.chat(hello));
  expect(answer.error.message).toBe(message);
  expect(answer.headers.get("retry-after")).toBe("60");
});

test("a limit whose hours are a point in time is one of a day, and health can tell of it", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ refuse: { name: "rate-limited", hours: 1_795_824_058_499 } });
  const answer = await readError(await harness.chat(hello));
  expect(answer).toMatchObject({ status: 429, error: { message: expect.stringContaining("24 h") } });
  expect((await harness.get("/health/detailed")).status).toBe(200);
});

test("an upstream's refused credentials are no 401, and say what to do", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ on: "chats/new", refuse: "unauthorized" });
  const answer = await readError(await harness.chat(hello));
  expect(answer.status).toBe(502);
  expect(answer.error.message).toContain("sign in");
  expect(answer.headers.get("www-authenticate")).toBeNull();
});

test("chat creation is repeated on a transient failure [R2-047]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ on: "chats/new", times: 2, refuse: { name: "http-status", status: 503 } });
  expect(await answerTo(harness, [user("Say: Hello")])).toBe("Hello");
  expect(callsOf(harness, "chats/new")).toHaveLength(3);
  expect(allTurns(harness)).toHaveLength(1);
});

test("chat creation that fails for good is repeated RETRY_MAX_ATTEMPTS times in all, not squared [R2-047, R2-060]", async () => {
  await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "4" } });
  harness.emulator.script({ on: "chats/new", times: "always", refuse: { name: "http-status", status: 503 } });
  expect(await readError(await harness.chat(hello))).toMatchObject({ status: 502 });
  expect(callsOf(harness, "chats/new")).toHaveLength(4);
});

for (const stream of [true, false]) {
  test(`a completion is repeated on a transient failure with stream ${stream} [R2-048, R0-059]`, async () => {
    await using harness = await startHarness();
    harness.emulator.script(
      { refuse: { name: "http-status", status: 503 } },
      { reply: { text: "Hello", faults: [{ kind: "drop", after: 1 }] } },
    );
    expect(await answerTo(harness, [user("Say: Hello")], { body: { stream } })).toBe("Hello");
    expect(allTurns(harness)).toHaveLength(3);
  });
}

test("RETRY_MAX_ATTEMPTS=1 asks once [R2-060]", async () => {
  await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
  harness.emulator.script({ refuse: "internal-error" });
  expect(await readError(await harness.chat(hello))).toMatchObject({ status: 502 });
  expect(allTurns(harness)).toHaveLength(1);
});

test("an upstream that cannot be reached is asked for as often as configured, then 502 [R2-055]", async () => {
  await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "2" } });
  await harness.served.stop();
  const answer = await readError(await harness.chat(hello));
  expect(answer).toMatchObject({ status: 502, error: { code: "upstream_failed" } });
  expect(answer.text).not.toContain("127.0.0.1");
});

test("a failed turn of a known conversation leaves it where it was, and its repetition continues it", async () => {
  await using harness = await startHarness({
    environment: { RETRY_MAX_ATTEMPTS: "1", ACCOUNT_COOLDOWN_MAX_MS: "1" },
  });
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const { chatId, responseId } = lastTurn(harness);
  // An account of its own that comes back at once is waited for, and asked once more.
  const refusals = [
    "rate-limited",
    "rate-limited",
    "waf-punish",
    "unauthorized",
    "unauthorized",
    "model-not-found",
  ] as const;
  for (const refuse of refusals) harness.emulator.script({ refuse });
  for (const _ of new Set(refusals)) {
    expect((await harness.chat({ ...hello, messages: [...talk.messages, user("What is my name?")] })).status).not.toBe(
      200,
    );
  }
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness)).toMatchObject({ chatId, parentId: responseId, content: "What is my name?" });
});

test("errors of the upstream are logged with message, status, kind and cause, never with a secret [R2-053, R0-032]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ refuse: "unauthorized" });
  await bodyOfError(await harness.chat(hello));
  const failed = () => harness.logLines.find((line) => line.includes("exchange failed"));
  await untilAnswer(
    () => harness.get("/health"),
    () => failed() !== undefined,
  );
  const line = JSON.parse(failed() ?? "{}") as Record<string, unknown>;
  expect(line).toMatchObject({ level: "error", kind: "upstream-auth", status: 502, outcome: "failed" });
  expect(line["message"]).toContain("Qwen refused the account's credentials");
  expect(JSON.stringify(line)).toContain("401");
  expect(harness.logLines.join("\n")).not.toContain("test-token");
});

test("a content error in the middle of a stream is a frame with its own code", async () => {
  await using harness = await startHarness();
  harness.emulator.script(inStream("data_inspection_failed", "inappropriate content", 2));
  const stream = await readStream(await harness.chat({ ...hello, messages: [user("Count from 1 to 5")] }));
  expect(stream.error).toMatchObject({ code: "content_filter", type: "invalid_request_error" });
  expect(stream.finishReasons).toEqual([]);
  expect(stream.doneCount).toBe(1);
});

async function bodyOfError(response: Response): Promise<string> {
  if (response.status === 200) return bodyOf(response);
  return response.text();
}
