// The tree over its routes: chaining, memory, one generation a chat, accounts apart.

import { describe, expect, test } from "bun:test";
import { addTurn, createChatStore } from "../../../src/emulator/chat-tree.ts";
import { createQwenWebEmulator, type EmulatorOptions } from "../../../src/emulator/qwen-web-emulator.ts";
import { at, fixture, get, json, newChat, post, turn, turnRequest } from "./emulator-client.ts";

function create(options: EmulatorOptions = {}) {
  return createQwenWebEmulator({ seed: 1, tokenDelayMs: 0, ...options });
}

async function detailsOf(response: Response): Promise<unknown> {
  return at(await json(response), "data", "details");
}

function stop(chatId: string, responseId: string): Request {
  return post(`/api/v2/chat/completions/stop?chat_id=${chatId}`, { chat_id: chatId, response_id: responseId });
}

describe("chat tree", () => {
  test("remembers along the path when turns chain on response_id", async () => {
    const emulator = create();
    const chatId = await newChat(emulator);
    const first = await turn(emulator, { chatId, content: "My name is Ada." });
    const second = await turn(emulator, { chatId, parentId: first.responseId, content: "count to 3" });
    const third = await turn(emulator, { chatId, parentId: second.responseId, content: "What is my name?" });
    expect(third.answer).toContain("Ada");
    const fourth = await turn(emulator, {
      chatId,
      parentId: third.responseId,
      content: "How many messages have I sent?",
    });
    expect(fourth.answer).toContain("message 4");
  });

  test("shows wrong chaining: behind the user's node its own answer is unknown", async () => {
    const emulator = create();
    const chatId = await newChat(emulator);
    emulator.script({ reply: { text: "Blue whale." } });
    const first = await turn(emulator, { chatId, content: "My name is Ada." });
    const right = await turn(emulator, { chatId, parentId: first.responseId, content: "What did you just say?" });
    const wrong = await turn(emulator, { chatId, parentId: first.userId, content: "What did you just say?" });
    expect(right.answer).toContain("Blue whale.");
    expect(wrong.answer).toContain("not said anything");
    const name = await turn(emulator, { chatId, parentId: first.userId, content: "What is my name?" });
    expect(name.answer).toContain("Ada");
  });

  test("keeps branches apart", async () => {
    const emulator = create();
    const chatId = await newChat(emulator);
    const root = await turn(emulator, { chatId, content: "hello" });
    const one = await turn(emulator, { chatId, parentId: root.responseId, content: "My name is Ada." });
    const two = await turn(emulator, { chatId, parentId: root.responseId, content: "My name is Bob." });
    expect((await turn(emulator, { chatId, parentId: one.responseId, content: "What is my name?" })).answer).toContain(
      "Ada",
    );
    expect((await turn(emulator, { chatId, parentId: two.responseId, content: "What is my name?" })).answer).toContain(
      "Bob",
    );
    expect((await turn(emulator, { chatId, content: "What is my name?" })).answer).toMatch(/not (told|said)/);
  });

  test("assigns its own node ids, whatever the client reserves", async () => {
    const emulator = create();
    const chatId = await newChat(emulator);
    const fid = "11111111-1111-4111-8111-111111111111";
    const reserved = "22222222-2222-4222-8222-222222222222";
    const { userId, responseId } = await turn(emulator, {
      chatId,
      content: "hello",
      message: { fid, childrenIds: [reserved] },
    });
    expect(new Set([userId, responseId, fid, reserved]).size).toBe(4);
  });

  test("shows the stored chat in the shape of the capture", async () => {
    const emulator = create({ clock: () => 1_790_000_000_000 });
    const chatId = await newChat(emulator);
    const { userId, responseId } = await turn(emulator, { chatId, content: "hello" });
    const stored = at(await json(await emulator.fetch(get(`/api/v2/chats/${chatId}`))), "data");
    const recorded = at(JSON.parse(await fixture("ok-06-chat-detail.json")), "data");
    expect(Object.keys(Object(stored))).toEqual(Object.keys(Object(recorded)));
    const messages = ["chat", "history", "messages"];
    const nodeKeys = (value: unknown, id: string) => Object.keys(Object(at(value, ...messages, id)));
    const [userFixture, assistantFixture] = Object.keys(Object(at(recorded, ...messages)));
    expect(nodeKeys(stored, userId)).toEqual(nodeKeys(recorded, userFixture ?? ""));
    expect(nodeKeys(stored, responseId)).toEqual(nodeKeys(recorded, assistantFixture ?? ""));
    expect(at(stored, "currentId")).toBe(responseId);
    expect(at(stored, ...messages, userId, "childrenIds")).toEqual([responseId]);
    const [entry] = [at(stored, ...messages, responseId, "content_list", 0)];
    expect(Object.keys(Object(entry))).toEqual(["phase", "content", "status", "timestamp"]);
    expect(at(entry, "status")).toBe("finished");
  });

  test("belongs to one account: another one's chat does not exist", async () => {
    const emulator = create();
    const chatId = await newChat(emulator, "token-a");
    const response = await emulator.fetch(turnRequest({ chatId, content: "hi", token: "token-b" }));
    expect(response.headers.get("x-actual-status-code")).toBe("404");
    expect(await json(response)).toMatchObject({ success: false, data: { code: "CHAT_NOT_FOUND" } });
    expect(at(await json(await emulator.fetch(get("/api/v2/chats/?page=1", "token-b"))), "data")).toEqual([]);
  });

  test("lists, renames and deletes", async () => {
    const emulator = create();
    const [one, two] = [await newChat(emulator), await newChat(emulator)];
    const list = async () =>
      at(await json(await emulator.fetch(get("/api/v2/chats/?page=1&exclude_project=true"))), "data");
    expect(at(await list(), 0, "id")).toBe(two);
    expect(Object.keys(Object(at(await list(), 0)))).toEqual(
      Object.keys(Object(at(JSON.parse(await fixture("ok-05-chat-list.json")), "data", 0))),
    );
    await emulator.fetch(post(`/api/v2/chats/${one}`, { title: "Renamed" }));
    expect(at(await json(await emulator.fetch(get(`/api/v2/chats/${one}`))), "data", "title")).toBe("Renamed");
    const deleted = await emulator.fetch(get(`/api/v2/chats/${one}`, "token-a", "DELETE"));
    expect(at(await json(deleted), "data")).toEqual({ status: true });
    expect(await detailsOf(await emulator.fetch(get(`/api/v2/chats/${one}`)))).toContain("is not exist");
    await emulator.fetch(get("/api/v2/chats/", "token-a", "DELETE"));
    expect(await list()).toEqual([]);
  });

  test("never gives an id twice, even after a reset", async () => {
    const emulator = create();
    const before = await newChat(emulator);
    emulator.reset();
    expect(await newChat(emulator)).not.toBe(before);
    expect(await detailsOf(await emulator.fetch(turnRequest({ chatId: before, content: "hi" })))).toContain(
      "is not exist",
    );
  });
});

