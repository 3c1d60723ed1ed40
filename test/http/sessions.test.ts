// The sessions API over real turns: what it shows, what it counts, how sessions expire, end and outlive a restart.

import { expect, test } from "bun:test";
import { readAgentFrames, startAgentGateway } from "../support/agent-gateway.ts";
import { startHarness } from "../support/harness.ts";
import {
  acceptedTurns,
  allTurns,
  answerTo,
  bodyOf,
  callsOf,
  createTalk,
  lastTurn,
  readError,
  readSession,
  readStream,
  untilAnswer,
  user,
} from "./client.ts";

/** MD5 of "Hello". */
const helloId = "8b1a9953c4611296a827abf8c47804d7";

test("a first call creates the session of its first words, a follow-up reuses it [R2-021, R2-024, R2-026, R2-066]", async () => {
  await using harness = await startHarness();
  expect((await harness.get(`/v1/sessions/${helloId}`)).status).toBe(404);
  const talk = createTalk(harness);
  await talk.say("Hello");
  const { chatId } = await readSession(harness, helloId);
  expect(lastTurn(harness).parentId).toBeNull();
  await talk.say("And now?");
  const session = await readSession(harness, helloId);
  expect(session).toMatchObject({ sessionId: helloId, chatId, messageCount: 2 });
  expect(session.conversations).toHaveLength(1);
});

test("two first calls with the same words are one session with two conversations, the newest on top [R2-024]", async () => {
  await using harness = await startHarness();
  await answerTo(harness, [user("Hello")]);
  await answerTo(harness, [user("Hello")]);
  const session = await readSession(harness, helloId);
  const newest = lastTurn(harness);
  expect(session.conversations).toHaveLength(2);
  expect(session.chatId).toBe(newest.chatId);
  expect(session.parentId).toBe(newest.responseId);
  expect(session.conversations[0]).toMatchObject({ chatId: newest.chatId, messageCount: 1 });
});

test("a new session asks for one chat, with a first message whose parents are null [R2-025, R2-026]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("Hello");
  await talk.say("And now?");
  expect(callsOf(harness, "chats/new")).toHaveLength(1);
  const { body } = acceptedTurns(harness)[0] ?? lastTurn(harness);
  expect(body.parent_id).toBeNull();
  expect(body.messages[0].parentId).toBeNull();
  expect(body.messages[0].parent_id).toBeNull();
});

test("a session shows both spellings of the node that comes next, its chat, times and count [R2-027, R2-028]", async () => {
  await using harness = await startHarness();
  await answerTo(harness, [user("Hello")]);
  const { chatId, responseId } = lastTurn(harness);
  const session = await readSession(harness, helloId);
  expect(session).toMatchObject({ chatId, responseId, parent_id: responseId, parentId: responseId });
  expect(Object.keys(session)).toEqual(
    expect.arrayContaining([
      "sessionId",
      "chatId",
      "parent_id",
      "parentId",
      "responseId",
      "createdAt",
      "lastAccessed",
      "messageCount",
      "conversations",
    ]),
  );
  expect(Math.abs(session.createdAt - Date.now())).toBeLessThan(60_000);
  expect(session.lastAccessed).toBeGreaterThanOrEqual(session.createdAt);
});

test("a session whose first answer is still running counts 0 and has no node [R2-026, R2-027]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ gate: "held", reply: { text: "one two three" } });
  harness.emulator.release("held", 2);
  const response = await harness.chat({ stream: true, messages: [user("Hello")] });
  const session = await untilAnswer(
    async () => (await harness.get(`/v1/sessions/${helloId}`)).json() as Promise<Record<string, unknown>>,
    (body) => body["sessionId"] !== undefined,
  );
  expect(session).toMatchObject({ messageCount: 0, parent_id: null, parentId: null });
  harness.emulator.release("held", "all");
  await response.text();
});

test("no session that the gateway has made for itself is listed or found while it is used", async () => {
  await using agent = await startAgentGateway({ things: { tools: [{ name: "list_things" }] } });
  const { harness } = agent;
  harness.emulator.script(
    { reply: { text: "", calls: [{ name: "list_things", arguments: {} }] } },
    { gate: "held", reply: { text: "None." } },
  );
  const response = await agent.open("What things are there?");
  await harness.emulator.until((all) => all.filter(({ on }) => on === "completions").length === 2);

  const listed = await (await harness.get("/v1/sessions")).json();
  // What operators see of it.
  const passing = /"session":"([^"]*agent-[0-9a-f]{32})"/.exec(harness.logLines.join("\n"))?.[1] ?? "";
  const found = await harness.get(`/v1/sessions/${encodeURIComponent(passing)}`);

  harness.emulator.release("held", "all");
  await response.text();
  expect(listed).toEqual({ object: "list", data: [] });
  expect(passing).not.toBe("");
  expect(found.status).toBe(404);
});

