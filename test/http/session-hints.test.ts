// What a client says about its session: headers that only group, thin clients, changed instructions, and the old rule
// that the first message is the session.

import { expect, test } from "bun:test";
import { type Harness, startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import {
  acceptedTurns,
  allTurns,
  answerTo,
  callsOf,
  createTalk,
  lastTurn,
  readError,
  readSession,
  system,
  untilAnswer,
  user,
} from "./client.ts";

const named = { headers: { "x-session-id": "project-7" } };

test("a title request with the session header of a running conversation does not touch its chat", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness, { ...named, messages: [system("You are a coder.")] });
  await talk.say("My name is Ada.");
  const { chatId, responseId } = lastTurn(harness);

  harness.emulator.script({ gate: "held", match: "What is my name?" });
  harness.emulator.release("held", 2);
  const messages = [...talk.messages, user("What is my name?")];
  const live = readLive(await harness.chat({ stream: true, messages }, named));
  await live.nextText();
  const title = [system("You write titles."), user("Write a short title for this talk: My name is Ada.")];
  await answerTo(harness, title, named);
  const titleTurn = lastTurn(harness);
  expect(titleTurn.chatId).not.toBe(chatId);
  expect(titleTurn.parentId).toBeNull();
  harness.emulator.release("held", "all");
  await live.rest();
  expect(acceptedTurns(harness)[1]).toMatchObject({ chatId, parentId: responseId, content: "What is my name?" });
});

test("a title request between two turns leaves the conversation where it was", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness, named);
  await talk.say("My name is Ada.");
  const { chatId, responseId } = lastTurn(harness);
  await answerTo(harness, [system("You write titles."), user("Write a title for: My name is Ada.")], named);
  expect(lastTurn(harness).chatId).not.toBe(chatId);
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness)).toMatchObject({ chatId, parentId: responseId, content: "What is my name?" });
  expect((await readSession(harness, "project-7")).conversations).toHaveLength(2);
});

test("a title request that repeats the opening words does not continue their chat", async () => {
  await using harness = await startHarness();
  await answerTo(harness, [user("Hello")], named);
  await answerTo(harness, [user("Hello")], named);
  expect(new Set(acceptedTurns(harness).map((turn) => turn.chatId)).size).toBe(2);
});

const thinWays = [
  ["session_id in the body", { body: { session_id: "thin-1" } }],
  ["X-Session-Mode: thin", { headers: { "x-session-id": "thin-1", "x-session-mode": "thin" } }],
] as const;

for (const [name, options] of thinWays) {
  test(`a thin client with ${name} continues its session at its head`, async () => {
    await using harness = await startHarness();
    for (const stream of [true, false]) {
      await answerTo(harness, [user(`My name is ${stream ? "Ada" : "Grace"}.`)], {
        ...options,
        body: { stream, ...("body" in options ? options.body : {}) },
      });
    }
    expect(await answerTo(harness, [user("What is my name?")], options)).toContain("Grace");
    const turns = acceptedTurns(harness);
    expect(turns.map((turn) => turn.parentId)).toEqual([null, turns[0]?.responseId ?? "", turns[1]?.responseId ?? ""]);
    expect(lastTurn(harness).content).toBe("What is my name?");
    expect(new Set(turns.map((turn) => turn.chatId)).size).toBe(1);
    expect(await readSession(harness, "thin-1")).toMatchObject({ messageCount: 3, parentId: turns[2]?.responseId });
  });
}

const thin = { body: { session_id: "thin-2" } };

/** Two thin turns at once; the emulator holds the first until the second has had every chance to overtake it. */
async function twoThinTurns(harness: Harness): Promise<void> {
  harness.emulator.script({ times: 2, gate: "held" });
  const before = acceptedTurns(harness).length;
  const answers = [1, 2].map((part) => answerTo(harness, [user(`Part ${part}`)], thin));
  await harness.emulator.until((requests) => requests.filter((request) => request.turn !== undefined).length > before);
  // An unrelated turn goes all the way through meanwhile.
  await answerTo(harness, [user("Say: unrelated")], { body: { session_id: "thin-other" } }).catch(() => "");
  expect(acceptedTurns(harness).filter((turn) => turn.content.startsWith("Part"))).toHaveLength(1);
  harness.emulator.release("held", "all");
  await Promise.all(answers);
}

