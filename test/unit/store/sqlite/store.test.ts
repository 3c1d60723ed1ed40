// The SQLite driver under the suite of all drivers, and what only a file can do: outlive its process, and be shared.

import { Database } from "bun:sqlite";
import { expect, jest, test } from "bun:test";
import { join } from "node:path";
import { openSqliteStore } from "../../../../src/store/sqlite/open-store.ts";
import {
  begin,
  byHead,
  byHistory,
  converse,
  createTestClock,
  newConversation,
  node,
  sessionTimeoutMs,
  testStore,
  turnRecord,
} from "../../../support/test-store.ts";
import { useTemporaryFiles } from "../temporary-store.ts";

const newPath = useTemporaryFiles();

testStore("sqliteStore", async (options) => {
  const path = newPath();
  let store = openSqliteStore({ ...options, path });
  return {
    store,
    async reopen() {
      await store.close();
      store = openSqliteStore({ ...options, path });
      return store;
    },
  };
});

/** Two workers on one file. */
function openTwice() {
  const path = newPath();
  const clock = createTestClock();
  const options = { path, clock: clock.now, sessionTimeoutMs };
  return { path, clock, one: openSqliteStore(options), other: openSqliteStore(options) };
}

function countRows(path: string): Record<string, unknown> {
  using database = new Database(path);
  const count = (table: string) =>
    database.query<{ count: number }, []>(`SELECT COUNT(*) AS count FROM ${table}`).get()?.count;
  return { conversations: count("conversations"), turns: count("turns"), leases: count("leases") };
}

