// What clients do to a conversation besides going on: each finds its chat and its node, or gets a chat of its own.

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { SentTurn } from "../support/emulator-process.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import { readSlowly } from "./slow-reader.ts";
import { ask, type ChatMessage, createTalker, startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({ environment: { RETRY_BASE_DELAY_MS: "5" } });
});
afterEach(() => stage.emulator.reset());
afterAll(() => stage[Symbol.asyncDispose]());

const user = (content: string): ChatMessage => ({ role: "user", content });
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });
const streamed = { stream: true };

/** Turns by the words that they sent. */
async function turnsBy(...contents: string[]): Promise<SentTurn[]> {
  const turns = await stage.emulator.turns();
  return contents.map((content) => turns.find((turn) => turn.content === content)!);
}

describe("conversations that look alike", () => {
  test("two conversations with equal openings and equal answers at once never mix [R2-038] [R2-039]", async () => {
    await stage.emulator.script({ match: "Good day", times: "always", reply: { text: "Good day to you" } });
    const ada = createTalker(stage, streamed);
    const bob = createTalker(stage, streamed);
    expect(await Promise.all([ada.say("Good day"), bob.say("Good day")])).toEqual([
      "Good day to you",
      "Good day to you",
    ]);
    await Promise.all([ada.say("My name is Ada."), bob.say("My name is Bob.")]);
    const [adaIs, bobIs] = await Promise.all([ada.say("What is my name?"), bob.say("What is my name?")]);

    expect(adaIs).toContain("Ada");
    expect(bobIs).toContain("Bob");
    const turns = await stage.emulator.turns();
    const chats = new Set(turns.map((turn) => turn.chatId));
    expect(chats.size).toBe(2);
    for (const chat of chats) {
      const chain = turns.filter((turn) => turn.chatId === chat);
      expect(chain.map((turn) => turn.parentId)).toEqual([null, chain[0]!.responseId!, chain[1]!.responseId!]);
    }
  });

  test("the same request twice in parallel: one continues the chat, the other gets a chat with the whole history [R2-039]", async () => {
    const talker = createTalker(stage, streamed);
    await talker.say("My pet is a heron.");
    await stage.emulator.script({ match: "What is my pet?", gate: "twins", times: 2 });
    const request = [...talker.messages, user("What is my pet?")];
    const both = Promise.all([ask(stage.client, request, streamed), ask(stage.client, request, streamed)]);
    await stage.emulator.until(
      (all) => all.filter((one) => one.on === "completions" && one.status === 200).length === 3,
    );
    await stage.emulator.release("twins", "all");
    const answers = await both;

    for (const answer of answers) expect(answer).toContain("heron");
    const [first, ...twins] = await stage.emulator.turns();
    const resumed = twins.filter((turn) => turn.chatId === first!.chatId);
    const opened = twins.filter((turn) => turn.chatId !== first!.chatId);
    expect(resumed).toMatchObject([{ parentId: first!.responseId!, content: "What is my pet?" }]);
    expect(opened).toMatchObject([{ parentId: null, content: expect.stringContaining("My pet is a heron.") }]);

    for (const answer of answers) {
      const rest = [...request, assistant(answer), user("How many messages did I send?")];
      expect(await ask(stage.client, rest, streamed)).toContain("message 3");
    }
  });

  test("a title request in parallel under the same session header does not touch the chat [R2-034]", async () => {
    const headers = { "x-session-id": "session-with-a-title" };
    const talker = createTalker(stage, { stream: true, headers });
    await stage.emulator.script({ match: "Plan a trip", gate: "trip" });
    const first = talker.say("Plan a trip");
    await stage.emulator.until((all) => all.some((one) => one.on === "completions" && one.status === 200));
    const title: ChatMessage[] = [{ role: "system", content: "You write titles." }, user("A title for: Plan a trip")];
    await ask(stage.client, title, { stream: true, headers });
    await stage.emulator.release("trip", "all");
    await first;
    await talker.say("And the way back?");

    const turns = await stage.emulator.turns();
    const [trip, titled, back] = turns;
    expect(turns).toHaveLength(3);
    expect(titled?.content).toContain("You write titles.");
    expect(titled).toMatchObject({ parentId: null });
    expect(titled?.chatId).not.toBe(trip!.chatId);
    expect(back).toMatchObject({ chatId: trip!.chatId, parentId: trip!.responseId!, content: "And the way back?" });
  });
});

