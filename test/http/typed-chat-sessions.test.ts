// Sessions of the typed chat: a tree of messages that every upstream continues from any of its places.

import { expect, test } from "bun:test";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { acceptedTurns, answerTo, bodyOf, lastTurn, readError, untilIdle, user } from "./client.ts";
import { blocksUntil, postMessage, readMessages, say } from "./typed-client.ts";

const quiet = { follow_ups: false, quality: false };

test("the web backend's chat goes on with the next message, one message a turn", async () => {
  await using harness = await startHarness();

  await say(harness, { message: "My name is Ada", session_id: "s1", options: quiet });
  const second = await say(harness, { message: "What is my name?", session_id: "s1", options: quiet });

  const [first, next] = acceptedTurns(harness);
  expect(next).toMatchObject({ chatId: first?.chatId, parentId: first?.responseId, content: "What is my name?" });
  expect(second.text).toContain("Ada");
});

test("an earlier message is followed by a branch, which knows only its own past", async () => {
  await using harness = await startHarness();
  const first = await say(harness, { message: "My name is Ada", session_id: "s1", options: quiet });
  await say(harness, { message: "My colour is red", session_id: "s1", options: quiet });

  const branch = await say(harness, {
    message: "What is my colour?",
    session_id: "s1",
    parent_id: first.opening["message_id"],
    options: quiet,
  });

  const turns = acceptedTurns(harness);
  expect(turns.at(-1)).toMatchObject({ chatId: turns[0]?.chatId, parentId: turns[0]?.responseId });
  expect(branch.text).not.toContain("red");
  const messages = await readMessages(harness, "s1");
  const children = messages.filter(({ parent_id }) => parent_id === first.opening["message_id"]);
  expect(children.map(({ content }) => content)).toEqual(["My colour is red", "What is my colour?"]);
});

test("a message is answered once more, beside the earlier answer", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ match: "Pick", reply: { text: "one" } }, { match: "Pick", reply: { text: "two" } });
  const first = await say(harness, { message: "Pick a number", session_id: "s1", options: quiet });

  const again = await say(harness, { retry_of: first.opening["user_message_id"], session_id: "s1", options: quiet });

  const messages = await readMessages(harness, "s1");
  expect(messages.map(({ role, content }) => `${role}: ${content}`)).toEqual([
    "user: Pick a number",
    "assistant: one",
    "assistant: two",
  ]);
  expect(messages.map(({ parent_id }) => parent_id)).toEqual([
    null,
    String(first.opening["user_message_id"]),
    String(first.opening["user_message_id"]),
  ]);
  expect(again.opening["user_message_id"]).toBe(first.opening["user_message_id"]);
});

test("null begins anew within the session", async () => {
  await using harness = await startHarness();
  await say(harness, { message: "My name is Ada", session_id: "s1", options: quiet });

  const anew = await say(harness, { message: "What is my name?", session_id: "s1", parent_id: null, options: quiet });

  expect(anew.text).not.toContain("Ada");
  expect(lastTurn(harness).parentId).toBeNull();
});

test("a session tells its messages with what belongs to them, and is listed by its first words", async () => {
  await using harness = await startHarness();
  harness.emulator.script(
    { match: "JSON array", reply: { text: '["And then?"]' } },
    { match: "rivers", reply: { thinking: "Hm", text: "Rivers are long, and rivers are wide; they reach the sea." } },
  );
  await say(harness, { message: "Tell me of rivers", session_id: "s1", options: { reasoning: true } });
  await say(harness, { message: "Hello", session_id: "s2", options: quiet });

  const [question, answer] = await readMessages(harness, "s1");
  const list = JSON.parse(await bodyOf(await harness.get("/api/chat/sessions"))) as { data: object[] };

  expect(question).toMatchObject({ role: "user", content: "Tell me of rivers", parent_id: null, status: "complete" });
  expect(answer).toMatchObject({
    role: "assistant",
    content: "Rivers are long, and rivers are wide; they reach the sea.",
    reasoning: "Hm",
    stages: ["query_analysis", "retrieval", "generation", "quality", "follow_ups"],
    quality_score: expect.any(Number),
    follow_up_questions: ["And then?"],
    model: "qwen3-max",
    upstream: "qwen-web",
    status: "complete",
    usage: { total_tokens: expect.any(Number) },
  });
  expect(list.data).toMatchObject([
    { session_id: "s2", title: "Hello", message_count: 2 },
    { session_id: "s1", title: "Tell me of rivers", message_count: 2 },
  ]);
});

