// The gateway over its own sockets instead of the platform's fetch: the same conversation, the same ends.

import { expect, test } from "bun:test";
import { startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { answerTo, createTalk, lastTurn, readError, readStream, untilIdle, user } from "./client.ts";

const sockets = { environment: { TRANSPORT: "socket" } };
const hello = { stream: true, messages: [user("Hello")] };

test("TRANSPORT=socket holds a conversation on one chain", async () => {
  await using harness = await startHarness(sockets);
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const first = lastTurn(harness);
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness)).toMatchObject({ chatId: first.chatId, parentId: first.responseId });
});

test("TRANSPORT=socket tells words as they come, and stops the upstream when the client leaves", async () => {
  await using harness = await startHarness(sockets);
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

test("TRANSPORT=socket asks again behind a reset, and tells a stream that breaks off", async () => {
  await using harness = await startHarness(sockets);
  harness.emulator.script({ refuse: "reset" });
  expect(await answerTo(harness, [user("Say: still here")])).toBe("still here");
  harness.emulator.script({ reply: { text: "one two three", faults: [{ kind: "drop", after: 2 }] } });
  const stream = await readStream(await harness.chat({ ...hello, messages: [user("Go")] }));
  expect(stream.error?.code).toBe("upstream_failed");
  expect([stream.finishReasons, stream.doneCount]).toEqual([[], 1]);
});

test("TRANSPORT=socket reads a compressed stream, and gives a refusal its status", async () => {
  await using harness = await startHarness(sockets);
  harness.emulator.script({ reply: { text: "packed and whole", encoding: "gzip" } });
  expect((await readStream(await harness.chat(hello))).text).toBe("packed and whole");
  harness.emulator.script({ refuse: "model-not-found" });
  expect((await readError(await harness.chat(hello))).status).toBe(404);
});