for (const hasBegun of [true, false]) {
  test(`two parallel thin turns of a ${hasBegun ? "known" : "new"} session run one after the other [R2-039]`, async () => {
    await using harness = await startHarness();
    if (hasBegun) await answerTo(harness, [user("My name is Ada.")], thin);
    const opening = acceptedTurns(harness).at(-1);
    harness.emulator.script({ match: "unrelated", reply: { text: "unrelated" } });
    await twoThinTurns(harness);
    const parts = acceptedTurns(harness).filter((turn) => turn.content.startsWith("Part"));
    expect(parts).toHaveLength(2);
    expect(parts[0]?.parentId).toBe(opening?.responseId ?? null);
    expect(parts[1]?.parentId).toBe(parts[0]?.responseId ?? "");
    expect(parts[1]?.chatId).toBe(parts[0]?.chatId ?? "");
    expect((await readSession(harness, "thin-2")).messageCount).toBe(hasBegun ? 3 : 2);
  });
}

test("a thin turn that is given up in the line lets the next one in, and is no fault [R0-037]", async () => {
  await using harness = await startHarness();
  await answerTo(harness, [user("My name is Ada.")], thin);
  harness.emulator.script({ match: "Part 1", gate: "held" });
  const first = answerTo(harness, [user("Part 1")], thin);
  await harness.emulator.until((requests) => requests.filter((request) => request.turn !== undefined).length === 2);
  const controller = new AbortController();
  const given = harness.chat({ ...thin.body, messages: [user("Part 2")] }, { signal: controller.signal });
  const third = answerTo(harness, [user("What is my name?")], thin);
  // Both stand in the line when a request that came after them has been answered.
  await harness.get("/health");
  controller.abort();
  await expect(given).rejects.toThrow();
  const answered = () => harness.logLines.filter((line) => line.includes('"path":"/v1/chat/completions"')).length;
  await untilAnswer(
    () => harness.get("/health"),
    () => answered() === 2,
  );
  harness.emulator.release("held", "all");
  await first;
  expect(await third).toContain("Ada");
  expect(allTurns(harness).some((turn) => turn.content.includes("Part 2"))).toBe(false);
  expect(harness.logLines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

test("a thin session whose chat was lost starts afresh with what the client sent", async () => {
  await using harness = await startHarness();
  await answerTo(harness, [user("My name is Ada.")], thin);
  harness.emulator.script({ refuse: "chat-not-exist" });
  await answerTo(harness, [user("My name is Grace.")], thin);
  expect(lastTurn(harness).parentId).toBeNull();
  expect(await answerTo(harness, [user("What is my name?")], thin)).toContain("Grace");
  expect(lastTurn(harness).content).toBe("What is my name?");
});

test("a thin session is not entered by a client that sends a whole history without naming it", async () => {
  await using harness = await startHarness();
  const answer = await answerTo(harness, [user("My name is Ada.")], thin);
  await answerTo(harness, [user("Say: more")], thin);
  const head = lastTurn(harness);
  // Of the thin turn's own words nobody can say where they stood.
  await answerTo(harness, [user("Say: more"), { role: "assistant", content: "more" }, user("What is my name?")]);
  expect(lastTurn(harness).chatId).not.toBe(head.chatId);
  expect(answer).toContain("Ada");
});

test("a session id that is no id is refused where it was meant for the gateway, and passed over elsewhere", async () => {
  await using harness = await startHarness();
  const refused = await readError(await harness.chat({ session_id: "   ", messages: [user("Hello")] }));
  expect(refused).toMatchObject({ status: 400, error: { param: "session_id" } });
  expect(allTurns(harness)).toHaveLength(0);
  const passed = await harness.chat({ messages: [user("Hello")] }, { headers: { "x-session-id": "x".repeat(300) } });
  expect(passed.status).toBe(200);
  expect(passed.headers.get("x-session-id")).toBe("8b1a9953c4611296a827abf8c47804d7");
});

test("SESSION_MATCH=first-message continues the chat of the same first words at its newest node", async () => {
  await using harness = await startHarness({ environment: { SESSION_MATCH: "first-message" } });
  await answerTo(harness, [user("My name is Ada.")]);
  await answerTo(harness, [
    user("My name is Ada."),
    { role: "assistant", content: "edited by hand" },
    user("My dog is called Rex."),
  ]);
  await answerTo(harness, [user("My name is Ada.")]);
  const turns = acceptedTurns(harness);
  expect(turns.map((turn) => turn.parentId)).toEqual([null, turns[0]?.responseId ?? "", turns[1]?.responseId ?? ""]);
  expect(turns[1]?.content).toBe("My dog is called Rex.");
  expect(callsOf(harness, "chats/new")).toHaveLength(1);
  await answerTo(harness, [user("Something else")]);
  expect(callsOf(harness, "chats/new")).toHaveLength(2);
});

test.each([
  ["its chat", undefined],
  ["a new chat, where its own is lost,", "chat-not-exist"],
] as const)(
  "a conversation that goes on under another name in %s belongs to that session from then on",
  async (_where, refuse) => {
    await using harness = await startHarness();
    const talk = createTalk(harness, named);
    await talk.say("My name is Ada.");
    const before = await readSession(harness, "project-7");
    const fork = createTalk(harness, { headers: { "x-session-id": "fork" }, messages: talk.messages });
    if (refuse !== undefined) harness.emulator.script({ refuse });
    await fork.say("Say two");
    const { chatId, responseId } = lastTurn(harness);

    expect((await readSession(harness, "project-7")).conversations).toMatchObject([
      { chatId: before.chatId, parentId: before.parentId, messageCount: 1 },
    ]);
    expect((await readSession(harness, "fork")).conversations).toMatchObject([
      { chatId, parentId: responseId, messageCount: 2 },
    ]);
    expect(await fork.say("What is my name?")).toContain("Ada");
    expect(lastTurn(harness)).toMatchObject({ chatId, parentId: responseId, content: "What is my name?" });
  },
);

test("changed instructions continue the chat of the same session and are sent, said to replace the earlier ones", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness, { ...named, messages: [system("Be brief."), system("Use metric units.")] });
  await talk.say("My name is Ada.");
  const { chatId, responseId } = lastTurn(harness);
  talk.messages[0] = system("Be polite.");
  expect(await talk.say("What is my name?")).toContain("Ada");
  const turn = lastTurn(harness);
  expect(turn).toMatchObject({ chatId, parentId: responseId });
  expect(turn.content).toContain("Be polite.");
  expect(turn.content).toContain("replace");
  expect(turn.content).not.toContain("Use metric units.");
  expect(turn.content).not.toContain("My name is Ada.");
  await talk.say("Thank you");
  expect(lastTurn(harness)).toMatchObject({ chatId, parentId: turn.responseId, content: "Thank you" });
});

test("changed instructions without a session start a new chat: they may be another application's", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { text: "Noted." } });
  const history = [user("My name is Ada."), { role: "assistant", content: "Noted." }, user("What is my name?")];
  await answerTo(harness, [system("SECRET of application one"), user("My name is Ada.")]);
  const one = lastTurn(harness);
  for (const instructions of [[system("Instructions of application two")], []]) {
    expect(await answerTo(harness, [...instructions, ...history])).toContain("Ada");
    expect(lastTurn(harness).chatId).not.toBe(one.chatId);
    expect(lastTurn(harness).parentId).toBeNull();
    expect(lastTurn(harness).content).not.toContain("SECRET");
    for (const text of ["My name is Ada.", "What is my name?"]) expect(lastTurn(harness).content).toContain(text);
  }
  expect(await answerTo(harness, [system("SECRET of application one"), ...history])).toContain("Ada");
  expect(lastTurn(harness)).toMatchObject({ chatId: one.chatId, parentId: one.responseId });
});

test("changed instructions under another session's name start a new chat too", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { text: "Noted." } });
  await answerTo(harness, [system("SECRET one"), user("My name is Ada.")], named);
  const one = lastTurn(harness);
  const messages = [system("Two"), user("My name is Ada."), { role: "assistant", content: "Noted." }, user("Go on")];
  await answerTo(harness, messages, { headers: { "x-session-id": "project-8" } });
  expect(lastTurn(harness).chatId).not.toBe(one.chatId);
});
