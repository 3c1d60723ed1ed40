// Several accounts, tokens that are renewed, and accounts that are set aside: what a client notices, and what the backend
// is asked meanwhile.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ScriptEntry } from "../../src/emulator/qwen-web-emulator.ts";
import { parseAccount } from "../../src/upstreams/qwen-web/accounts/parse-account.ts";
import { type Harness, type HarnessOptions, startHarness } from "../support/harness.ts";
import { accessToken, cookiesOf, longToken, refreshTokenOf } from "../support/tokens.ts";
import {
  acceptedTurns,
  allTurns,
  answerTo,
  assistant,
  callsOf,
  createTalk,
  lastTurn,
  readError,
  readStream,
  untilIdle,
  user,
} from "./client.ts";
import { askWithTools } from "./tool-client.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
type Script = Pick<ScriptEntry, "refuse" | "reply">;

/** An error event behind `response.created`. */
const event = (code: string, details: string): Script => ({
  reply: { text: "", faults: [{ kind: "error", after: 1, code, details }] },
});

const hello = { model: "qwen3-max", stream: true, messages: [user("Hello")] };

/** A gateway whose accounts are these users', each with a token that lives long. */
function startWithUsers(users: readonly string[], options: HarnessOptions = {}): Promise<Harness> {
  const accounts = users.map((name) => ({ alias: name, cookies: cookiesOf(name, longToken(name)) }));
  const environment = { QWEN_TOKEN: "", QWEN_ACCOUNTS: JSON.stringify(accounts), ...options.environment };
  return startHarness({ ...options, environment });
}

/** One account of the environment, which may be renewed. */
function startWithCookies(token: string, options: HarnessOptions = {}): Promise<Harness> {
  const environment = { QWEN_TOKEN: "", QWEN_COOKIES: cookiesOf("ann", token), ...options.environment };
  return startHarness({ ...options, environment });
}

/** A clock of the gateway and its emulator that only the test moves. */
function createClock() {
  let aheadMs = 0;
  return {
    now: () => Date.now() + aheadMs,
    advance(milliseconds: number) {
      aheadMs += milliseconds;
    },
  };
}

function usersOf(harness: Harness): string[] {
  return acceptedTurns(harness).map((turn) => turn.record.account);
}

/** Each on the newest frames of a stream: names and finish, without what differs from answer to answer. */
function shapeOf(stream: Awaited<ReturnType<typeof readStream>>) {
  const { chunks, doneCount, finishReasons } = stream;
  return {
    doneCount,
    finishReasons,
    frames: chunks.map((chunk) => [
      chunk.object,
      ...chunk.choices.map(({ index, delta }) => [index, Object.keys(delta)]),
    ]),
  };
}

