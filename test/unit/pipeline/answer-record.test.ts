// What a session remembers of an answer, out of its events and its state.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { AnswerRecord } from "../../../src/pipeline/answer-record.ts";
import { emptyState } from "../../../src/pipeline/run-pipeline.ts";
import type { ChatMessage } from "../../../src/store/chat-store.ts";

const begun: ChatMessage = {
  id: "a1",
  parentId: "u1",
  role: "assistant",
  content: "",
  status: "running",
  createdAtMs: 1,
  streamId: "s1",
  extras: { model: "m" },
};

describe("AnswerRecord", () => {
  test("an answer that said nothing is what it began as, ended", () => {
    expect(new AnswerRecord().asMessage(begun, emptyState("q"), "stopped", undefined)).toEqual({
      ...begun,
      status: "stopped",
    });
  });

  test.each([
    ["invalid-request", "", true],
    ["context-too-long", "", true],
    ["content-filtered", "", true],
    ["too-large", "", true],
    ["content-filtered", "Half", undefined],
    ["upstream-failed", "", undefined],
    ["model-not-found", "", undefined],
  ] as const)("of %s behind %j knows whether the question was refused: %p", (kind, answer, isRefused) => {
    const error = new GatewayError(kind, "No");

    const { extras } = new AnswerRecord().asMessage(begun, { ...emptyState("q"), answer }, "failed", error);

    expect(extras.isRefused).toBe(isRefused);
  });

  test("remembers all that was told", () => {
    const record = new AnswerRecord();
    const source = { chunk_id: "c", document_name: "d", text: "t", score: 0.5 };
    record.note({ stage: "retrieval" });
    record.note({ stage: "generation" });
    record.note({ token: "not by events" });
    record.note({ quality_score: 0.5 });
    record.note({ follow_up_questions: ["And?"] });
    const state = {
      ...emptyState("q"),
      answer: "Yes.",
      reasoning: "hm",
      sources: [source],
      upstream: "u",
      usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3, reasoningTokens: 1 },
    };

    expect(record.asMessage(begun, state as never, "failed", { message: "It broke" })).toEqual({
      ...begun,
      content: "Yes.",
      status: "failed",
      extras: {
        model: "m",
        stages: ["retrieval", "generation"],
        qualityScore: 0.5,
        followUpQuestions: ["And?"],
        sources: [source],
        reasoning: "hm",
        upstream: "u",
        usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 },
        error: "It broke",
      },
    });
  });

  test("a quality of 0 is one", () => {
    const record = new AnswerRecord();
    record.note({ quality_score: 0 });

    expect(record.asMessage(begun, emptyState("q"), "complete", undefined).extras.qualityScore).toBe(0);
  });
});