describe("histories that change", () => {
  test("regenerate asks again at the node before the answer", async () => {
    const talker = createTalker(stage, streamed);
    await talker.say("Say one");
    await talker.say("Say two");
    const again = await ask(stage.client, talker.messages.slice(0, 3), streamed);

    expect(again).toBe("two");
    const [one, two, twice] = await stage.emulator.turns();
    expect(two).toMatchObject({ chatId: one!.chatId, parentId: one!.responseId! });
    expect(twice).toMatchObject({ chatId: one!.chatId, parentId: one!.responseId!, content: "Say two" });
  });

  test("an edited message branches off at the node before it; an edited first one starts a new chat with everything", async () => {
    const talker = createTalker(stage, streamed);
    await talker.say("My colour is red.");
    await talker.say("My shape is round.");
    await talker.say("Say three");
    const [first, second] = talker.messages;
    await ask(stage.client, [first!, second!, user("My shape is square.")], streamed);
    const edited = [user("My colour is blue."), ...talker.messages.slice(1), user("What is my colour?")];
    const answer = await ask(stage.client, edited, streamed);

    const turns = await stage.emulator.turns();
    const [, , , branched, restarted] = turns;
    expect(branched).toMatchObject({
      chatId: turns[0]!.chatId,
      parentId: turns[0]!.responseId!,
      content: "My shape is square.",
    });
    expect(restarted?.parentId).toBeNull();
    expect(restarted?.chatId).not.toBe(turns[0]!.chatId);
    expect(answer).toContain("blue");
  });

  test("two branches from one answer go on each at its own node", async () => {
    const talker = createTalker(stage, streamed);
    await talker.say("Say root");
    const branches = [createTalker(stage, streamed), createTalker(stage, streamed)];
    for (const [index, branch] of branches.entries()) {
      branch.messages.push(...talker.messages);
      await branch.say(`Say branch ${index}`);
    }
    for (const [index, branch] of branches.entries()) await branch.say(`Say leaf ${index}`);

    const [root, branch0, branch1, leaf0, leaf1] = await turnsBy(
      "Say root",
      "Say branch 0",
      "Say branch 1",
      "Say leaf 0",
      "Say leaf 1",
    );
    expect([branch0?.parentId, branch1?.parentId]).toEqual([root!.responseId!, root!.responseId!]);
    expect([leaf0?.parentId, leaf1?.parentId]).toEqual([branch0!.responseId!, branch1!.responseId!]);
    expect(new Set([branch0, branch1, leaf0, leaf1].map((turn) => turn?.chatId))).toEqual(new Set([root!.chatId]));
  });

  test("a client that changes the shape of old messages is still known", async () => {
    const opening: ChatMessage[] = [{ role: "system", content: "Be brief." }, user("Say hello there")];
    const answer = await ask(stage.client, opening, streamed);
    const reshaped = [
      { role: "system", content: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }] },
      {
        role: "user",
        content: [
          { type: "text", text: "Say hello " },
          { type: "text", text: "there\n" },
        ],
      },
      { role: "assistant", content: answer, reasoning_content: "a thought", reasoning: "a thought", refusal: null },
      { role: "user", content: "Say goodbye" },
    ];
    const response = await stage.post("/v1/chat/completions", { messages: reshaped });

    expect(response.status).toBe(200);
    const [first, second] = await stage.emulator.turns();
    expect(second).toMatchObject({ chatId: first!.chatId, parentId: first!.responseId!, content: "Say goodbye" });
  });
});