for (const stream of [true, false]) {
  test(`answers with stream ${stream} move the node and count 1, 2, 3 [R2-029, R2-030, R2-031, R2-066]`, async () => {
    await using harness = await startHarness();
    const talk = createTalk(harness, { body: { stream } });
    for (const [index, text] of ["Hello", "Two", "Three"].entries()) {
      await talk.say(text);
      const session = await readSession(harness, helloId);
      expect(session).toMatchObject({ messageCount: index + 1, parentId: lastTurn(harness).responseId });
    }
  });
}

test("follow-ups reuse the chat and send the stored node in payload and message, five turns long [R2-032, R2-033, R2-034]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  for (const text of ["Hello", "Two", "Three", "Four", "Five"]) await talk.say(text);
  const turns = acceptedTurns(harness);
  expect(turns.map((turn) => turn.parentId)).toEqual([null, ...turns.slice(0, 4).map((turn) => turn.responseId)]);
  expect(turns.map((turn) => turn.body.messages[0].parentId)).toEqual(turns.map((turn) => turn.parentId));
  expect(turns.map((turn) => turn.record.query["chat_id"])).toEqual(turns.map((turn) => turn.chatId));
  expect(new Set(turns.map((turn) => turn.chatId)).size).toBe(1);
});

test("sessions expire after SESSION_TIMEOUT and are swept without any request [R2-035, R2-036, R2-057, R2-058]", async () => {
  await using harness = await startHarness({
    environment: { SESSION_TIMEOUT: "100", SESSION_CLEANUP_INTERVAL: "20", QWEN_DELETE_CHATS: "true" },
  });
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const { chatId } = lastTurn(harness);
  // The deletion upstream is the sweep's doing: nobody asks the gateway for anything meanwhile.
  await harness.emulator.until((requests) =>
    requests.some((request) => request.on === "delete" && request.status === 200),
  );
  expect(await (await harness.get("/v1/sessions")).json()).toMatchObject({ data: [] });
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness).chatId).not.toBe(chatId);
  expect(lastTurn(harness).parentId).toBeNull();
});

test("a chat of the gateway's own that was left for an hour is deleted; a run that waited goes on in a new one", async () => {
  let passedMs = 0;
  const scripts = { things: { tools: [{ name: "get_thing", does: "ask" as const }] } };
  await using agent = await startAgentGateway(scripts, { SESSION_CLEANUP_INTERVAL: "20" }, () => Date.now() + passedMs);
  agent.answer(["get_thing"], "It is red.");
  const waiting = readAgentFrames(await (await agent.open("What thing is there?")).text()).at(-1)?.data;

  passedMs = 3_600_001;
  await agent.harness.emulator.until((all) => all.some(({ on, status }) => on === "delete" && status === 200));
  const answer = {
    confirmation_id: waiting?.pending?.confirmation_id,
    decision: "approve",
    arguments: { colour: "red" },
  };
  const result = await (await agent.harness.post("/api/agent/confirm", answer)).json();

  expect(result).toMatchObject({ success: true, answer: "It is red." });
});

test("an expired session is not continued, though no sweep has run [R2-035]", async () => {
  await using harness = await startHarness({ environment: { SESSION_TIMEOUT: "1" } });
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  await untilAnswer(
    () => harness.get("/v1/sessions").then((response) => response.json() as Promise<{ data: unknown[] }>),
    (body) => body.data.length === 0,
  );
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(acceptedTurns(harness).map((turn) => turn.parentId)).toEqual([null, null]);
});

test("DELETE takes a session with all its conversations and leaves the chats upstream alone", async () => {
  await using harness = await startHarness();
  await answerTo(harness, [user("Hello")]);
  await answerTo(harness, [user("Hello")]);
  const response = await fetch(`${harness.url}/v1/sessions/${helloId}`, { method: "DELETE" });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ id: helloId, deleted: true });
  expect(await readError(await harness.get(`/v1/sessions/${helloId}`))).toMatchObject({ status: 404 });
  expect(await readError(await fetch(`${harness.url}/v1/sessions/${helloId}`, { method: "DELETE" }))).toMatchObject({
    status: 404,
  });
  expect(callsOf(harness, "delete")).toHaveLength(0);
});

test("QWEN_DELETE_CHATS=true deletes the chats of a deleted session upstream, and no other", async () => {
  await using harness = await startHarness({ environment: { QWEN_DELETE_CHATS: "true" } });
  await answerTo(harness, [user("Hello")]);
  await answerTo(harness, [user("Hello")]);
  const chats = acceptedTurns(harness).map((turn) => turn.chatId);
  await answerTo(harness, [user("Something else")]);
  await fetch(`${harness.url}/v1/sessions/${helloId}`, { method: "DELETE" });
  const deleted = callsOf(harness, "delete").map((call) => call.path.split("/").at(-1));
  expect(deleted.sort()).toEqual(chats.sort());
  expect(harness.emulator.chats()).toHaveLength(1);
});

test.each([
  ["is gone already", "chat-not-exist", 0],
  ["cannot be deleted", "internal-error", 1],
] as const)("a deleted session whose chat %s leaves its words in the log: %s, %d", async (_what, refuse, warnings) => {
  await using harness = await startHarness({ environment: { QWEN_DELETE_CHATS: "true" } });
  await answerTo(harness, [user("Hello")]);
  harness.emulator.script({ on: "delete", refuse });
  await fetch(`${harness.url}/v1/sessions/${helloId}`, { method: "DELETE" });
  expect(callsOf(harness, "delete")).toHaveLength(1);
  expect(harness.logLines.filter((line) => line.includes("Cannot delete a chat"))).toHaveLength(warnings);
});

