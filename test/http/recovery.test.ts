// Answers whose stream breaks off: the rest from the stored chat where that holds it, else one error, and either way a
// conversation that goes on.

import { describe, expect, test } from "bun:test";
import type { ScriptedReply, StreamFault } from "../../src/emulator/qwen-web-emulator.ts";
import { startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { readRecording } from "../support/recordings.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import {
  acceptedTurns,
  allTurns,
  assistant,
  callsOf,
  lastTurn,
  readCompletion,
  readStream,
  untilIdle,
  user,
} from "./client.ts";

const question = user("Tell me");
const hello = { model: "qwen3-max", stream: true, messages: [question] };
const text = "one two three four five";
const broken = (kind: "drop" | "end", stored: "complete" | "delivered", after = 3): ScriptedReply => ({
  text,
  stored,
  faults: [{ kind, after }],
});

describe.each(["drop", "end"] as const)("an answer cut by %s in its middle", (kind) => {
  test("is completed from the stored chat, and its turn stands [R0-054]", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: broken(kind, "complete") });
    const stream = await readStream(await harness.chat(hello));
    expect(stream.text).toBe(text);
    expect(stream.finishReasons).toEqual(["stop"]);
    expect(stream.error).toBeUndefined();
    expect(stream.doneCount).toBe(1);
    const { chatId, responseId } = lastTurn(harness);
    expect(callsOf(harness, "chat").map((call) => call.path)).toEqual([`/api/v2/chats/${chatId}`]);
    // Nothing is left to stop, and the next message continues that very node.
    expect(callsOf(harness, "stop")).toHaveLength(0);
    await readStream(await harness.chat({ ...hello, messages: [question, assistant(text), user("And?")] }));
    expect(lastTurn(harness)).toMatchObject({ chatId, parentId: responseId, content: "And?" });
  });

  test("is one error frame and [DONE] when the stored chat holds no more, and is asked for only once", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: broken(kind, "delivered") });
    const stream = await readStream(await harness.chat(hello));
    expect(text).toStartWith(stream.text);
    expect(stream.text).not.toBe("");
    expect(stream.error).toMatchObject({ code: "upstream_failed", message: expect.stringContaining("broke off") });
    expect(stream.finishReasons).toEqual([]);
    expect(stream.doneCount).toBe(1);
    expect(callsOf(harness, "chat")).toHaveLength(1);
    expect(allTurns(harness)).toHaveLength(1);
    await untilIdle(harness);
    expect(callsOf(harness, "stop")).toHaveLength(1);
  });

  test("is completed for a client that waits for the whole answer, without another generation", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: broken(kind, "complete") });
    const completion = await readCompletion(await harness.chat({ ...hello, stream: false }));
    expect(completion.choices[0]).toMatchObject({ message: { content: text }, finish_reason: "stop" });
    expect(allTurns(harness)).toHaveLength(1);
  });

  test("is asked for anew where the client has seen nothing and the stored chat is not whole", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: broken(kind, "delivered") }, { reply: { text: "second time" } });
    const completion = await readCompletion(await harness.chat({ ...hello, stream: false }));
    expect(completion.choices[0]?.message.content).toBe("second time");
    expect(allTurns(harness)).toHaveLength(2);
  });
});

test("QWEN_RECOVER=false does not look, and tells the error", async () => {
  await using harness = await startHarness({ environment: { QWEN_RECOVER: "false" } });
  harness.emulator.script({ reply: broken("drop", "complete") });
  const stream = await readStream(await harness.chat(hello));
  expect(stream.error).toMatchObject({ code: "upstream_failed" });
  expect(callsOf(harness, "chat")).toHaveLength(0);
});

test("a stored answer that begins otherwise than what was sent is not used", async () => {
  await using harness = await startHarness();
  const raw = new TextDecoder().decode(readRecording("syn-11-truncated-no-finish.sse"));
  const faults: StreamFault[] = [{ kind: "end", after: 2 }];
  harness.emulator.script({ reply: { raw, text: "Quite another answer", faults, stored: "complete" } });
  const stream = await readStream(await harness.chat(hello));
  expect(callsOf(harness, "chat")).toHaveLength(1);
  expect(stream.text).toBe("Half an ans");
  expect(stream.error).toMatchObject({ code: "upstream_failed" });
});

