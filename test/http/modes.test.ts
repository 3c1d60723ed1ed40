// What changes the form of an answer: STREAM and STREAM_USAGE, thinking, search, images, JSON answers, compression.

import { expect, test } from "bun:test";
import type { QwenChatType } from "../../src/wire/qwen-web.ts";
import { startDialectStage } from "../support/dialect-stage.ts";
import { startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { parseMetrics, sumOf } from "../support/read-metrics.ts";
import { readReply } from "../support/read-reply.ts";
import { bodyOf, createTalk, lastTurn, readCompletion, readSession, readStream, untilIdle, user } from "./client.ts";

const hello = { model: "qwen3-max", stream: true, messages: [user("Hello")] };

test("STREAM=false answers every request with one JSON document [R1-027]", async () => {
  await using harness = await startHarness({ environment: { STREAM: "false" } });
  const chat = await harness.chat(hello);
  expect(chat.headers.get("content-type")).toStartWith("application/json");
  expect(await chat.json()).toMatchObject({ object: "chat.completion" });
  const legacy = await harness.post("/v1/completions", { prompt: "Hello", stream: true });
  expect(await legacy.json()).toMatchObject({ object: "text_completion" });
});

test("STREAM=true leaves the choice to the request [R1-027]", async () => {
  await using harness = await startHarness({ environment: { STREAM: "true" } });
  expect((await readStream(await harness.chat(hello))).doneCount).toBe(1);
  expect((await readCompletion(await harness.chat({ ...hello, stream: false }))).object).toBe("chat.completion");
});

/** A recording of a reply that never tells its usage. */
const silent = [
  'data: {"response.created":{"chat_id": "c", "parent_id": "p1", "response_id":"r1"}}',
  'data: {"choices":[{"delta":{"role":"assistant","content":"Eight letters and more","phase":"answer","status":"typing"}}],"response_id":"r1"}',
  'data: {"choices":[{"delta":{"role":"assistant","content":"","phase":"answer","status":"finished"}}],"response_id":"r1"}',
  "",
].join("\n\n");

test("usage is estimated where the upstream tells none, and the log says so [R0-021]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ times: 2, reply: { raw: silent } });
  const { usage } = await readStream(await harness.chat({ ...hello, stream_options: { include_usage: true } }));
  expect(usage?.prompt_tokens).toBeGreaterThan(0);
  expect(usage?.completion_tokens).toBeGreaterThan(0);
  expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0));
  const whole = await readCompletion(await harness.chat({ ...hello, messages: [user("Hi")], stream: false }));
  expect(whole.usage.completion_tokens).toBe(usage?.completion_tokens ?? 0);
  await untilIdle(harness);
  expect(harness.logLines.filter((line) => line.includes('"estimated":true'))).toHaveLength(2);
});

test("usage that the upstream told is not marked as estimated", async () => {
  await using harness = await startHarness();
  await readStream(await harness.chat(hello));
  await untilIdle(harness);
  expect(harness.logLines.some((line) => line.includes("estimated"))).toBe(false);
});

/** Model, fields, and what the message's feature_config must say. */
const modes: readonly (readonly [
  name: string,
  model: string,
  fields: object,
  expected: object,
  chatType: QwenChatType,
])[] = [
  ["no word about it", "qwen3-max", {}, { thinking_enabled: false, thinking_mode: "Fast", auto_search: false }, "t2t"],
  ["-thinking", "qwen3-max-thinking", {}, { thinking_enabled: true, thinking_mode: "Thinking" }, "t2t"],
  ["-no-thinking", "qwen3-max-no-thinking", {}, { thinking_enabled: false }, "t2t"],
  ["-auto", "qwen3-max-auto", {}, { auto_thinking: true, thinking_mode: "Auto" }, "t2t"],
  ["-search", "qwen3-max-search", {}, { auto_search: true, thinking_enabled: false }, "search"],
  ["-thinking-search", "qwen3-max-thinking-search", {}, { auto_search: true, thinking_enabled: true }, "search"],
  ["enable_thinking", "qwen3-max", { enable_thinking: true }, { thinking_enabled: true }, "t2t"],
  [
    "enable_thinking false over a suffix",
    "qwen3-max-thinking",
    { enable_thinking: false },
    { thinking_enabled: false },
    "t2t",
  ],
  ["thinking_budget", "qwen3-max", { enable_thinking: true, thinking_budget: 1234 }, { thinking_budget: 1234 }, "t2t"],
  ["reasoning_effort high", "qwen3-max", { reasoning_effort: "high" }, { thinking_enabled: true }, "t2t"],
  ["reasoning_effort low", "qwen3-max", { reasoning_effort: "low" }, { thinking_budget: 4096 }, "t2t"],
  ["thinking enabled", "qwen3-max", { thinking: { type: "enabled" } }, { thinking_enabled: true }, "t2t"],
  ["thinking disabled", "qwen3-max-thinking", { thinking: { type: "disabled" } }, { thinking_enabled: false }, "t2t"],
  ["thinking auto", "qwen3-max", { thinking: { type: "auto" } }, { thinking_mode: "Auto" }, "t2t"],
  ["reasoning_effort none", "qwen3-max", { reasoning_effort: "none" }, { thinking_enabled: false }, "t2t"],
  ["enable_search", "qwen3-max", { enable_search: true }, { auto_search: true }, "search"],
];

