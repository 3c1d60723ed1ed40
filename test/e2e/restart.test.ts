// kill -9 at every point of a conversation: the next process goes on where the client believes to be.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createPlace, startBinary } from "../support/binary.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import { readSlowly } from "./slow-reader.ts";
import { ask, type ChatMessage, createClient, createTalker, startStage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const user = (content: string): ChatMessage => ({ role: "user", content });
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });
const streamed = { stream: true };

describe("kill -9", () => {
  test.each([{ stream: true }, { stream: false }])(
    "kill -9 between two turns is not noticed, stream $stream [R2-078] [RC-006]",
    async ({ stream }) => {
      await using stage = await startStage();
      const talker = createTalker(stage, { stream });
      await talker.say("My dog is called Rex.");
      await talker.say("Say two");
      const before: unknown = await (await stage.get("/v1/sessions")).json();
      await stage.crashAndRestart();
      const after: unknown = await (await stage.get("/v1/sessions")).json();
      const answer = await talker.say("What is my dog called?");

      expect(after).toEqual(before);
      expect(answer).toContain("Rex");
      const [one, two, three] = await stage.emulator.turns();
      expect(two).toMatchObject({ chatId: one!.chatId, parentId: one!.responseId! });
      expect(three).toMatchObject({
        chatId: one!.chatId,
        parentId: two!.responseId!,
        content: "What is my dog called?",
      });
      expect(await stage.emulator.requests("chats/new")).toHaveLength(1);
    },
  );

  test("kill -9 right at [DONE] loses nothing: whoever saw the end finds the turn [R0-024]", async () => {
    await using stage = await startStage();
    const messages = [user("Say round 0")];
    // Several rounds, because a commit that came too late would lose the race only sometimes.
    for (let round = 1; round <= 4; round++) {
      const reader = await readSlowly(await stage.post("/v1/chat/completions", { messages, stream: true }));
      await reader.until("data: [DONE]\n\n");
      stage.gateway.kill("SIGKILL");
      messages.push(assistant(parseChatStream(reader.text).text), user(`Say round ${round}`));
      await stage.crashAndRestart();
    }

    const turns = await stage.emulator.turns();
    const nodes = turns.map((turn) => turn.responseId!);
    expect(turns.map((turn) => turn.content)).toEqual(["Say round 0", "Say round 1", "Say round 2", "Say round 3"]);
    expect(turns.map((turn) => turn.parentId)).toEqual([null, nodes[0]!, nodes[1]!, nodes[2]!]);
    expect(new Set(turns.map((turn) => turn.chatId)).size).toBe(1);
  });

  test("kill -9 in the middle of a stream: the same turn again stops what runs and continues at the old node [R0-025]", async () => {
    await using stage = await startStage();
    const talker = createTalker(stage, streamed);
    await talker.say("Say one");
    await stage.emulator.script({ match: "Count from 1 to 30", gate: "count" });
    await stage.emulator.release("count", 4);
    const messages = [...talker.messages, user("Count from 1 to 30")];
    const reader = await readSlowly(await stage.post("/v1/chat/completions", { messages, stream: true }));
    await reader.until('"content":"1"');
    const broken = reader.rest().catch((error: unknown) => error);
    await stage.crashAndRestart();
    expect(await broken).toBeInstanceOf(Error);
    const answer = await ask(stage.client, messages, streamed);

    expect(answer).toEndWith("29 30");
    const [one, killed, again] = await stage.emulator.turns();
    expect(again).toMatchObject({ chatId: one!.chatId, parentId: one!.responseId!, content: "Count from 1 to 30" });
    const [stop] = await stage.emulator.requests("stop");
    expect(stop?.body).toMatchObject({ chat_id: one!.chatId, response_id: killed!.responseId! });
    expect(stop!.ordinal).toBeLessThan(again!.record.ordinal);
  });

  test("kill -9 in the middle of a first turn leaves nothing in the way of its repetition", async () => {
    await using stage = await startStage();
    await stage.emulator.script({ match: "Count from 1 to 30", gate: "count" });
    await stage.emulator.release("count", 4);
    const messages = [user("Count from 1 to 30")];
    const reader = await readSlowly(await stage.post("/v1/chat/completions", { messages, stream: true }));
    await reader.until('"content":"1"');
    await stage.crashAndRestart();
    const answer = await ask(stage.client, messages, streamed);
    await ask(stage.client, [...messages, assistant(answer), user("Say next")], streamed);

    expect(answer).toEndWith("29 30");
    const [, again, next] = await stage.emulator.turns();
    expect(again?.parentId).toBeNull();
    expect(next).toMatchObject({ chatId: again!.chatId, parentId: again!.responseId!, content: "Say next" });
  });

  test("kill -9 of a gateway without an account loses its built-in chats and nothing else", async () => {
    using place = createPlace();
    const first = await startBinary([], { PORT: "0" }, place);
    const messages = [user("My cat is called Mia.")];
    messages.push(assistant(await ask(createClient(first.url), messages, streamed)), user("What is my cat called?"));
    first.kill("SIGKILL");
    await first.exited;
    await using second = await startBinary([], { PORT: "0" }, place);

    expect(await ask(createClient(second.url), messages, streamed)).toContain("Mia");
  });
});

describe("an orderly restart", () => {
  test("SIGTERM and a new start go on in the same chat [R2-078]", async () => {
    await using stage = await startStage();
    const talker = createTalker(stage, streamed);
    await talker.say("Say one");
    stage.gateway.kill("SIGTERM");
    expect(await stage.gateway.exited).toBe(0);
    await stage.crashAndRestart();
    await talker.say("Say two");

    const [one, two] = await stage.emulator.turns();
    expect(two).toMatchObject({ chatId: one!.chatId, parentId: one!.responseId! });
  });
});
