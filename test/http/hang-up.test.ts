// Clients that leave: in the middle of a stream, before its head, while waiting for a whole answer, and right at the end.

import { expect, test } from "bun:test";
import { type Harness, startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import {
  acceptedTurns,
  allTurns,
  answerTo,
  assistant,
  callsOf,
  createTalk,
  lastTurn,
  openReplies,
  readSession,
  untilIdle,
  user,
} from "./client.ts";

const hello = { model: "qwen3-max", stream: true, messages: [user("Hello")] };

/** Begins a stream that waits at a gate behind its first delta. */
async function beginStream(harness: Harness, request: object = hello, headers: Record<string, string> = {}) {
  const controller = new AbortController();
  harness.emulator.script({ gate: "held", reply: { text: "one two three four five six seven eight" } });
  harness.emulator.release("held", 2);
  const response = await harness.chat(request, { signal: controller.signal, headers });
  const live = readLive(response);
  await live.nextText();
  return { controller, live, sessionId: response.headers.get("x-session-id") ?? "" };
}

/** What was logged as a warning or an error. */
function faultsIn(harness: Harness): string[] {
  return harness.logLines.filter((line) => /"level":"(?:warn|error)"/.test(line));
}

test("a hang-up in a stream cancels the upstream, stops its generation and frees the reply [R0-034, R0-035, R0-046, R0-056]", async () => {
  await using harness = await startHarness();
  const { controller } = await beginStream(harness);
  expect(await openReplies(harness)).toBe(1);
  controller.abort();
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop" && request.status !== 0));
  await untilIdle(harness);
  const turn = lastTurn(harness);
  expect(turn.record).toMatchObject({ finished: false, eventsDelivered: 2, endedAtMs: expect.any(Number) });
  expect(callsOf(harness, "stop").map((call) => call.body)).toEqual([
    { chat_id: turn.chatId, response_id: turn.responseId },
  ]);
});

test("a hang-up leaves nothing in the log that looks like a fault [R0-037]", async () => {
  await using harness = await startHarness();
  const { controller } = await beginStream(harness);
  controller.abort();
  await untilIdle(harness);
  // What was held back is released: nobody may write it to the client that has left.
  harness.emulator.release("held", "all");
  expect(await answerTo(harness, [user("Say: still here")])).toBe("still here");
  expect(faultsIn(harness)).toEqual([]);
});

test("many hang-ups leave no open reply and no running generation behind [R0-036]", async () => {
  await using harness = await startHarness();
  const count = 40;
  harness.emulator.script({ times: "always", reply: { text: "one two three", faults: [{ kind: "stall", after: 2 }] } });
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const controller = new AbortController();
      const request = { ...hello, messages: [user(`Hello ${index}`)] };
      const live = readLive(await harness.chat(request, { signal: controller.signal }));
      await live.nextText();
      controller.abort();
    }),
  );
  await untilIdle(harness);
  await harness.emulator.until((requests) => requests.filter((request) => request.on === "stop").length === count);
  // Ended by the closed connection or by the stop call, whichever came first.
  await harness.emulator.until((requests) => requests.every((request) => request.endedAtMs !== undefined));
  expect(allTurns(harness).some((turn) => turn.record.finished)).toBe(false);
});

test("a turn whose client left stays at the old node, and the chat goes on from there [R0-025, R0-035]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const node = lastTurn(harness).responseId;
  const messages = [...talk.messages, user("Tell me a long story")];
  const { controller, sessionId } = await beginStream(harness, { ...hello, messages });
  controller.abort();
  await untilIdle(harness);
  expect(await readSession(harness, sessionId)).toMatchObject({ parentId: node, messageCount: 1 });

  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness)).toMatchObject({ parentId: node, content: "What is my name?" });
  expect(new Set(acceptedTurns(harness).map((turn) => turn.chatId)).size).toBe(1);
});