test.each(["waf-html", "unauthorized", "reset", "gateway-504"] as const)(
  "a look that meets %s leaves the first error as it is",
  async (refuse) => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: broken("drop", "complete") }, { on: "chat", times: "always", refuse });
    const stream = await readStream(await harness.chat(hello));
    expect(stream.error).toMatchObject({
      code: "upstream_failed",
      message: "The connection to Qwen broke off before the answer was complete: send the message again",
    });
    expect(stream.doneCount).toBe(1);
  },
);

test("an error that Qwen tells in the middle of an answer is final: the stored chat is not asked", async () => {
  await using harness = await startHarness();
  const faults: StreamFault[] = [{ kind: "error", after: 3, code: "internal_error", details: "Internal Error" }];
  harness.emulator.script({ reply: { text, faults, stored: "complete" } });
  const stream = await readStream(await harness.chat(hello));
  expect(stream.error).toMatchObject({ code: "upstream_failed" });
  expect(callsOf(harness, "chat")).toHaveLength(0);
});

test("a long answer is recognised by its digest and completed", async () => {
  await using harness = await startHarness();
  const chunks = Array.from({ length: 4000 }, (_, index) => `line ${index} "quoted" 😀\n`);
  const faults: StreamFault[] = [{ kind: "drop", after: 3500 }];
  harness.emulator.script({ reply: { chunks, faults, stored: "complete" } });
  const stream = await readStream(await harness.chat(hello));
  expect(stream.text).toBe(chunks.join(""));
  expect(stream.finishReasons).toEqual(["stop"]);
});

test.each([true, false])(
  "what came from the stored chat is counted with what had come before, streamed: %p",
  async (stream) => {
    const words = Array.from({ length: 300 }, (_, index) => `word ${index} `);
    const usageOf = async (faults: StreamFault[]) => {
      await using harness = await startHarness({ environment: { LIMIT_TOKENS_PER_DAY: "100000" } });
      harness.emulator.script({ reply: { chunks: words, stored: "complete", faults } });
      const answer = await harness.chat({ ...hello, stream, stream_options: { include_usage: true } });
      const told = Number(/"completion_tokens":(\d+)/.exec(await answer.text())?.[1]);
      await untilIdle(harness);
      const line = harness.logLines.map((one) => JSON.parse(one)).find(({ message }) => message === "exchange");
      const after = await harness.chat({ model: "nothing", messages: 1 });
      await after.text();
      const spent = 100_000 - Number(after.headers.get("x-ratelimit-remaining-tokens"));
      expect(line).toMatchObject({ outcome: "complete", outputTokens: told });
      expect(spent).toBe(line.inputTokens + told);
      return { told, isEstimated: line.estimated === true };
    };
    const whole = await usageOf([]);
    const mended = await usageOf([{ kind: "drop", after: 10 }]);
    expect([whole.isEstimated, mended.isEstimated]).toEqual([false, true]);
    expect(mended.told / whole.told).toBeGreaterThan(0.5);
    expect(mended.told / whole.told).toBeLessThan(2);
  },
);

test("a finish that came whole before the reset is the end: nothing is looked up", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { text: "done", faults: [{ kind: "drop", after: 100 }] } });
  const stream = await readStream(await harness.chat(hello));
  expect(stream.text).toBe("done");
  expect(stream.finishReasons).toEqual(["stop"]);
  expect(callsOf(harness, "chat")).toHaveLength(0);
});

test("the client hears heartbeats while the stored chat is looked up, and may hang up meanwhile", async () => {
  await using harness = await startHarness({ environment: { SSE_KEEPALIVE_MS: "10" } });
  harness.emulator.script({ reply: broken("drop", "complete") }, { on: "chat", gate: "look" });
  const controller = new AbortController();
  const live = readLive(await harness.chat(hello, { signal: controller.signal }));
  await live.nextText();
  await harness.emulator.until((requests) => requests.some((request) => request.on === "chat"));
  for (let beats = 0; beats < 2;) if ((await live.nextBlock()) === ": keepalive") beats++;
  controller.abort();
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop"));
  await untilIdle(harness);
  harness.emulator.release("look");
  // What was aborted is no turn: the same question starts anew.
  await readStream(await harness.chat(hello));
  expect(acceptedTurns(harness)).toHaveLength(2);
});

test("a reset before the first word is repeated, not looked up", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: broken("drop", "complete", 1) }, { reply: { text: "again" } });
  const body = await (await harness.chat(hello)).text();
  expect(parseChatStream(body).text).toBe("again");
  expect(callsOf(harness, "chat")).toHaveLength(0);
});
