// Streams of the OpenAI surfaces as a client sees them: timing, headers, order of frames, and the ways to end.

import { expect, test } from "bun:test";
import { startHarness } from "../support/harness.ts";
import { postRaw, readLive } from "../support/live-stream.ts";
import { parseFrames } from "../support/sse-frames.ts";
import { bodyOf, lastTurn, readSession, readStream, user } from "./client.ts";

const hello = { model: "qwen3-max", stream: true, messages: [user("Hello")] };
const letters = ["a", "b", "c", "d", "e"];

/** Every route that streams, with a request to it. */
const streamingRoutes = [
  ["/v1/chat/completions", hello],
  ["/v1/completions", { model: "qwen3-max", stream: true, prompt: "Hello" }],
] as const;

for (const [path, body] of streamingRoutes) {
  test(`${path} hands each delta over before the next one is made [R0-001, R0-009, R1-021]`, async () => {
    await using harness = await startHarness();
    harness.emulator.script({ gate: "step", reply: { chunks: letters } });
    // `response.created` and the first delta.
    harness.emulator.release("step", 2);
    const live = readLive(await harness.post(path, body));
    for (const letter of letters) {
      expect(await live.nextText()).toBe(letter);
      expect(lastTurn(harness).record.finished).toBe(false);
      harness.emulator.release("step");
    }
    harness.emulator.release("step", "all");
    expect(await live.rest()).toEndWith("data: [DONE]\n\n");
  });

  test(`${path} sends the four headers of an event stream [R0-002, R0-003, R0-004, R0-006, R0-007]`, async () => {
    await using harness = await startHarness();
    const response = await harness.post(path, body);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toStartWith("text/event-stream");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    expect(response.headers.get("content-encoding")).toBeNull();
    expect(response.headers.get("x-request-id")).not.toBeNull();
    await response.text();
  });

  test(`${path} says Connection: keep-alive once on HTTP/1.1, and sends the head before any frame [R0-002, R0-005, R0-007]`, async () => {
    await using harness = await startHarness();
    const { head, body: frames } = await postRaw(harness.url, path, body, (text) => text.endsWith("0\r\n\r\n"));
    expect(head).toStartWith("HTTP/1.1 200 ");
    expect(head.match(/^connection:.*$/gim)).toEqual([expect.stringMatching(/^connection: keep-alive$/i)]);
    expect(frames).toContain("data: [DONE]");
  });
}

test("a stream names the requested model in every chunk, and only one id [R0-013, R0-049]", async () => {
  await using harness = await startHarness();
  const request = { ...hello, model: "qwen3.7-plus", stream_options: { include_usage: true } };
  const { chunks } = await readStream(await harness.chat(request));
  expect(new Set(chunks.map((chunk) => chunk.model))).toEqual(new Set(["qwen3.7-plus"]));
  expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
  expect(chunks.every((chunk) => chunk.object === "chat.completion.chunk")).toBe(true);
  expect(lastTurn(harness).body.model).toBe("qwen3.7-plus");
});

test("a request without a model asks for qwen3-max and says so in the chunks [R0-014]", async () => {
  await using harness = await startHarness();
  const { chunks } = await readStream(await harness.chat({ stream: true, messages: [user("Hello")] }));
  expect(new Set(chunks.map((chunk) => chunk.model))).toEqual(new Set(["qwen3-max"]));
  expect(lastTurn(harness).body.model).toBe("qwen3-max");
});

test("a request without a model asks for DEFAULT_MODEL where that is set [R0-014]", async () => {
  await using harness = await startHarness({ environment: { DEFAULT_MODEL: "qwen3.7-plus" } });
  const { chunks } = await readStream(await harness.chat({ stream: true, messages: [user("Hello")] }));
  expect(chunks[0]?.model).toBe("qwen3.7-plus");
  expect(lastTurn(harness).body.model).toBe("qwen3.7-plus");
});

test("a default model that the account lacks is echoed while its flagship is asked, and logged once [R0-014]", async () => {
  await using harness = await startHarness({ emulator: { models: ["qwen3.8-max", "qwen3.7-plus"] } });
  for (const text of ["Hello", "Hi"]) {
    const { chunks } = await readStream(await harness.chat({ stream: true, messages: [user(text)] }));
    expect(chunks[0]?.model).toBe("qwen3-max");
    expect(lastTurn(harness).body.model).toBe("qwen3.8-max");
  }
  expect(harness.logLines.filter((line) => line.includes("flagship"))).toHaveLength(1);
});

test("a stream never shows the upstream's own events [R0-016]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({
    reply: { text: "Hello", faults: [{ kind: "keep-alive", times: 2 }, { kind: "unknown-event" }] },
  });
  const body = await bodyOf(await harness.chat(hello));
  expect(body).not.toContain("response.created");
  expect(body).not.toContain("response.info");
  expect(body).not.toContain("response.notice");
  expect(body).not.toContain("response_id");
});

