// When a stored answer counts as whole.

import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../../../src/contract/json.ts";
import { storedAnswer } from "../../../../../src/upstreams/qwen-web/reply/recover.ts";
import { readRecording } from "../../../../support/recordings.ts";

const answerNode = "00000000-0000-4000-8000-000000000003";

/** A stored chat with these pieces in its one answer. */
function chatWith(pieces: unknown, role = "assistant"): JsonObject {
  return { chat: { history: { messages: { a: { role, content: "old", content_list: pieces } } } } };
}

const finished = (phase: string, content: string) => ({ phase, content, status: "finished" });

describe("storedAnswer", () => {
  test("reads the answer of the recorded chat", () => {
    // The recording is an answer of the backend.
    const { data } = JSON.parse(new TextDecoder().decode(readRecording("ok-06-chat-detail.json"))) as {
      data: JsonObject;
    };
    expect(storedAnswer(data, answerNode)).toBe("hi there");
    expect(storedAnswer(data, "00000000-0000-4000-8000-000000000002")).toBeUndefined();
    expect(storedAnswer(data, "unknown")).toBeUndefined();
  });

  test("joins the pieces of the answer and leaves out the others", () => {
    const pieces = [finished("thinking_summary", ""), finished("answer", "one "), finished("answer", "two")];
    expect(storedAnswer(chatWith(pieces), "a")).toBe("one two");
  });

  const notWhole: readonly (readonly [name: string, pieces: unknown])[] = [
    ["a piece that is still typed", [{ phase: "answer", content: "one", status: "typing" }]],
    ["thoughts that are still typed", [{ phase: "think", content: "", status: "typing" }, finished("answer", "one")]],
    ["no piece of the answer", [finished("think", "hm")]],
    ["no pieces", []],
    ["no list, as older chats have", undefined],
    ["something else for a list", "text"],
    ["something else for a piece", ["one"]],
  ];
  test.each([...notWhole])("takes %s for no whole answer", (_name, pieces) => {
    expect(storedAnswer(chatWith(pieces), "a")).toBeUndefined();
  });

  test("takes somebody else's words for no answer", () => {
    expect(storedAnswer(chatWith([finished("answer", "one")], "user"), "a")).toBeUndefined();
  });

  test("survives any shape of a chat", () => {
    for (const chat of [{}, { chat: null }, { chat: { history: 7 } }, { chat: { history: { messages: [] } } }]) {
      expect(storedAnswer(chat, "a")).toBeUndefined();
    }
  });
});
