// A chat.db of an older version: what was kept in it is there, as it was and in its order.

import { Database } from "bun:sqlite";
import { describe, expect, spyOn, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { chatMigrations, openChatDatabase } from "../../../src/store/chat-database.ts";
import { migrate } from "../../../src/store/migrate.ts";
import { inMemory, openDatabase } from "../../../src/store/open-database.ts";
import { createSqliteAgent } from "../../../src/store/sqlite/agent.ts";
import { createSqliteChat } from "../../../src/store/sqlite/chat.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { useTemporaryFiles } from "./temporary-store.ts";

const nextFile = useTemporaryFiles();
const nowMs = 10_000;
const times = { clock: () => nowMs, sessionTimeoutMs: 1000 };
const long = "片 🗓 Kumquat ".repeat(2000);

/** Ids in an order that is not that of the messages. "b" was answered twice. */
const messages = [
  { id: "d", parentId: null, role: "user", content: long },
  { id: "b", parentId: "d", role: "assistant", content: "short" },
  { id: "c", parentId: "d", role: "assistant", content: long },
  { id: "a", parentId: "b", role: "user", content: "\u0000" },
] as const;

function writeMessages(database: Database, caller: string, sessionId: string): void {
  database.run("INSERT INTO chat_sessions VALUES (?, ?, 't', 1, ?)", [caller, sessionId, nowMs]);
  for (const [index, { id, parentId, role, content }] of messages.entries()) {
    const streamId = role === "user" ? null : `stream-${id}`;
    const extras = JSON.stringify({ model: id, reasoning: long });
    database.run("INSERT INTO chat_messages VALUES (?, ?, ?, ?, ?, 'complete', 5, ?, ?, ?, ?)", [
      caller,
      sessionId,
      id,
      parentId,
      role,
      streamId,
      content,
      extras,
      index + 1,
    ]);
  }
  for (const position of [0, 1]) {
    const url = `data:text/plain;base64,${position}${"A".repeat(50_000)}`;
    const row = [caller, sessionId, "d", position, `${position}.txt`, url.slice(0, 300), url];
    database.run("INSERT INTO chat_attachments VALUES (?, ?, ?, ?, ?, ?, ?)", row);
  }
}

function writeTurns(database: Database): void {
  for (const [id, createdAtMs] of [
    ["z", 9500],
    ["y", 9600],
    ["x", 9600],
  ] as const) {
    const turn = JSON.stringify({ query: id, calls: [], answer: long });
    database.run("INSERT INTO agent_turns VALUES ('anna', 's', ?, ?, ?)", [id, createdAtMs, turn]);
  }
}

const tables = {
  chat_messages: `caller, session_id, message_id, parent_id, sequence, role, status, created_at_ms, stream_id, extras,
    content`,
  chat_attachments: "caller, session_id, message_id, position, name, address_start, url",
  agent_turns: "caller, session_id, turn_id, created_at_ms, turn",
} as const;

function rowsOf(database: Database): unknown[] {
  return Object.entries(tables).map(([table, columns]) =>
    database.query(`SELECT ${columns} FROM ${table} ORDER BY 1, 2, 3, 4`).all(),
  );
}

/** @returns the path of a file of that version, and what stood in it */
function writeVersion(version: number): { path: string; rows: unknown[] } {
  const path = nextFile();
  mkdirSync(dirname(path), { recursive: true });
  using database = openDatabase(path, silentLog, chatMigrations.slice(0, version));
  for (const caller of ["anna", "bert"]) writeMessages(database, caller, "s");
  writeMessages(database, "anna", "other");
  writeTurns(database);
  return { path, rows: rowsOf(database) };
}

describe("version 11", () => {
  test("keeps every row of the tables that it moves", () => {
    const { path, rows } = writeVersion(10);

    using database = openChatDatabase(path, silentLog);

    expect(rowsOf(database)).toEqual(rows);
  });

  test("keeps messages in their order, and the way to each", async () => {
    const { path } = writeVersion(10);
    using database = openChatDatabase(path, silentLog);
    const store = createSqliteChat(database, times);

    const idsOf = async (id?: string) => (await store.findPath("anna", "s", id)).messages.map((message) => message.id);
    expect((await store.findMessages("anna", "s"))?.map(({ id }) => id)).toEqual(["d", "b", "c", "a"]);
    expect([await idsOf(), await idsOf("c")]).toEqual([
      ["d", "b", "a"],
      ["d", "c"],
    ]);
    expect((await store.findMessage("anna", "s", "d"))?.extras.attachments).toMatchObject([
      { name: "0.txt" },
      { name: "1.txt" },
    ]);
  });

  test("goes on where the messages end", async () => {
    const { path } = writeVersion(10);
    using database = openChatDatabase(path, silentLog);
    const store = createSqliteChat(database, times);
    const next = { status: "running", createdAtMs: 1, streamId: undefined, extras: {}, content: "" } as const;
    const question = { ...next, id: "0", parentId: "a", role: "user" } as const;
    const answer = { ...next, id: "1", parentId: "0", role: "assistant" } as const;

    await store.beginTurn("anna", { sessionId: "s", title: "t", question, answer });

    expect((await store.findMessages("anna", "s"))?.map(({ id }) => id)).toEqual(["d", "b", "c", "a", "0", "1"]);
    expect(() => writeMessages(database, "anna", "s")).toThrow(/UNIQUE/);
  });

  test("keeps turns of the agent in their order", async () => {
    const { path } = writeVersion(10);
    using database = openChatDatabase(path, silentLog);
    const store = createSqliteAgent(database, times);

    expect((await store.findTurns("anna", "s", 8)).map(({ query }) => query)).toEqual(["z", "x", "y"]);
    await store.rememberTurn("anna", "s", "x", { query: "changed", calls: [], answer: "" });
    expect((await store.findTurns("anna", "s", 2)).map(({ query }) => query)).toEqual(["changed", "y"]);
  });

  test("leaves nothing in the file of what is deleted behind it", async () => {
    const { path } = writeVersion(10);
    {
      using database = openChatDatabase(path, silentLog);
      const [chat, agent] = [
        createSqliteChat(database, times),
        createSqliteAgent(database, { ...times, clock: () => 1e9 }),
      ];
      for (const [caller, sessionId] of [
        ["anna", "s"],
        ["anna", "other"],
        ["bert", "s"],
      ] as const) {
        await chat.deleteSession(caller, sessionId);
      }
      await agent.sweep();
    }

    const bytes = readFileSync(path, "latin1");
    expect([bytes.includes("Kumquat"), bytes.includes("A".repeat(100))]).toEqual([false, false]);
  });
});

test.each(Object.keys(tables))(
  "a row of %s is found by an index of its key, whatever the rows beside it are",
  (name) => {
    using database = new Database(":memory:");
    migrate(database, "chat.db", chatMigrations);

    const layout = database
      .query<{ wr: number }, [string]>("SELECT wr FROM pragma_table_list WHERE name = ?")
      .get(name);

    expect(layout).toEqual({ wr: 0 });
  },
);

test("the way to a message is walked by its ids, and the last turns are found without the others", () => {
  using database = openChatDatabase(inMemory, silentLog);
  const prepare = spyOn(database, "prepare");
  createSqliteChat(database, times);
  createSqliteAgent(database, times);
  const texts = prepare.mock.calls.map(([text]) => text);
  const planOf = (sign: string): string => {
    const text = texts.find((one) => one.includes(sign)) ?? "";
    const parameters = Object.fromEntries(Array.from(text.matchAll(/\$(\w+)/g), (match) => [match[1], "0"]));
    const plan = database.query<{ detail: string }, [Record<string, string>]>(`EXPLAIN QUERY PLAN ${text}`);
    return plan
      .all(parameters)
      .map(({ detail }) => detail)
      .join("\n");
  };

  expect(planOf("RECURSIVE")).not.toContain("chat_messages_in_order");
  expect(planOf("SELECT turn")).not.toContain("TEMP B-TREE");
});
