// POST /v1/chat/completions as a whole: answers, what is sent upstream, and the manual scenarios as automated twins.

import { expect, test } from "bun:test";
import type { JsonObject } from "../../src/contract/json.ts";
import { startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import {
  acceptedTurns,
  allTurns,
  answerTo,
  assistant,
  bodyOf,
  callsOf,
  createTalk,
  lastTurn,
  readCompletion,
  readError,
  readSession,
  readStream,
  system,
  user,
} from "./client.ts";

const helloId = "8b1a9953c4611296a827abf8c47804d7";
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("a whole answer is a chat.completion with all its fields [R2-001, R2-007, R2-067]", async () => {
  await using harness = await startHarness();
  const before = Math.floor(Date.now() / 1000);
  const completion = await readCompletion(await harness.chat({ model: "qwen3-max", messages: [user("Say: Hello")] }));
  expect(completion.id).toMatch(/^chatcmpl-/);
  expect(completion.object).toBe("chat.completion");
  expect(completion.created).toBeGreaterThanOrEqual(before);
  expect(completion.created).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000));
  expect(completion.model).toBe("qwen3-max");
  expect(completion.choices).toHaveLength(1);
  expect(completion.choices[0]).toMatchObject({
    index: 0,
    message: { role: "assistant", content: "Hello" },
    finish_reason: "stop",
  });
  const { prompt_tokens, completion_tokens, total_tokens } = completion.usage;
  expect(prompt_tokens).toBeGreaterThan(0);
  expect(total_tokens).toBe(prompt_tokens + completion_tokens);
});

test("stream true, false, absent and null are SSE, JSON, JSON, JSON; the upstream is always asked for a stream [R2-008, R2-067]", async () => {
  await using harness = await startHarness();
  const cases = [
    [{ stream: true }, "text/event-stream"],
    [{ stream: false }, "application/json"],
    [{}, "application/json"],
    [{ stream: null }, "application/json"],
  ] as const;
  for (const [fields, type] of cases) {
    const response = await harness.chat({ ...fields, messages: [user("Hello")] });
    expect(response.headers.get("content-type")).toStartWith(type);
    await bodyOf(response);
    expect(lastTurn(harness).body.stream).toBe(true);
  }
});

test("a whole answer carries the requested model, or the default [R2-045]", async () => {
  await using harness = await startHarness();
  for (const [model, told] of [
    ["qwen3.7-plus", "qwen3.7-plus"],
    [undefined, "qwen3-max"],
    ["", "qwen3-max"],
  ] as const) {
    const completion = await readCompletion(await harness.chat({ model, messages: [user("Hello")] }));
    expect(completion.model).toBe(told);
    expect(lastTurn(harness).body.model).toBe(told);
  }
});

test("an unknown model is 404, and nothing is asked of the upstream", async () => {
  await using harness = await startHarness();
  for (const stream of [true, false]) {
    const answer = await readError(await harness.chat({ model: "gpt-9", stream, messages: [user("Hello")] }));
    expect(answer).toMatchObject({ status: 404, error: { code: "model_not_found", param: "model" } });
  }
  expect(allTurns(harness)).toHaveLength(0);
  expect(callsOf(harness, "chats/new")).toHaveLength(0);
});

test("GET /v1/models lists what the account is offered, and finds one of them", async () => {
  await using harness = await startHarness({ emulator: { models: ["qwen3.8-max", "qwen3-max"] } });
  const list = (await (await harness.get("/v1/models")).json()) as { data: { id: string; object: string }[] };
  expect(list.data.map((model) => model.id)).toEqual(["qwen3.8-max", "qwen3-max"]);
  expect(await (await harness.get("/v1/models/qwen3-max")).json()).toMatchObject({ id: "qwen3-max", object: "model" });
  expect(await readError(await harness.get("/v1/models/gpt-9"))).toMatchObject({ status: 404 });
  const { context_length: window } = (await (await harness.get("/v1/models/qwen3-max")).json()) as JsonObject;
  for (const name of ["qwen3-max-thinking-search", "Qwen3-Max"]) {
    expect(await (await harness.get(`/v1/models/${name}`)).json()).toMatchObject({ id: name, context_length: window });
  }
});

test("a model list that cannot be had is replaced by the built-in one", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ on: "models", times: "always", refuse: "gateway-504" });
  await harness.restart();
  const list = (await (await harness.get("/v1/models")).json()) as { data: { id: string }[] };
  expect(list.data.map((model) => model.id)).toContain("qwen3-max");
  expect(await answerTo(harness, [user("Say: still here")])).toBe("still here");
});

test("on a known chain the message is the last one, byte for byte, without labels [R2-040]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness, { messages: [system("Be brief.")] });
  await talk.say("Hello");
  expect(lastTurn(harness).content).toContain("Be brief.");
  const texts = [
    "  two  spaces \n\n and a line\t",
    "User: a label of his own",
    "你好 👩‍👩‍👧 “quotes” \\n",
    "# Message\nheading",
  ];
  for (const text of texts) {
    await talk.say(text);
    expect(lastTurn(harness).content).toBe(text);
    expect(lastTurn(harness).body.messages).toHaveLength(1);
  }
});