describe("several accounts", () => {
  test("take turns in new conversations, and their streams are whole and equal in form [R1-016]", async () => {
    await using harness = await startWithUsers(["ann", "bob"]);
    harness.emulator.script({ times: "always", reply: { chunks: ["One ", "two ", "three"] } });
    const shapes: ReturnType<typeof shapeOf>[] = [];
    for (let index = 0; index < 4; index++) {
      const stream = await readStream(await harness.chat(hello));
      expect(stream.text).toBe("One two three");
      shapes.push(shapeOf(stream));
    }
    expect(usersOf(harness)).toEqual(["ann", "bob", "ann", "bob"]);
    expect(shapes).toEqual(Array.from({ length: 4 }, () => shapes[0]!));
    expect(shapes[0]).toMatchObject({ doneCount: 1, finishReasons: ["stop"] });
  });

  test("share open replies: a new conversation takes the account with the fewest", async () => {
    await using harness = await startWithUsers(["ann", "bob", "cy"]);
    harness.emulator.script({ times: 6, gate: "all", reply: { text: "Hello" } });
    const answers = Array.from({ length: 6 }, () => answerTo(harness, [user("Hello")]));
    await harness.emulator.until((requests) => requests.filter(({ on }) => on === "completions").length === 6);
    harness.emulator.release("all", "all");
    await Promise.all(answers);
    expect(usersOf(harness).sort()).toEqual(["ann", "ann", "bob", "bob", "cy", "cy"]);
  });

  test("a conversation stays with its account", async () => {
    await using harness = await startWithUsers(["ann", "bob"]);
    const talks = [createTalk(harness), createTalk(harness)];
    for (const [index, talk] of talks.entries()) await talk.say(`My name is ${["Ada", "Grace"][index]}.`);
    for (const [index, talk] of talks.entries()) {
      expect(await talk.say("What is my name?")).toContain(["Ada", "Grace"][index] ?? "");
    }
    expect(usersOf(harness)).toEqual(["ann", "bob", "ann", "bob"]);
    expect(callsOf(harness, "chats/new")).toHaveLength(2);
  });

  test("the log names the account by its alias", async () => {
    await using harness = await startWithUsers(["ann"]);
    await answerTo(harness, [user("Hello")]);
    await untilIdle(harness);
    const line = harness.logLines.find((candidate) => candidate.includes('"message":"exchange"'));
    expect(JSON.parse(line ?? "{}")).toMatchObject({ account: "ann", outcome: "complete" });
  });

  test("a limit before any output is another account's turn, and no client notices", async () => {
    await using harness = await startWithUsers(["ann", "bob"]);
    for (const script of [
      { refuse: "rate-limited" as const },
      {
        reply: {
          text: "",
          faults: [{ kind: "error" as const, after: 1, code: "RateLimited", details: "upper limit" }],
        },
      },
      { on: "chats/new" as const, refuse: "rate-limited" as const },
    ]) {
      await harness.restart({ ACCOUNT_COOLDOWN_MAX_MS: "1" });
      harness.emulator.script({ account: "ann", ...script });
      expect(await answerTo(harness, [user("Say: yes")])).toBe("yes");
      expect(lastTurn(harness).record.account).toBe("bob");
      expect(harness.emulator.pendingScripts).toBe(0);
    }
  });

  test.each(["ann", "ann,bob"])("too many requests everywhere are waited for, with the accounts %s", async (users) => {
    await using harness = await startWithUsers(users.split(","));
    const refuse = { name: "http-status", status: 429, retryAfterSeconds: 1 } as const;
    for (const account of users.split(",")) harness.emulator.script({ account, refuse });
    expect(await answerTo(harness, [user("Say: yes")])).toBe("yes");
    expect(harness.emulator.pendingScripts).toBe(0);
  });

  test("a conversation whose account is at its limit goes on elsewhere with its whole history", async () => {
    await using harness = await startWithUsers(["ann", "bob"]);
    const talk = createTalk(harness);
    await talk.say("My name is Ada.");
    const opening = lastTurn(harness);
    harness.emulator.script({ account: opening.record.account, refuse: { name: "rate-limited", hours: 5 } });
    expect(await talk.say("What is my name?")).toContain("Ada");
    const moved = lastTurn(harness);
    expect(moved.record.account).not.toBe(opening.record.account);
    expect(moved.parentId).toBeNull();
    expect(moved.content).toContain("My name is Ada.");
    await talk.say("Thank you.");
    expect(lastTurn(harness)).toMatchObject({
      chatId: moved.chatId,
      parentId: moved.responseId,
      content: "Thank you.",
    });
  });

  describe.each<[string, Script]>([
    ["as a status", { refuse: { name: "http-status", status: 429, retryAfterSeconds: 0.05 } }],
    ["as an event", event("Too_Many_Requests", "slow")],
  ])("a conversation whose account wants seconds, told %s,", (_name, script) => {
    const environment = { ACCOUNT_COOLDOWN_MAX_MS: "50" };

    test("waits for it", async () => {
      await using harness = await startWithUsers(["ann", "bob"], { environment });
      const talk = createTalk(harness);
      await talk.say("My name is Ada.");
      const opening = lastTurn(harness);
      harness.emulator.script({ account: "ann", ...script });
      expect(await talk.say("What is my name?")).toContain("Ada");
      expect(lastTurn(harness)).toMatchObject({ chatId: opening.chatId, parentId: opening.responseId });
      expect(harness.emulator.pendingScripts).toBe(0);
    });

    test("waits once: refused again, it goes on elsewhere", async () => {
      await using harness = await startWithUsers(["ann", "bob"], { environment });
      const talk = createTalk(harness);
      await talk.say("My name is Ada.");
      harness.emulator.script({ account: "ann", times: "always", ...script });
      expect(await talk.say("What is my name?")).toContain("Ada");
      expect(allTurns(harness).map(({ record }) => record.account)).toEqual(["ann", "ann", "ann", "bob"]);
    });
  });

  test.each([
    ["is waited for", 0.05, [200, null]],
    ["is told", 30, [429, "30"]],
  ] as const)("an account's time of seconds %s where all others are away for hours", async (_name, seconds, told) => {
    await using harness = await startWithUsers(["ann", "bob"]);
    harness.emulator.script({ account: "bob", refuse: { name: "rate-limited", hours: 5 } });
    for (let index = 0; index < 2; index++) await answerTo(harness, [user("Hello")]);
    const refuse = { name: "http-status", status: 429, retryAfterSeconds: seconds } as const;
    harness.emulator.script({ account: "ann", refuse });
    const response = await harness.chat({ ...hello, stream: false });
    expect([response.status, response.headers.get("retry-after")]).toEqual([...told]);
    expect(harness.emulator.pendingScripts).toBe(0);
  });

  test("an account that wants seconds is waited for again where all others are paused", async () => {
    const environment = { ACCOUNT_COOLDOWN_MAX_MS: "50" };
    await using harness = await startWithUsers(["ann", "bob"], { environment });
    const talk = createTalk(harness);
    await talk.say("My name is Ada.");
    const bob = parseAccount({ cookies: cookiesOf("bob", longToken("bob")) });
    expect((await harness.post(`/admin/api/accounts/${bob.id}/pause`, "")).status).toBe(200);
    const refuse = { name: "http-status", status: 429, retryAfterSeconds: 0.05 } as const;
    harness.emulator.script({ account: "ann", times: 2, refuse });
    expect(await talk.say("What is my name?")).toContain("Ada");
    expect(allTurns(harness).map(({ record }) => record.account)).toEqual(["ann", "ann", "ann", "ann"]);
  });

  test.each<[string, Script]>([
    ["a refusal", { refuse: { name: "bad-request", details: "The request rate increased too quickly." } }],
    ["an event", event("quota_limit", "busy")],
  ])("a conversation whose account is under high demand, told as %s, goes on elsewhere", async (_name, script) => {
    await using harness = await startWithUsers(["ann", "bob"]);
    const talk = createTalk(harness);
    await talk.say("My name is Ada.");
    harness.emulator.script({ account: "ann", times: "always", ...script });
    expect(await talk.say("What is my name?")).toContain("Ada");
    expect(allTurns(harness).map(({ record }) => record.account)).toEqual(["ann", "ann", "bob"]);
  });

  test.each<[string, Script]>([
    ["a refusal", { refuse: "internal-error" }],
    ["an event", event("internal_error", "Internal Error")],
  ])(
    "a conversation that meets an error without a rule twice, told as %s, goes on elsewhere",
    async (_name, script) => {
      await using harness = await startWithUsers(["ann", "bob"]);
      const talk = createTalk(harness);
      await talk.say("My name is Ada.");
      harness.emulator.script({ account: "ann", times: "always", ...script });
      expect(await talk.say("What is my name?")).toContain("Ada");
      expect(allTurns(harness).map(({ record }) => record.account)).toEqual(["ann", "ann", "ann", "bob"]);
    },
  );

  test.each<[string, Script]>([
    ["is under high demand", event("quota_limit", "busy")],
    ["wants seconds", event("Too_Many_Requests", "slow")],
  ])("a call that a new conversation lacked is asked of another account when its own %s", async (_name, script) => {
    await using harness = await startWithUsers(["ann", "bob"]);
    harness.emulator.script({ reply: { text: "Let me see." } }, { ...script, account: "ann", times: "always" });
    const answer = await askWithTools(harness, [user("What is the weather in Paris?")], { tool_choice: "required" });
    expect(answer.calls).toHaveLength(1);
    expect(allTurns(harness).map(({ record }) => record.account)).toEqual(["ann", "ann", "bob"]);
  });

  test.each<[string, Script, string[]]>([
    ["its account is under high demand", event("quota_limit", "busy"), ["ann", "ann", "bob"]],
    ["its chat is gone", event("chat_not_found", "It is gone"), ["ann", "ann", "ann"]],
  ])(
    "an answer that missed its form is asked for in another chat when the stream tells that %s",
    async (_name, script, users) => {
      await using harness = await startWithUsers(["ann", "bob"]);
      harness.emulator.script({ reply: { text: "One, I think." } }, { ...script, account: "ann" });
      const format = { response_format: { type: "json_object" } };
      const answer = await readStream(await harness.chat({ ...hello, ...format }));
      expect(JSON.parse(answer.text)).toBeObject();
      expect(allTurns(harness).map(({ record }) => record.account)).toEqual(users);
      expect(callsOf(harness, "chats/new")).toHaveLength(2);
    },
  );

  test("a conversation whose account is gone goes on elsewhere with its whole history", async () => {
    await using harness = await startWithUsers(["ann"]);
    const talk = createTalk(harness);
    await talk.say("My name is Ada.");
    await harness.restart({ QWEN_ACCOUNTS: JSON.stringify([{ alias: "bob", token: longToken("bob") }]) });
    expect(await talk.say("What is my name?")).toContain("Ada");
    expect(usersOf(harness)).toEqual(["ann", "bob"]);
    expect(lastTurn(harness).content).toContain("My name is Ada.");
  });

  test("a thin client's conversation never moves: nobody else knows what was said", async () => {
    await using harness = await startWithUsers(["ann", "bob"]);
    const say = (text: string) => harness.chat({ ...hello, session_id: "thin", messages: [user(text)] });
    await readStream(await say("My name is Ada."));
    harness.emulator.script({ account: "ann", refuse: { name: "rate-limited", hours: 5 } });
    for (let index = 0; index < 2; index++) expect((await readError(await say("What is my name?"))).status).toBe(429);
    expect(allTurns(harness).map((turn) => turn.record.account)).toEqual(["ann", "ann"]);
  });

  describe.each<[string, Script]>([
    ["a refusal", { refuse: { name: "rate-limited", hours: 5 } }],
    ["an event", event("RateLimited", "You have reached the limit")],
  ])(
    "an account of one's own at a limit that ACCOUNT_COOLDOWN_MAX_MS cuts to seconds, told as %s,",
    (_name, script) => {
      test.each([
        ["thin", ["ann", "bob"]],
        ["whole", ["ann"]],
      ] as const)("is waited for by a conversation whose client is %s", async (kind, users) => {
        await using harness = await startWithUsers(users, { environment: { ACCOUNT_COOLDOWN_MAX_MS: "50" } });
        const whole = createTalk(harness);
        const thin = (text: string) => answerTo(harness, [user(text)], { body: { session_id: "thin" } });
        const say = kind === "thin" ? thin : whole.say;
        await say("My name is Ada.");
        const opening = lastTurn(harness);
        harness.emulator.script({ account: "ann", ...script });
        expect(await say("What is my name?")).toContain("Ada");
        expect(lastTurn(harness)).toMatchObject({ chatId: opening.chatId, parentId: opening.responseId });
        expect(harness.emulator.pendingScripts).toBe(0);
      });
    },
  );

  test.each<[string, Script]>([
    ["a refusal", { refuse: { name: "rate-limited", hours: 5 } }],
    ["an event", event("quota_limit", "busy")],
  ])("nor does it for an answer that missed its form, told as %s", async (_name, script) => {
    await using harness = await startWithUsers(["ann", "bob"]);
    const say = (text: string, settings = {}) =>
      harness.chat({ ...hello, session_id: "thin", messages: [user(text)], ...settings });
    await readStream(await say("My name is Ada."));
    harness.emulator.script({ reply: { text: "It is Ada." } }, { ...script, account: "ann", times: "always" });
    await readError(await say("What is my name?", { response_format: { type: "json_object" } }));
    expect(new Set(allTurns(harness).map(({ record }) => record.account))).toEqual(new Set(["ann"]));
    expect(callsOf(harness, "chats/new")).toHaveLength(1);
  });

  test.each<[string, Script, number]>([
    ["its chat is busy", event("Bad_Request", "The chat is in progress!"), 200],
    ["what it sent is refused", event("invalid_input", "Invalid input."), 400],
  ])("a thin client's conversation stays in its chat, told in the stream that %s", async (_name, script, status) => {
    await using harness = await startWithUsers(["ann"]);
    const say = (text: string) => harness.chat({ ...hello, stream: false, session_id: "thin", messages: [user(text)] });
    await (await say("My name is Ada.")).text();
    harness.emulator.script(script);
    const answer = await say("What is my name?");
    expect(answer.status).toBe(status);
    if (status !== 200) await readError(answer);
    expect(await (await say("What is my name?")).text()).toContain("Ada");
    expect(callsOf(harness, "chats/new")).toHaveLength(1);
  });

  test("a thin client whose account is gone is not left in a new chat that is busy", async () => {
    await using harness = await startWithUsers(["ann"]);
    const say = (text: string) => harness.chat({ ...hello, session_id: "thin", messages: [user(text)] });
    await readStream(await say("My name is Ada."));
    await harness.restart({ QWEN_ACCOUNTS: JSON.stringify([{ alias: "bob", token: longToken("bob") }]) });
    harness.emulator.script(event("Bad_Request", "The chat is in progress!"));
    await readStream(await say("Hello"));
    const [, busy, next] = allTurns(harness).map(({ chatId }) => chatId);
    expect(next).not.toBe(busy);
  });

  test("when all have their limits, the error names who is back first", async () => {
    await using harness = await startWithUsers(["ann", "bob"]);
    harness.emulator.script(
      { account: "ann", refuse: { name: "rate-limited", hours: 9 } },
      { account: "bob", refuse: { name: "rate-limited", hours: 3 } },
    );
    const answer = await readError(await harness.chat(hello));
    expect(answer).toMatchObject({ status: 429, error: { code: "upstream_quota" } });
    expect(answer.error.message).toMatch(/any of 2 accounts for another (3 h|2 h \d+ min): "bob" is the first/);
  });
});

