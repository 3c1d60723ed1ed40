// What goes wrong within an answer: faults that end it are one frame and [DONE]; faults that need not end it are not
// noticed at all.

import { describe, expect, test } from "bun:test";
import { chunks, endings, error, leaks, oddities } from "../support/fault-tables.ts";
import { startHarness } from "../support/harness.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import {
  acceptedTurns,
  allTurns,
  bodyOf,
  callsOf,
  createTalk,
  lastTurn,
  readCompletion,
  readStream,
  untilIdle,
  user,
} from "./client.ts";

const hello = { model: "qwen3-max", stream: true, messages: [user("Hello")] };
const text = chunks.join("");

describe.each([...endings])("$name in the middle of an answer", ({ fault, code, environment = {} }) => {
  test("is one error frame and [DONE], without a finish reason, and is asked for once [R0-028, R0-029, R0-032, R0-059, R1-020]", async () => {
    await using harness = await startHarness({ environment });
    harness.emulator.script({ reply: { chunks, faults: [fault] } });
    const body = await bodyOf(await harness.chat(hello));
    const stream = parseChatStream(body);
    expect(stream.text).toBe("one two ");
    expect(stream.error).toMatchObject({ code });
    // Exactly one: nobody tells it a second time.
    expect(stream.chunks.filter((chunk) => chunk.error !== undefined)).toHaveLength(1);
    expect(stream.finishReasons).toEqual([]);
    expect(stream.doneCount).toBe(1);
    expect(body).toEndWith("data: [DONE]\n\n");
    expect(body).not.toMatch(leaks);
    expect(allTurns(harness)).toHaveLength(1);
    await untilIdle(harness);
  });

  test("leaves the conversation where it was: the next message continues the turn before [R0-054]", async () => {
    await using harness = await startHarness({ environment });
    const talk = createTalk(harness);
    await talk.say("My name is Ada.");
    const { chatId, responseId } = lastTurn(harness);
    harness.emulator.script({ reply: { chunks, faults: [fault] } });
    const failed = await readStream(await harness.chat({ ...hello, messages: [...talk.messages, user("A story")] }));
    expect(failed.error).toMatchObject({ code });
    await untilIdle(harness);
    // A credential or a quota that was refused is the account's matter, tested with the accounts.
    if (code === "upstream_auth" || code === "upstream_quota" || code === "overloaded") return;
    expect(await talk.say("What is my name?")).toContain("Ada");
    expect(lastTurn(harness)).toMatchObject({ chatId, parentId: responseId });
  });
});

describe.each([...oddities])("$name", ({ reply, warnings = 0 }) => {
  test.each([true, false])("changes nothing of an answer, stream %p [R0-027, R0-055]", async (stream) => {
    await using harness = await startHarness();
    harness.emulator.script({ reply });
    const response = await harness.chat({ ...hello, stream });
    if (stream) {
      const answer = await readStream(response);
      expect(answer.text).toBe(text);
      expect(answer.finishReasons).toEqual(["stop"]);
      expect(answer.error).toBeUndefined();
      expect(answer.doneCount).toBe(1);
    } else {
      const { choices } = await readCompletion(response);
      expect(choices[0]).toMatchObject({ message: { content: text }, finish_reason: "stop" });
    }
    expect(harness.logLines.filter((line) => line.includes('"level":"warn"'))).toHaveLength(warnings);
    expect(allTurns(harness)).toHaveLength(1);
    expect(callsOf(harness, "stop")).toHaveLength(0);
  });
});

describe("an empty answer", () => {
  test.each([true, false])("is asked for once more, stream %p", async (stream) => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: "" } }, { reply: { text } });
    const body = await bodyOf(await harness.chat({ ...hello, stream }));
    expect(stream ? parseChatStream(body).text : body).toContain(text);
    expect(acceptedTurns(harness)).toHaveLength(2);
    expect(callsOf(harness, "chats/new")).toHaveLength(1);
  });

  test.each([true, false])("that stays empty is delivered empty, with stop, stream %p", async (stream) => {
    await using harness = await startHarness();
    harness.emulator.script({ times: "always", reply: { text: "" } });
    const response = await harness.chat({ ...hello, stream });
    if (stream) {
      const answer = await readStream(response);
      expect({ text: answer.text, finish: answer.finishReasons, done: answer.doneCount }).toEqual({
        text: "",
        finish: ["stop"],
        done: 1,
      });
    } else {
      const { choices } = await readCompletion(response);
      expect(choices[0]?.finish_reason).toBe("stop");
      expect(choices[0]?.message.content ?? "").toBe("");
    }
    expect(acceptedTurns(harness)).toHaveLength(2);
  });

  test("is delivered at once where only one attempt is allowed", async () => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
    harness.emulator.script({ times: "always", reply: { text: "" } });
    expect((await readStream(await harness.chat(hello))).finishReasons).toEqual(["stop"]);
    expect(acceptedTurns(harness)).toHaveLength(1);
  });

  test("with thoughts is an answer", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { text: "", thinking: "hm hm" } });
    const stream = await readStream(await harness.chat(hello));
    expect(stream.reasoning).toBe("hm hm");
    expect(stream.finishReasons).toEqual(["stop"]);
    expect(acceptedTurns(harness)).toHaveLength(1);
  });
});

describe("what is wrong with the chat, told as an event", () => {
  const lost: readonly (readonly [string, string])[] = [
    ["Bad_Request", "Invalid input chat parent_id x is not exist."],
    ["CHAT_NOT_FOUND", "Invalid input the chat x is not exist."],
    ["Bad_Request", "first message must not assistant message"],
    ["invalid_input", "输入或附件无效。"],
  ];
  test.each([...lost])("%s, %s: a new chat with the whole history takes over", async (code, details) => {
    await using harness = await startHarness();
    const talk = createTalk(harness);
    await talk.say("My name is Ada.");
    const { chatId } = lastTurn(harness);
    harness.emulator.script({ match: "What is", reply: { faults: [{ kind: "error", after: 1, code, details }] } });
    expect(await talk.say("What is my name?")).toContain("Ada");
    const turn = lastTurn(harness);
    expect(turn.chatId).not.toBe(chatId);
    expect(turn.parentId).toBeNull();
    expect(turn.content).toContain("My name is Ada.");
    // And it stays there.
    await talk.say("Thank you");
    expect(lastTurn(harness)).toMatchObject({ chatId: turn.chatId, parentId: turn.responseId });
  });
});

test("one hundred streams at once: each its own words, faults of one are nobody else's [R0-060]", async () => {
  await using harness = await startHarness();
  const count = 100;
  harness.emulator.script({ match: "fails", times: "always", reply: { chunks, faults: [error("internal_error")] } });
  harness.emulator.script({
    match: "odd",
    times: "always",
    reply: { chunks, faults: [{ kind: "malformed", after: 2 }] },
  });
  const streams = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const words = ["fails", "odd", `Say: words of ${index}`][index % 3] ?? "";
      return readStream(
        await harness.chat({ ...hello, messages: [user(`${index % 3 === 2 ? words : `${words} ${index}`}`)] }),
      );
    }),
  );
  for (const [index, stream] of streams.entries()) {
    expect(stream.doneCount).toBe(1);
    if (index % 3 === 0) expect(stream.error).toMatchObject({ code: "upstream_failed" });
    else expect(stream.text).toBe(index % 3 === 1 ? text : `words of ${index}`);
  }
  await untilIdle(harness);
});
