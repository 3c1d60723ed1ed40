// How much a caller may use, over the whole gateway: refusals in each protocol's shape, and the headers that tell what is left.

import { describe, expect, test } from "bun:test";
import { type Play, serveCompatible } from "../support/fake-compatible-server.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { bearer, keysBeside } from "../support/keys-beside.ts";
import { chunk, modelsRoute, saying } from "../support/several-upstreams.ts";
import { createTestClock } from "../support/test-store.ts";
import { acceptedTurns, allTurns, bodyOf, readError, user, untilIdle } from "./client.ts";

const API_KEY = "of-the-settings";
const hello = { model: "qwen3-max", messages: [user("Hello")] };
const asked = {
  "/v1/chat/completions": hello,
  "/v1/completions": { model: "qwen3-max", prompt: "Hello" },
  "/v1/responses": { model: "qwen3-max", input: "Hello" },
  "/v1/messages": { model: "qwen3-max", max_tokens: 100, messages: [{ role: "user", content: "Hello" }] },
  "/api/chat/stream": { model: "qwen3-max", message: "Hello", options: { follow_ups: false } },
} as const;
const paths = Object.keys(asked) as (keyof typeof asked)[];

/** The beginning of a minute. */
const startMs = 1_790_035_200_000;

async function passes(harness: Harness, headers: Record<string, string> = {}): Promise<boolean> {
  const answer = await harness.chat(hello, { headers });
  await answer.text();
  return answer.status === 200;
}