test("a chat that cannot be deleted while its account is set aside is deleted afterwards, by the next process too", async () => {
  let passedMs = 0;
  const environment = { QWEN_DELETE_CHATS: "true", SESSION_CLEANUP_INTERVAL: "20" };
  await using harness = await startHarness({ environment, clock: () => Date.now() + passedMs });
  await answerTo(harness, [user("Hello")]);
  harness.emulator.script({ refuse: { name: "rate-limited", hours: 1 } });
  await readError(await harness.chat({ messages: [user("Something else")] }));
  await fetch(`${harness.url}/v1/sessions/${helloId}`, { method: "DELETE" });
  const list: unknown = await (await harness.get("/v1/sessions")).json();
  expect(callsOf(harness, "delete")).toHaveLength(0);
  await harness.restart();
  passedMs = 3_600_001;
  await harness.emulator.until((all) => all.filter(({ on, status }) => on === "delete" && status === 200).length === 2);

  expect(list).toMatchObject({ data: [] });
  // And so is the one whose only message met the limit: it belongs to no session.
  const deleted = callsOf(harness, "delete").map(({ path }) => path.split("/").at(-1) ?? "");
  expect(deleted.toSorted()).toEqual(
    allTurns(harness)
      .map(({ chatId }) => chatId)
      .toSorted(),
  );
});

test("a deleted session's conversation goes on in a new chat that is told everything", async () => {
  await using harness = await startHarness({ environment: { QWEN_DELETE_CHATS: "true" } });
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const response = await harness.chat({ stream: true, messages: [user("Say: x")] });
  await readStream(response);
  const list = (await (await harness.get("/v1/sessions")).json()) as { data: { sessionId: string }[] };
  for (const { sessionId } of list.data) await fetch(`${harness.url}/v1/sessions/${sessionId}`, { method: "DELETE" });
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness).parentId).toBeNull();
  expect(lastTurn(harness).content).toContain("My name is Ada.");
});

test("a conversation goes on after a restart: same chat, stored node, whole memory [R2-078]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const { chatId, responseId } = lastTurn(harness);
  await harness.restart();
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness)).toMatchObject({ chatId, parentId: responseId, content: "What is my name?" });
  await harness.restart();
  await talk.say("Thank you");
  expect(new Set(acceptedTurns(harness).map((turn) => turn.chatId)).size).toBe(1);
  expect(callsOf(harness, "chats/new")).toHaveLength(1);
});

test("GET /v1/sessions lists the last accessed session first", async () => {
  // Never twice the same: all of it may be over within a millisecond.
  let nowMs = Date.now();
  await using harness = await startHarness({ clock: () => nowMs++ });
  const talk = createTalk(harness);
  await talk.say("Hello");
  await answerTo(harness, [user("Hi")]);
  await talk.say("And now?");
  const list = JSON.parse(await bodyOf(await harness.get("/v1/sessions"))) as { data: { sessionId: string }[] };
  expect(list.data).toHaveLength(2);
  expect(list.data[0]?.sessionId).toBe(helloId);
});

test("two keys with the same words are two callers: neither sees the other's session or chat", async () => {
  await using harness = await startHarness({ environment: { API_KEY: "key-one,key-two" } });
  const asKey = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
  await answerTo(harness, [user("Hello")], asKey("key-one"));
  await answerTo(harness, [user("Hello")], { ...asKey("key-two"), body: { session_id: helloId } });
  const [one, two] = acceptedTurns(harness);
  expect(two?.parentId).toBeNull();
  expect(two?.chatId).not.toBe(one?.chatId ?? "");
  for (const [key, chatId] of [
    ["key-one", one?.chatId],
    ["key-two", two?.chatId],
  ] as const) {
    const session = await (await fetch(`${harness.url}/v1/sessions/${helloId}`, asKey(key))).json();
    expect(session).toMatchObject({ chatId });
  }
});

test("many conversations at once all succeed, each in its own chat with its own parents [R2-038, R2-039]", async () => {
  await using harness = await startHarness();
  const names = Array.from({ length: 50 }, (_, index) => `Robot${index}`);
  const recalled = await Promise.all(
    names.map(async (name) => {
      const talk = createTalk(harness);
      await talk.say(`My name is ${name}.`);
      return talk.say("What is my name?");
    }),
  );
  for (const [index, name] of names.entries()) expect(recalled[index]).toContain(`${name}.`);
  const turns = acceptedTurns(harness);
  expect(turns).toHaveLength(100);
  for (const name of names) {
    const opening = turns.find((turn) => turn.content === `My name is ${name}.`);
    const own = turns.filter((turn) => turn.chatId === opening?.chatId);
    expect(own.map((turn) => turn.parentId)).toEqual([null, opening?.responseId ?? ""]);
  }
});
