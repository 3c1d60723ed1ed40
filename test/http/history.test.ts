// The history over HTTP: exchanges of every surface, however they ended, for their caller alone.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { callerOfKey } from "../../src/server/auth/api-keys.ts";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { parseMetrics, sumOf } from "../support/read-metrics.ts";
import { assistant, bodyOf, readError, untilIdle, user } from "./client.ts";
import { say } from "./typed-client.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

interface Told {
  readonly id: string;
  readonly request: { readonly messages: readonly { readonly role: string; readonly text: string }[] } | null;
  readonly reply: { readonly text: string; readonly [field: string]: unknown } | null;
  readonly [field: string]: unknown;
}

interface Listed {
  readonly data: readonly Told[];
  readonly has_more: boolean;
  readonly last_id: string;
  readonly kept: string;
}

const content = { environment: { HISTORY: "content" } };

async function ask<T>({ url }: Harness, path: string, key?: string, method = "GET"): Promise<T> {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return JSON.parse(await bodyOf(await fetch(`${url}/v1/history${path}`, { method, headers }))) as T;
}

async function list(harness: Harness, query = "", key?: string): Promise<readonly Told[]> {
  return (await ask<Listed>(harness, query, key)).data;
}

/** The only exchange that fits, whole. */
async function only(harness: Harness, query = ""): Promise<Told> {
  const found = await list(harness, query);
  expect(found).toHaveLength(1);
  return ask<Told>(harness, `/${found[0]!.id}`);
}

describe("what is kept", () => {
  test("nothing by default: no file, no route that lies", async () => {
    await using harness = await startHarness();
    await bodyOf(await harness.chat({ messages: [user("Hello")] }));

    expect(await ask<Listed>(harness, "")).toMatchObject({ data: [], has_more: false, kept: "off" });
    expect(existsSync(join(harness.dataDir, "history.db"))).toBe(false);
    const { status, error } = await readError(await harness.get("/v1/history/hist_1"));
    expect([status, error.message]).toEqual([404, expect.stringContaining("Cannot find this exchange")]);
    expect(await (await harness.get("/metrics")).text()).not.toContain("history");
  });

  test.each([{ stream: true }, { stream: false }])("what was asked and said, stream $stream", async ({ stream }) => {
    await using harness = await startHarness(content);
    harness.emulator.script({ reply: { thinking: "Hm, hello", text: "Good day to you" } });
    const response = await harness.chat({ model: "qwen3-max", stream, messages: [user("Hello there")] });
    await bodyOf(response);

    expect(await only(harness)).toEqual({
      id: expect.stringMatching(/^hist_[0-9a-f]{32}$/),
      object: "history.exchange",
      created_at: expect.any(Number),
      request_id: response.headers.get("x-request-id"),
      surface: "openai-chat",
      model: "qwen3-max",
      upstream: "qwen-web",
      account: expect.any(String),
      session_id: response.headers.get("x-session-id"),
      status: 200,
      outcome: "complete",
      error_kind: null,
      stream,
      attempts: 1,
      first_token_ms: expect.any(Number),
      total_ms: expect.any(Number),
      usage: { input_tokens: expect.any(Number), output_tokens: expect.any(Number), estimated: false },
      sent_bytes: expect.any(Number),
      content: "kept",
      request: { messages: [{ role: "user", text: "Hello there" }] },
      reply: { text: "Good day to you", reasoning: "Hm, hello" },
    });
  });

  test("with metadata alone not a word of what was said is in the file", async () => {
    await using harness = await startHarness({ environment: { HISTORY: "metadata" } });
    await bodyOf(await harness.chat({ messages: [user("Zanzibar")], stream: true }));
    expect(await only(harness)).toMatchObject({ status: 200, content: "none", request: null, reply: null });

    const files = readdirSync(harness.dataDir).filter((name) => name.startsWith("history.db"));
    const bytes = await Promise.all(files.map((name) => Bun.file(join(harness.dataDir, name)).text()));
    expect(files).not.toEqual([]);
    expect(/zanzibar/i.test(bytes.join(""))).toBe(false);
  });

  test("a key may have a choice of its own, and sees what is its own alone", async () => {
    const choices: Readonly<Record<string, "off" | "content">> = {
      [callerOfKey("key-a")]: "content",
      [callerOfKey("key-b")]: "off",
    };
    await using harness = await startHarness({
      environment: { HISTORY: "metadata", API_KEY: "key-a,key-b,key-c" },
      keptOf: (caller) => choices[caller],
    });
    for (const key of ["key-a", "key-b", "key-c"]) {
      const headers = { authorization: `Bearer ${key}` };
      await bodyOf(await harness.chat({ messages: [user(`I am ${key}`)] }, { headers }));
    }
    const [[a], b, [c]] = [
      await list(harness, "", "key-a"),
      await list(harness, "", "key-b"),
      await list(harness, "", "key-c"),
    ];

    expect([a!["content"], b, c!["content"]]).toEqual(["kept", [], "none"]);
    const headers = { authorization: "Bearer key-c" };
    for (const method of ["GET", "DELETE"]) {
      const other = await fetch(`${harness.url}/v1/history/${a!.id}`, { method, headers });
      expect((await readError(other)).status).toBe(404);
    }
    expect(await list(harness, "?q=key", "key-c")).toEqual([]);
    expect(await ask<object>(harness, "?all=true", "key-c", "DELETE")).toMatchObject({ deleted: 1 });
    expect(await list(harness, "?q=key", "key-a")).toHaveLength(1);
  });
});

