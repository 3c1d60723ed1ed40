import { expect, test } from "bun:test";
import { createMemoryStore } from "../../../src/store/memory-store.ts";
import type { SessionView } from "../../../src/store/store.ts";
import { conversationView, readError, startTestServer } from "./test-server.ts";

const branched: SessionView = {
  sessionId: "s1",
  createdAtMs: 1000,
  lastAccessedMs: 5000,
  conversations: [
    conversationView({
      conversationId: "c2",
      chatId: "chat-2",
      nodeId: "node-9",
      responseId: "node-9",
      messageCount: 3,
    }),
    conversationView({ conversationId: "c1" }),
  ],
};
const unanswered: SessionView = {
  sessionId: "a/b c",
  createdAtMs: 1,
  lastAccessedMs: 1,
  conversations: [conversationView({ nodeId: null, parentId: null, responseId: null, messageCount: 0 })],
};

test("sessions show the fields of the newest conversation on top [R2-027]", async () => {
  const { get } = startTestServer({ sessions: { local: [branched] } });
  const response = await get("/v1/sessions/s1");
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    object: "session",
    sessionId: "s1",
    chatId: "chat-2",
    parent_id: "node-9",
    parentId: "node-9",
    responseId: "node-9",
    createdAt: 1000,
    lastAccessed: 5000,
    messageCount: 3,
    conversations: [
      {
        conversationId: "c2",
        chatId: "chat-2",
        parent_id: "node-9",
        parentId: "node-9",
        responseId: "node-9",
        messageCount: 3,
        model: "qwen3-max",
        upstream: "qwen-web",
        createdAt: 1000,
        lastAccessed: 2000,
      },
      {
        conversationId: "c1",
        chatId: "chat-1",
        parent_id: "node-2",
        parentId: "node-2",
        responseId: "node-2",
        messageCount: 2,
        model: "qwen3-max",
        upstream: "qwen-web",
        createdAt: 1000,
        lastAccessed: 2000,
      },
    ],
  });
});

test("sessions spell the node that the next turn continues both ways [R2-028]", async () => {
  const { get } = startTestServer({ sessions: { local: [branched, unanswered] } });
  expect(await (await get("/v1/sessions/s1")).json()).toMatchObject({ parent_id: "node-9", parentId: "node-9" });
  expect(await (await get("/v1/sessions/a%2Fb%20c")).json()).toMatchObject({ parent_id: null, parentId: null });
});

test("sessions count no message before the first answer [R2-027]", async () => {
  const { get } = startTestServer({ sessions: { local: [unanswered] } });
  expect(await (await get("/v1/sessions/a%2Fb%20c")).json()).toMatchObject({ messageCount: 0 });
});

test("sessions show a conversation of the store from its first moment on [R2-027]", async () => {
  const store = createMemoryStore({ clock: () => 7000, sessionTimeoutMs: 60_000 });
  const { get } = startTestServer({ store });
  const opened = { chatId: "chat-1", nodeId: null, responseId: null, parentId: null };
  const claim = await store.openConversation("local", {
    sessionId: "s1",
    sessionHint: undefined,
    upstream: "qwen-web",
    account: "a1",
    model: "qwen3-max",
    continuation: opened,
    priorReplies: 0,
    byHead: false,
    replaces: undefined,
  });
  expect(await (await get("/v1/sessions/s1")).json()).toMatchObject({
    chatId: "chat-1",
    parentId: null,
    messageCount: 0,
    createdAt: 7000,
  });

  await store.endTurn(claim, {
    fingerprint: { strict: "f", loose: "f", lastTurn: "f" },
    systemHashes: [],
    toolHashes: [],
    sessionHint: undefined,
    model: "qwen3-max",
    continuation: { ...opened, nodeId: "node-1", responseId: "node-1", parentId: "root" },
    settleMs: 0,
  });
  expect(await (await get("/v1/sessions/s1")).json()).toMatchObject({
    parent_id: "node-1",
    parentId: "node-1",
    responseId: "node-1",
    messageCount: 1,
    conversations: [{ chatId: "chat-1", parentId: "node-1", messageCount: 1 }],
  });
});

test("sessions list a caller's own, up to the limit", async () => {
  const { get } = startTestServer({ sessions: { local: [branched, unanswered], "key:other": [unanswered] } });
  expect(await (await get("/v1/sessions")).json()).toMatchObject({
    object: "list",
    data: [{ sessionId: "s1" }, { sessionId: "a/b c" }],
  });
  expect(await (await get("/v1/sessions?limit=1")).json()).toMatchObject({ data: [{ sessionId: "s1" }] });
});

test("sessions refuse a limit that is none", async () => {
  const { get } = startTestServer();
  for (const limit of ["0", "-1", "1001", "1.5", "ten", "", "1e2"]) {
    const response = await get(`/v1/sessions?limit=${limit}`);
    expect([limit, response.status]).toEqual([limit, 400]);
    expect((await readError(response)).param).toBe("limit");
  }
});

test("sessions do not know what never was, belongs to another caller, or cannot be read", async () => {
  const { get } = startTestServer({ sessions: { "key:other": [branched] } });
  for (const path of ["/v1/sessions/s1", "/v1/sessions/nothing", "/v1/sessions/", "/v1/sessions/%E0%A4%A"]) {
    const response = await get(path);
    expect([path, response.status, (await readError(response)).code]).toEqual([path, 404, "not_found"]);
  }
});

test("sessions are deleted by the gateway, for their caller", async () => {
  const deleted: string[][] = [];
  const { url } = startTestServer({
    apiKeys: ["k1"],
    gateway: {
      async deleteSession(caller, sessionId) {
        deleted.push([caller, sessionId]);
        return sessionId === "s 1";
      },
    },
  });
  const headers = { "x-api-key": "k1" };
  const response = await fetch(`${url}/v1/sessions/s%201`, { method: "DELETE", headers });
  expect([response.status, await response.json()]).toEqual([
    200,
    { id: "s 1", object: "session.deleted", deleted: true },
  ]);
  const unknown = await fetch(`${url}/v1/sessions/s2`, { method: "DELETE", headers });
  expect(unknown.status).toBe(404);
  expect(deleted.map(([caller]) => caller?.slice(0, 4))).toEqual(["key:", "key:"]);
});