test("a user's message of several parts is sent whole and in order [R2-040]", async () => {
  await using harness = await startHarness();
  const content = ["one", "two", "three"].map((text) => ({ type: "text", text }));
  await answerTo(harness, [{ role: "user", content }]);
  expect(lastTurn(harness).content).toBe("one\ntwo\nthree");
});

test("changed instructions of a session are sent once, unchanged ones never again [R2-040]", async () => {
  await using harness = await startHarness();
  const headers = { "x-session-id": "s" };
  const talk = createTalk(harness, { headers, messages: [system("Be brief.")] });
  await talk.say("Hello");
  await talk.say("Two");
  expect(lastTurn(harness).content).toBe("Two");
  talk.messages[0] = system("Be verbose.");
  await talk.say("Three");
  expect(lastTurn(harness).content).toContain("Be verbose.");
  await talk.say("Four");
  expect(lastTurn(harness).content).toBe("Four");
});

test("a Qwen message has a fresh fid, its parent and its text; the payload its chat [R2-041, R2-042]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  for (const text of ["Hello", "Two", "Three"]) await talk.say(text);
  const turns = acceptedTurns(harness);
  for (const { body, chatId, parentId, record } of turns) {
    expect(body).toMatchObject({ chat_id: chatId, parent_id: parentId, stream: true });
    expect(body.messages).toHaveLength(1);
    expect(body.messages[0]).toMatchObject({ role: "user", parentId, parent_id: parentId });
    expect(body.messages[0].fid).toMatch(uuid);
    expect(record.query["chat_id"]).toBe(chatId);
  }
  expect(new Set(turns.map(({ body }) => body.messages[0].fid)).size).toBe(3);
});

test("a client's full history is accepted and not sent again [R2-043, R2-068]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  await talk.say("My dog is called Rex.");
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(talk.messages).toHaveLength(6);
  expect(lastTurn(harness).content).toBe("What is my name?");
});

test("a new chat is asked for with its title and its model [R2-049]", async () => {
  for (const title of [undefined, "From my gateway"]) {
    await using harness = await startHarness({ environment: title === undefined ? {} : { QWEN_CHAT_TITLE: title } });
    await answerTo(harness, [user("Hello")], { body: { model: "qwen3.7-plus" } });
    const [call] = callsOf(harness, "chats/new");
    expect(call?.body).toMatchObject({ title: title ?? "API Chat", models: ["qwen3.7-plus"] });
  }
});

test("the account's bearer, cookies and captured headers go with every call, and with none to the client [R2-050]", async () => {
  const environment = {
    QWEN_TOKEN: "secret-token",
    QWEN_COOKIES: "cna=abc; ssxmod=def",
    QWEN_HEADERS: '{"bx-umidtoken":"T2gA"}',
  };
  await using harness = await startHarness({ environment });
  const response = await harness.chat(
    { stream: true, messages: [user("Hello")] },
    { headers: { authorization: "Bearer of-the-client" } },
  );
  const text = await bodyOf(response);
  const calls = [...callsOf(harness, "chats/new"), ...callsOf(harness, "completions"), ...callsOf(harness, "models")];
  expect(calls.length).toBeGreaterThanOrEqual(3);
  for (const call of calls) {
    expect(call.headers).toMatchObject({
      authorization: "Bearer secret-token",
      cookie: "cna=abc; ssxmod=def",
      "bx-umidtoken": "T2gA",
    });
  }
  const seen = text + JSON.stringify([...response.headers]) + harness.logLines.join("\n");
  for (const secret of ["secret-token", "ssxmod=def", "T2gA", "of-the-client"]) expect(seen).not.toContain(secret);
});

test("upstream connections are used again, though a body ends only behind its finish [R2-051]", async () => {
  await using backend = serveLateEnds();
  await using harness = await startHarness({ environment: { QWEN_BASE_URL: backend.url } });
  for (let index = 0; index < 50; index++) {
    expect(await answerTo(harness, [user(`Question ${index}`)])).toBe("Hi");
    backend.endBody();
    // The end needs a round through the event loop to arrive.
    await harness.get("/health");
    await harness.get("/health");
  }
  expect(backend.turns()).toBe(50);
  // Chats are created beside, and the model list is asked for: a few sockets, not one a turn.
  expect(backend.ports.size).toBeLessThanOrEqual(10);
});

