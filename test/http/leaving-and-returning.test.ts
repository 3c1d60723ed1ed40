// Clients that come back before the gateway is done with them, that do not read, or that name sessions in any script.

import { expect, test } from "bun:test";
import { startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import {
  acceptedTurns,
  answerTo,
  assistant,
  createTalk,
  lastTurn,
  openReplies,
  readStream,
  untilAnswer,
  untilIdle,
  user,
} from "./client.ts";
import { postUnread } from "../support/unread-post.ts";
import { until } from "../support/until.ts";

test("a turn that is aborted and asked again at once continues its chat, not a new one", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("Hello");
  const first = lastTurn(harness);
  // The stop call takes its time: the chat is still leased when the client comes back.
  harness.emulator.script({ on: "stop", delayMs: 150 });
  harness.emulator.script({ gate: "held", reply: { text: "one two three four five six" } });
  harness.emulator.release("held", 2);
  const controller = new AbortController();
  const messages = [...talk.messages, user("Go on")];
  const live = readLive(await harness.chat({ stream: true, messages }, { signal: controller.signal }));
  await live.nextText();
  controller.abort();
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop"));
  expect(await answerTo(harness, messages)).not.toBe("");
  expect(lastTurn(harness)).toMatchObject({ chatId: first.chatId, parentId: first.responseId });
  expect(new Set(acceptedTurns(harness).map((turn) => turn.chatId)).size).toBe(1);
});

test("a thin session is not taken over by a title request under its name", async () => {
  await using harness = await startHarness();
  const thin = (content: string) => ({ session_id: "s1", stream: true, messages: [user(content)] });
  await readStream(await harness.chat(thin("My name is Ada.")));
  const { chatId } = lastTurn(harness);
  const title = { stream: true, messages: [user("Write a title for: hello")] };
  await readStream(await harness.chat(title, { headers: { "x-session-id": "s1" } }));
  expect(lastTurn(harness).chatId).not.toBe(chatId);
  const { text } = await readStream(await harness.chat(thin("What is my name?")));
  expect(text).toContain("Ada");
  expect(lastTurn(harness).chatId).toBe(chatId);
});

test("the chat of an aborted first turn is not handed to another conversation once its own goes on in it", async () => {
  await using harness = await startHarness();
  const thin = (content: string) => ({ session_id: "s1", stream: true, messages: [user(content)] });
  harness.emulator.script({ gate: "held", reply: { text: "one two three four five six" } });
  harness.emulator.release("held", 2);
  const controller = new AbortController();
  const live = readLive(await harness.chat(thin("My name is Ada."), { signal: controller.signal }));
  await live.nextText();
  controller.abort();
  await untilIdle(harness);
  await readStream(await harness.chat(thin("My name is Ada.")));
  const { chatId } = lastTurn(harness);
  await answerTo(harness, [user("Something else altogether")]);
  expect(lastTurn(harness).chatId).not.toBe(chatId);
});

test.each(["日本", "πρώτη"])("a session may be named %s: its name comes back in ASCII", async (sessionId) => {
  await using harness = await startHarness();
  const response = await harness.chat({ session_id: sessionId, messages: [user("Hello")] });
  expect(response.status).toBe(200);
  expect(decodeURIComponent(response.headers.get("x-session-id") ?? "")).toBe(sessionId);
  expect((await harness.get(`/v1/sessions/${encodeURIComponent(sessionId)}`)).status).toBe(200);
});

test("a branch that is deleted leaves the chat that another branch still uses", async () => {
  await using harness = await startHarness({ environment: { QWEN_DELETE_CHATS: "true" } });
  const headers = (name: string) => ({ headers: { "x-session-id": name } });
  const answer = async (messages: object[], name: string): Promise<string> =>
    (await readStream(await harness.chat({ stream: true, messages }, headers(name)))).text;
  const opening = [user("My name is Ada.")];
  const first = await answer(opening, "one");
  const history = [...opening, assistant(first)];
  await answer([...history, user("And one")], "one");
  await answer([...history, user("And two")], "two");
  const isOneChat = new Set(acceptedTurns(harness).map((turn) => turn.chatId)).size === 1;
  await fetch(`${harness.url}/v1/sessions/one`, { method: "DELETE" });
  const deleted = harness.emulator.requests.filter((request) => request.on === "delete");
  // Both branches stand in one session here or in two: a chat is deleted when nobody uses it, and once.
  expect(isOneChat).toBe(true);
  expect(deleted.length).toBeLessThanOrEqual(1);
});