test("a session that was begun on another surface is continued at its head", async () => {
  await using harness = await startHarness();
  await answerTo(harness, [user("My name is Ada")], { body: { session_id: "shared" } });

  const typed = await say(harness, { message: "What is my name?", session_id: "shared", options: quiet });
  const third = await say(harness, {
    message: "And once more, what is my name?",
    session_id: "shared",
    options: quiet,
  });

  const turns = acceptedTurns(harness);
  expect(new Set(turns.map(({ chatId }) => chatId)).size).toBe(1);
  expect(turns[2]?.parentId).toBe(turns[1]?.responseId ?? "");
  expect(typed.text).toContain("Ada");
  expect(third.text).toContain("Ada");
});

test.each([
  ["failed", { refuse: "internal-error" }],
  ["was whole", { reply: { text: "Of whom?" } }],
] as const)(
  "a session that was begun on another surface is continued at its head when an answer %s and is asked for once more",
  async (_, script) => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
    await answerTo(harness, [user("My name is Ada")], { body: { session_id: "shared" } });
    harness.emulator.script({ match: "my name?", ...script });
    const first = await say(harness, { message: "What is my name?", session_id: "shared", options: quiet });

    const again = await say(harness, {
      retry_of: first.opening["user_message_id"],
      session_id: "shared",
      options: quiet,
    });
    const next = await say(harness, { message: "And what is my name?", session_id: "shared", options: quiet });

    expect([again.text, next.text]).toEqual([expect.stringContaining("Ada"), expect.stringContaining("Ada")]);
    const turns = acceptedTurns(harness);
    expect(turns.at(-1)?.parentId).toBe(turns.at(-2)?.responseId ?? "");
  },
);

test("a session of the typed chat is continued on another surface", async () => {
  await using harness = await startHarness();
  await say(harness, { message: "My name is Ada", session_id: "shared", options: quiet });

  const text = await answerTo(harness, [user("What is my name?")], { body: { session_id: "shared" } });

  expect(text).toContain("Ada");
});

test("DELETE forgets a session everywhere, whichever address is asked", async () => {
  await using harness = await startHarness();
  for (const [sessionId, path] of [
    ["s1", "/api/chat/sessions/s1"],
    ["s2", "/v1/sessions/s2"],
  ] as const) {
    const { opening } = await say(harness, { message: "Hello", session_id: sessionId, options: quiet });

    const gone = await fetch(harness.url + path, { method: "DELETE" });

    expect(gone.status).toBe(200);
    expect((await readError(await harness.get(`/api/chat/sessions/${sessionId}`))).status).toBe(404);
    expect((await readError(await harness.get(`/v1/sessions/${sessionId}`))).status).toBe(404);
    expect((await readError(await fetch(harness.url + path, { method: "DELETE" }))).status).toBe(404);
    const stream = await harness.get(`/api/chat/stream/${String(opening["stream_id"])}`);
    expect((await readError(stream)).status).toBe(410);
  }
});

test("DELETE of a session ends the answer that runs in it, and its reader is told", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ gate: "held", reply: { chunks: ["one ", "two "] } });
  harness.emulator.release("held", 2);
  const response = await postMessage(harness, {
    message: "Count",
    session_id: "s1",
    resumable: true,
    options: quiet,
  });
  const live = readLive(response);
  await blocksUntil(live, '"one "');

  const gone = await fetch(`${harness.url}/api/chat/sessions/s1`, { method: "DELETE" });

  expect(gone.status).toBe(200);
  expect(await live.rest()).toEndWith('data: {"error":"The answer was stopped"}\n\n');
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop" && request.status !== 0));
  await untilIdle(harness);
  expect((await readError(await harness.get("/api/chat/sessions/s1"))).status).toBe(404);
});