describe("one generation a chat", () => {
  test("refuses a second message while the first is answered, elsewhere not", async () => {
    const emulator = create();
    const [chatId, other] = [await newChat(emulator), await newChat(emulator)];
    const running = await emulator.fetch(turnRequest({ chatId, content: "hello" }));
    expect(await detailsOf(await emulator.fetch(turnRequest({ chatId, content: "again" })))).toBe(
      "The chat is in progress!",
    );
    expect((await turn(emulator, { chatId: other, content: "hi" })).isFinished).toBe(true);
    await running.text();
    expect((await turn(emulator, { chatId, content: "again" })).isFinished).toBe(true);
  });

  test("settles for busyMs behind a finish", async () => {
    let nowMs = 1000;
    const emulator = create({ busyMs: 2000, clock: () => nowMs });
    const chatId = await newChat(emulator);
    await turn(emulator, { chatId, content: "hello" });
    nowMs += 1999;
    expect(await detailsOf(await emulator.fetch(turnRequest({ chatId, content: "x" })))).toBe(
      "The chat is in progress!",
    );
    nowMs += 1;
    expect((await turn(emulator, { chatId, content: "x" })).isFinished).toBe(true);
  });

  test("settles behind an abort too, unless stopped", async () => {
    const emulator = create({ busyMs: 60_000 });
    const chatId = await newChat(emulator);
    const running = await emulator.fetch(turnRequest({ chatId, content: "count to 100" }));
    const reader = running.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect(await detailsOf(await emulator.fetch(turnRequest({ chatId, content: "x" })))).toBe(
      "The chat is in progress!",
    );
    const responseId = emulator.requests.find((request) => request.turn !== undefined)?.turn?.responseId ?? "";
    expect(await json(await emulator.fetch(stop(chatId, responseId)))).toMatchObject({ success: true });
    expect((await turn(emulator, { chatId, content: "x" })).isFinished).toBe(true);
  });

  test("stop ends the running reply at once and leaves its node incomplete", async () => {
    const emulator = create({ busyMs: 60_000 });
    const chatId = await newChat(emulator);
    emulator.script({ gate: "g", reply: { chunks: ["one", "two"] } });
    emulator.release("g", 2);
    const running = await emulator.fetch(turnRequest({ chatId, content: "hello" }));
    const read = running.text();
    await emulator.until((requests) => requests.some((request) => request.eventsDelivered === 2));
    const responseId = emulator.requests.at(-1)?.turn?.responseId ?? "";
    await emulator.fetch(stop(chatId, responseId));
    expect(await read).toEndWith("\n\n");
    expect(await read).not.toContain("finished");
    const node = at(emulator.chats()[0], "chat", "history", "messages", responseId);
    expect(at(node, "content_list", 0, "content")).toBe("one");
    expect(at(node, "content_list", 0, "status")).toBe("typing");
  });

  test("stop needs the response id of this chat", async () => {
    const emulator = create();
    const chatId = await newChat(emulator);
    expect(await detailsOf(await emulator.fetch(stop(chatId, "nope")))).toContain("response_id nope is not exist");
    expect(await detailsOf(await emulator.fetch(stop("nope", "nope")))).toContain("the chat nope is not exist");
    const missing = post("/api/v2/chat/completions/stop", { chat_id: chatId });
    expect(await detailsOf(await emulator.fetch(missing))).toContain("response_id");
  });
});