test("a connection whose client never reads is closed, not kept for ever", async () => {
  await using harness = await startHarness({ environment: { CLIENT_STALL_MS: "100" } });
  harness.emulator.script({ reply: { chunks: ["x".repeat(65_536)], repeat: 100_000 } });
  const question = { stream: true, messages: [user("Hello")] };
  const { socket, closed } = await postUnread(`${harness.url}/v1/chat/completions`, question);
  await untilIdle(harness);
  await harness.emulator.until((requests) =>
    requests.some((request) => request.endedAtMs !== undefined && request.turn !== undefined),
  );
  // Reading on shows the end that the server made of it.
  const isGone = (): boolean =>
    !Bun.spawnSync(["cat", `/proc/${process.pid}/net/tcp`])
      .stdout.toString()
      .includes(serverSide(new URL(harness.url).port, socket.localPort));
  await until(isGone);
  socket.terminate();
  await closed;
}, 30_000);

/** The line of the server's end of the connection while it is established. */
function serverSide(serverPort: string, clientPort: number): string {
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(4, "0");
  return `0100007F:${hex(Number(serverPort))} 0100007F:${hex(clientPort)} 01`;
}

test("a turn that waits for the one before it in its session has its head and heartbeats meanwhile", async () => {
  await using harness = await startHarness({ environment: { HOLD_HEADERS_MS: "20", SSE_KEEPALIVE_MS: "20" } });
  const thin = (content: string) => ({ session_id: "s1", stream: true, messages: [user(content)] });
  harness.emulator.script({ gate: "held", reply: { text: "one two three" } });
  harness.emulator.release("held", 2);
  const first = readLive(await harness.chat(thin("First")));
  await first.nextText();
  // Its head comes although the first turn has not ended.
  const second = await harness.chat(thin("Say: second"));
  expect(second.status).toBe(200);
  const reader = second.body?.getReader();
  const decoder = new TextDecoder();
  let heard = "";
  while (heard.split(": keepalive").length < 3) heard += decoder.decode((await reader?.read())?.value);
  expect(heard.replaceAll(": keepalive\n\n", "")).toBe("");
  harness.emulator.release("held", "all");
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) break;
    heard += decoder.decode(value);
  }
  expect(heard).toContain("second");
  expect(heard.endsWith("data: [DONE]\n\n")).toBe(true);
  const [one, two] = acceptedTurns(harness);
  expect(two).toMatchObject({ chatId: one?.chatId, parentId: one?.responseId });
});

test("a client that leaves while it waits for its session's turn leaves no trace", async () => {
  await using harness = await startHarness();
  const thin = (content: string) => ({ session_id: "s1", stream: true, messages: [user(content)] });
  harness.emulator.script({ gate: "held", reply: { text: "one two three" } });
  harness.emulator.release("held", 2);
  const first = readLive(await harness.chat(thin("First")));
  await first.nextText();
  const controller = new AbortController();
  const waiting = harness.chat(thin("Second"), { signal: controller.signal }).catch((error: unknown) => error);
  await untilAnswer(
    () => openReplies(harness),
    (open) => open === 2,
  );
  controller.abort();
  await waiting;
  await untilAnswer(
    () => openReplies(harness),
    (open) => open === 1,
  );
  harness.emulator.release("held", "all");
  await untilIdle(harness);
  expect(acceptedTurns(harness)).toHaveLength(1);
  await readStream(await harness.chat(thin("Third")));
  expect(acceptedTurns(harness)).toHaveLength(2);
});