describe("an account that is set aside", () => {
  test("for hours is answered for from memory, also after a restart, until the time is over", async () => {
    const clock = createClock();
    await using harness = await startWithUsers(["ann"], { clock: clock.now });
    harness.emulator.script({ refuse: { name: "rate-limited", hours: 7 } });
    const first = await readError(await harness.chat(hello));
    const asked = harness.emulator.requests.length;
    clock.advance(2 * hourMs);
    for (const restart of [false, true]) {
      if (restart) await harness.restart();
      const answer = await readError(await harness.chat(hello));
      expect(answer).toMatchObject({ status: first.status, error: { code: first.error.code, type: first.error.type } });
      expect(answer.error.message).toMatch(/account "ann" for another (5 h|4 h 59 min|4 h 60 min)/);
      expect(answer.headers.get("retry-after")).toBe("60");
      expect(answer.headers.get("x-should-retry")).toBe("false");
    }
    expect(harness.emulator.requests.length).toBe(asked);
    clock.advance(5 * hourMs);
    expect(await answerTo(harness, [user("Say: back")])).toBe("back");
  });

  test("is never set aside for longer than ACCOUNT_COOLDOWN_MAX_MS", async () => {
    const clock = createClock();
    await using harness = await startWithUsers(["ann"], {
      clock: clock.now,
      environment: { ACCOUNT_COOLDOWN_MAX_MS: String(20 * minuteMs) },
    });
    harness.emulator.script({ refuse: { name: "rate-limited", hours: 7 } });
    await readError(await harness.chat(hello));
    clock.advance(19 * minuteMs);
    expect((await readError(await harness.chat(hello))).status).toBe(429);
    clock.advance(minuteMs);
    expect(await answerTo(harness, [user("Say: back")])).toBe("back");
  });

  test.each(["restart", "reload"] as const)(
    "before ACCOUNT_COOLDOWN_MAX_MS was set by a %s comes back when that time is over",
    async (apply) => {
      const clock = createClock();
      await using harness = await startWithUsers(["ann"], { clock: clock.now });
      harness.emulator.script({ refuse: { name: "rate-limited", hours: 7 } });
      await readError(await harness.chat(hello));
      clock.advance(19 * minuteMs);
      await harness[apply]({ ACCOUNT_COOLDOWN_MAX_MS: String(20 * minuteMs) });
      const answer = await readError(await harness.chat(hello));
      expect(answer.error.message).toMatch(/account "ann" for another \d+ s:/);
      clock.advance(minuteMs);
      expect(await answerTo(harness, [user("Say: back")])).toBe("back");
    },
  );

  test("for seconds is waited for", async () => {
    await using harness = await startWithUsers(["ann"]);
    harness.emulator.script({ refuse: { name: "http-status", status: 429, retryAfterSeconds: 0.05 } });
    expect(await answerTo(harness, [user("Say: at last")])).toBe("at last");
    expect(allTurns(harness)).toHaveLength(2);
  });

  test("by a challenge is not followed by another one, and comes back after ACCOUNT_CHALLENGE_MS", async () => {
    const clock = createClock();
    await using harness = await startWithUsers(["ann", "bob", "cy"], { clock: clock.now });
    harness.emulator.script({ times: 2, refuse: "waf-punish" });
    for (const turns of [1, 2]) {
      expect(await readError(await harness.chat(hello))).toMatchObject({
        status: 503,
        error: { code: "upstream_challenge" },
      });
      expect(allTurns(harness)).toHaveLength(turns);
    }
    // Two are enough: the third is not sent after them.
    const asked = harness.emulator.requests.length;
    const answer = await readError(await harness.chat(hello));
    expect(answer).toMatchObject({ status: 503, error: { code: "upstream_challenge" } });
    expect(answer.error.message).toContain("human check");
    expect(answer.headers.get("x-should-retry")).toBe("false");
    expect(harness.emulator.requests.length).toBe(asked);
    clock.advance(10 * minuteMs);
    expect(await answerTo(harness, [user("Say: back")])).toBe("back");
  });

  test("for high demand is asked last, and never turned away from memory", async () => {
    await using harness = await startWithUsers(["ann", "bob"]);
    const busy = {
      reply: { text: "", faults: [{ kind: "error" as const, after: 1, code: "quota_limit", details: "busy" }] },
    };
    harness.emulator.script({ account: "ann", ...busy });
    expect(await answerTo(harness, [user("Say: yes")])).toBe("yes");
    expect(await answerTo(harness, [user("Say: yes")])).toBe("yes");
    expect(usersOf(harness)).toEqual(["ann", "bob", "bob"]);
    harness.emulator.script({ account: "bob", ...busy });
    expect((await readError(await harness.chat(hello))).status).toBe(503);
    expect(await answerTo(harness, [user("Say: yes")])).toBe("yes");
  });

  test("for high demand everywhere is told with its time, also when not every account was asked", async () => {
    await using harness = await startWithUsers(["ann", "bob", "cem", "dan"]);
    const busy = { kind: "error" as const, after: 1, code: "quota_limit", details: "busy" };
    harness.emulator.script({ times: "always", reply: { text: "", faults: [busy] } });
    const response = await harness.chat(hello);
    expect(usersOf(harness)).toEqual(["ann", "bob", "cem"]);
    expect(response.headers.get("retry-after")).toBe("60");
    expect((await readError(response)).error.message).toContain("high demand");
  });
});

