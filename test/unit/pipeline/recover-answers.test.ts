// Answers whose process is gone: what their stream had said is kept, and nothing that runs or has ended is touched.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { FrameWriter } from "../../../src/pipeline/frame-writer.ts";
import { brokenOff, recoverAnswers } from "../../../src/pipeline/recover-answers.ts";
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
const question: ChatMessage = { ...begun, id: "u1", parentId: null, role: "user", status: "complete" };
const source = { chunk_id: "c", document_name: "d", text: "t", score: 0.5 };

function framesOf(...events: readonly (object | string)[]): Uint8Array {
  const frames = new FrameWriter();
  for (const event of events) frames.event(event);
  return frames.take();
}

/** A stream in pieces of so many bytes. */
function streamOf(bytes: Uint8Array, pieceBytes = bytes.length): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += pieceBytes) controller.enqueue(bytes.slice(at, at + pieceBytes));
      controller.close();
    },
  });
}

async function recover(
  messages: readonly ChatMessage[],
  open: () => Promise<ReadableStream<Uint8Array>>,
  running: readonly string[] = [],
) {
  const written: ChatMessage[] = [];
  const opened: string[] = [];
  const recovered = await recoverAnswers(messages, {
    caller: "c",
    sessionId: "s",
    running: new Set(running),
    replays: {
      open(caller, streamId, afterId) {
        opened.push(`${caller}/${streamId}/${afterId}`);
        return open();
      },
    },
    store: {
      async recoverTurn(_caller, _sessionId, answer) {
        written.push(answer);
      },
    },
  });
  return { recovered, written, opened };
}

describe("recoverAnswers", () => {
  const said = framesOf(
    { metadata: { stream_id: "s1" } },
    { stage: "retrieval" },
    { sources: [source] },
    { stage: "generation" },
    { reasoning: "Let me " },
    { reasoning: "see." },
    { token: "两个" },
    { token: "月 🗓" },
    { quality_score: 0.5 },
    { error: brokenOff },
  );

  test("keeps what the frames of a broken stream had said", async () => {
    const { recovered, written, opened } = await recover([question, begun], async () => streamOf(said));

    expect(recovered[0]).toBe(question);
    expect(recovered[1]).toEqual({
      ...begun,
      content: "两个月 🗓",
      status: "failed",
      extras: {
        model: "m",
        qualityScore: 0.5,
        stages: ["retrieval", "generation"],
        sources: [source],
        reasoning: "Let me see.",
        error: brokenOff,
      },
    });
    expect(written).toEqual([recovered[1]!]);
    expect(opened).toEqual(["c/s1/0"]);
  });

  test("reads them the same in pieces of any size", async () => {
    const whole = (await recover([begun], async () => streamOf(said))).recovered;

    for (const pieceBytes of [1, 2, 3, 7, 64]) {
      expect((await recover([begun], async () => streamOf(said, pieceBytes))).recovered).toEqual(whole);
    }
  });

  test("a torn end costs the torn frame and no more", async () => {
    const two = framesOf({ token: "one " }, { token: "two 月" });
    const one = framesOf({ token: "one " }).length;

    for (let length = one; length < two.length - "}\n\n".length; length++) {
      const { recovered } = await recover([begun], async () => streamOf(two.subarray(0, length)));
      expect(recovered[0]?.content).toBe("one ");
    }
  });

  test("frames that are no JSON or no object are passed over", async () => {
    const bytes = framesOf("{torn", "3", "null", '"text"', "[]", { token: "a" });

    expect((await recover([begun], async () => streamOf(bytes))).recovered[0]?.content).toBe("a");
  });

  test("a stream that was told to its end is a whole answer: only its memory had failed", async () => {
    const bytes = framesOf({ token: "all" }, { metadata: {} }, "[DONE]");

    const { recovered } = await recover([begun], async () => streamOf(bytes));

    expect(recovered[0]).toMatchObject({ content: "all", status: "complete" });
    expect(recovered[0]?.extras.error).toBeUndefined();
  });

  test("a stream that ended by a failure of its own keeps its sentence", async () => {
    const bytes = framesOf({ token: "a" }, { error: "Too many requests" });

    const { recovered } = await recover([begun], async () => streamOf(bytes));

    expect(recovered[0]).toMatchObject({ content: "a", status: "failed", extras: { error: "Too many requests" } });
  });

  test.each(["not-found", "gone"] as const)("a stream that is %s has said nothing that is known", async (kind) => {
    const { recovered, written } = await recover([begun], () => Promise.reject(new GatewayError(kind, "No")));

    expect(recovered).toEqual([{ ...begun, status: "failed", extras: { model: "m", error: brokenOff } }]);
    expect(written).toHaveLength(1);
  });

  test("an answer without a stream was begun and no more", async () => {
    const { recovered, opened } = await recover([{ ...begun, streamId: undefined }], async () => streamOf(said));

    expect(recovered[0]).toMatchObject({ content: "", status: "failed" });
    expect(opened).toEqual([]);
  });

  test("an answer of this process that is not kept yet is left alone", async () => {
    const { recovered, written, opened } = await recover([question, begun], async () => streamOf(said), ["s1"]);

    expect(recovered).toEqual([question, begun]);
    expect([written, opened]).toEqual([[], []]);
  });

  test("an answer of another process is left alone, and so is one that cannot be looked up now", async () => {
    for (const error of [new GatewayError("overloaded", "It runs elsewhere"), new Error("disk I/O error")]) {
      const { recovered, written } = await recover([begun], () => Promise.reject(error));

      expect(recovered).toEqual([begun]);
      expect(written).toEqual([]);
    }
  });

  test("answers that have ended cost nothing", async () => {
    const messages = [question, { ...begun, status: "stopped" as const }];

    const { recovered, opened } = await recover(messages, async () => streamOf(said));

    expect(recovered).toBe(messages);
    expect(opened).toEqual([]);
  });
});
