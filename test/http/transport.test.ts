// The gateway over its own sockets and over the platform's fetch: the same conversation, the same ends.

import { describe, expect, test } from "bun:test";
import { startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { answerTo, createTalk, lastTurn, readError, readStream, untilIdle, user } from "./client.ts";

const hello = { stream: true, messages: [user("Hello")] };

describe.each(["socket", "fetch"])("TRANSPORT=%s", (name) => {
  const transport = { environment: { TRANSPORT: name } };

  test("holds a conversation on one chain", async () => {
    await using harness = await startHarness(transport);
    const talk = createTalk(harness);
    await talk.say("My name is Ada.");
    const first = lastTurn(harness);
    expect(await talk.say("What is my name?")).toContain("Ada");
    expect(lastTurn(harness)).toMatchObject({ chatId: first.chatId, parentId: first.responseId });
  });

  test("tells words as they come, and stops the upstream when the client leaves", async () => {
    await using harness = await startHarness(transport);
    harness.emulator.script({ gate: "held", reply: { chunks: ["one ", "two"] } });
    harness.emulator.release("held", 2);
    const controller = new AbortController();
    const live = readLive(await harness.chat(hello, { signal: controller.signal }));
    expect(await live.nextText()).toBe("one ");
    controller.abort();
    await harness.emulator.until((requests) => requests.some((request) => request.on === "stop"));
    await untilIdle(harness);
    expect(lastTurn(harness).record.finished).toBe(false);
  });

  test("asks again behind a reset, and tells a stream that breaks off", async () => {
    await using harness = await startHarness(transport);
    harness.emulator.script({ refuse: "reset" });
    expect(await answerTo(harness, [user("Say: still here")])).toBe("still here");
    harness.emulator.script({ reply: { text: "one two three", faults: [{ kind: "drop", after: 2 }] } });
    const stream = await readStream(await harness.chat({ ...hello, messages: [user("Go")] }));
    expect(stream.error?.code).toBe("upstream_failed");
    expect([stream.finishReasons, stream.doneCount]).toEqual([[], 1]);
  });

  test("reads a compressed stream, and gives a refusal its status", async () => {
    await using harness = await startHarness(transport);
    harness.emulator.script({ reply: { text: "packed and whole", encoding: "gzip" } });
    expect((await readStream(await harness.chat(hello))).text).toBe("packed and whole");
    harness.emulator.script({ refuse: "model-not-found" });
    expect((await readError(await harness.chat(hello))).status).toBe(404);
  });
});
