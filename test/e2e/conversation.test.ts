// A conversation of many turns over the compiled executable: one chat, the right node each time, only the new words sent.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readSlowly } from "./slow-reader.ts";
import { createTalker, startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

/** The public name of a session: MD5 of its first user message. */
function sessionIdOf(firstMessage: string): string {
  return new Bun.CryptoHasher("md5").update(firstMessage).digest("hex");
}

async function sessionOf(firstMessage: string): Promise<Record<string, unknown>> {
  const response = await stage.get(`/v1/sessions/${sessionIdOf(firstMessage)}`);
  expect(response.status).toBe(200);
  // The shape is what the tests assert.
  return (await response.json()) as Record<string, unknown>;
}

/** The turns whose conversation opened with these words. */
async function turnsOf(firstMessage: string) {
  const turns = await stage.emulator.turns();
  const first = turns.find((turn) => turn.content === firstMessage);
  return turns.filter((turn) => turn.chatId === first?.chatId);
}

describe.each([{ stream: true }, { stream: false }])("five turns, stream $stream", ({ stream }) => {
  test("five turns chain null, P1, P2, P3, P4 in one chat and send only the new words [R0-053] [R2-032] [R2-033] [R2-034] [R2-040]", async () => {
    const words = ["first", "second", "third", "fourth", "fifth"].map((word) => `Say "${word} ${stream}"`);
    const talker = createTalker(stage, { stream });
    for (const text of words) await talker.say(text);

    const turns = await turnsOf(words[0]!);
    const nodes = turns.map((turn) => turn.responseId ?? "none");
    expect(turns.map((turn) => turn.content)).toEqual(words);
    expect(turns.map((turn) => turn.parentId)).toEqual([null, ...nodes.slice(0, 4)]);
    expect(talker.messages.filter((message) => message.role === "assistant")).toHaveLength(5);
    expect(await sessionOf(words[0]!)).toMatchObject({ messageCount: 5, parent_id: nodes[4] });
  });
});

describe("the manual scenarios", () => {
  test("scenarios 1 and 2: a first answer creates the session, a follow-up goes on in it with its context [R2-071] [R2-072] [R2-024] [R2-025] [R2-026]", async () => {
    const opening = "My name is Ada.";
    const talker = createTalker(stage, { stream: false });
    const chatsBefore = (await stage.emulator.requests("chats/new")).length;
    await talker.say(opening);
    const [first] = await turnsOf(opening);
    const afterFirst = await sessionOf(opening);
    const answer = await talker.say("What is my name?");
    const [, second] = await turnsOf(opening);

    expect(first?.parentId).toBeNull();
    expect(afterFirst).toMatchObject({
      sessionId: sessionIdOf(opening),
      chatId: first?.chatId,
      parent_id: first?.responseId,
      parentId: first?.responseId,
      responseId: first?.responseId,
      messageCount: 1,
    });
    expect(answer).toContain("Ada");
    expect(second).toMatchObject({ chatId: first?.chatId, parentId: first?.responseId });
    expect(await sessionOf(opening)).toMatchObject({ parent_id: second?.responseId, messageCount: 2 });
    expect(await stage.emulator.requests("chats/new")).toHaveLength(chatsBefore + 1);
  });

  test("scenario 3: a streamed answer comes as it is made, with its headers, [DONE] and the session [R2-073] [R0-001] [R0-009] [R0-003] [R0-004] [R0-006] [R0-024]", async () => {
    const opening = "Scenario three";
    await stage.emulator.script({ match: opening, gate: "three", reply: { chunks: ["one ", "two ", "three"] } });
    // The created event and the first delta.
    await stage.emulator.release("three", 2);
    const body = { messages: [{ role: "user", content: opening }], stream: true };
    const response = await stage.post("/v1/chat/completions", body);
    const reader = await readSlowly(response);
    for (const word of ["one ", "two ", "three"]) {
      await reader.until(JSON.stringify(word));
      expect((await stage.emulator.turns()).at(-1)?.record.finished).toBe(false);
      await stage.emulator.release("three", word === "three" ? "all" : 1);
    }
    await reader.until("data: [DONE]\n\n");
    const session = await sessionOf(opening);

    expect(response.headers.get("content-type")).toStartWith("text/event-stream");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    const [turn] = await turnsOf(opening);
    expect(session).toMatchObject({ parent_id: turn?.responseId, messageCount: 1 });
    const text = await reader.rest();
    expect(text).toEndWith("data: [DONE]\n\n");
    expect(text).not.toContain("response.created");
  });

  test("scenario 4: in the third turn the model recalls what it was told in the first [R2-074] [R2-043]", async () => {
    const opening = "My favourite colour is teal.";
    const talker = createTalker(stage, { stream: true });
    await talker.say(opening);
    await talker.say("Count from 1 to 3");
    const answer = await talker.say("What is my favourite colour?");

    expect(answer).toContain("teal");
    const turns = await turnsOf(opening);
    expect(turns.map((turn) => turn.parentId)).toEqual([null, turns[0]!.responseId!, turns[1]!.responseId!]);
  });
});

describe("QWEN_CHAIN_ON", () => {
  test("QWEN_CHAIN_ON=parent_id chains on the node that Qwen calls parent [R0-017] [R0-053]", async () => {
    await using other = await startStage({ environment: { QWEN_CHAIN_ON: "parent_id" } });
    const talker = createTalker(other, { stream: true });
    for (const word of ["a", "b", "c"]) await talker.say(`Say "${word}"`);

    const turns = await other.emulator.turns();
    const users = turns.map((turn) => turn.record.turn?.userId);
    expect(turns.map((turn) => turn.parentId)).toEqual([null, users[0]!, users[1]!]);
  });
});

describe("DELETE /v1/sessions/:id", () => {
  test("QWEN_DELETE_CHATS deletes the chats of the session at Qwen, and none without it", async () => {
    for (const deletes of [true, false]) {
      await using other = await startStage({ environment: { QWEN_DELETE_CHATS: String(deletes) } });
      await createTalker(other, { stream: true }).say("Say kept");
      await createTalker(other, { stream: true }).say("Say gone");
      const [, gone] = await other.emulator.turns();
      const url = `${other.gateway.url}/v1/sessions/${sessionIdOf("Say gone")}`;
      const response = await fetch(url, { method: "DELETE" });

      expect(await response.json()).toMatchObject({ deleted: true });
      expect((await fetch(url)).status).toBe(404);
      expect((await other.get(`/v1/sessions/${sessionIdOf("Say kept")}`)).status).toBe(200);
      const deleted = (await other.emulator.requests("delete")).map((request) => request.path);
      expect(deleted).toEqual(deletes ? [`/api/v2/chats/${gone!.chatId}`] : []);
    }
  });
});