/** A backend that leaves the body of an answer open behind its finish, until it is told to end it. */
function serveLateEnds() {
  const ports = new Set<number>();
  const event = (json: string): Uint8Array => new TextEncoder().encode(`data: ${json}\n\n`);
  let turns = 0;
  let endBody = (): void => {};
  const server: Bun.Server<undefined> = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request, itself): Response {
      const { pathname } = new URL(request.url);
      ports.add(itself.requestIP(request)?.port ?? 0);
      if (pathname === "/api/v2/chats/new") return Response.json({ success: true, data: { id: `chat-${turns}` } });
      if (pathname !== "/api/v2/chat/completions") return Response.json({ success: false }, { status: 404 });
      turns++;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(event(`{"response.created":{"chat_id":"c","parent_id":"p","response_id":"r${turns}"}}`));
          controller.enqueue(event('{"choices":[{"delta":{"content":"Hi","phase":"answer","status":"typing"}}]}'));
          controller.enqueue(event('{"choices":[{"delta":{"content":"","phase":"answer","status":"finished"}}]}'));
          endBody = () => controller.close();
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  });
  return {
    url: server.url.origin,
    ports,
    turns: () => turns,
    endBody: () => endBody(),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

for (const [level, tells] of [
  ["debug", true],
  ["error", false],
] as const) {
  test(`LOG_LEVEL=${level} ${tells ? "tells" : "does not tell"} of requests [R2-059]`, async () => {
    await using harness = await startHarness({ environment: { LOG_LEVEL: level } });
    await answerTo(harness, [user("Hello")]);
    expect(harness.logLines.some((line) => line.includes("/v1/chat/completions"))).toBe(tells);
  });
}

test("a conversation of several turns keeps its context [R2-068]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My favourite colour is teal.");
  await talk.say("Count from 1 to 3");
  expect(await talk.say("How many messages have I sent?")).toContain("3");
  expect(await talk.say("What is my favourite colour?")).toContain("teal");
});

test("errors of validation, upstream and edge have one shape and a request id [R2-052, R2-056, R2-069]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ on: "chats/new", refuse: "unauthorized" });
  const answers = [
    [await harness.chat({ messages: [] }), 400],
    [await harness.chat({ messages: [user("Hello")] }), 502],
    [await harness.get("/v1/nothing"), 404],
    [await harness.get("/v1/chat/completions"), 405],
    [await harness.chat("{broken"), 400],
  ] as const;
  for (const [response, status] of answers) {
    expect(response.status).toBe(status);
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
    const { error, contentType } = await readError(response);
    expect(contentType).toStartWith("application/json");
    expect(Object.keys(error).sort()).toEqual(["code", "message", "param", "type"]);
  }
});

test("scenario 1: a first message makes a session, its parent null, and learns its node [R2-071]", async () => {
  await using harness = await startHarness();
  const completion = await readCompletion(await harness.chat({ messages: [user("Hello")] }));
  expect(completion.choices[0]?.message.content).not.toBe("");
  expect(callsOf(harness, "chats/new")).toHaveLength(1);
  expect(lastTurn(harness).parentId).toBeNull();
  const session = await readSession(harness, helloId);
  expect(session).toMatchObject({ parentId: lastTurn(harness).responseId, messageCount: 1 });
});

test("scenario 2: a follow-up reuses the session, sends its node and moves it [R2-072]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness, { body: { stream: false } });
  await talk.say("Hello");
  const before = await readSession(harness, helloId);
  expect(await talk.say("What did you say?")).toContain(String(talk.messages[1]?.content));
  expect(lastTurn(harness)).toMatchObject({ chatId: before.chatId, parentId: before.parentId });
  const after = await readSession(harness, helloId);
  expect(after).toMatchObject({ parentId: lastTurn(harness).responseId, messageCount: 2 });
});

test("scenario 3: a streamed message has its headers, comes in real time, ends with [DONE] and moves the session [R2-073]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ gate: "step", reply: { chunks: ["one ", "two"] } });
  harness.emulator.release("step", 2);
  const response = await harness.chat({ stream: true, messages: [user("Hello")] });
  expect(response.headers.get("content-type")).toStartWith("text/event-stream");
  const live = readLive(response);
  expect(await live.nextText()).toBe("one ");
  harness.emulator.release("step", "all");
  expect(await live.nextText()).toBe("two");
  expect(await live.rest()).toEndWith("data: [DONE]\n\n");
  expect((await readSession(harness, helloId)).parentId).toBe(lastTurn(harness).responseId);
});

test("scenario 4: three turns, and the model recalls the first [R2-074]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  await talk.say("Count from 1 to 5");
  expect(await talk.say("What is my name?")).toContain("Ada");
  const turns = acceptedTurns(harness);
  expect(turns.map((turn) => turn.parentId)).toEqual([null, turns[0]?.responseId ?? "", turns[1]?.responseId ?? ""]);
});

test("a long stream is whole: no number is missing [R2-070]", async () => {
  await using harness = await startHarness();
  const stream = await readStream(await harness.chat({ stream: true, messages: [user("Count from 1 to 500")] }));
  expect(stream.text).toBe(Array.from({ length: 500 }, (_, index) => index + 1).join(" "));
});

test("a large history is accepted and folded into one message [R2-070]", async () => {
  await using harness = await startHarness();
  const messages = Array.from({ length: 200 }, (_, index) =>
    index % 2 === 0 ? user(`Question ${index}`) : assistant("x".repeat(10_000)),
  );
  await answerTo(harness, [...messages, user("Say: done")]);
  expect(lastTurn(harness).body.messages).toHaveLength(1);
  expect(lastTurn(harness).content.length).toBeGreaterThan(1_000_000);
});