test("a stream's deltas are the scripted text, emoji, line ends and quotes included [R0-018]", async () => {
  await using harness = await startHarness();
  const chunks = ["你好 👩‍👩‍👧 ", "line one\nline two\r\n\ttab ", '"quoted" \\ back', "\u2028 end \u0000"];
  for (const splitBytes of [undefined, 1, 7]) {
    harness.emulator.script({ reply: { chunks, ...(splitBytes === undefined ? {} : { splitBytes }) } });
    const stream = await readStream(await harness.chat(hello));
    expect(stream.text).toBe(chunks.join(""));
  }
});

test("a stream opens with the assistant's role, and names it once", async () => {
  await using harness = await startHarness();
  const { chunks } = await readStream(await harness.chat(hello));
  expect(chunks[0]?.choices[0]?.delta.role).toBe("assistant");
  expect(chunks.filter((chunk) => chunk.choices[0]?.delta.role !== undefined)).toHaveLength(1);
  expect(chunks.every((chunk) => chunk.choices[0]?.index === 0)).toBe(true);
});

test("a stream ends at the upstream's finish, though the upstream stays open [R0-019]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { text: "Hello", faults: [{ kind: "stay-open" }] } });
  const stream = await readStream(await harness.chat(hello));
  expect(stream.finishReasons).toEqual(["stop"]);
  expect(stream.doneCount).toBe(1);
});

test("a stream's last choice has the finish reason and an empty delta [R0-020]", async () => {
  await using harness = await startHarness();
  const { chunks } = await readStream(await harness.chat(hello));
  const last = chunks.findLast((chunk) => chunk.choices.length > 0)?.choices[0];
  expect(last).toMatchObject({ finish_reason: "stop", delta: {} });
  expect(Object.keys(last?.delta ?? { no: "delta" })).toEqual([]);
  expect(chunks.slice(0, -1).every((chunk) => chunk.choices[0]?.finish_reason === null)).toBe(true);
});

const usageCases = [
  ["include_usage", {}, { stream_options: { include_usage: true } }],
  ["STREAM_USAGE=always", { STREAM_USAGE: "always" }, {}],
] as const;

for (const [name, environment, fields] of usageCases) {
  test(`a stream with ${name} ends with finish, usage, [DONE] in this order [R0-021, R0-023]`, async () => {
    await using harness = await startHarness({ environment });
    const { frames, chunks, usage } = await readStream(await harness.chat({ ...hello, ...fields }));
    const [finish, told] = chunks.slice(-2);
    expect(finish?.choices[0]?.finish_reason).toBe("stop");
    expect(told?.choices).toEqual([]);
    expect(frames.at(-1)?.data).toBe("[DONE]");
    expect(chunks.filter((chunk) => chunk.usage !== undefined)).toHaveLength(1);
    expect(usage?.prompt_tokens).toBeGreaterThan(0);
    expect(usage?.completion_tokens).toBeGreaterThan(0);
    expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0));
  });
}

test("a stream has no usage chunk unless it is asked for [R0-021, R0-023]", async () => {
  await using harness = await startHarness();
  for (const options of [undefined, null, {}, { include_usage: false }]) {
    const { chunks } = await readStream(await harness.chat({ ...hello, stream_options: options }));
    expect(chunks.some((chunk) => chunk.usage !== undefined)).toBe(false);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("stop");
  }
});

test("a stream's usage is the upstream's own figures [R0-021, R0-052]", async () => {
  await using harness = await startHarness();
  const raw = [
    'data: {"response.created":{"chat_id": "c", "parent_id": "p1", "response_id":"r1"}}',
    'data: {"choices":[{"delta":{"role":"assistant","content":"Hi","phase":"answer","status":"typing"}}],"response_id":"r1","usage":{"input_tokens":37,"output_tokens":2,"total_tokens":39}}',
    'data: {"choices":[{"delta":{"role":"assistant","content":"!","phase":"answer","status":"typing"}}],"response_id":"r1","usage":{"input_tokens":37,"output_tokens":5,"total_tokens":42}}',
    'data: {"choices":[{"delta":{"role":"assistant","content":"","phase":"answer","status":"finished"}}],"response_id":"r1"}',
  ];
  harness.emulator.script({ reply: { raw: `${raw.join("\n\n")}\n\n` } });
  const { usage, text } = await readStream(await harness.chat({ ...hello, stream_options: { include_usage: true } }));
  expect(text).toBe("Hi!");
  expect(usage).toMatchObject({ prompt_tokens: 37, completion_tokens: 5, total_tokens: 42 });
});

test("a stream ends with data: [DONE], exactly once, even if the upstream says it too [R0-022, R0-048]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { text: "Hello" } }, { reply: { text: "Hello", faults: [{ kind: "done" }] } });
  for (const turn of [1, 2]) {
    const body = await bodyOf(await harness.chat({ ...hello, messages: [user(`Hello ${turn}`)] }));
    expect(body).toEndWith("data: [DONE]\n\n");
    expect(body.split("data: [DONE]")).toHaveLength(2);
  }
});

