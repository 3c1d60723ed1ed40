// What events do to a message, and what a screen reader hears of it.

import { describe, expect, test } from "bun:test";
import { createAnnouncements } from "../../../src/page/conversation/announcements.ts";
import { type AnswerEvent, applyEvent } from "../../../src/page/conversation/answer-events.ts";
import { canResume, createMessage, type Message } from "../../../src/page/conversation/message.ts";

const empty = createMessage({ id: "a", parentId: "q", role: "assistant", createdAtMs: 1, status: "sending" });
const apply = (...events: readonly AnswerEvent[]): Message => events.reduce(applyEvent, empty);

const whole: readonly AnswerEvent[] = [
  { type: "metadata", metadata: { stream_id: "s", message_id: "m", model: "qwen3-max" } },
  { type: "stage", stage: "retrieval" },
  { type: "sources", sources: [{ id: "c", documentName: "d", text: "t", score: 0.5, url: undefined }] },
  { type: "stage", stage: "generation" },
  { type: "reasoning", text: "Hm" },
  { type: "text", text: "Good " },
  { type: "text", text: "day" },
  { type: "quality", score: 0 },
  { type: "follow-ups", questions: ["And?"] },
  { type: "metadata", metadata: { upstream: "qwen-web", prompt_tokens: 1, completion_tokens: 2 } },
  { type: "end" },
];

describe("applyEvent", () => {
  test("collects stages, sources, words and quality in the message [R3-060] [R3-061] [R3-062]", () => {
    expect(apply(...whole)).toEqual({
      ...empty,
      gatewayId: "m",
      status: "complete",
      content: "Good day",
      reasoning: "Hm",
      stages: ["retrieval", "generation"],
      sources: [{ id: "c", documentName: "d", text: "t", score: 0.5, url: undefined }],
      qualityScore: 0,
      followUps: ["And?"],
      model: "qwen3-max",
      upstream: "qwen-web",
      usage: { promptTokens: 1, completionTokens: 2 },
      streamId: "s",
    });
  });

  test("keeps the words of an answer that fails, and says why [R3-063]", () => {
    const failed = apply({ type: "text", text: "Good" }, { type: "failure", error: "The model is gone. Try again." });

    expect(failed).toMatchObject({ status: "failed", content: "Good", error: "The model is gone. Try again." });
  });

  test.each([
    ["length", "length"],
    ["content_filter", "content_filter"],
    ["stop", undefined],
    ["tool_calls", undefined],
    [7, undefined],
  ])("keeps what cut an answer off: %p", (finishReason, cutBy) => {
    const answer = apply({ type: "text", text: "Go" }, { type: "metadata", metadata: { finish_reason: finishReason } });

    expect(answer.cutBy).toBe(cutBy as Message["cutBy"]);
  });

  test("changes nothing behind the end", () => {
    const stopped = apply({ type: "text", text: "Good" }, { type: "stop" });

    expect(applyEvent(stopped, { type: "text", text: " day" })).toBe(stopped);
    expect(applyEvent(stopped, { type: "failure", error: "late" })).toBe(stopped);
  });

  test("tells a stage once when it begins anew", () => {
    expect(apply({ type: "stage", stage: "generation" }, { type: "stage", stage: "generation" }).stages).toEqual([
      "generation",
    ]);
  });

  test("an answer whose connection was lost for good can be read on, once its stream is known", () => {
    const lost: AnswerEvent = { type: "connection", state: "lost" };
    const failure: AnswerEvent = { type: "failure", error: "gone" };

    expect(canResume(apply({ type: "metadata", metadata: { stream_id: "s" } }, lost, failure))).toBe(true);
    expect(canResume(apply(lost, failure))).toBe(false);
    expect(canResume(apply({ type: "metadata", metadata: { stream_id: "s" } }, failure))).toBe(false);
  });
});

describe("announcements", () => {
  test("say the steps, the paragraphs as they are finished, and the end", () => {
    const announcements = createAnnouncements();
    announcements.update(empty);

    const said: string[][] = [];
    let message = empty;
    for (const event of [
      { type: "stage", stage: "retrieval" },
      { type: "stage", stage: "generation" },
      { type: "text", text: "**First** paragraph.\n\nSec" },
      { type: "text", text: "ond.\n\n```js\nlet x;\n```" },
      { type: "follow-ups", questions: ["And?"] },
      { type: "end" },
    ] satisfies AnswerEvent[]) {
      message = applyEvent(message, event);
      said.push(announcements.update(message));
    }

    expect(said).toEqual([
      ["Searching documents"],
      ["Writing the answer"],
      ["First paragraph."],
      ["Second."],
      [],
      ["Code.", "Answer complete, 1 follow-up question"],
    ]);
  });

  test("tell of an answer that was cut off", () => {
    const announcements = createAnnouncements();
    announcements.update(empty);

    const cut = apply({ type: "metadata", metadata: { finish_reason: "length" } }, { type: "end" });

    expect(announcements.update(cut)).toEqual(["Answer cut off"]);
  });

  test("are silent about an answer that was whole when it was first seen", () => {
    const announcements = createAnnouncements();

    expect(announcements.update(apply(...whole))).toEqual([]);
    expect(announcements.update(undefined)).toEqual([]);
  });

  test("tell of a connection that goes and comes", () => {
    const announcements = createAnnouncements();
    announcements.update(empty);
    const lost = applyEvent(empty, { type: "connection", state: "lost" });

    expect(announcements.update(lost)).toEqual(["Connection lost. Trying to come back"]);
    expect(announcements.update(applyEvent(lost, { type: "connection", state: "resumed" }))).toEqual([
      "Connection is back",
    ]);
  });
});