for (const [name, model, fields, expected, chatType] of modes) {
  test(`${name} selects the mode and the name is echoed`, async () => {
    await using harness = await startHarness();
    const { chunks } = await readStream(await harness.chat({ ...hello, model, ...fields }));
    expect(chunks.every((chunk) => chunk.model === model)).toBe(true);
    const { body } = lastTurn(harness);
    expect(body.model).toBe("qwen3-max");
    expect(body.messages[0].feature_config).toMatchObject({ output_schema: "phase", ...expected });
    expect(body.messages[0].chat_type).toBe(chatType);
  });
}

test("thoughts travel as reasoning_content, apart from the content, streamed and whole", async () => {
  await using harness = await startHarness();
  const thoughts = [
    { title: "First", thought: "I look." },
    { title: "Second", thought: "I see." },
  ];
  const messages = [user("Hello")];
  for (const reply of [
    { text: "The answer", thoughts },
    { text: "The answer", thinking: "I look. I see." },
  ]) {
    harness.emulator.script({ times: 2, reply });
    const stream = await readStream(await harness.chat({ ...hello, model: "qwen3-max-thinking", messages }));
    expect(stream.text).toBe("The answer");
    for (const thought of ["I look.", "I see."]) expect(stream.reasoning.split(thought)).toHaveLength(2);
    const kinds = stream.chunks.flatMap(({ choices }) => Object.keys(choices[0]?.delta ?? {}));
    expect(kinds.lastIndexOf("reasoning_content")).toBeLessThan(kinds.indexOf("content", 2));
    const whole = await readCompletion(
      await harness.chat({ ...hello, model: "qwen3-max-thinking", stream: false, messages }),
    );
    expect(whole.choices[0]?.message).toMatchObject({ content: "The answer", reasoning_content: stream.reasoning });
  }
});

test("thoughts that come back, or do not, make no difference to the conversation", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness, { body: { model: "qwen3-max-thinking" } });
  await talk.say("My name is Ada.");
  const node = lastTurn(harness).responseId;
  talk.messages[1] = { ...talk.messages[1], role: "assistant", reasoning_content: "I thought so", reasoning: "so" };
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness)).toMatchObject({ parentId: node, content: "What is my name?" });
});

test("an answer without thoughts has no reasoning_content at all", async () => {
  await using harness = await startHarness();
  expect(await bodyOf(await harness.chat(hello))).not.toContain("reasoning_content");
  expect(await bodyOf(await harness.chat({ ...hello, stream: false }))).not.toContain("reasoning_content");
});

test("a native search round does not end the answer, and its sources are told in whole answers", async () => {
  await using harness = await startHarness();
  const sources = [{ url: "https://example.com/a", title: "A page" }];
  harness.emulator.script({ times: 2, reply: { text: "Found it.", sources } });
  const stream = await readStream(await harness.chat({ ...hello, model: "qwen3-max-search" }));
  expect(stream.text).toBe("Found it.");
  expect(stream.finishReasons).toEqual(["stop"]);
  const whole = await readCompletion(await harness.chat({ ...hello, model: "qwen3-max-search", stream: false }));
  expect(whole.choices[0]?.message).toMatchObject({
    content: "Found it.",
    annotations: [{ type: "url_citation", url_citation: { url: "https://example.com/a", title: "A page" } }],
  });
});

test("generated images are shown as markdown", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { images: ["https://example.com/cat.png"], text: "" } });
  const stream = await readStream(await harness.chat(hello));
  expect(stream.text).toContain("![image](https://example.com/cat.png)");
  expect(stream.finishReasons).toEqual(["stop"]);
});

for (const variant of [
  { legacyEvents: true },
  { joinEvents: true },
  { splitBytes: 3 },
  { encoding: "gzip" },
  { encoding: "br" },
] as const) {
  test(`a stream with ${JSON.stringify(variant)} gives the same answer and the same chain`, async () => {
    await using harness = await startHarness();
    const talk = createTalk(harness);
    harness.emulator.script({ reply: { text: "Noted, 你好 👍.", ...variant } });
    expect(await talk.say("My name is Ada.")).toBe("Noted, 你好 👍.");
    const { chatId } = lastTurn(harness);
    expect(await talk.say("What is my name?")).toContain("Ada");
    expect(lastTurn(harness)).toMatchObject({ chatId, content: "What is my name?" });
    expect(lastTurn(harness).parentId).not.toBeNull();
  });
}