test("a turn can be found by whoever has read [DONE] [R0-024]", async () => {
  await using harness = await startHarness();
  const response = await harness.chat(hello);
  const sessionId = response.headers.get("x-session-id") ?? "";
  const live = readLive(response);
  for (let frame = await live.next(); frame?.data !== "[DONE]"; frame = await live.next()) expect(frame).toBeDefined();
  const session = await readSession(harness, sessionId);
  expect(session.parentId).toBe(lastTurn(harness).responseId);
  expect(session.messageCount).toBe(1);
});

test("a session keeps its old node while a new reply runs, and after that reply broke off [R0-025]", async () => {
  await using harness = await startHarness();
  harness.emulator.script(
    { reply: { text: "One." } },
    { gate: "step", reply: { chunks: letters, faults: [{ kind: "drop", after: 3 }] } },
  );
  const first = await harness.chat(hello);
  const sessionId = first.headers.get("x-session-id") ?? "";
  await first.text();
  const node = lastTurn(harness).responseId;
  harness.emulator.release("step", 2);
  const messages = [user("Hello"), { role: "assistant", content: "One." }, user("Go on")];
  const live = readLive(await harness.chat({ ...hello, messages }));
  expect(await live.nextText()).toBe("a");
  expect((await readSession(harness, sessionId)).parentId).toBe(node);
  harness.emulator.release("step", "all");
  expect(await live.rest()).toContain('"error"');
  const after = await readSession(harness, sessionId);
  expect(after).toMatchObject({ parentId: node, messageCount: 1 });
});

const brokenEnds = [
  ["an end without a finish", { kind: "end", after: 3 }],
  ["a reset connection", { kind: "drop", after: 3 }],
  ["an error object in the stream", { kind: "error", after: 3, code: "internal_error", details: "secret" }],
  ["an error text in the stream", { kind: "error-text", after: 3, text: "secret" }],
] as const;

for (const [name, fault] of brokenEnds) {
  test(`a stream tells ${name} as one error frame and [DONE], without a finish reason [R0-026, R0-029, R0-030, R1-034]`, async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { chunks: letters, faults: [fault] } });
    const stream = await readStream(await harness.chat({ ...hello, stream_options: { include_usage: true } }));
    expect(stream.text).toBe("ab");
    expect(stream.finishReasons).toEqual([]);
    expect(stream.chunks.filter((chunk) => chunk.error !== undefined)).toHaveLength(1);
    expect(Object.keys(stream.error ?? {}).sort()).toEqual(["code", "message", "param", "type"]);
    expect(stream.error).toMatchObject({ type: "upstream_error", code: "upstream_failed", param: null });
    expect(stream.error?.message).not.toContain("secret");
    expect(stream.frames.at(-1)?.data).toBe("[DONE]");
    expect(stream.doneCount).toBe(1);
  });
}

test("a broken stream is closed cleanly behind its error frame [R0-029, R0-047]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { chunks: letters, faults: [{ kind: "drop", after: 3 }] } });
  const { body } = await postRaw(harness.url, "/v1/chat/completions", hello, (text) => text.endsWith("0\r\n\r\n"));
  expect(body).toContain('data: {"error":{');
  expect(body.indexOf("data: [DONE]")).toBeGreaterThan(body.indexOf('"error"'));
  expect(body).toEndWith("\r\n0\r\n\r\n");
});

test("a stream that broke off is asked for only once: its beginning was sent [R1-034]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { chunks: letters, faults: [{ kind: "drop", after: 3 }] } });
  await bodyOf(await harness.chat(hello));
  expect(harness.emulator.requests.filter((request) => request.on === "completions")).toHaveLength(1);
});

test("a legacy stream tells a broken reply the same way [R0-026, R0-030]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { chunks: letters, faults: [{ kind: "end", after: 3 }] } });
  const body = await bodyOf(await harness.post("/v1/completions", { prompt: "Hello", stream: true }));
  const frames = parseFrames(body);
  expect(JSON.parse(frames.at(-2)?.data ?? "")).toMatchObject({
    error: { code: "upstream_failed", type: "upstream_error" },
  });
  expect(frames.at(-1)?.data).toBe("[DONE]");
  expect(body).not.toContain('"finish_reason":"stop"');
});

test("a line that is no event is skipped and logged once, the stream goes on [R0-027, R0-055]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({
    reply: {
      chunks: letters,
      faults: [
        { kind: "malformed", after: 2 },
        { kind: "malformed", after: 3 },
      ],
    },
  });
  const stream = await readStream(await harness.chat(hello));
  expect(stream.text).toBe(letters.join(""));
  expect(stream.finishReasons).toEqual(["stop"]);
  expect(harness.logLines.filter((line) => line.includes("Skipped an event"))).toHaveLength(1);
});
