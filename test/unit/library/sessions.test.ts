// Sessions as people see them who drive the chain themselves: by public id, over any store.

import { describe, expect, test } from "bun:test";
import { generateSessionId } from "../../../src/library.ts";
import { createSessionManager } from "../../../src/library/sessions.ts";
import { createMemoryStore } from "../../../src/store/memory-store.ts";

const sessionTimeoutMs = 1000;

function startManager() {
  let nowMs = 1_000_000;
  const store = createMemoryStore({ clock: () => nowMs, sessionTimeoutMs });
  return {
    manager: createSessionManager(store, "qwen-web"),
    store,
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

describe("createSessionManager", () => {
  test("creates a session that stands at the beginning of its chat [R2-026, R2-066]", async () => {
    const { manager } = startManager();

    const session = await manager.createSession("Hello", "chat-1");

    expect(session).toMatchObject({
      sessionId: "8b1a9953c4611296a827abf8c47804d7",
      chatId: "chat-1",
      parent_id: null,
      parentId: null,
      responseId: null,
      messageCount: 0,
    });
    expect(await manager.getSession(session.sessionId)).toEqual(session);
  });

  test("gives the same words the same id, and other words another [R2-022, R2-023, R2-066]", () => {
    const { manager } = startManager();

    expect(manager.generateSessionId("Hello")).toBe(manager.generateSessionId("Hello"));
    expect(manager.generateSessionId("Hello")).toBe(generateSessionId("Hello"));
    expect(manager.generateSessionId("Hello")).not.toBe(manager.generateSessionId("Goodbye"));
  });

  test("moves a session on: null, P1, P2, both spellings alike, one message more each time [R2-028, R2-066]", async () => {
    const { manager } = startManager();
    const { sessionId } = await manager.createSession("Hello", "chat-1");

    const first = await manager.updateSession(sessionId, "answer-1");
    const second = await manager.updateSession(sessionId, { parentId: "answer-2", responseId: "answer-2" });

    expect(first).toMatchObject({ parentId: "answer-1", parent_id: "answer-1", messageCount: 1, chatId: "chat-1" });
    expect(second).toMatchObject({ parentId: "answer-2", parent_id: "answer-2", messageCount: 2, chatId: "chat-1" });
    expect(await manager.getSession(sessionId)).toEqual(second);
  });

  test("does not know other ids [R2-066]", async () => {
    const { manager } = startManager();

    expect(await manager.getSession("unknown")).toBeUndefined();
    await expect(manager.updateSession("unknown", "answer-1")).rejects.toMatchObject({ kind: "not-found" });
  });

  test("keeps parallel sessions apart [R2-038]", async () => {
    const { manager } = startManager();
    const words = Array.from({ length: 50 }, (_, index) => `Hello ${index}`);

    const sessions = await Promise.all(
      words.map(async (text, index) => {
        const { sessionId } = await manager.createSession(text, `chat-${index}`);
        return manager.updateSession(sessionId, `answer-${index}`);
      }),
    );

    expect(sessions.map(({ chatId, parentId }) => [chatId, parentId])).toEqual(
      words.map((_, index) => [`chat-${index}`, `answer-${index}`]),
    );
  });

  test("forgets what nobody used within the timeout, and holds nothing of it any more [R2-035, R2-037]", async () => {
    const { manager, store, pass } = startManager();
    const created = Array.from({ length: 1000 }, (_, index) =>
      manager.createSession(`Hello ${index}`, `chat-${index}`),
    );
    const { sessionId } = (await Promise.all(created))[0]!;

    pass(sessionTimeoutMs + 1);

    expect(await manager.getSession(sessionId)).toBeUndefined();
    expect(await store.sweep()).toHaveLength(1000);
    expect(await store.sweep()).toEqual([]);
  });
});