describe("requests within a minute", () => {
  test.each(paths)(
    "%s refuses the one beyond the limit in its own shape, and takes the next when the window has passed [R2-080] [R2-085]",
    async (path) => {
      const clock = createTestClock(startMs);
      await using harness = await startHarness({ environment: { API_KEY }, clock: clock.now });
      const headers = bearer(await keysBeside(harness).create("ann", { limits: { requestsPerMinute: 2 } }));
      const send = async () => {
        const answer = await harness.post(path, asked[path], { headers });
        return { status: answer.status, headers: answer.headers, text: await answer.text() };
      };
      const [first, second] = [await send(), await send()];
      expect([first.status, second.status]).toEqual([200, 200]);
      const turns = allTurns(harness).length;

      const refused = await send();
      expect(refused.status).toBe(429);
      expect(refused.headers.get("retry-after")).toBe("60");
      const body = JSON.parse(refused.text) as {
        type?: string;
        message?: string;
        error: { type: string; code?: string };
      };
      expect(body.error.type).toBe("rate_limit_error");
      if (path === "/v1/messages") expect(body.type).toBe("error");
      else expect(body.error.code).toBe("rate_limit_exceeded");
      if (path.startsWith("/api/")) expect(body.message).toContain("2 a minute");
      expect(allTurns(harness).length).toBe(turns);

      const names = path === "/v1/messages" ? anthropicNames : openaiNames;
      const told = [first, second, refused].map((answer) => names.slice(0, 2).map((name) => answer.headers.get(name)));
      expect(told).toEqual([
        ["2", "1"],
        ["2", "0"],
        ["2", "0"],
      ]);
      const reset = path === "/v1/messages" ? new Date(startMs + 60_000).toISOString() : "1m0s";
      expect(refused.headers.get(names[2])).toBe(reset);
      clock.advance(60_000);
      expect((await send()).status).toBe(200);
    },
  );

  const openaiNames = [
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
  ] as const;
  const anthropicNames = [
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
  ] as const;

  test("nothing is limited, nor told, unless it is set", async () => {
    await using harness = await startHarness({ environment: { API_KEY } });
    const key = bearer(await keysBeside(harness).create("ann"));
    for (const headers of [key, bearer(API_KEY)]) {
      for (let index = 0; index < 20; index++) expect(await passes(harness, headers)).toBe(true);
      const answer = await harness.chat(hello, { headers });
      expect([...answer.headers.keys()].filter((name) => name.includes("ratelimit"))).toEqual([]);
    }
  });

  test("a key's own limit goes before that of the settings, and keys are counted apart", async () => {
    const clock = createTestClock(startMs);
    const environment = { API_KEY, LIMIT_REQUESTS_PER_MINUTE: "1" };
    await using harness = await startHarness({ environment, clock: clock.now });
    const own = bearer(await keysBeside(harness).create("own", { limits: { requestsPerMinute: 3 } }));
    const plain = bearer(await keysBeside(harness).create("plain"));
    const count = async (headers: Record<string, string>) => {
      let passed = 0;
      for (let index = 0; index < 5; index++) if (await passes(harness, headers)) passed++;
      return passed;
    };
    expect([await count(own), await count(plain), await count(bearer(API_KEY))]).toEqual([3, 1, 1]);
  });

  test("without keys the caller is the address that a trusted proxy tells", async () => {
    const clock = createTestClock(startMs);
    const environment = { LIMIT_REQUESTS_PER_MINUTE: "1", TRUSTED_PROXIES: "127.0.0.1" };
    await using harness = await startHarness({ environment, clock: clock.now });
    const from = (address: string) => passes(harness, { "x-forwarded-for": address });
    expect([await from("192.0.2.1"), await from("192.0.2.1"), await from("192.0.2.2")]).toEqual([true, false, true]);
    expect([await from("2001:db8:1:2::1"), await from("2001:db8:1:2:ffff::2")]).toEqual([true, false]);
    // They still share their conversations, as everybody does without keys.
    const sessions = (await (await harness.get("/v1/sessions")).json()) as { data: unknown[] };
    expect(sessions.data.length).toBeGreaterThan(0);
  });

  test("a restart forgets nothing", async () => {
    const clock = createTestClock(startMs);
    const environment = { API_KEY, LIMIT_REQUESTS_PER_MINUTE: "2" };
    await using harness = await startHarness({ environment, clock: clock.now });
    const headers = bearer(API_KEY);
    expect([await passes(harness, headers), await passes(harness, headers)]).toEqual([true, true]);
    await harness.restart();
    expect(await passes(harness, headers)).toBe(false);
  });

  test("looking things up is not counted, and neither is what is refused for its key", async () => {
    const clock = createTestClock(startMs);
    await using harness = await startHarness({
      environment: { API_KEY, LIMIT_REQUESTS_PER_MINUTE: "1" },
      clock: clock.now,
    });
    const headers = bearer(API_KEY);
    for (let index = 0; index < 3; index++) {
      expect((await fetch(`${harness.url}/v1/models`, { headers })).status).toBe(200);
      expect((await harness.post("/v1/messages/count_tokens", asked["/v1/messages"], { headers })).status).toBe(200);
      expect((await harness.post("/v1/responses/input_tokens", asked["/v1/responses"], { headers })).status).toBe(200);
      expect((await harness.chat(hello)).status).toBe(401);
    }
    expect(await passes(harness, headers)).toBe(true);
  });
});