function spawnCommitter(path: string, mode: "commit" | "run" | "once") {
  const script = join(import.meta.dir, "commit-turns.ts");
  return Bun.spawn([process.execPath, script, path, mode], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
}

/** Kills the process as soon as it has said enough. @returns all that it said, whole lines only. */
async function killAfter(child: ReturnType<typeof spawnCommitter>, lines: number): Promise<string[]> {
  const decoder = new TextDecoder();
  let said = "";
  for await (const chunk of child.stdout) {
    said += decoder.decode(chunk, { stream: true });
    if (said.split("\n").length > lines) child.kill("SIGKILL");
  }
  await child.exited;
  return said.split("\n").slice(0, -1);
}

test("sqliteStore loses no acknowledged turn to kill -9 [R2-034]", async () => {
  const path = newPath();
  const acknowledged = await killAfter(spawnCommitter(path, "commit"), 200);
  const store = openSqliteStore({ path, clock: Date.now, sessionTimeoutMs });
  for (const turn of acknowledged.map(Number)) {
    const claim = await begin(store, byHistory([`${turn}`]));
    expect(claim.continuation).toEqual(node("chat", `node-${turn}`));
    await store.releaseTurn(claim, 0);
  }
  expect(acknowledged.length).toBeGreaterThanOrEqual(200);
  await store.close();
  using database = new Database(path);
  expect(database.query("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
});

test("sqliteStore frees the chats of a dead process and tells once which reply it left running", async () => {
  const path = newPath();
  await killAfter(spawnCommitter(path, "run"), 1);
  const store = openSqliteStore({ path, clock: Date.now, sessionTimeoutMs });
  const continued = await begin(store, byHistory(["1"]));
  expect(continued.continuation).toEqual(node("chat", "chat/1"));
  expect(continued.interrupted).toEqual(node("chat", "running"));
  await store.releaseTurn(continued, 0);
  expect((await begin(store, byHistory(["1"]))).interrupted).toBeUndefined();
  const first = await begin(store, byHead("other"));
  expect(first.continuation).toEqual(node("first-reply", null));
  expect(first.interrupted).toEqual(node("first-reply", "begun"));
  await store.close();
});

test("sqliteStore frees its chats when it is closed", async () => {
  const { one, other } = openTwice();
  await converse(one, "chat", "1");
  await one.noteReply(await begin(one, byHistory(["1"])), node("chat", "running"));
  expect(await other.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
  await one.close();
  await one.close();
  expect((await begin(other, byHistory(["1"]))).interrupted).toEqual(node("chat", "running"));
  await other.close();
});

test("a lease that ran out is taken over, and its late ending frees nothing but keeps its turn", async () => {
  const { clock, one, other } = openTwice();
  await converse(one, "chat", "1");
  const stalled = await begin(one, byHistory(["1"]));
  await one.noteReply(stalled, node("chat", "stalled"));
  clock.advance(60_001);
  const taken = await begin(other, byHistory(["1"]));
  expect(taken.interrupted).toEqual(node("chat", "stalled"));
  await one.noteReply(stalled, node("chat", "stale"));
  await one.endTurn(stalled, turnRecord("2", node("chat", "stalled"), { settleMs: 9000 }));
  expect(await other.beginTurn("caller", byHistory(["2"]))).toBeUndefined();
  await other.endTurn(taken, turnRecord("2b", node("chat", "node-2b")));
  const late = await begin(one, byHistory(["2"]));
  expect([late.continuation.nodeId, late.interrupted]).toEqual(["stalled", undefined]);
  expect(late.readyAtMs).toBeLessThanOrEqual(clock.now());
  expect((await one.getSession("caller", "session"))?.conversations.map((one) => one.messageCount)).toEqual([2, 2]);
  await one.close();
  await other.close();
});

test("a lease is renewed while its turn runs, and no longer", async () => {
  jest.useFakeTimers();
  try {
    const { clock, one, other } = openTwice();
    await converse(one, "chat", "1");
    const running = await begin(one, byHistory(["1"]));
    for (let seconds = 0; seconds < 300; seconds += 20) {
      clock.advance(20_000);
      jest.advanceTimersByTime(20_000);
    }
    expect(await other.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
    await one.releaseTurn(running, 0);
    jest.advanceTimersByTime(20_000);
    expect(jest.getTimerCount()).toBe(0);
    await one.close();
    await other.close();
  } finally {
    jest.useRealTimers();
  }
});

test("two stores on one file see each other's turns at once [R2-039]", async () => {
  const { one, other } = openTwice();
  await converse(one, "chat", "1");
  const claim = await begin(other, byHistory(["1"]));
  expect(await one.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
  expect(await one.beginTurn("caller", byHead("session"))).toBe("busy");
  await other.endTurn(claim, turnRecord("2", node("chat", "node-2")));
  expect((await begin(one, byHistory(["2"]))).continuation.nodeId).toBe("node-2");
  await one.close();
  await other.close();
});

test("two stores on one file hold replies and count amounts together [R2-080] [R0-065]", async () => {
  const { one, other, clock } = openTwice();
  const untilMs = clock.now() + 60_000;
  const span = { startMs: 0, atMs: 1, sinceMs: 0, afterMs: 0 };
  const reservation = { subject: "ann", kind: "k", ...span, wanted: 3, limit: 4 };
  expect(await one.holdReplies("ann", 2, 3, untilMs)).toBe(2);
  expect(await other.holdReplies("ann", 2, 3, untilMs)).toBe(1);
  expect(await one.holdReplies("ann", 3, 3, untilMs)).toBe(2);
  expect(await other.holdReplies("ann", 0, 3, untilMs)).toBe(0);
  expect(await one.holdReplies("ann", 3, 3, untilMs)).toBe(3);
  expect([(await one.reserveAmount(reservation)).granted, (await other.reserveAmount(reservation)).granted]).toEqual([
    3, 1,
  ]);
  await one.close();
  await other.close();
});

test("replies that were not said again in time count no more [R0-065]", async () => {
  const { one, other, clock } = openTwice();
  expect(await one.holdReplies("ann", 1, 1, clock.now() + 1000)).toBe(1);
  expect(await other.holdReplies("ann", 1, 1, clock.now() + 1000)).toBe(0);
  await one.renewReplies(clock.now() + 5000);
  clock.advance(4999);
  expect(await other.holdReplies("ann", 1, 1, clock.now() + 1000)).toBe(0);
  clock.advance(1);
  expect(await other.holdReplies("ann", 1, 1, clock.now() + 1000)).toBe(1);
  await one.close();
  await other.close();
});

test("a conversation is written with its first answer, in one transaction and without a lease", async () => {
  const { path, one, other } = openTwice();
  const opened = await one.openConversation("caller", newConversation("chat"));
  await one.noteReply(opened, node("chat", "running"));
  expect(countRows(path)).toEqual({ conversations: 0, turns: 0, leases: 0 });
  await one.endTurn(opened, turnRecord("1", node("chat", "node-1")));
  expect(countRows(path)).toEqual({ conversations: 1, turns: 1, leases: 0 });
  expect((await begin(other, byHistory(["1"]))).conversationId).toBe(opened.conversationId);
  await one.close();
  await other.close();
});

test("a session that is looked at while its first answer is being written is there", async () => {
  const { one, other } = openTwice();
  const opened = await one.openConversation("caller", newConversation("chat"));
  const written = one.endTurn(opened, turnRecord("1", node("chat", "node-1")));
  expect((await one.getSession("caller", "session"))?.conversations).toMatchObject([{ messageCount: 1 }]);
  await written;
  await one.close();
  await other.close();
});

test("a session that another process has deleted while this one alone knew it is not kept, and a later one of its name is", async () => {
  const { clock, one, other } = openTwice();
  const running = await one.openConversation("caller", newConversation("chat"));
  const foreign = await one.openConversation("another", newConversation("kept"));
  expect(await other.deleteSession("caller", "session")).toBeUndefined();
  const deletedAtMs = clock.now();
  clock.advance(1);
  const later = await one.openConversation("caller", newConversation("later"));
  expect(one.forgetUnseen?.("caller", "session", deletedAtMs)).toMatchObject([{ chatId: "chat" }]);
  for (const [claim, chat] of [
    [running, "chat"],
    [foreign, "kept"],
    [later, "later"],
  ] as const) {
    await one.noteReply(claim, node(chat, "node-1"));
    await one.endTurn(claim, turnRecord("1", node(chat, "node-1")));
  }
  expect(await other.getSession("caller", "session")).toMatchObject({ conversations: [{ chatId: "later" }] });
  expect(await other.getSession("another", "session")).toMatchObject({ conversations: [{ chatId: "kept" }] });
  await one.close();
  await other.close();
});

test("a conversation that may be found before its first answer is written and leased at once", async () => {
  const { path, one, other } = openTwice();
  await one.openConversation("caller", newConversation("thin", { byHead: true }));
  expect(await other.beginTurn("caller", byHead("session"))).toBe("busy");
  // Its session still leads to this chat, while the repetition of its first turn runs in it.
  const failed = await one.openConversation("caller", newConversation("spare", { sessionId: "spare" }));
  await one.releaseTurn(failed, 0);
  await one.openConversation("caller", newConversation("spare", { sessionId: "again" }));
  expect(await other.getSession("caller", "spare")).toBeUndefined();
  expect(await other.beginTurn("caller", byHead("again"))).toBe("busy");
  expect(countRows(path)).toEqual({ conversations: 2, turns: 0, leases: 2 });
  await one.close();
  await other.close();
});

test("a first answer that takes long, or outlasts its store, is known to others with the reply that runs", async () => {
  jest.useFakeTimers();
  try {
    const { clock, one, other } = openTwice();
    const long = await one.openConversation("caller", newConversation("long", { sessionId: "long" }));
    await one.noteReply(long, node("long", "running"));
    clock.advance(60_001);
    jest.advanceTimersByTime(1000);
    expect(await other.beginTurn("caller", byHead("long"))).toBe("busy");
    const running = newConversation("short", { sessionId: "short", continuation: node("short", "running") });
    await one.openConversation("caller", running);
    expect(await other.beginTurn("caller", byHead("short"))).toBeUndefined();
    await one.close();
    for (const chat of ["long", "short"]) {
      const found = await begin(other, byHead(chat));
      expect([found.continuation, found.interrupted]).toEqual([node(chat, null), node(chat, "running")]);
    }
    await other.close();
    jest.advanceTimersByTime(20_000);
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});

test("only chats that no branch and no failed turn is left in count as unused", async () => {
  const { one, other, clock } = openTwice();
  const { upstream, account } = newConversation("chat");
  await converse(one, "chat", "1", { conversation: { sessionId: "first" } });
  await one.endTurn(await begin(one, byHistory(["1"])), turnRecord("2", node("chat", "node-2")));
  await one.endTurn(await begin(one, byHistory(["1"])), turnRecord("2b", node("chat", "node-2b")));
  clock.advance(sessionTimeoutMs);
  await one.endTurn(await begin(one, byHistory(["2"])), turnRecord("3", node("chat", "node-3")));
  clock.advance(1);
  expect(await one.sweep()).toMatchObject([{ nodeId: "node-2b" }]);
  expect(await one.findUnusedChats([{ upstream, account, chatId: "chat" }])).toEqual([]);
  clock.advance(sessionTimeoutMs);
  expect(await one.sweep()).toMatchObject([{ nodeId: "node-3" }]);
  expect(await one.findUnusedChats([{ upstream, account, chatId: "chat" }])).toHaveLength(1);
  await one.close();
  await other.close();
});

test("expiry frees every row, long conversations in several batches [R2-035] [R2-037]", async () => {
  const path = newPath();
  const clock = createTestClock();
  const store = openSqliteStore({ path, clock: clock.now, sessionTimeoutMs });
  for (let index = 0; index < 150; index++) await converse(store, `chat-${index}`, "1");
  await converse(store, "long", "0", { conversation: { sessionId: "long" } });
  for (let turn = 1; turn <= 2100; turn++) {
    await store.endTurn(await begin(store, byHead("long")), turnRecord(`${turn}`, node("long", `node-${turn}`)));
  }
  expect(countRows(path)).toEqual({ conversations: 151, turns: 2251, leases: 0 });
  clock.advance(sessionTimeoutMs + 1);
  expect(await store.sweep()).toHaveLength(151);
  expect(countRows(path)).toEqual({ conversations: 0, turns: 0, leases: 0 });
  await store.close();
});

test("deleteSession leaves no row behind", async () => {
  const path = newPath();
  const store = openSqliteStore({ path, clock: createTestClock().now, sessionTimeoutMs });
  for (let index = 0; index < 150; index++) {
    await converse(store, `chat-${index}`, "1", { record: { settleMs: 5000 } });
  }
  expect(await store.deleteSession("caller", "session")).toHaveLength(150);
  expect(countRows(path)).toEqual({ conversations: 0, turns: 0, leases: 0 });
  await store.close();
});

test("several processes may create one store at the same moment", async () => {
  const path = newPath();
  const children = Array.from({ length: 4 }, () => spawnCommitter(path, "once"));
  const said = await Promise.all(children.map((child) => new Response(child.stdout).text()));
  expect(said).toEqual(Array.from(children, () => "committed\n"));
  expect(countRows(path)).toMatchObject({ conversations: 4, turns: 4 });
});
