// What the typed chat remembers in SQLite: by caller, in order, until it expires or is deleted.

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { openChatDatabase } from "../../../../src/store/chat-database.ts";
import type { ChatMessage, ChatStore, MessageExtras } from "../../../../src/store/chat-store.ts";
import messages from "../../../../src/store/chat-migrations/001-messages.sql" with { type: "text" };
import replays from "../../../../src/store/chat-migrations/002-replays.sql" with { type: "text" };
import documents from "../../../../src/store/chat-migrations/003-documents.sql" with { type: "text" };
import agent from "../../../../src/store/chat-migrations/004-agent.sql" with { type: "text" };
import { migrate } from "../../../../src/store/migrate.ts";
import { inMemory } from "../../../../src/store/open-database.ts";
import { createSqliteChat } from "../../../../src/store/sqlite/chat.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { useTemporaryFiles } from "../temporary-store.ts";

const nextFile = useTemporaryFiles();
const timeoutMs = 1000;

interface Stage {
  readonly store: ChatStore;
  nowMs: number;
}

function open(path: string = inMemory): Stage {
  const stage = { nowMs: 10_000 };
  const database = openChatDatabase(path, silentLog);
  return Object.assign(stage, {
    store: createSqliteChat(database, { clock: () => stage.nowMs, sessionTimeoutMs: timeoutMs }),
  });
}

function message(id: string, createdAtMs: number, change: Partial<ChatMessage> = {}): ChatMessage {
  const role = id.startsWith("u") ? "user" : "assistant";
  return {
    id,
    parentId: null,
    role,
    content: `says ${id}`,
    status: role === "user" ? "complete" : "running",
    createdAtMs,
    streamId: role === "user" ? undefined : `stream-${id}`,
    extras: {},
    ...change,
  };
}

async function turn(stage: Stage, caller: string, sessionId: string, suffix: string, title = "A title"): Promise<void> {
  await stage.store.beginTurn(caller, {
    sessionId,
    title,
    question: message(`u${suffix}`, stage.nowMs),
    answer: message(`a${suffix}`, stage.nowMs, { parentId: `u${suffix}` }),
  });
}

async function idsOf(stage: Stage, caller: string, sessionId: string): Promise<string[] | undefined> {
  return (await stage.store.findMessages(caller, sessionId))?.map(({ id }) => id);
}