describe("tokens and dollars", () => {
  const stream = { ...hello, stream: true, stream_options: { include_usage: true } };

  test.each([
    ["a stream", stream],
    ["a whole answer", hello],
  ])("tokens of %s count when it has ended, as the upstream told them", async (_what, body) => {
    const clock = createTestClock(startMs);
    await using harness = await startHarness({ environment: { API_KEY }, clock: clock.now });
    const headers = bearer(await keysBeside(harness).create("ann", { limits: { tokensPerMinute: 100_000 } }));
    const first = await harness.chat(body, { headers });
    const told = Number(/"total_tokens":(\d+)/.exec(await bodyOf(first))?.[1]);
    await untilIdle(harness);
    const second = await harness.chat(body, { headers });
    await second.text();

    expect(first.headers.get("x-ratelimit-remaining-tokens")).toBe("100000");
    expect(told).toBeGreaterThan(0);
    expect(second.headers.get("x-ratelimit-remaining-tokens")).toBe(String(100_000 - told));
  });

  test("who has used up the tokens of a day is told when to come again, and that sooner is useless", async () => {
    const clock = createTestClock(startMs);
    await using harness = await startHarness({ environment: { API_KEY, LIMIT_TOKENS_PER_DAY: "1" }, clock: clock.now });
    const headers = bearer(API_KEY);
    expect(await passes(harness, headers)).toBe(true);
    const { status, error, headers: told } = await readError(await harness.chat(hello, { headers }));
    expect([status, error.code]).toEqual([429, "rate_limit_exceeded"]);
    expect(error.message).toContain("1 tokens a day");
    expect([told.get("retry-after"), told.get("x-should-retry")]).toEqual(["60", "false"]);
    await harness.restart();
    expect(await passes(harness, headers)).toBe(false);
    clock.advance(86_400_000);
    expect(await passes(harness, headers)).toBe(true);
  });

  test("a stream that its reader leaves is counted by what it said, and a refused one not at all", async () => {
    const clock = createTestClock(startMs);
    await using harness = await startHarness({
      environment: { API_KEY, LIMIT_TOKENS_PER_DAY: "5000", RETRY_MAX_ATTEMPTS: "1" },
      clock: clock.now,
    });
    const headers = bearer(API_KEY);
    const left = async () => {
      const answer = await harness.chat({ model: "nothing", messages: 1 }, { headers });
      await answer.text();
      return Number(answer.headers.get("x-ratelimit-remaining-tokens"));
    };
    harness.emulator.script({ refuse: "bad-request" });
    expect(await passes(harness, headers)).toBe(false);
    expect(await left()).toBe(5000);

    harness.emulator.script({ gate: "g", reply: { text: "one two three four five six seven eight" } });
    harness.emulator.release("g", 3);
    const answer = await harness.chat(stream, { headers });
    const reader = answer.body!.getReader();
    await reader.read();
    await reader.cancel();
    harness.emulator.release("g", "all");
    await untilIdle(harness);
    const after = await left();
    expect(after).toBeLessThan(5000);
    expect(after).toBeGreaterThan(3000);
  });

  const words = chunk({ role: "assistant", content: "one two three" });
  const refusal =
    'data: {"error":{"message":"This prompt is not taken.","type":"invalid_request_error","code":400}}\n\n';
  const wantsJson = { response_format: { type: "json_object" } };
  const cut: Play = { body: words + refusal };

  test.each([
    ["nothing when it comes first", { body: refusal }, {}, false],
    ["nothing when it comes first and JSON is asked for", { body: refusal }, wantsJson, false],
    ["what was said when it comes behind words", cut, {}, true],
    ["its prompt when it comes behind words that were held", cut, wantsJson, true],
  ])("a refusal in a stream costs %s", async (_what, play, fields, costs) => {
    const clock = createTestClock(startMs);
    await using server = serveCompatible([play], modelsRoute("local"));
    const upstreams = JSON.stringify([{ name: "own", dialect: "vllm", base_url: server.url }]);
    const environment = { API_KEY, LIMIT_TOKENS_PER_DAY: "5000", UPSTREAMS: upstreams };
    await using harness = await startHarness({ environment, clock: clock.now });
    const headers = bearer(API_KEY);
    await (await harness.chat({ ...stream, ...fields, model: "own/local" }, { headers })).text();
    await untilIdle(harness);
    const after = await harness.chat({ model: "nothing", messages: 1 }, { headers });
    await after.text();
    expect(Number(after.headers.get("x-ratelimit-remaining-tokens")) < 5000).toBe(costs);
  });

  test.each([true, false])("an answer that is asked for once more counts both times, streamed: %p", async (stream) => {
    const clock = createTestClock(startMs);
    await using harness = await startHarness({ environment: { API_KEY }, clock: clock.now });
    const headers = bearer(await keysBeside(harness).create("ann", { limits: { tokensPerMinute: 100_000 } }));
    const used = async (replies: readonly string[]): Promise<number> => {
      for (const text of replies) harness.emulator.script({ reply: { text } });
      await (await harness.chat({ ...hello, stream, response_format: { type: "json_object" } }, { headers })).text();
      await untilIdle(harness);
      const answer = await harness.chat({ model: "nothing", messages: 1 }, { headers });
      await answer.text();
      return 100_000 - Number(answer.headers.get("x-ratelimit-remaining-tokens"));
    };
    const once = await used(['{"a": 1}']);
    clock.advance(120_000);
    const before = acceptedTurns(harness).length;
    const twice = await used(["no data at all", '{"a": 1}']);
    expect(acceptedTurns(harness).length).toBe(before + 2);
    expect(twice).toBeGreaterThanOrEqual(2 * once);
  });

  test.each([true, false])("so does one of a server that counts nothing, streamed: %p", async (isStream) => {
    const clock = createTestClock(startMs);
    const uncounted = (text: string): Play => ({
      body: `${chunk({ content: text })}${chunk({}, "stop")}data: [DONE]\n\n`,
    });
    await using server = serveCompatible(
      [uncounted("no data at all ".repeat(100)), uncounted('{"a": 1}')],
      modelsRoute("local"),
    );
    const upstreams = JSON.stringify([{ name: "own", dialect: "vllm", base_url: server.url }]);
    const environment = { API_KEY, LIMIT_TOKENS_PER_DAY: "5000", UPSTREAMS: upstreams };
    await using harness = await startHarness({ environment, clock: clock.now });
    const headers = bearer(API_KEY);
    const response_format = {
      type: "json_schema",
      json_schema: { name: "a", schema: { type: "object", required: ["a"] } },
    };
    const fields = { model: "own/local", stream: isStream, response_format };
    await (await harness.chat({ ...hello, ...fields }, { headers })).text();
    await untilIdle(harness);
    const after = await harness.chat({ model: "nothing", messages: 1 }, { headers });
    await after.text();
    expect(server.completions.length).toBe(2);
    const spent = 5000 - Number(after.headers.get("x-ratelimit-remaining-tokens"));
    // Four hundred words, and a little JSON.
    expect(spent).toBeGreaterThan(300);
    expect(spent).toBeLessThan(600);
  });

  test("an answer that another model gave in the end costs what each of them costs", async () => {
    const clock = createTestClock(startMs);
    const told = { id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [] };
    const counts = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
    const cutBehindUsage: Play = {
      body: `${words}data: ${JSON.stringify({ ...told, usage: counts })}\n\n`,
      after: "break",
    };
    await using one = serveCompatible([cutBehindUsage], modelsRoute("dear"));
    await using two = serveCompatible([saying("Fine.")], modelsRoute("cheap"));
    const upstreams = [
      { name: "one", dialect: "vllm", base_url: one.url },
      { name: "two", dialect: "vllm", base_url: two.url },
    ];
    const environment = {
      API_KEY,
      ADMIN_KEY: "of-the-operator",
      LIMIT_SPEND_PER_DAY: "1",
      UPSTREAMS: JSON.stringify(upstreams),
      MODEL_ROUTES: JSON.stringify({ mixed: ["one/dear", "two/cheap"] }),
      PRICES: JSON.stringify({ dear: { input: 1000, output: 1000 }, cheap: { input: 10, output: 10 } }),
    };
    await using harness = await startHarness({ environment, clock: clock.now });
    const headers = bearer(API_KEY);
    const answer = await harness.post("/v1/messages", { ...asked["/v1/messages"], model: "mixed" }, { headers });
    expect([answer.status, (await answer.text()).includes("Fine.")]).toEqual([200, true]);
    await untilIdle(harness);
    const limits = (await (
      await fetch(`${harness.url}/admin/api/limits`, { headers: bearer("of-the-operator") })
    ).json()) as {
      data: { amounts: { spend_per_day: { used: number } } }[];
    };
    expect([one.completions.length, two.completions.length]).toEqual([1, 1]);
    // Seven tokens of each.
    expect(limits.data[0]?.amounts.spend_per_day.used).toBeCloseTo(0.00707, 6);
  });

  test("dollars are estimated by the prices of the settings and the list", async () => {
    const clock = createTestClock(startMs);
    const environment = { API_KEY, LIMIT_SPEND_PER_DAY: "0.0001", PRICES: '{"qwen3-max": {"input": 0, "output": 0}}' };
    await using harness = await startHarness({ environment, clock: clock.now });
    const headers = bearer(API_KEY);
    for (let index = 0; index < 5; index++) expect(await passes(harness, headers)).toBe(true);
    await harness.restart({ PRICES: '{"qwen3-max": {"input": 1000, "output": 1000}}' });
    expect(await passes(harness, headers)).toBe(true);
    const { error } = await readError(await harness.chat(hello, { headers }));
    expect(error.message).toContain("0.0001 dollars a day");
  });
});