describe("a token", () => {
  const renewing: HarnessOptions = { emulator: { rotateRefreshTokens: true } };

  test("is renewed before it ends, once for 20 requests at a time, with cookies alone", async () => {
    const token = accessToken("ann", 2 * minuteMs);
    await using harness = await startWithCookies(token, renewing);
    harness.emulator.script({ on: "refresh", gate: "refresh" });
    const answers = Array.from({ length: 20 }, (_, index) => answerTo(harness, [user(`Say: ${index}`)]));
    await harness.emulator.until((requests) => requests.some(({ on }) => on === "refresh"));
    expect(callsOf(harness, "completions")).toHaveLength(0);
    harness.emulator.release("refresh", "all");
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 20 }, (_, index) => `${index}`));
    const [refresh, ...others] = callsOf(harness, "refresh");
    expect(others).toEqual([]);
    expect(refresh?.headers["authorization"]).toBeUndefined();
    expect(refresh?.headers).toMatchObject({
      cookie: cookiesOf("ann", token),
      source: "web",
      "x-request-origin": harness.served.url,
    });
    for (const turn of acceptedTurns(harness)) {
      expect(turn.record.account).toBe("ann");
      const bearer = turn.record.headers["authorization"]?.slice("Bearer ".length) ?? "";
      expect(bearer).not.toBe(token);
      expect(turn.record.headers["cookie"]).toContain(`token=${bearer}`);
      expect(turn.record.headers["cookie"]).not.toContain(refreshTokenOf("ann"));
      expect(turn.record.headers["cookie"]).toContain("cna=abc123");
    }
  });

  test("is got for a Cookie header that has none, before anything is asked", async () => {
    const cookies = `cna=abc123; refresh_token=${refreshTokenOf("ann")}`;
    await using harness = await startHarness({ ...renewing, environment: { QWEN_TOKEN: "", QWEN_COOKIES: cookies } });
    expect(await answerTo(harness, [user("Say: yes")])).toBe("yes");
    expect(harness.emulator.requests[0]?.on).toBe("refresh");
    expect(lastTurn(harness).record.account).toBe("ann");
    for (const { on, headers } of harness.emulator.requests) {
      if (on !== "refresh") expect(headers["authorization"]).toStartWith("Bearer ");
    }
  });

  test("that was renewed goes before the older one of an unchanged setting, and behind a changed one", async () => {
    await using harness = await startWithCookies(accessToken("ann", minuteMs), renewing);
    await answerTo(harness, [user("Hello")]);
    const renewed = lastTurn(harness).record.headers["authorization"];
    await harness.restart();
    await answerTo(harness, [user("Hello")]);
    expect(lastTurn(harness).record.headers["authorization"]).toBe(renewed);
    expect(callsOf(harness, "refresh")).toHaveLength(1);
    const changed = longToken("ann");
    await harness.restart({ QWEN_COOKIES: cookiesOf("ann", changed) });
    await answerTo(harness, [user("Hello")]);
    expect(lastTurn(harness).record.headers["authorization"]).toBe(`Bearer ${changed}`);
  });

  test("that is refused before any output is renewed once, and the request goes on", async () => {
    const token = longToken("ann");
    await using harness = await startWithCookies(token, renewing);
    const talk = createTalk(harness);
    await talk.say("My name is Ada.");
    const before = lastTurn(harness);
    harness.emulator.setTokenState(token, "expired");
    expect(await talk.say("What is my name?")).toContain("Ada");
    expect(callsOf(harness, "refresh")).toHaveLength(1);
    expect(lastTurn(harness)).toMatchObject({ chatId: before.chatId, parentId: before.responseId });
  });

  test("that is refused within the stream, before any output, is renewed as well", async () => {
    await using harness = await startWithCookies(longToken("ann"), renewing);
    harness.emulator.script({
      reply: { text: "", faults: [{ kind: "error", after: 1, code: "unauthorized", details: "Token has expired" }] },
    });
    expect(await answerTo(harness, [user("Say: yes")])).toBe("yes");
    expect(callsOf(harness, "refresh")).toHaveLength(1);
  });

  test("that is refused although it is new sets the account aside, and is not renewed again and again", async () => {
    await using harness = await startWithCookies(longToken("ann"), renewing);
    harness.emulator.script({ times: "always", refuse: "unauthorized" });
    expect(await readError(await harness.chat(hello))).toMatchObject({ status: 502, error: { code: "upstream_auth" } });
    expect(callsOf(harness, "refresh")).toHaveLength(1);
    expect(allTurns(harness)).toHaveLength(2);
    expect((await readError(await harness.chat(hello))).status).toBe(502);
    expect(allTurns(harness)).toHaveLength(2);
  });

  test("that cannot be renewed sets the account aside with the reason, and nothing is sent as a guest", async () => {
    const clock = createClock();
    const options = { ...renewing, clock: clock.now, environment: { DEFAULT_MODEL: "qwen3-max" } };
    const token = longToken("ann");
    await using harness = await startWithCookies(token, options);
    harness.emulator.setTokenState(token, "expired");
    harness.emulator.setTokenState(refreshTokenOf("ann"), "revoked");
    const first = await readError(await harness.chat(hello));
    expect(first).toMatchObject({ status: 502, error: { code: "upstream_auth" } });
    expect(first.error.message).toContain("sign in");
    const asked = harness.emulator.requests.length;
    const second = await readError(await harness.chat(hello));
    expect(second.error.message).toMatch(/another 5 min: Qwen has ended its session: sign in at chat\.qwen\.ai/);
    expect(second.headers.get("x-should-retry")).toBe("false");
    expect(harness.emulator.requests.length).toBe(asked);
    clock.advance(5 * minuteMs);
    harness.emulator.setTokenState(token, "ready");
    expect(await answerTo(harness, [user("Say: back")])).toBe("back");
    for (const { headers, on } of harness.emulator.requests) {
      expect(headers["cookie"]).toContain("token=");
      if (on !== "refresh") expect(headers["authorization"]).toBe(`Bearer ${token}`);
    }
  });

  test("whose renewal is refused for something else than its session tells that", async () => {
    await using harness = await startWithCookies(accessToken("ann", -minuteMs), renewing);
    const details = "Invalid request header";
    harness.emulator.script({ on: "refresh", refuse: { name: "bad-request-flat", details } });
    for (const _ of [1, 2]) {
      const { status, error } = await readError(await harness.chat(hello));
      expect(status).toBe(502);
      expect(error.message).toMatch(/another 5 min: Qwen refused the headers of the request: copy them anew/);
    }
    expect(callsOf(harness, "refresh")).toHaveLength(1);
  });

  test("that is being renewed is not lost when the gateway ends, though nobody waits for it any more", async () => {
    const clock = createClock();
    const options = { emulator: { clock: clock.now, rotateRefreshTokens: true }, clock: clock.now };
    await using harness = await startWithCookies(accessToken("ann", 4 * minuteMs), options);
    await answerTo(harness, [user("Hello")]);
    clock.advance(2 * minuteMs);
    harness.emulator.script({ on: "refresh", gate: "refresh" });
    const leaving = new AbortController();
    const answer = harness.chat(hello, { signal: leaving.signal }).catch((error: unknown) => error);
    await harness.emulator.until((requests) => requests.some(({ on }) => on === "refresh"));
    leaving.abort();
    await answer;
    await untilIdle(harness);
    const restarted = harness.restart();
    harness.emulator.release("refresh", "all");
    await restarted;
    expect(await answerTo(harness, [user("Say: yes")])).toBe("yes");
    expect(callsOf(harness, "refresh")).toHaveLength(1);
  });

  test("that still lives stops an answer at once, while its renewal has no answer", async () => {
    const clock = createClock();
    const options = { emulator: { clock: clock.now, rotateRefreshTokens: true }, clock: clock.now };
    await using harness = await startWithCookies(accessToken("ann", 4 * minuteMs), options);
    harness.emulator.script({ on: "refresh", times: "always", refuse: "silence" }, { gate: "held" });
    harness.emulator.release("held", 2);
    const leaving = new AbortController();
    const response = await harness.chat(hello, { signal: leaving.signal });
    await response.body!.getReader().read();
    clock.advance(2 * minuteMs);
    leaving.abort();
    await harness.emulator.until((requests) => requests.some(({ on }) => on === "stop"));
    expect(callsOf(harness, "refresh")).toHaveLength(0);
  });

  test("that still lives is used when its renewal fails for the moment", async () => {
    const token = accessToken("ann", 2 * minuteMs);
    await using harness = await startWithCookies(token, renewing);
    harness.emulator.script({ on: "refresh", times: "always", refuse: { name: "http-status", status: 503 } });
    expect(await answerTo(harness, [user("Say: yes")])).toBe("yes");
    expect(await answerTo(harness, [user("Say: yes")])).toBe("yes");
    expect(callsOf(harness, "refresh")).toHaveLength(1);
    expect(lastTurn(harness).record.headers["authorization"]).toBe(`Bearer ${token}`);
  });

  test.each([
    ["fails for the moment", { name: "http-status", status: 503 }],
    ["is reset", { name: "reset" }],
  ] as const)("that is dead and whose renewal %s is another account's turn", async (_name, refuse) => {
    await using harness = await startWithUsers(["ann", "bob"]);
    const talk = createTalk(harness);
    await talk.say("My name is Ada.");
    harness.emulator.setTokenState(longToken("ann"), "expired");
    harness.emulator.script({ on: "refresh", times: "always", refuse });
    expect(await talk.say("What is my name?")).toContain("Ada");
    expect(usersOf(harness)).toEqual(["ann", "bob"]);
    const asked = callsOf(harness, "refresh").length;
    expect(await answerTo(harness, [user("Say: new")])).toBe("new");
    expect(lastTurn(harness).record.account).toBe("bob");
    expect(callsOf(harness, "refresh")).toHaveLength(asked);
  });

  test("of a lone account that cannot be renewed for the moment is tried with each request", async () => {
    const token = longToken("ann");
    await using harness = await startWithCookies(token, renewing);
    harness.emulator.setTokenState(token, "expired");
    harness.emulator.script({ on: "refresh", times: 3, refuse: { name: "http-status", status: 503 } });
    const { status, error } = await readError(await harness.chat(hello));
    expect([status, error.code]).toEqual([502, "upstream_failed"]);
    expect(error.message).toMatch(/^Cannot renew the token of account ".+": Qwen failed to answer/);
    expect(await answerTo(harness, [user("Say: back")])).toBe("back");
  });

  test("that is renewed while its account is removed costs no request that waits for it", async () => {
    await using harness = await startWithUsers(["bob"]);
    const credentials = cookiesOf("ann", accessToken("ann", minuteMs));
    const added = await harness.post("/admin/api/accounts", { credentials, alias: "ann" });
    const { account } = (await added.json()) as { account: { id: string } };
    harness.emulator.script({ on: "refresh", gate: "refresh" });
    const answers = [1, 2].map((index) => answerTo(harness, [user(`Say: ${index}`)]));
    await harness.emulator.until((requests) => requests.some(({ on }) => on === "refresh"));
    const removed = await fetch(`${harness.url}/admin/api/accounts/${account.id}`, { method: "DELETE" });
    expect(removed.status).toBe(200);
    harness.emulator.release("refresh", "all");
    expect(await Promise.all(answers)).toEqual(["1", "2"]);
    expect(usersOf(harness)).toEqual(["bob", "bob"]);
  });

  test("of 15 minutes without its refresh cookie says what is missing", async () => {
    await using harness = await startHarness({ environment: { QWEN_TOKEN: accessToken("ann", -minuteMs) } });
    expect((await readError(await harness.chat(hello))).status).toBe(502);
    expect((await readError(await harness.chat(hello))).error.message).toContain("without the cookie refresh_token");
  });

  test("changes between requests and streams stay whole, with two accounts whose tokens rotate [R1-016]", async () => {
    const clock = createClock();
    const accounts = ["ann", "bob"].map((name) => ({
      alias: name,
      cookies: cookiesOf(name, accessToken(name, minuteMs)),
    }));
    await using harness = await startHarness({
      clock: clock.now,
      emulator: { rotateRefreshTokens: true, clock: clock.now },
      environment: { QWEN_TOKEN: "", QWEN_ACCOUNTS: JSON.stringify(accounts) },
    });
    const talks = [createTalk(harness), createTalk(harness)];
    for (let round = 0; round < 3; round++) {
      for (const [index, talk] of talks.entries())
        expect(await talk.say(`Say: ${round} ${index}`)).toBe(`${round} ${index}`);
      clock.advance(14 * minuteMs);
    }
    expect(usersOf(harness)).toEqual(["ann", "bob", "ann", "bob", "ann", "bob"]);
    expect(new Set(acceptedTurns(harness).map((turn) => turn.record.headers["authorization"])).size).toBe(6);
    expect(callsOf(harness, "chats/new")).toHaveLength(2);
  });
});