describe("a turn's body", () => {
  test.each([
    ["two messages", { messages: [{}, {}] }, "err-07-too-many-messages.json"],
    ["no chat_id", { chat_id: undefined }, "err-09-validation-missing-chat_id.json"],
    ["an unknown model", { model: "gpt-4" }, "err-08-model-not-found.json"],
    ["an unknown parent", { parent_id: "00000000-0000-4000-8000-0000000000ff" }, "err-05-parent-not-exist.json"],
  ])("with %s is refused as captured", async (_name, body, name) => {
    const emulator = create();
    const chatId = await newChat(emulator);
    const response = await emulator.fetch(turnRequest({ chatId, content: "hi", body }));
    expect(response.status).toBe(200);
    const recorded = JSON.parse(await fixture(name));
    expect(await json(response)).toEqual({ ...recorded, request_id: "request-1" });
  });

  test("with an unknown chat is refused as captured", async () => {
    const response = await create().fetch(
      turnRequest({ chatId: "00000000-0000-4000-8000-0000000000fe", content: "hi" }),
    );
    const recorded = JSON.parse(await fixture("err-06-chat-not-exist.json"));
    expect(await json(response)).toEqual({ ...recorded, request_id: "request-1" });
  });

  test.each([
    ["another chat_id than the query", { chat_id: "other" }, {}, "Bad_Request"],
    ["an assistant's message", {}, { role: "assistant" }, "Bad_Request"],
    ["no messages", { messages: undefined }, {}, "RequestValidationError"],
  ])("with %s is refused", async (_name, body, message, code) => {
    const emulator = create();
    const chatId = await newChat(emulator);
    const response = await emulator.fetch(turnRequest({ chatId, content: "hi", body, message }));
    expect(at(await json(response), "data", "code")).toBe(code);
    expect(emulator.requests.at(-1)?.refusal).toBeString();
  });

  test("with a mode that is none is refused flat", async () => {
    const emulator = create();
    const chatId = await newChat(emulator);
    const response = await emulator.fetch(turnRequest({ chatId, content: "hi", chatType: "image_gen" }));
    expect(await response.text()).toBe((await fixture("err-10-bad-request-internal.json")).trim());
  });

  test("of another content type is no dictionary", async () => {
    const emulator = create();
    const chatId = await newChat(emulator);
    const request = turnRequest({ chatId, content: "hi" });
    request.headers.set("content-type", "text/plain");
    expect(await detailsOf(await emulator.fetch(request))).toContain("Input should be a valid dictionary");
  });

  test("beyond the firewall's size meets the challenge", async () => {
    const emulator = create({ wafBodyChars: 2000 });
    const chatId = await newChat(emulator);
    expect((await turn(emulator, { chatId, content: "short" })).isFinished).toBe(true);
    const response = await emulator.fetch(turnRequest({ chatId, content: "x".repeat(3000) }));
    expect(await response.text()).toBe(
      (await fixture("err-11-waf-punish.json")).replace("REDACTED", "SYNTHETIC").trim(),
    );
  });
});

test("of many chats the one is forgotten that was used longest ago, not the oldest, and none that runs", () => {
  const chats = createChatStore("seed");
  const open = (second: number) => chats.create("ann", "New Chat", "t2t", null, second * 1000);
  const [first, second, third, fourth] = [open(1), open(2), open(3), open(4)];
  second.running = { responseId: "r", stop() {} };
  const turn = { parentId: null, content: "Hello", fileText: "", model: "m", featureConfig: undefined };
  addTurn(first, "seed", { ...turn, nowMs: 9_000_000 });
  for (let more = 5; more <= 5001; more++) open(more);

  expect([first, second, third, fourth].map(({ id }) => chats.find("ann", id)?.ordinal)).toEqual([1, 2, undefined, 4]);
});