describe("of every surface", () => {
  test.each([
    ["openai-chat", "/v1/chat/completions", { messages: [user("Where is 天气?")] }],
    ["openai-responses", "/v1/responses", { input: "Where is 天气?" }],
    ["openai-completions", "/v1/completions", { prompt: "Where is 天气?" }],
    ["anthropic-messages", "/v1/messages", { max_tokens: 100, messages: [user("Where is 天气?")] }],
  ])("%s, stream and whole", async (surface, path, body) => {
    await using harness = await startHarness(content);
    for (const stream of [true, false]) {
      harness.emulator.script({ reply: { text: "Over the sea" } });
      await bodyOf(await harness.post(path, { model: "qwen3-max", stream, ...body }));
    }
    const found = await list(harness, `?surface=${surface}&q=${encodeURIComponent("天气 sea")}`);

    expect(found.map(({ stream }) => stream)).toEqual([false, true]);
    for (const { id } of found) {
      const { request, reply } = await ask<Told>(harness, `/${id}`);
      expect(request?.messages.at(-1)).toEqual({ role: "user", text: "Where is 天气?" });
      expect(reply).toEqual({ text: "Over the sea" });
    }
  });

  test("typed-chat", async () => {
    await using harness = await startHarness(content);
    harness.emulator.script({ match: "river", reply: { text: "The Danube" } });
    const { text } = await say(harness, { message: "Which river?", session_id: "s-typed" });
    const found = await list(harness, "?surface=typed-chat&q=danube&order=asc");

    expect(text).toBe("The Danube");
    // What is asked beside the conversation, such as how it may go on, is a question of its own.
    expect((await ask<Told>(harness, `/${found[0]!.id}`)).reply?.text).toBe("The Danube");
  });

  test("agent: each question that a run puts to its model", async () => {
    const script = join(import.meta.dir, "../../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js");
    const files = { command: process.execPath, args: [script, import.meta.dir] };
    await using harness = await startHarness({
      environment: { HISTORY: "content", AGENT_OPEN: "true", MCP_SERVERS: JSON.stringify({ files }) },
    });
    harness.emulator.script({ reply: { text: "Nothing to be done." } });
    const headers = { accept: "text/event-stream" };
    await bodyOf(await harness.post("/api/agent/stream", { query: "Is there anything?" }, { headers }));
    const told = await only(harness, "?surface=agent&q=anything");

    expect(told).toMatchObject({ status: 200, reply: { text: "Nothing to be done." } });
  });

  test("a server of the client's own protocol: its bytes are passed on as they are, and kept all the same", async () => {
    const frame = (delta: object, finish: string | null = null) =>
      `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "local", x_new: 1, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
    const answer = `${frame({ role: "assistant", content: "" })}${frame({ content: "one " })}${frame({ content: "两个" })}${frame({}, "stop")}data: [DONE]\n\n`;
    const whole = JSON.stringify({
      id: "c",
      object: "chat.completion",
      created: 1,
      model: "local",
      x_new: 1,
      choices: [{ index: 0, message: { role: "assistant", content: "whole 答案" }, finish_reason: "stop" }],
      usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
    });
    const models = { "/v1/models": { body: '{"object":"list","data":[{"id":"local","object":"model"}]}' } };
    await using server = serveCompatible([{ body: answer }, { body: whole }], models);
    const upstreams = JSON.stringify([{ name: "one", dialect: "vllm", base_url: server.url }]);
    await using harness = await startHarness({ environment: { HISTORY: "content", UPSTREAMS: upstreams } });
    const streamed = await bodyOf(await harness.chat({ model: "local", stream: true, messages: [user("Count")] }));
    const told = await bodyOf(await harness.chat({ model: "local", messages: [user("Count again")] }));

    expect(streamed).toContain('"x_new":1');
    expect(told).toContain('"x_new":1');
    expect((await only(harness, `?q=${encodeURIComponent("两个")}`)).reply).toEqual({ text: "one 两个" });
    expect((await only(harness, `?q=${encodeURIComponent("答案")}`)).reply).toEqual({ text: "whole 答案" });
  });

  test("calls of tools, and the results that answer them", async () => {
    await using harness = await startHarness(content);
    const tools = [{ type: "function", function: { name: "get_weather", parameters: { type: "object" } } }];
    harness.emulator.script({ reply: { text: "", calls: [{ name: "get_weather", arguments: { city: "Riga" } }] } });
    const asked = user("How is Riga?");
    const first = JSON.parse(await bodyOf(await harness.chat({ messages: [asked], tools }))) as {
      choices: { message: { tool_calls: { id: string }[] } }[];
    };
    const { message } = first.choices[0]!;
    const result = { role: "tool", tool_call_id: message.tool_calls[0]!.id, content: "Snow" };
    harness.emulator.script({ reply: { text: "It snows" } });
    await bodyOf(await harness.chat({ messages: [asked, { role: "assistant", ...message }, result], tools }));
    const [second, call] = await list(harness);

    expect((await ask<Told>(harness, `/${call!.id}`)).reply).toMatchObject({
      text: "",
      tool_calls: [{ id: message.tool_calls[0]!.id, name: "get_weather", arguments: '{"city": "Riga"}' }],
    });
    expect((await ask<Told>(harness, `/${second!.id}`)).request).toEqual({
      messages: [expect.objectContaining({ role: "tool", text: "Snow" })],
      earlier_messages: 2,
    } as never);
  });
});

describe("however it ended", () => {
  test("a refusal of the upstream keeps its status and its kind", async () => {
    await using harness = await startHarness({ environment: { HISTORY: "content", RETRY_MAX_ATTEMPTS: "1" } });
    harness.emulator.script({ refuse: "rate-limited" });
    const response = await harness.chat({ messages: [user("Hello")] });
    await response.text();

    expect(response.status).toBe(429);
    expect(await only(harness)).toMatchObject({
      status: 429,
      outcome: "failed",
      error_kind: "upstream-quota",
      attempts: 1,
      request: { messages: [{ role: "user", text: "Hello" }] },
      reply: { text: "" },
    });
  });

  test("a model that nobody serves is kept as failed, with what was asked", async () => {
    await using harness = await startHarness(content);
    await (await harness.chat({ model: "nobody/knows", messages: [user("Hello")] })).text();

    expect(await only(harness)).toMatchObject({
      status: 404,
      outcome: "failed",
      error_kind: "model-not-found",
      model: "nobody/knows",
      request: { messages: [{ role: "user", text: "Hello" }] },
    });
  });

  test("a request that cannot be read is kept as refused, without its words", async () => {
    await using harness = await startHarness(content);
    const response = await harness.chat({ messages: "nothing of the kind" });

    expect(response.status).toBe(400);
    expect(await only(harness)).toMatchObject({
      status: 400,
      outcome: "refused",
      error_kind: "invalid-request",
      model: null,
      content: "none",
    });
  });

  test("Responses keep what they refuse before anybody is asked, in the background as well", async () => {
    await using harness = await startHarness(content);
    const bodies = [
      "{",
      JSON.stringify({ input: "Go on", previous_response_id: "resp_gone" }),
      JSON.stringify({ input: "Go on", conversation: "conv_gone" }),
      JSON.stringify({ input: "Go on", background: true, previous_response_id: "resp_gone" }),
      JSON.stringify({ input: 7, background: true }),
    ];
    for (const body of bodies) {
      const headers = { "content-type": "application/json" };
      await readError(await fetch(`${harness.url}/v1/responses`, { method: "POST", headers, body }));
    }
    const kept = (await list(harness, "?order=asc&outcome=refused")).map(({ surface, status }) => [surface, status]);

    expect(kept).toEqual([400, 404, 404, 404, 400].map((status) => ["openai-responses", status]));
    const refusals = parseMetrics(await bodyOf(await harness.get("/metrics")));
    expect(sumOf(refusals, "qwen_gateway_refusals_total", { surface: "openai-responses" })).toBe(bodies.length);
  });

  test("a hang-up keeps what had been said until then", async () => {
    await using harness = await startHarness(content);
    const controller = new AbortController();
    harness.emulator.script({ gate: "held", reply: { text: "one two three four five six seven eight" } });
    harness.emulator.release("held", 2);
    const live = readLive(
      await harness.chat({ stream: true, messages: [user("Count")] }, { signal: controller.signal }),
    );
    await live.nextText();
    controller.abort();
    await untilIdle(harness);
    const told = await only(harness);

    expect(told).toMatchObject({ status: 499, outcome: "aborted", error_kind: null, content: "kept" });
    expect(told.reply?.text).toMatch(/^one/);
    expect(told.reply?.text).not.toContain("eight");
  });

  test("a stream that breaks off keeps its beginning and why it broke", async () => {
    const beginning = `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "local", choices: [{ index: 0, delta: { role: "assistant", content: "half of" }, finish_reason: null }] })}\n\n`;
    const models = { "/v1/models": { body: '{"object":"list","data":[{"id":"local","object":"model"}]}' } };
    await using server = serveCompatible([{ body: beginning, after: "break" }], models);
    const upstreams = JSON.stringify([{ name: "one", dialect: "vllm", base_url: server.url }]);
    await using harness = await startHarness({ environment: { HISTORY: "content", UPSTREAMS: upstreams } });
    await (await harness.chat({ model: "local", stream: true, messages: [user("Go")] })).text();

    expect(await only(harness)).toMatchObject({
      status: 502,
      outcome: "failed",
      error_kind: "upstream-failed",
      reply: { text: "half of" },
    });
  });
});

describe("questions to it", () => {
  test("pages lead through all of it in both orders", async () => {
    await using harness = await startHarness(content);
    for (const word of ["a", "b", "c", "d", "e"]) await bodyOf(await harness.chat({ messages: [user(`Say ${word}`)] }));
    const seen: string[] = [];
    let after = "";
    for (let pages = 0; pages < 4; pages++) {
      const page = await ask<Listed>(harness, `?limit=2&order=asc${after}`);
      seen.push(...page.data.map(({ id }) => id));
      after = `&after=${page.last_id}`;
      if (!page.has_more) break;
    }
    const newest = await list(harness);

    expect(seen).toHaveLength(5);
    expect(newest.map(({ id }) => id)).toEqual(seen.toReversed());
  });

  test.each([
    ["limit", "?limit=0"],
    ["limit", "?limit=101"],
    ["order", "?order=up"],
    ["status", "?status=2xx"],
    ["outcome", "?outcome=fine"],
    ["since", "?since=yesterday"],
    ["until", "?until=2026-02-30"],
    ["until", "?until=2026-11-31T10:00:00Z"],
    ["until", "?until=2026-13-45T99:99Z"],
    ["q", "?q=%21%21"],
    ["q", `?q=${"x".repeat(501)}`],
    ["modle", "?modle=qwen3-max"],
    ["model", "?model="],
    ["model", "?model=a&model=b"],
  ])("a field that makes no sense is named: %s of %s", async (param, query) => {
    await using harness = await startHarness(content);
    const { status, error } = await readError(await harness.get(`/v1/history${query}`));

    expect([status, error.param]).toEqual([400, param]);
  });

  test("one is deleted, many by a filter, and all only when that is said", async () => {
    await using harness = await startHarness(content);
    const remove = (path: string) => fetch(`${harness.url}/v1/history${path}`, { method: "DELETE" });
    for (const model of ["qwen3-max", "qwen3-max", "qwen3-coder-plus", "qwen3-coder-plus"]) {
      await bodyOf(await harness.chat({ model, messages: [user("Kumquat")] }));
    }
    const [newest] = await list(harness);
    expect(await ask<object>(harness, `/${newest!.id}`, undefined, "DELETE")).toEqual({
      id: newest!.id,
      object: "history.exchange.deleted",
      deleted: true,
    });
    expect((await remove(`/${newest!.id}`)).status).toBe(404);
    expect((await readError(await remove(""))).error.param).toBe("all");
    expect((await readError(await remove("?limit=3"))).error.param).toBe("limit");
    expect(await ask<object>(harness, "?model=qwen3-coder-plus", undefined, "DELETE")).toMatchObject({ deleted: 1 });
    expect(await list(harness)).toHaveLength(2);
    expect(await ask<object>(harness, "?all=true", undefined, "DELETE")).toMatchObject({ deleted: 2 });
    expect(await list(harness)).toEqual([]);
    // Gone from the disk as well, not only out of sight.
    const files = readdirSync(harness.dataDir).filter((name) => name.startsWith("history.db"));
    const bytes = await Promise.all(files.map((name) => Bun.file(join(harness.dataDir, name)).text()));
    expect(/kumquat/i.test(bytes.join(""))).toBe(false);
  });

  test("an export is one JSON document a line, the oldest first, filtered, and only as fast as it is read", async () => {
    await using harness = await startHarness(content);
    await bodyOf(await harness.chat({ messages: [user("First")] }));
    await bodyOf(await harness.chat({ messages: [user("First"), assistant("Hm"), user("Second\nline")] }));
    const response = await harness.get("/v1/history/export");
    const lines = (await bodyOf(response)).trimEnd().split("\n");
    const filtered = (await bodyOf(await harness.get("/v1/history/export?q=second"))).trimEnd().split("\n");

    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    expect(lines.map((line) => (JSON.parse(line) as Told).request?.messages.at(-1)?.text)).toEqual([
      "First",
      "Second\nline",
    ]);
    expect(filtered).toEqual([lines[1]!]);
    expect(await (await harness.get("/v1/history/export?q=nowhere")).text()).toBe("");
  });

  test("it outlives its process, and stays readable when it is switched off", async () => {
    await using harness = await startHarness(content);
    await bodyOf(await harness.chat({ messages: [user("Remember me")] }));
    await harness.restart({ HISTORY: "off" });
    await bodyOf(await harness.chat({ messages: [user("Forget me")] }));

    expect(await ask<Listed>(harness, "")).toMatchObject({ kept: "off", data: [{ status: 200 }] });
    expect((await only(harness)).request?.messages[0]?.text).toBe("Remember me");
  });
});

describe("when it cannot be written", () => {
  test("answers go on; one warning, metrics and readiness tell it", async () => {
    await using harness = await startHarness(content);
    // A folder in the place of the file: no user is too mighty for that.
    mkdirSync(join(harness.dataDir, "history.db"));
    for (let count = 0; count < 3; count++) await bodyOf(await harness.chat({ messages: [user("Hello")] }));
    expect((await harness.get("/v1/history")).status).toBe(500);
    const metrics = parseMetrics(await (await harness.get("/metrics")).text());
    const ready = await harness.get("/health/ready");

    expect(sumOf(metrics, "qwen_gateway_history_lost_total", { reason: "failed" })).toBe(3);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      expect.objectContaining({ status: "degraded", reasons: ["history-failed"] }),
    ]);
    const warnings = harness.logLines.filter((line) => line.includes("Cannot write the history"));
    expect(warnings).toHaveLength(1);
    rmSync(join(harness.dataDir, "history.db"), { recursive: true });
  });

  test("the size and its bound are shown in metrics", async () => {
    await using harness = await startHarness({ environment: { HISTORY: "content", HISTORY_MAX_BYTES: "4194304" } });
    await bodyOf(await harness.chat({ messages: [user("Hello")] }));
    await list(harness);
    const metrics = parseMetrics(await (await harness.get("/metrics")).text());

    expect(sumOf(metrics, "qwen_gateway_history_max_bytes")).toBe(4_194_304);
    expect(sumOf(metrics, "qwen_gateway_history_written_total")).toBe(1);
    expect(sumOf(metrics, "qwen_gateway_history_bytes")).toBeGreaterThan(10_000);
  });
});