describe("createSqliteChat", () => {
  test("gives back what it was given, whole", async () => {
    const stage = open();
    const extras: MessageExtras = {
      reasoning: "Let me see",
      stages: ["retrieval"],
      sources: [{ chunk_id: "c", document_name: "ä.txt", text: "片 🗓\u0000", score: 0.5 }],
      qualityScore: 0.8,
      followUpQuestions: ["And?"],
      model: "m",
      upstream: "u",
      error: "e",
      usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 },
      attachments: [{ name: "a", url: "data:text/plain;base64,AA" }],
      continuesElsewhere: true,
    };
    const question = message("u1", 1, { content: 'two\nlines "quoted" 两 👍' });
    const answer = message("a1", 1, { parentId: "u1", extras, status: "failed" });

    await stage.store.beginTurn("c", { sessionId: "s", title: "t", question, answer });

    expect(await stage.store.findMessages("c", "s")).toEqual([question, answer]);
  });

  test("knows no session that was not begun", async () => {
    const { store } = open();

    expect(await store.findMessages("c", "s")).toBeUndefined();
    expect(await store.findSession("c", "s")).toBeUndefined();
    expect(await store.listSessions("c", 10)).toEqual([]);
    expect(await store.deleteSession("c", "s")).toBe(false);
  });

  test("keeps callers apart, also where they name their sessions and messages alike", async () => {
    const stage = open();
    await turn(stage, "alice", "s", "1", "of alice");
    await turn(stage, "bob", "s", "1", "of bob");

    await stage.store.endTurn("alice", "s", message("a1", 1, { content: "for alice", status: "complete" }));

    expect((await stage.store.findMessages("bob", "s"))?.at(-1)?.content).toBe("says a1");
    expect((await stage.store.listSessions("alice", 10)).map(({ title }) => title)).toEqual(["of alice"]);
    expect(await stage.store.findMessages("carol", "s")).toBeUndefined();
    expect(await stage.store.deleteSession("carol", "s")).toBe(false);
    await stage.store.deleteSession("alice", "s");
    expect(await idsOf(stage, "bob", "s")).toEqual(["u1", "a1"]);
  });

  test("orders messages as they were written, also within a millisecond and when the clock was set back", async () => {
    const stage = open();
    await turn(stage, "c", "s", "1");
    await turn(stage, "c", "s", "0");
    stage.nowMs -= 500;
    await stage.store.beginTurn("c", {
      sessionId: "s",
      title: "t",
      question: undefined,
      answer: message("a0b", stage.nowMs, { parentId: "u0" }),
    });

    expect(await idsOf(stage, "c", "s")).toEqual(["u1", "a1", "u0", "a0", "a0b"]);
  });

  test("a turn that cannot be written whole is not written", async () => {
    const stage = open();
    await turn(stage, "c", "s", "1");

    const again = stage.store.beginTurn("c", {
      sessionId: "s",
      title: "t",
      question: message("u2", stage.nowMs),
      answer: message("a1", stage.nowMs),
    });

    await expect(again).rejects.toThrow("UNIQUE");
    expect(await idsOf(stage, "c", "s")).toEqual(["u1", "a1"]);
  });

  test("endTurn writes the answer as it has become, and the session counts as changed", async () => {
    const stage = open();
    await turn(stage, "c", "s", "1");
    stage.nowMs += 500;
    const ended = message("a1", 10_000, {
      parentId: "u1",
      content: "done",
      status: "complete",
      extras: { qualityScore: 1 },
    });

    await stage.store.endTurn("c", "s", ended);

    expect((await stage.store.findMessages("c", "s"))?.at(-1)).toEqual(ended);
    expect(await stage.store.findSession("c", "s")).toEqual({
      sessionId: "s",
      title: "A title",
      createdAtMs: 10_000,
      updatedAtMs: 10_500,
      messageCount: 2,
    });
  });

  test("endTurn after the session was deleted brings nothing back", async () => {
    const stage = open();
    await turn(stage, "c", "s", "1");
    expect(await stage.store.deleteSession("c", "s")).toBe(true);

    await stage.store.endTurn("c", "s", message("a1", 1, { content: "late", status: "complete" }));
    await stage.store.recoverTurn("c", "s", message("a1", 1, { content: "late", status: "failed" }));

    expect(await stage.store.findMessages("c", "s")).toBeUndefined();
    expect(await stage.store.listSessions("c", 10)).toEqual([]);
    expect(await stage.store.deleteSession("c", "s")).toBe(false);
    await turn(stage, "c", "s", "2");
    expect(await idsOf(stage, "c", "s")).toEqual(["u2", "a2"]);
  });

  test("recoverTurn writes an answer that runs, and none whose end was written", async () => {
    const stage = open();
    await turn(stage, "c", "s", "1");
    await turn(stage, "c", "s", "2");
    await stage.store.endTurn("c", "s", message("a2", 10_000, { content: "whole", status: "complete" }));

    for (const id of ["a1", "a2"]) {
      await stage.store.recoverTurn("c", "s", message(id, 10_000, { content: "half", status: "failed" }));
    }

    const messages = await stage.store.findMessages("c", "s");
    expect(messages?.find(({ id }) => id === "a1")).toMatchObject({ content: "half", status: "failed" });
    expect(messages?.find(({ id }) => id === "a2")).toMatchObject({ content: "whole", status: "complete" });
  });

  test("lists sessions, the last changed first, as many as are asked for", async () => {
    const stage = open();
    for (const name of ["a", "b", "c"]) {
      await turn(stage, "c", name, name, `title ${name}`);
      stage.nowMs++;
    }
    await stage.store.endTurn("c", "a", message("aa", 10_000, { status: "complete" }));

    expect((await stage.store.listSessions("c", 10)).map(({ sessionId }) => sessionId)).toEqual(["a", "c", "b"]);
    expect((await stage.store.listSessions("c", 2)).map(({ sessionId }) => sessionId)).toEqual(["a", "c"]);
  });

  test("a session keeps the title of its first message", async () => {
    const stage = open();
    await turn(stage, "c", "s", "1", "first");
    await turn(stage, "c", "s", "2", "second");

    expect(await stage.store.findSession("c", "s")).toMatchObject({ title: "first", messageCount: 4 });
  });

  test("a session expires when it was not changed for long enough, before it is swept too", async () => {
    const stage = open();
    await turn(stage, "c", "s", "1");
    stage.nowMs += timeoutMs;
    expect(await idsOf(stage, "c", "s")).toEqual(["u1", "a1"]);

    stage.nowMs++;

    expect(await stage.store.findMessages("c", "s")).toBeUndefined();
    expect(await stage.store.findSession("c", "s")).toBeUndefined();
    expect(await stage.store.listSessions("c", 10)).toEqual([]);
  });

  test("an expired session that is begun anew is empty, swept or not", async () => {
    const stage = open();
    await turn(stage, "c", "s", "1", "old");
    stage.nowMs += timeoutMs + 1;

    await turn(stage, "c", "s", "2", "new");

    expect(await idsOf(stage, "c", "s")).toEqual(["u2", "a2"]);
    expect(await stage.store.findSession("c", "s")).toMatchObject({ title: "new", createdAtMs: stage.nowMs });
  });

  test("sweep deletes what expired, however much, and nothing else", async () => {
    const stage = open();
    for (let count = 0; count < 120; count++) await turn(stage, `c${count % 3}`, `old${count}`, "1");
    stage.nowMs += timeoutMs + 1;
    await turn(stage, "c0", "young", "1");

    await stage.store.sweep();
    stage.nowMs -= timeoutMs;

    expect((await stage.store.listSessions("c0", 1000)).map(({ sessionId }) => sessionId)).toEqual(["young"]);
    expect(await stage.store.listSessions("c1", 1000)).toEqual([]);
  });

  test("takes a long answer with its attachments", async () => {
    const stage = open(nextFile());
    const content = "片 und text 🗓\n".repeat(400_000);
    const url = `data:application/pdf;base64,${"A".repeat(12 * 1024 * 1024)}`;
    await stage.store.beginTurn("c", {
      sessionId: "s",
      title: "t",
      question: message("u1", 1, { extras: { attachments: [{ name: "a.pdf", url }] } }),
      answer: message("a1", 1, { parentId: "u1" }),
    });

    await stage.store.endTurn("c", "s", message("a1", 1, { content, status: "complete" }));

    const [question, answer] = (await stage.store.findPath("c", "s", undefined)).messages;
    expect(question?.extras.attachments?.[0]?.url === url).toBe(true);
    expect(answer?.content === content).toBe(true);
    const [told] = (await stage.store.findMessages("c", "s")) ?? [];
    expect(told?.extras.attachments).toEqual([{ name: "a.pdf", url: url.slice(0, 300) }]);
    expect((await stage.store.findMessage("c", "s", "u1"))?.extras.attachments?.[0]?.url === url).toBe(true);
  });

  describe("findPath", () => {
    const namesOf = async (stage: Stage, messageId: string | null | undefined) => {
      const { messages, ...rest } = await stage.store.findPath("c", "s", messageId);
      return { ...rest, ids: messages.map(({ id }) => id) };
    };

    async function branched(): Promise<Stage> {
      const stage = open();
      const parents: Record<string, string | null> = { "1": null, "2": "a1", "3": "a1", "4": "a2" };
      for (const [suffix, parentId] of Object.entries(parents)) {
        await stage.store.beginTurn("c", {
          sessionId: "s",
          title: "t",
          question: message(`u${suffix}`, 1, {
            parentId,
            ...(suffix === "1" && { extras: { continuesElsewhere: true } }),
          }),
          answer: message(`a${suffix}`, 1, { parentId: `u${suffix}` }),
        });
      }
      return stage;
    }

    test("gives a message and those that it follows, and nothing of other branches", async () => {
      const stage = await branched();
      const rest = { newestId: "a4", continuesElsewhere: true };

      expect(await namesOf(stage, undefined)).toEqual({ ...rest, ids: ["u1", "a1", "u2", "a2", "u4", "a4"] });
      expect(await namesOf(stage, "a3")).toEqual({ ...rest, ids: ["u1", "a1", "u3", "a3"] });
      expect(await namesOf(stage, "u1")).toEqual({ ...rest, ids: ["u1"] });
      expect(await namesOf(stage, null)).toEqual({ ...rest, ids: [] });
      expect(await namesOf(stage, "nowhere")).toEqual({ ...rest, ids: [] });
    });

    test("knows nothing of a session of somebody else, or that has expired", async () => {
      const stage = await branched();
      const nothing = { messages: [], newestId: undefined, continuesElsewhere: false };

      expect(await stage.store.findPath("d", "s", undefined)).toEqual(nothing);
      expect(await stage.store.findMessage("d", "s", "u1")).toBeUndefined();
      stage.nowMs += timeoutMs + 1;
      expect(await stage.store.findPath("c", "s", undefined)).toEqual(nothing);
      expect(await stage.store.findMessage("c", "s", "u1")).toBeUndefined();
    });

    test("begins at a parent that is missing, and ends at messages in a circle", async () => {
      const stage = open();
      const circle = { question: message("u1", 1, { parentId: "a1" }), answer: message("a1", 1, { parentId: "u1" }) };
      await stage.store.beginTurn("c", { sessionId: "s", title: "t", ...circle });
      expect(await namesOf(stage, "a1")).toMatchObject({ ids: ["u1", "a1"] });

      const orphan = { question: message("u2", 1, { parentId: "gone" }), answer: message("a2", 1, { parentId: "u2" }) };
      await stage.store.beginTurn("c", { sessionId: "s", title: "t", ...orphan });
      expect(await namesOf(stage, "a2")).toMatchObject({ ids: ["u2", "a2"] });
    });

    test("does not read what is not on its way", async () => {
      const stage = open();
      const url = `data:application/pdf;base64,${"A".repeat(8 * 1024 * 1024)}`;
      for (let count = 0; count < 12; count++) {
        const question = message(`u${count}`, 1, { extras: { attachments: [{ name: "a", url }] } });
        await stage.store.beginTurn("c", { sessionId: "s", title: "t", question, answer: message(`a${count}`, 1) });
      }
      await turn(stage, "c", "s", "last");
      const before = process.memoryUsage().rss;

      expect(await namesOf(stage, undefined)).toMatchObject({ ids: ["ulast", "alast"] });

      expect(process.memoryUsage().rss - before).toBeLessThan(30 * 1024 * 1024);
    });
  });

  test("deletes attachments with their session", async () => {
    const stage = open();
    const question = message("u1", 1, { extras: { attachments: [{ name: "a", url: "data:text/plain;base64,YQ==" }] } });
    const begun = { sessionId: "s", title: "t", question, answer: message("a1", 1) };
    await stage.store.beginTurn("c", begun);

    await stage.store.deleteSession("c", "s");
    await stage.store.beginTurn("c", { ...begun, question: message("u1", 1) });

    expect((await stage.store.findMessage("c", "s", "u1"))?.extras.attachments).toBeUndefined();
  });

  test("lists the streams of a session", async () => {
    const stage = open();
    await turn(stage, "c", "s", "1");
    await turn(stage, "c", "s", "2");
    await turn(stage, "c", "other", "3");

    expect([...(await stage.store.listStreams("c", "s"))].sort()).toEqual(["stream-a1", "stream-a2"]);
  });

  test("brings messages of an older version into order, and their attachments to their place", async () => {
    const path = nextFile();
    mkdirSync(dirname(path));
    {
      using database = new Database(path, { create: true, strict: true });
      const older = [messages, replays, documents, agent];
      migrate(database, path, older);
      const extras = { model: "m", attachments: [{ name: "a.txt", url: "data:text/plain;base64,YQ==" }] };
      database.run("INSERT INTO chat_sessions VALUES ('c', 's', 't', 1, 10000)");
      for (const [id, role, time] of [
        ["z", "user", 1],
        ["y", "assistant", 1],
        ["b", "user", 2],
        ["a", "assistant", 2],
      ] as const) {
        database.run("INSERT INTO chat_messages VALUES ('c', 's', ?, NULL, ?, 'complete', ?, NULL, 'x', ?)", [
          id,
          role,
          time,
          JSON.stringify(role === "user" ? extras : {}),
        ]);
      }
    }

    const stage = open(path);

    expect(await idsOf(stage, "c", "s")).toEqual(["z", "y", "b", "a"]);
    expect((await stage.store.findMessage("c", "s", "z"))?.extras).toEqual({
      model: "m",
      attachments: [{ name: "a.txt", url: "data:text/plain;base64,YQ==" }],
    });
    await turn(stage, "c", "s", "1");
    expect((await idsOf(stage, "c", "s"))?.slice(-2)).toEqual(["u1", "a1"]);
  });

  test("is there again when the file is opened once more", async () => {
    const path = nextFile();
    await turn(open(path), "c", "s", "1");

    expect(await idsOf(open(path), "c", "s")).toEqual(["u1", "a1"]);
  });

  test("ids are texts, whatever they look like", async () => {
    const stage = open();
    const odd = "s'; DROP TABLE chat_messages; --";
    await turn(stage, "c'\"", odd, "1");

    expect(await idsOf(stage, "c'\"", odd)).toEqual(["u1", "a1"]);
    expect(await idsOf(stage, "c", odd)).toBeUndefined();
  });
});
