// Upstreams at their limits: who waits and for how long, what waiting clients hear, and when another upstream is asked.

import { expect, test } from "bun:test";
import { type Play, serveCompatible } from "../support/fake-compatible-server.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { type LiveStream, readLive } from "../support/live-stream.ts";
import { parseMetrics, type Sample, sumOf } from "../support/read-metrics.ts";
import { parseChatStream, parseFrames } from "../support/sse-frames.ts";
import { assistant, bodyOf, lastTurn, readError, readStream, untilIdle, user } from "./client.ts";

const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "local", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const saying = (text: string, headers: Record<string, string> = {}): Play => ({
  body: `${chunk({ role: "assistant", content: "" })}${chunk({ content: text })}${chunk({}, "stop")}data: [DONE]\n\n`,
  headers,
});
/** Begins to talk and does not end. */
const endless: Play = { body: chunk({ role: "assistant", content: "one" }), after: "open" };
const models = { "/v1/models": { body: '{"object":"list","data":[{"id":"local","object":"model"}]}' } };
const hello = { stream: true, model: "local", messages: [user("Hello")] };
const webHello = { stream: true, model: "qwen3-max", messages: [user("Hello")] };

async function startOne(plays: readonly Play[], environment: Record<string, string>) {
  const server = serveCompatible(plays, models);
  const harness = await startHarness({
    environment: {
      UPSTREAM_BASE_URL: server.url,
      UPSTREAM_DIALECT: "vllm",
      UPSTREAM_MAX_CONCURRENT: "1",
      ...environment,
    },
  });
  return {
    server,
    harness,
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function begun(response: Promise<Response>): Promise<LiveStream> {
  const live = readLive(await response);
  await live.nextText();
  return live;
}

async function samplesOf(harness: Harness): Promise<Sample[]> {
  return parseMetrics(await (await harness.get("/metrics")).text());
}

/** Resolves when so many requests wait. */
async function untilWaiting(harness: Harness, count: number): Promise<void> {
  while (sumOf(await samplesOf(harness), "qwen_gateway_queue_depth") !== count);
}

test("a request beyond UPSTREAM_MAX_CONCURRENT waits until one has left, and says for how long [R2-087]", async () => {
  await using one = await startOne([endless, saying("two")], {});
  const first = await begun(one.harness.chat(hello));
  const second = one.harness.chat(hello);
  await untilWaiting(one.harness, 1);
  expect(one.server.completions).toHaveLength(1);
  await first.cancel();

  const answer = await second;

  expect(parseChatStream(await answer.text()).text).toBe("two");
  expect(Number(answer.headers.get("x-queue-wait-ms"))).toBeGreaterThan(0);
  await untilWaiting(one.harness, 0);
  const samples = await samplesOf(one.harness);
  const lane = { surface: "openai-chat", upstream: "upstream" };
  expect(sumOf(samples, "qwen_gateway_queue_wait_seconds_count", lane)).toBe(1);
  expect(sumOf(samples, "qwen_gateway_upstream_attempts", { upstream: "upstream" })).toBe(0);
  expect(one.harness.logLines.some((line) => /"queuedMs":[1-9]/.test(line))).toBe(true);
});

test("who need not wait is told nothing of it", async () => {
  await using one = await startOne([saying("one")], {});

  const answer = await one.harness.chat(hello);

  expect(answer.headers.get("x-queue-wait-ms")).toBeNull();
  await answer.text();
  expect(sumOf(await samplesOf(one.harness), "qwen_gateway_queue_wait_seconds_count")).toBeUndefined();
});

test("QWEN_MAX_CONCURRENT holds for web accounts, and a reply that ends lets the next one in", async () => {
  await using harness = await startHarness({ environment: { QWEN_MAX_CONCURRENT: "1" } });
  harness.emulator.script({ gate: "first", reply: { text: "one two three" } });
  harness.emulator.release("first", 2);
  const first = await begun(harness.chat(webHello));
  const second = harness.chat({ ...webHello, messages: [user("Say: second")] });
  await untilWaiting(harness, 1);
  harness.emulator.release("first", "all");

  expect(await first.rest()).toEndWith("data: [DONE]\n\n");
  expect((await readStream(await second)).text).toBe("second");
  await untilIdle(harness);
});

test.each([
  ["/v1/chat/completions", { ...hello, stream: false }],
  ["/v1/chat/completions", hello],
  ["/v1/completions", { model: "local", prompt: "Hello" }],
])("%s: a full line is 429 in the client's form, with a time and one sentence [R2-087]", async (path, body) => {
  await using one = await startOne([endless], { QUEUE_SIZE: "1" });
  const first = await begun(one.harness.chat(hello));
  const controller = new AbortController();
  const second = one.harness.chat(hello, { signal: controller.signal }).catch(() => {});
  await untilWaiting(one.harness, 1);

  const refused = await one.harness.post(path, body);

  expect(refused.headers.get("retry-after")).toBe("1");
  expect(refused.headers.get("x-should-retry")).toBeNull();
  const { status, error } = await readError(refused);
  expect({ status, type: error.type, code: error.code }).toEqual({
    status: 429,
    type: "rate_limit_error",
    code: "rate_limit_exceeded",
  });
  expect(error.message).toBe(
    'Cannot send the request to "upstream": it is at its limit, and 1 requests wait for it already. Send it again in 1 s',
  );
  const refusals = { upstream: "upstream", reason: "full" };
  expect(sumOf(await samplesOf(one.harness), "qwen_gateway_queue_refusals_total", refusals)).toBe(1);
  controller.abort();
  await second;
  await first.cancel();
});

test.each([
  ["QUEUE_WAIT_MS", { QUEUE_WAIT_MS: "100" }],
  ["the request's own budget", { RETRY_BUDGET_MS: "100" }],
])("a wait beyond %s is 429", async (_, environment) => {
  await using one = await startOne([endless], environment);
  const first = await begun(one.harness.chat(hello));

  const refused = await readError(await one.harness.chat(hello));

  expect(refused).toMatchObject({ status: 429, error: { code: "rate_limit_exceeded" } });
  expect(refused.error.message).toContain("that the request waited");
  expect(one.server.completions).toHaveLength(1);
  await first.cancel();
});

test("a client whose head is out hears heartbeats as long as it waits, also beyond the upstream's own time", async () => {
  await using one = await startOne([endless, saying("two")], {
    HOLD_HEADERS_MS: "20",
    SSE_KEEPALIVE_MS: "40",
    FIRST_BYTE_TIMEOUT_MS: "80",
  });
  const first = await begun(one.harness.chat(hello));
  const second = readLive(await one.harness.chat(hello));
  for (let count = 0; count < 5; count++) expect(await second.nextBlock()).toStartWith(":");
  expect(one.server.completions).toHaveLength(1);
  await first.cancel();

  expect(await second.nextText()).toBe("two");
});

test("a refusal of the line after the head is one error frame", async () => {
  await using one = await startOne([endless], { HOLD_HEADERS_MS: "20", QUEUE_WAIT_MS: "200" });
  const first = await begun(one.harness.chat(hello));

  const told = parseFrames(await bodyOf(await one.harness.chat(hello)));
  await first.cancel();

  expect(told.map(({ event, data }) => [event, JSON.parse(data)])).toEqual([
    ["error", { error: expect.stringContaining("wait"), type: "streaming_error", code: "rate-limited" }],
  ]);
});

test("a client that leaves frees its place, and its request is never sent [R2-087]", async () => {
  await using one = await startOne([endless, saying("three")], { QUEUE_SIZE: "1" });
  const first = await begun(one.harness.chat(hello));
  const controller = new AbortController();
  const second = one.harness.chat(hello, { signal: controller.signal }).catch(() => "left");
  await untilWaiting(one.harness, 1);
  controller.abort();
  expect(await second).toBe("left");
  await untilWaiting(one.harness, 0);
  const third = one.harness.chat(hello);
  await untilWaiting(one.harness, 1);
  await first.cancel();

  expect((await readStream(await third)).text).toBe("three");
  expect(one.server.completions).toHaveLength(2);
  const line = one.harness.logLines.find((each) => each.includes('"queuedMs"') && each.includes('"aborted"'));
  expect(JSON.parse(line!)).not.toHaveProperty("kind");
});

test("callers take turns, whoever sends more, and each keeps its order [R2-087]", async () => {
  await using one = await startOne([endless, endless, endless, endless], { API_KEY: "ann,bob" });
  const ask = (key: string, text: string) =>
    one.harness.chat({ ...hello, messages: [user(text)] }, { headers: { authorization: `Bearer ${key}` } });
  const metrics = async () =>
    parseMetrics(
      await (await fetch(`${one.harness.url}/metrics`, { headers: { authorization: "Bearer ann" } })).text(),
    );
  const untilDepth = async (count: number) => {
    while (sumOf(await metrics(), "qwen_gateway_queue_depth") !== count);
  };
  const first = await begun(ask("ann", "ann 1"));
  const waiting: Promise<Response>[] = [];
  for (const [key, text] of [
    ["ann", "ann 2"],
    ["ann", "ann 3"],
    ["bob", "bob 1"],
  ] as const) {
    waiting.push(ask(key, text));
    await untilDepth(waiting.length);
  }
  const [second, third, last] = waiting.map((response) => begun(response));
  await first.cancel();
  await (await second!).cancel();
  await (await last!).cancel();
  await (await third!).cancel();

  const texts = one.server.completions.map(({ body }) => JSON.stringify(body?.["messages"]));
  expect(texts.map((text) => /(?:ann|bob) \d/.exec(text)?.[0])).toEqual(["ann 1", "ann 2", "bob 1", "ann 3"]);
});

test("attempts that fail give their place back", async () => {
  const failing: Play = { status: 500, body: '{"error":{"message":"no GPU","type":"server_error"}}' };
  const inStream: Play = {
    body: `${chunk({ role: "assistant", content: "" })}data: {"error":{"message":"died","code":500}}\n\n`,
  };
  await using one = await startOne([failing, inStream, saying("three")], {});

  expect((await readStream(await one.harness.chat(hello))).text).toBe("three");
  expect(sumOf(await samplesOf(one.harness), "qwen_gateway_upstream_attempts", { upstream: "upstream" })).toBe(0);
});

test("UPSTREAM_REQUESTS_PER_MINUTE refuses what a minute would not take, with the time until it does", async () => {
  await using one = await startOne([saying("one")], { UPSTREAM_REQUESTS_PER_MINUTE: "2" });
  for (let count = 0; count < 2; count++) await readStream(await one.harness.chat(hello));

  const refused = await readError(await one.harness.chat(hello));

  expect(refused.status).toBe(429);
  expect(refused.headers.get("retry-after")).toBe("60");
  expect(one.server.completions).toHaveLength(2);
});

test("what an answer's headers leave of a limit is not overrun", async () => {
  const headers = { "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "300ms" };
  await using one = await startOne([saying("one", headers), saying("two")], { UPSTREAM_MAX_CONCURRENT: "9" });
  await readStream(await one.harness.chat(hello));

  const answer = await one.harness.chat(hello);

  expect((await readStream(answer)).text).toBe("two");
  expect(Number(answer.headers.get("x-queue-wait-ms"))).toBeGreaterThan(100);
});

test("a burst refusal makes the next requests begin one after the other", async () => {
  const burst: Play = {
    status: 429,
    headers: { "retry-after": "0.2" },
    body: '{"error":{"message":"Request rate increased too quickly.","code":"limit_burst_rate","type":"limit_burst_rate"}}',
  };
  await using one = await startOne([burst, saying("one")], { UPSTREAM_MAX_CONCURRENT: "50" });
  await readStream(await one.harness.chat(hello));
  const startedAtMs = performance.now();

  const answers = await Promise.all(Array.from({ length: 4 }, () => one.harness.chat(hello)));

  for (const answer of answers) expect((await readStream(answer)).text).toBe("one");
  // One or none in the running second, two or more in the next.
  expect(performance.now() - startedAtMs).toBeGreaterThan(500);
});

/** The web emulator and two servers of the user's own that both offer "local"; each takes one at a time. */
async function startThree(first: readonly Play[], second: readonly Play[], environment: Record<string, string> = {}) {
  const one = serveCompatible(first, models);
  const two = serveCompatible(second, models);
  const upstreams = JSON.stringify([
    { name: "one", dialect: "vllm", base_url: one.url, max_concurrent: 1 },
    { name: "two", dialect: "vllm", base_url: two.url, max_concurrent: 1, queue_size: 1, queue_wait_ms: 200 },
  ]);
  const harness = await startHarness({
    environment: { UPSTREAMS: upstreams, QWEN_MAX_CONCURRENT: "1", ...environment },
  });
  return {
    harness,
    one,
    two,
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]();
      await one[Symbol.asyncDispose]();
      await two[Symbol.asyncDispose]();
    },
  };
}

test("another upstream that is free is asked rather than waited for the first", async () => {
  await using three = await startThree([endless], [endless]);
  const first = await begun(three.harness.chat(hello));

  const answer = await three.harness.chat(hello);

  expect([answer.headers.get("x-upstream"), answer.headers.get("x-attempts")]).toEqual(["two", "1"]);
  expect(answer.headers.get("x-queue-wait-ms")).toBeNull();
  await first.cancel();
  await answer.body?.cancel();
});

test("when none is free, the first is waited for", async () => {
  await using three = await startThree([endless, saying("again")], [endless]);
  const first = await begun(three.harness.chat(hello));
  const second = await begun(three.harness.chat(hello));
  const third = three.harness.chat(hello);
  await untilWaiting(three.harness, 1);
  await first.cancel();

  expect((await third).headers.get("x-upstream")).toBe("one");
  expect((await readStream(await third)).text).toBe("again");
  await second.cancel();
});

test("a conversation waits for the upstream that has seen it, a new one goes to the next", async () => {
  const routes = JSON.stringify({ mix: ["qwen3-max", "one/local"] });
  await using three = await startThree([saying("at one")], [], { MODEL_ROUTES: routes });
  const { harness } = three;
  const mixed = { stream: true, model: "mix" };
  const opening = [user("Say: hello there")];
  const first = await readStream(await harness.chat({ ...mixed, messages: opening }));
  const { chatId } = lastTurn(harness);
  await untilIdle(harness);
  harness.emulator.script({ gate: "busy", reply: { text: "one two three" } });
  harness.emulator.release("busy", 2);
  const busy = await begun(harness.chat(webHello));
  const next = harness.chat({ ...mixed, messages: [...opening, assistant(first.text), user("Say: still here")] });
  await untilWaiting(harness, 1);

  const other = await harness.chat({ ...mixed, messages: [user("Something new")] });
  expect(other.headers.get("x-upstream")).toBe("one");
  await other.text();
  harness.emulator.release("busy", "all");
  await busy.rest();

  expect((await readStream(await next)).text).toBe("still here");
  expect(lastTurn(harness)).toMatchObject({ chatId, content: "Say: still here" });
});

test("a gateway that stops tells those who wait", async () => {
  await using one = await startOne([endless], { DRAIN_TIMEOUT_MS: "50" });
  await begun(one.harness.chat(hello));
  const second = one.harness.chat({ ...hello, stream: false });
  await untilWaiting(one.harness, 1);

  const [answer] = await Promise.all([second, one.harness.restart()]);

  expect(await readError(answer)).toMatchObject({ status: 503, error: { code: "overloaded" } });
});