describe("replies at a time, and sessions", () => {
  test("a session has as many streams and requests as it may, and another one is unaffected [R0-065]", async () => {
    const clock = createTestClock(startMs);
    const environment = { SESSION_STREAMS: "1", SESSION_REQUESTS_PER_MINUTE: "3" };
    await using harness = await startHarness({ environment, clock: clock.now });
    const of = (session: string) => ({ headers: { "x-session-id": session } });
    harness.emulator.script({ gate: "g", reply: { text: "one two three" } });
    harness.emulator.release("g", 2);
    const open = await harness.chat({ ...hello, stream: true }, of("a"));

    const refused = await readError(await harness.chat(hello, of("a")));
    expect([refused.status, refused.error.code]).toEqual([429, "rate_limit_exceeded"]);
    expect(refused.headers.get("retry-after")).toBe("1");
    const other = await harness.chat(hello, of("b"));
    expect([other.status, (await other.text()).length > 0]).toEqual([200, true]);

    harness.emulator.release("g", "all");
    await open.text();
    await untilIdle(harness);
    for (let index = 0; index < 2; index++) {
      const answer = await harness.chat(hello, of("a"));
      await answer.text();
      expect(answer.status).toBe(200);
    }
    const tooMany = await readError(await harness.chat(hello, of("a")));
    expect([tooMany.status, tooMany.headers.get("retry-after")]).toEqual([429, "60"]);
    const still = await harness.chat(hello, of("b"));
    expect(still.status).toBe(200);
    await still.text();
    expect(acceptedTurns(harness).length).toBe(5);
  });

  test("a key's own number of replies holds, also for typed chats and messages", async () => {
    await using harness = await startHarness({ environment: { API_KEY, MAX_STREAMS_PER_KEY: "5" } });
    const headers = bearer(await keysBeside(harness).create("ann", { limits: { streams: 1 } }));
    harness.emulator.script({ gate: "g", reply: { text: "one two three" } });
    harness.emulator.release("g", 2);
    const open = await harness.chat({ ...hello, stream: true }, { headers });

    for (const path of paths.filter((one) => one !== "/api/chat/stream")) {
      const refused = await harness.post(path, asked[path], { headers });
      expect([path, refused.status, refused.headers.get("retry-after")]).toEqual([path, 429, "1"]);
      expect(((await refused.json()) as { error: { type: string } }).error.type).toBe("rate_limit_error");
    }
    const typed = await harness.post("/api/chat/stream", asked["/api/chat/stream"], { headers });
    expect(await typed.text()).toContain("1 replies run for this caller");
    harness.emulator.release("g", "all");
    await open.text();
    await untilIdle(harness);
    expect(await passes(harness, headers)).toBe(true);
  });
});