/** A backend that answers with one JSON document, whatever it is asked; ids at the top or under `data` (T15). */
function serveJsonBackend(shape: "top" | "data") {
  const turns: { parent_id: string | null }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/api/v2/chats/new") return Response.json({ success: true, data: { id: "chat-1" } });
      if (pathname !== "/api/v2/chat/completions") return Response.json({ success: false }, { status: 404 });
      // Our own gateway sent it.
      turns.push((await request.json()) as { parent_id: string | null });
      const ids = { parent_id: `user-${turns.length}`, message_id: `node-${turns.length}` };
      const choices = [{ message: { role: "assistant", content: `Answer ${turns.length}` } }];
      const body = shape === "top" ? { ...ids, choices } : { success: true, data: { ...ids, choices } };
      return Response.json(body);
    },
  });
  return { url: server.url.origin, turns, [Symbol.asyncDispose]: () => server.stop(true) };
}

for (const shape of ["top", "data"] as const) {
  test(`a JSON answer with its ids at ${shape} is understood, streamed and whole, and continues the chain [R2-008, R2-044]`, async () => {
    await using backend = serveJsonBackend(shape);
    await using harness = await startHarness({ environment: { QWEN_BASE_URL: backend.url } });
    const talk = createTalk(harness);
    expect(await talk.say("Hello")).toBe("Answer 1");
    const messages = [...talk.messages, user("Go on")];
    const whole = await readCompletion(await harness.chat({ messages }));
    expect(whole.choices[0]).toMatchObject({ message: { content: "Answer 2" }, finish_reason: "stop" });
    expect(backend.turns.map((turn) => turn.parent_id)).toEqual([null, "node-1"]);
    const session = await readSession(harness, "8b1a9953c4611296a827abf8c47804d7");
    expect(session).toMatchObject({ parentId: "node-2", messageCount: 2 });
  });
}

test("a JSON answer of the backend counts with its bytes, and against its caller's limit of tokens [R0-064, R2-080]", async () => {
  await using backend = serveJsonBackend("data");
  const environment = { QWEN_BASE_URL: backend.url, LIMIT_TOKENS_PER_DAY: "1" };
  await using harness = await startHarness({ environment });
  const statuses: number[] = [];
  for (const stream of [false, true]) {
    const response = await harness.chat({ messages: [user("Hello")], stream });
    statuses.push(response.status);
    await response.text();
    await untilIdle(harness);
  }
  const samples = parseMetrics(await (await harness.get("/metrics")).text());

  expect(statuses).toEqual([200, 429]);
  expect(sumOf(samples, "qwen_gateway_bytes_total", { direction: "received" })).toBeGreaterThan(50);
});

test("DEBUG_STREAMING=true tells of chunks, sizes, carry and the end, and never of credentials [R1-026, R1-028]", async () => {
  await using quiet = await startHarness({ environment: { DEBUG_STREAMING: "1" } });
  await bodyOf(await quiet.chat(hello));
  expect(quiet.logLines.some((line) => line.includes('"message":"chunk"'))).toBe(false);
  await using harness = await startHarness({ environment: { DEBUG_STREAMING: "true" } });
  // Event by event, so that they cannot arrive as one chunk; the end comes without a finish.
  harness.emulator.script({ gate: "step", reply: { chunks: ["a", "b", "c"], faults: [{ kind: "end", after: 4 }] } });
  harness.emulator.release("step", 2);
  const live = readLive(await harness.chat(hello));
  for (const letter of ["a", "b", "c"]) {
    expect(await live.nextText()).toBe(letter);
    harness.emulator.release("step");
  }
  await live.rest();
  const chunks = harness.logLines.filter((line) => line.includes('"message":"chunk"'));
  expect(chunks.length).toBeGreaterThanOrEqual(3);
  expect(chunks.every((line) => /"bytes":\d+/.test(line) && /"carry":\d+/.test(line))).toBe(true);
  expect(harness.logLines.some((line) => line.includes("carry flushed"))).toBe(true);
  expect(harness.logLines.join("\n")).not.toContain("test-token");
});

test.each([
  ["passed on", {}],
  ["translated", { tools: [{ type: "function", function: { name: "read" } }] }],
])(
  "DEBUG_STREAMING=true tells of the end of a stream that is %s, too, and of no word or key [R1-026, R1-028]",
  async (_, fields) => {
    await using stage = await startDialectStage({
      dialect: "vllm",
      keys: ["sk-secret"],
      environment: { DEBUG_STREAMING: "true" },
    });
    stage.emulator.script({ reply: { text: "one two" } });
    expect((await readReply(await stage.chat({ stream: true, messages: hello.messages, ...fields }))).text).toBe(
      "one two",
    );
    const told = () =>
      stage.harness.logLines.filter((line) => line.includes('"component":"stream"')).map((line) => JSON.parse(line));
    // The body's end follows the reply's.
    while (!told().some(({ message }) => message.includes("carry flushed"))) await stage.harness.get("/health/live");

    expect(told().filter(({ message }) => message === "chunk")[0]).toMatchObject({
      bytes: expect.any(Number),
      lines: expect.any(Number),
      carry: expect.any(Number),
    });
    expect(told().at(-1)).toMatchObject({ carry: 0 });
    expect(stage.harness.logLines.join("\n")).not.toMatch(/sk-secret|one two/);
  },
);
