// Every refusal by name, as the fixtures have it, and what every answer carries.

import { describe, expect, test } from "bun:test";
import { createQwenWebEmulator, type ScriptEntry } from "../../../src/emulator/qwen-web-emulator.ts";
import { at, base, fixture, get, json, newChat, post, turn, turnRequest } from "./emulator-client.ts";

type RefusalName = Extract<ScriptEntry["refuse"], string>;

async function refused(refuse: NonNullable<ScriptEntry["refuse"]>) {
  const emulator = createQwenWebEmulator({ seed: 1 });
  emulator.script({ refuse });
  const body = { parent_id: "00000000-0000-4000-8000-0000000000ff" };
  const chatId = "00000000-0000-4000-8000-0000000000fe";
  const response = await emulator.fetch(turnRequest({ chatId, content: "hi", body }));
  return { emulator, response, text: await response.text() };
}

describe("refusals", () => {
  test.each([
    ["rate-limited", "err-01-ratelimited-daily.json", 429],
    ["unauthorized", "err-02-unauthorized.json", 401],
    ["token-expired", "err-03-token-expired.json", 401],
    ["chat-in-progress", "err-04-chat-in-progress.json", 400],
    ["parent-not-exist", "err-05-parent-not-exist.json", 400],
    ["chat-not-exist", "err-06-chat-not-exist.json", 404],
    ["too-many-messages", "err-07-too-many-messages.json", 400],
    ["model-not-found", "err-08-model-not-found.json", 404],
    ["validation", "err-09-validation-missing-chat_id.json", 422],
    ["bad-request-flat", "err-10-bad-request-internal.json", 400],
    ["internal-error", "err-15-internal-error.json", 500],
  ] satisfies [RefusalName, string, number][])(
    "%s is %s, byte for byte, behind HTTP 200",
    async (name, file, status) => {
      const { emulator, response, text } = await refused(name);
      const recorded = (await fixture(file)).trim().replace("00000000-0000-4000-8000-000000000009", "request-1");
      expect(text).toBe(recorded);
      expect(response.status).toBe(200);
      expect(response.headers.get("x-actual-status-code")).toBe(String(status));
      expect(response.headers.get("content-type")).toBe("application/json");
      expect(emulator.requests.at(-1)).toMatchObject({ refusal: name, status });
    },
  );

  test("the firewall answers JSON or a page, both 200", async () => {
    const punish = await refused("waf-punish");
    expect(punish.response.headers.get("content-type")).toBe("application/json;charset=UTF-8");
    expect(punish.text).toContain("_____tmd_____/punish");
    const page = await refused("waf-html");
    expect(page.response.headers.get("content-type")).toBe("text/html");
    expect(page.response.status).toBe(200);
    expect(page.text).toBe(await fixture("err-12-waf-challenge.html"));
  });

  test("the gateway's page has a real status", async () => {
    const { response, text } = await refused("gateway-504");
    expect(response.status).toBe(504);
    expect(text).toBe(await fixture("err-13-gateway-504.html"));
    expect((await refused({ name: "http-status", status: 503, retryAfterSeconds: 3 })).response.status).toBe(503);
    const busy = await refused({ name: "http-status", status: 429, retryAfterSeconds: 3 });
    expect(busy.response.headers.get("retry-after")).toBe("3");
  });

  test("take hours, other codes, localised text and another HTTP status", async () => {
    expect(JSON.parse((await refused({ name: "rate-limited", hours: 3 })).text)).toMatchObject({ data: { num: 3 } });
    expect(JSON.parse((await refused("rate-limited-flat")).text)).toMatchObject({ code: "RateLimited", num: 4 });
    const localised = await refused({ name: "chat-in-progress", status: 400, code: "RateLimited", details: "忙" });
    expect(localised.response.status).toBe(400);
    expect(JSON.parse(localised.text)).toMatchObject({ data: { code: "RateLimited", details: "忙" } });
    expect(JSON.parse((await refused("first-message")).text)).toMatchObject({
      data: { details: "first message must not assistant message" },
    });
    expect(JSON.parse((await refused("token-revoked")).text)).toMatchObject({
      data: { details: "token revoked, sign in again" },
    });
  });

  test("reset rejects as fetch does", async () => {
    await expect(refused("reset")).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  test("silence never answers, until the client leaves", async () => {
    const emulator = createQwenWebEmulator({ seed: 1 });
    emulator.script({ on: "chats/new", refuse: "silence" });
    const leaving = new AbortController();
    const request = post("/api/v2/chats/new", {}, "token-a", { signal: leaving.signal });
    const answer = emulator.fetch(request);
    await emulator.until((requests) => requests.at(-1)?.refusal === "silence");
    leaving.abort();
    await expect(answer).rejects.toMatchObject({ name: "AbortError" });
    await emulator.until((requests) => requests.at(-1)?.aborted === true);
  });

  test("strike other calls too, and only the account that they name", async () => {
    const emulator = createQwenWebEmulator({ seed: 1, tokenDelayMs: 0, accountIds: { "token-a": "alice" } });
    emulator.script(
      { on: "chats/new", account: "alice", times: "always", refuse: "rate-limited" },
      { on: "models", refuse: "internal-error" },
    );
    expect(await newChat(emulator, "token-a")).toBe("undefined");
    expect(await newChat(emulator, "token-b")).toMatch(/^[0-9a-f-]{36}$/);
    expect(at(await json(await emulator.fetch(get("/api/models"))), "success")).toBe(false);
    expect(at(await json(await emulator.fetch(get("/api/models"))), "data", 0, "id")).toBeString();
  });

  test("can be held back by a gate", async () => {
    const emulator = createQwenWebEmulator({ seed: 1 });
    emulator.script({ on: "chats/new", gate: "g", refuse: "internal-error" });
    const answer = newChat(emulator);
    emulator.release("g");
    expect(await answer).toBe("undefined");
  });
});

describe("answers", () => {
  test("carry the headers of the capture and echo the request id", async () => {
    const emulator = createQwenWebEmulator({ seed: 1, tokenDelayMs: 0 });
    const chatId = await newChat(emulator);
    const response = await emulator.fetch(turnRequest({ chatId, content: "hi" }));
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "x-actual-status-code": "200",
      "x-request-id": "request-1",
      "x-robots-tag": "noindex",
      "ga-ap": "ap-southeast-1",
      "x-frame-options": "SAMEORIGIN",
      "access-control-allow-origin": "https://chat.qwen.ai",
      vary: "Accept-Encoding, Origin",
    });
    await response.text();
  });

  test("to both shapes of chats/new are a fresh uuid in the envelope", async () => {
    const emulator = createQwenWebEmulator({ seed: 1 });
    const newer = {
      chatId: "",
      models: ["qwen3.7-plus"],
      project_id: "",
      timestamp: 1,
      chat_type: "t2t",
      chat_mode: "normal",
    };
    const response = await emulator.fetch(post("/api/v2/chats/new", newer));
    const text = await response.text();
    expect(text).toMatch(/^\{"success":true,"request_id":"request-1","data":\{"id":"[0-9a-f-]{36}"\}\}$/);
    expect(await newChat(emulator)).toMatch(/^[0-9a-f-]{36}$/);
    expect(emulator.chats().map((chat) => at(chat, "title"))).toEqual(["New chat", "T"]);
  });

  test("to the two model lists name the same models, without a token", async () => {
    const emulator = createQwenWebEmulator({ seed: 1, tokens: ["secret"], models: ["qwen-a", "qwen-b"] });
    const one = await json(await emulator.fetch(new Request(`${base}/api/models`)));
    const two = await json(await emulator.fetch(new Request(`${base}/api/v2/models/`)));
    expect([at(one, "data", 0, "id"), at(one, "data", 1, "id")]).toEqual(["qwen-a", "qwen-b"]);
    expect(at(two, "data", "data")).toEqual(at(one, "data"));
  });

  test("to what nobody knows are 404 in the envelope", async () => {
    const response = await createQwenWebEmulator().fetch(get("/api/v2/nothing/here"));
    expect(response.status).toBe(404);
    expect(await json(response)).toMatchObject({ success: false, data: { code: "Not_Found" } });
  });

  test("to a video turn are a task, running once and then done", async () => {
    const emulator = createQwenWebEmulator({ seed: 1 });
    const chatId = await newChat(emulator);
    const body = { stream: false, size: "16:9" };
    const created = await json(await emulator.fetch(turnRequest({ chatId, content: "a film", chatType: "t2v", body })));
    const recorded = JSON.parse(await fixture("ok-02-video-create-nonstream.json"));
    expect(Object.keys(Object(at(created, "data", "messages", 0)))).toEqual(
      Object.keys(Object(at(recorded, "data", "messages", 0))),
    );
    const taskId = String(at(created, "data", "messages", 0, "extra", "wanx", "task_id"));
    const poll = async () => json(await emulator.fetch(get(`/api/v2/task/status/${taskId}`)));
    const running = JSON.parse(await fixture("ok-03-task-running.json"));
    expect(at(await poll(), "data")).toEqual(at(running, "data"));
    expect(at(await poll(), "data", "task_status")).toBe("success");
    expect(at(await json(await emulator.fetch(get("/api/v2/task/status/none"))), "data")).toEqual(
      at(JSON.parse(await fixture("err-14-task-not-found.json")), "data"),
    );
  });

  test("are recorded with what was asked", async () => {
    const emulator = createQwenWebEmulator({ seed: 1, tokenDelayMs: 0, maxRecordedRequests: 2 });
    const chatId = await newChat(emulator);
    const { events, responseId, userId } = await turn(emulator, { chatId, content: "hi" });
    expect(emulator.requests.at(-1)).toMatchObject({
      ordinal: 2,
      on: "completions",
      method: "POST",
      path: "/api/v2/chat/completions",
      query: { chat_id: chatId },
      headers: { authorization: "Bearer token-a", "x-request-id": "request-1" },
      body: { chat_id: chatId, messages: [{ content: "hi" }] },
      account: "token-a",
      status: 200,
      refusal: undefined,
      turn: { chatId, userId, responseId },
      eventsDelivered: events.length,
      finished: true,
      aborted: false,
    });
    await emulator.fetch(get("/api/models"));
    expect(emulator.requests.map((request) => request.on)).toEqual(["completions", "models"]);
  });
});