test("a hang-up before the head was sent stops the generation as well [R0-035, R0-037]", async () => {
  await using harness = await startHarness();
  const controller = new AbortController();
  harness.emulator.script({ gate: "held", reply: { text: "one two three" } });
  harness.emulator.release("held", 1);
  const answer = harness.chat(hello, { signal: controller.signal });
  await harness.emulator.until((requests) => requests.some((request) => request.eventsDelivered === 1));
  controller.abort();
  await expect(answer).rejects.toThrow();
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop"));
  await untilIdle(harness);
  expect(callsOf(harness, "stop")[0]?.body).toMatchObject({ response_id: lastTurn(harness).responseId });
  expect(faultsIn(harness)).toEqual([]);
});

test("a hang-up of a client that waits for a whole answer stops the generation too [R0-035, R0-037]", async () => {
  await using harness = await startHarness();
  const controller = new AbortController();
  harness.emulator.script({ gate: "held", reply: { text: "one two three" } });
  harness.emulator.release("held", 3);
  const answer = harness.chat({ ...hello, stream: false }, { signal: controller.signal });
  await harness.emulator.until((requests) => requests.some((request) => request.eventsDelivered === 3));
  controller.abort();
  await expect(answer).rejects.toThrow();
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop"));
  await untilIdle(harness);
  expect(lastTurn(harness).record.finished).toBe(false);
  expect(faultsIn(harness)).toEqual([]);
});

test("a hang-up while the models are asked for is noticed at once, and their list serves the next [R0-035]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ on: "models", gate: "models" });
  const controller = new AbortController();
  const answer = harness.chat(hello, { signal: controller.signal }).catch((error: unknown) => error);
  await harness.emulator.until((requests) => requests.some(({ on }) => on === "models"));
  controller.abort();
  await answer;
  await untilIdle(harness);
  harness.emulator.release("models", "all");
  await answerTo(harness, [user("Hello")]);
  expect(callsOf(harness, "models")).toHaveLength(1);
});

test("a hang-up while the chat is being created asks for no generation [R0-035]", async () => {
  await using harness = await startHarness();
  const controller = new AbortController();
  harness.emulator.script({ on: "chats/new", gate: "held" });
  const answer = harness.chat(hello, { signal: controller.signal });
  await harness.emulator.until((requests) => requests.some((request) => request.on === "chats/new"));
  controller.abort();
  await expect(answer).rejects.toThrow();
  await untilIdle(harness);
  expect(allTurns(harness)).toHaveLength(0);
});

test("a hang-up right at [DONE] is a clean end: the turn stands and nothing is stopped [R0-024]", async () => {
  await using harness = await startHarness();
  const controller = new AbortController();
  const response = await harness.chat({ ...hello, messages: [user("My name is Ada.")] }, { signal: controller.signal });
  const live = readLive(response);
  let said = "";
  for (let frame = await live.next(); frame !== undefined && frame.data !== "[DONE]"; frame = await live.next()) {
    said += (JSON.parse(frame.data) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? "";
  }
  controller.abort();
  const node = lastTurn(harness).responseId;
  const recalled = await answerTo(harness, [user("My name is Ada."), assistant(said), user("What is my name?")]);
  expect(recalled).toContain("Ada");
  expect(lastTurn(harness)).toMatchObject({ parentId: node, content: "What is my name?" });
  expect(callsOf(harness, "stop")).toHaveLength(0);
});

test("a chat that settles after an unconfirmed stop is waited for, not abandoned [R0-054]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  harness.emulator.script({ on: "stop", refuse: "internal-error" });
  const { controller } = await beginStream(harness, { ...hello, messages: [...talk.messages, user("A story")] });
  controller.abort();
  // The stop call failed, so it is the closed connection that ends the generation.
  await harness.emulator.until((requests) => requests.some((request) => request.aborted));
  await untilIdle(harness);
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(new Set(acceptedTurns(harness).map((turn) => turn.chatId)).size).toBe(1);
});

test("a reset connection does not hurt the next turn of the same conversation [R0-054]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const node = lastTurn(harness).responseId;
  harness.emulator.script({ reply: { text: "one two three", faults: [{ kind: "drop", after: 2 }] } });
  await expect(answerTo(harness, [...talk.messages, user("A story")])).rejects.toThrow("broke off");
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop"));
  await untilIdle(harness);
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness)).toMatchObject({ parentId: node });
});