describe("turns that do not end as they should", () => {
  test("an aborted turn leaves the old node in place [R0-025]", async () => {
    const talker = createTalker(stage, streamed);
    await talker.say("Say first");
    await stage.emulator.script({ match: "Count from 1 to 50", gate: "count" });
    await stage.emulator.release("count", 5);
    const messages = [...talker.messages, user("Count from 1 to 50")];
    const reader = await readSlowly(await stage.post("/v1/chat/completions", { messages, stream: true }));
    await reader.until("1");
    await reader.leave();
    await stage.emulator.until((all) => all.some((one) => one.on === "stop" && one.status === 200));
    const answer = await ask(stage.client, messages, streamed);

    expect(answer).toEndWith("49 50");
    const [first, aborted, repeated] = await stage.emulator.turns();
    expect(aborted).toMatchObject({ chatId: first!.chatId, parentId: first!.responseId! });
    expect(repeated).toMatchObject({ chatId: first!.chatId, parentId: first!.responseId! });
  });

  test("a hang-up right at [DONE] is a clean end: the next turn finds the new node [R0-024]", async () => {
    const opening = user("Say farewell");
    const reader = await readSlowly(await stage.post("/v1/chat/completions", { messages: [opening], stream: true }));
    await reader.until("data: [DONE]\n\n");
    await reader.leave();
    const { text } = parseChatStream(reader.text);
    await ask(stage.client, [opening, assistant(text), user("Say still here")], streamed);

    const [first, second] = await stage.emulator.turns();
    expect(second).toMatchObject({ chatId: first!.chatId, parentId: first!.responseId! });
    expect(await stage.emulator.requests("stop")).toEqual([]);
  });

  test("a chat that still settles is waited for and not replaced", async () => {
    await using slow = await startStage({ emulatorWords: ["--busy-ms", "300"] });
    const talker = createTalker(slow, streamed);
    await talker.say("Say one");
    await talker.say("Say two");

    const turns = await slow.emulator.turns();
    const accepted = turns.filter((turn) => turn.responseId !== undefined);
    expect(turns.some((turn) => turn.record.refusal === "chat-in-progress")).toBe(true);
    expect(accepted.map((turn) => turn.content)).toEqual(["Say one", "Say two"]);
    expect(accepted[1]).toMatchObject({ chatId: accepted[0]!.chatId, parentId: accepted[0]!.responseId! });
  });

  test("a chat that Qwen has lost is replaced without the client noticing", async () => {
    const talker = createTalker(stage, streamed);
    await talker.say("My boat is called Heron.");
    const [lost] = await stage.emulator.turns();
    await stage.emulator.reset();
    const answer = await talker.say("What is my boat called?");
    await talker.say("Say ahoy");

    expect(answer).toContain("Heron");
    const [refused, replaced, next] = await stage.emulator.turns();
    expect(refused).toMatchObject({ chatId: lost!.chatId, parentId: lost!.responseId!, responseId: undefined });
    expect(replaced?.parentId).toBeNull();
    expect(replaced?.content).toContain("My boat is called Heron.");
    expect(next).toMatchObject({ chatId: replaced!.chatId, parentId: replaced!.responseId!, content: "Say ahoy" });
  });
});

describe("clients without a history", () => {
  test("a thin client goes on at the head of its session, its parallel turns one after the other [R2-039]", async () => {
    const say = async (content: string): Promise<string> => {
      const body = { messages: [{ role: "user", content }], session_id: "thin-session", stream: true };
      const response = await stage.post("/v1/chat/completions", body);
      expect(response.headers.get("x-session-id")).toBe("thin-session");
      return parseChatStream(await response.text()).text;
    };
    await say("My town is Ghent.");
    const answer = await say("What is my town?");
    await Promise.all([say("Say left"), say("Say right")]);

    expect(answer).toContain("Ghent");
    const turns = await stage.emulator.turns();
    const nodes = turns.map((turn) => turn.responseId!);
    expect(new Set(turns.map((turn) => turn.chatId)).size).toBe(1);
    expect(turns.map((turn) => turn.parentId)).toEqual([null, nodes[0]!, nodes[1]!, nodes[2]!]);
    expect(turns.every((turn) => turn.record.refusal === undefined)).toBe(true);
  });

  test("SESSION_MATCH=first-message takes the first words alone for the conversation", async () => {
    await using other = await startStage({ environment: { SESSION_MATCH: "first-message" } });
    const opening = user("My lucky number is 7.");
    await ask(other.client, [opening], streamed);
    const forgetful = [opening, assistant("something that was never said"), user("What is my lucky number?")];
    const answer = await ask(other.client, forgetful, streamed);

    expect(answer).toContain("7");
    const [first, second] = await other.emulator.turns();
    expect(second).toMatchObject({ chatId: first!.chatId, parentId: first!.responseId! });
  });
});