test.each([
  ["a short token", () => accessToken("ann", 15 * minuteMs)],
  ["a token that says that it ends sooner", () => longToken("ann", Date.now() + 24 * hourMs)],
])("an account of the settings that is added anew serves with what was added: %s", async (_name, createToken) => {
  const setting = longToken("ann", Date.now() + 30 * 24 * hourMs);
  await using harness = await startWithCookies(setting);
  for (const dead of [setting, refreshTokenOf("ann")]) harness.emulator.setTokenState(dead, "revoked");
  expect((await readError(await harness.chat(hello))).status).toBe(502);
  const token = createToken();
  const added = await harness.post("/admin/api/accounts", { credentials: cookiesOf("ann", token) });
  expect(added.status).toBe(200);
  expect(await answerTo(harness, [user("Say: yes")])).toBe("yes");
  await harness.restart();
  expect(await answerTo(harness, [user("Say: still")])).toBe("still");
  expect(lastTurn(harness).record.headers["authorization"]).toBe(`Bearer ${token}`);
  const changed = accessToken("ann", 14 * minuteMs);
  await harness.restart({ QWEN_COOKIES: cookiesOf("ann", changed) });
  expect(await answerTo(harness, [user("Say: new")])).toBe("new");
  expect(lastTurn(harness).record.headers["authorization"]).toBe(`Bearer ${changed}`);
});