test("an answer that was cut at its length is kept as one", async () => {
  const cut = `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "local", choices: [{ index: 0, delta: { content: "One, two" }, finish_reason: "length" }] })}\n\ndata: [DONE]\n\n`;
  await using server = serveCompatible([{ body: cut }]);
  const upstreams = JSON.stringify([{ name: "home", dialect: "vllm", base_url: server.url, models: ["local"] }]);
  await using harness = await startHarness({ environment: { UPSTREAMS: upstreams } });

  await say(harness, { message: "Count", session_id: "s1", upstream: "home", model: "local", options: quiet });

  expect(await readMessages(harness, "s1")).toMatchObject([
    { role: "user" },
    { content: "One, two", status: "complete", finish_reason: "length" },
  ]);
});

test("attachments: a text becomes part of the message, an image goes to the model, and the session tells their names", async () => {
  const done = `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "local", choices: [{ index: 0, delta: { content: "A dot" }, finish_reason: "stop" }] })}\n\ndata: [DONE]\n\n`;
  await using server = serveCompatible([{ body: done }]);
  const upstreams = JSON.stringify([{ name: "home", dialect: "vllm", base_url: server.url, models: ["local"] }]);
  await using harness = await startHarness({ environment: { UPSTREAMS: upstreams } });
  const text = `data:text/plain;base64,${Buffer.from("the secret word is plum").toString("base64")}`;
  const image =
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const attachments = [
    { name: "note.txt", url: text },
    { name: "dot.png", url: image },
  ];

  await say(harness, {
    message: "What?",
    session_id: "s1",
    upstream: "home",
    model: "local",
    attachments,
    options: quiet,
  });

  const messages = server.completions[0]?.body?.["messages"] as { content: { type: string; text?: string }[] }[];
  const message = messages[0];
  expect(message?.content.map(({ type }) => type)).toEqual(["text", "text", "image_url"]);
  expect(message?.content[1]?.text).toContain("the secret word is plum");
  expect((await readMessages(harness, "s1"))[0]).toMatchObject({
    content: "What?",
    attachments: [
      { name: "note.txt", type: "text/plain" },
      { name: "dot.png", type: "image/png" },
    ],
  });
});

test("attachments of an earlier message come along with another wording of it, before its own, and with a retry", async () => {
  const done = `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "local", choices: [{ index: 0, delta: { content: "Plum" }, finish_reason: "stop" }] })}\n\ndata: [DONE]\n\n`;
  await using server = serveCompatible([{ body: done }, { body: done }, { body: done }]);
  const upstreams = JSON.stringify([{ name: "home", dialect: "vllm", base_url: server.url, models: ["local"] }]);
  await using harness = await startHarness({ environment: { UPSTREAMS: upstreams, CHAT_STEPS: "generation" } });
  const fileOf = (name: string, text: string) => ({
    name,
    url: `data:text/plain;base64,${Buffer.from(text).toString("base64")}`,
  });
  const asked = { session_id: "s1", upstream: "home", model: "local" };
  const first = await say(harness, { ...asked, message: "What?", attachments: [fileOf("a.txt", "it is plum")] });
  const earlier = first.opening["user_message_id"];

  const edited = await say(harness, {
    ...asked,
    message: "Which word?",
    parent_id: null,
    attachments_of: earlier,
    attachments: [fileOf("b.txt", "or pear")],
  });
  await say(harness, { ...asked, retry_of: edited.opening["user_message_id"] });

  const told = server.completions.map(({ body }) => JSON.stringify(body?.["messages"]));
  expect(told[0]).not.toContain("pear");
  for (const messages of told.slice(1)) expect(messages).toMatch(/Which word\?.*it is plum.*or pear/);
  const [, , question] = await readMessages(harness, "s1");
  expect(question).toMatchObject({
    content: "Which word?",
    attachments: [
      { name: "a.txt", type: "text/plain" },
      { name: "b.txt", type: "text/plain" },
    ],
  });
  // Another session's message is as unknown as one that never was.
  const elsewhere = await postMessage(harness, { message: "What?", session_id: "s2", attachments_of: earlier });
  expect(await readError(elsewhere)).toMatchObject({ status: 400, error: { param: "attachments_of" } });
});

test("sessions expire with the settings of all sessions", async () => {
  let nowMs = 1_800_000_000_000;
  await using harness = await startHarness({ environment: { SESSION_TIMEOUT: "60000" }, clock: () => nowMs });
  await say(harness, { message: "Hello", session_id: "s1", options: quiet });

  nowMs += 61_000;

  expect((await readError(await harness.get("/api/chat/sessions/s1"))).status).toBe(404);
});
