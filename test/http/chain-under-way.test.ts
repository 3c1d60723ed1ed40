// Conversations that go on while something else happens to them: broken answers, running chats, deleted sessions.

import { expect, test } from "bun:test";
import { startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import {
  acceptedTurns,
  answerTo,
  assistant,
  callsOf,
  type ClientMessage,
  createTalk,
  lastTurn,
  readStream,
  system,
  untilIdle,
  user,
} from "./client.ts";

const ask = (messages: readonly ClientMessage[]) => ({ model: "qwen3-max", stream: true, messages });

test("what a client kept of a broken answer is told to the chat with the next message", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const node = lastTurn(harness).responseId;
  const story = [...talk.messages, user("Tell a story")];
  harness.emulator.script({ reply: { chunks: ["Once upon ", "a time"], faults: [{ kind: "drop", after: 2 }] } });
  const broken = await readStream(await harness.chat(ask(story)));
  expect(broken.text).toBe("Once upon ");
  await untilIdle(harness);
  const answer = await answerTo(harness, [...story, assistant(broken.text), user("What is my name?")]);
  expect(answer).toContain("Ada");
  const { parentId, content } = lastTurn(harness);
  expect(parentId).toBe(node);
  for (const text of ["Tell a story", "Once upon", "What is my name?"]) expect(content).toContain(text);
});

test("a branch that is asked for while its chat generates gets a chat with the whole history, at once", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const trunk = lastTurn(harness);
  harness.emulator.script({ gate: "held", reply: { text: "one two three" } });
  harness.emulator.release("held", 2);
  const live = readLive(await harness.chat(ask([...talk.messages, user("Tell a story")])));
  await live.nextText();
  expect(await answerTo(harness, [...talk.messages, user("What is my name?")])).toContain("Ada");
  const branch = lastTurn(harness);
  expect(branch.chatId).not.toBe(trunk.chatId);
  expect(branch.content).toContain("My name is Ada.");
  harness.emulator.release("held", "all");
  expect(await live.rest()).toEndWith("data: [DONE]\n\n");
});

test("a chat whose reply was reset before its first word is asked again at the same node, once it has settled", async () => {
  await using harness = await startHarness({ emulator: { busyMs: 100 } });
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const opening = lastTurn(harness);
  harness.emulator.script({ reply: { text: "one", faults: [{ kind: "drop", after: 1 }] } });
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness)).toMatchObject({
    chatId: opening.chatId,
    parentId: opening.responseId,
    content: "What is my name?",
  });
  expect(callsOf(harness, "chats/new")).toHaveLength(1);
});

test("a session that is deleted while its reply runs does not disturb the reply", async () => {
  await using harness = await startHarness({ environment: { QWEN_DELETE_CHATS: "true" } });
  const talk = createTalk(harness, { headers: { "x-session-id": "s" } });
  await talk.say("My name is Ada.");
  harness.emulator.script({ gate: "held", reply: { text: "one two three" } });
  harness.emulator.release("held", 2);
  const headers = { "x-session-id": "s" };
  const live = readLive(await harness.chat(ask([...talk.messages, user("Go on")]), { headers }));
  await live.nextText();
  expect((await fetch(`${harness.url}/v1/sessions/s`, { method: "DELETE" })).status).toBe(200);
  harness.emulator.release("held", "all");
  expect(await live.rest()).toEndWith("data: [DONE]\n\n");
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness).parentId).toBeNull();
});

test("a thin client's instructions are sent once, and again only when they change", async () => {
  await using harness = await startHarness();
  const thin = { body: { session_id: "s" } };
  await answerTo(harness, [system("Be brief."), user("My name is Ada.")], thin);
  expect(lastTurn(harness).content).toContain("Be brief.");
  await answerTo(harness, [system("Be brief."), user("Two")], thin);
  expect(lastTurn(harness).content).toBe("Two");
  await answerTo(harness, [user("Three")], thin);
  expect(lastTurn(harness).content).toBe("Three");
  await answerTo(harness, [system("Be brief."), user("Three and a half")], thin);
  expect(lastTurn(harness).content).toBe("Three and a half");
  await answerTo(harness, [system("Be verbose."), user("Four")], thin);
  expect(lastTurn(harness).content).toContain("Be verbose.");
  expect(await answerTo(harness, [user("What is my name?")], thin)).toContain("Ada");
  expect(new Set(acceptedTurns(harness).map((turn) => turn.chatId)).size).toBe(1);
});

test("a thin client's instructions are sent again where a new chat has taken the place of the one that heard them", async () => {
  await using harness = await startHarness();
  const thin = { body: { session_id: "s" } };
  await answerTo(harness, [system("Be brief."), user("One")], thin);
  harness.emulator.script({ refuse: "chat-not-exist" });
  await answerTo(harness, [user("Two")], thin);
  await answerTo(harness, [system("Be brief."), user("Three")], thin);
  expect(lastTurn(harness).content).toContain("Be brief.");
  await answerTo(harness, [system("Be brief."), user("Four")], thin);
  expect(lastTurn(harness).content).toBe("Four");
});

test("an answer whose beginning the client wrote is known again as one message and as two", async () => {
  for (const joined of [true, false]) {
    await using harness = await startHarness();
    const opening = [user("My name is Ada."), assistant("Well, ")];
    const rest = await answerTo(harness, opening);
    const node = lastTurn(harness).responseId;
    const answer = joined ? [assistant(`Well, ${rest}`)] : [assistant("Well, "), assistant(rest)];
    await answerTo(harness, [user("My name is Ada."), ...answer, user("What is my name?")]);
    expect(lastTurn(harness)).toMatchObject({ parentId: node, content: "What is my name?" });
  }
});

test("equal messages one after the other are different turns", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ times: 4, reply: { text: "Yes." } });
  const talk = createTalk(harness);
  for (let turn = 0; turn < 4; turn++) await talk.say("Yes.");
  const turns = acceptedTurns(harness);
  expect(turns.map((turn) => turn.parentId)).toEqual([null, ...turns.slice(0, 3).map((turn) => turn.responseId)]);
});

test("a placeholder for an empty answer is the empty answer", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  harness.emulator.script({ reply: { text: "" } });
  await talk.say("Hm?");
  talk.messages[3] = assistant("(no content)");
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(new Set(acceptedTurns(harness).map((turn) => turn.chatId)).size).toBe(1);
});

const openings = [
  ["instructions before it", [system("Be brief."), user("Hello")]],
  ["several messages of the user", [user("Hello"), assistant("Hi"), user("Bye")]],
  ["parts", [{ role: "user", content: [{ type: "text", text: "Hello" }] }]],
] as const;

for (const [name, messages] of openings) {
  test(`the session's id is that of the first user message with ${name} [R2-018, R2-019, R2-021, R2-065]`, async () => {
    await using harness = await startHarness();
    const response = await harness.chat(ask(messages));
    await response.text();
    expect(response.headers.get("x-session-id")).toBe("8b1a9953c4611296a827abf8c47804d7");
  });
}

test("a prompt of two megabytes and a hundred tools go through whole", async () => {
  await using harness = await startHarness();
  const text = `${"word ".repeat(400_000)}end`;
  const tools = Array.from({ length: 100 }, (_, index) => ({
    type: "function",
    function: { name: `tool_${index}`, parameters: {} },
  }));
  const response = await harness.chat({ ...ask([user(text)]), tools });
  await readStream(response);
  expect(lastTurn(harness).content).toContain(text);
});