test("no secret stands in the log, in the data directory, or in an answer", async () => {
  const token = accessToken("ann", minuteMs);
  await using harness = await startWithCookies(token, { emulator: { rotateRefreshTokens: true } });
  await answerTo(harness, [user("Hello")]);
  const renewed = lastTurn(harness).record.headers["authorization"]?.slice("Bearer ".length) ?? "";
  const rotated = /refresh_token=([^;]+)/.exec(lastTurn(harness).record.headers["cookie"] ?? "")?.[1] ?? "";
  harness.emulator.setTokenState(renewed, "revoked");
  harness.emulator.setTokenState(rotated, "revoked");
  const answer = await readError(
    await harness.chat({ ...hello, messages: [user("Hello"), assistant("Hi"), user("So?")] }),
  );
  await untilIdle(harness);
  const kept = readdirSync(harness.dataDir).map((name) => readFileSync(join(harness.dataDir, name), "latin1"));
  const told = [harness.logLines.join("\n"), answer.text, ...kept].join("\n");
  for (const secret of [token, refreshTokenOf("ann"), renewed, rotated]) {
    expect(secret.length).toBeGreaterThan(20);
    expect(told).not.toContain(secret);
    // Nor a part of it, such as its payload.
    expect(told).not.toContain(secret.split(".")[1] ?? secret);
  }
  expect(told).not.toContain("cna=abc123");
  expect(kept.length).toBeGreaterThan(1);
});
