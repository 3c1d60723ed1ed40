// Conversations in SQLite: their items in order, their caller's alone, and gone when they have expired.

import { expect, test } from "bun:test";
import { openChatDatabase } from "../../../../src/store/chat-database.ts";
import { inMemory } from "../../../../src/store/open-database.ts";
import { createSqliteConversations } from "../../../../src/store/sqlite/conversations.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";

function open(maxBytes = 10_000) {
  const stage = { nowMs: 1_000_000_000 };
  const database = openChatDatabase(inMemory, silentLog);
  const store = createSqliteConversations(database, { clock: () => stage.nowMs, sessionTimeoutMs: 1000, maxBytes });
  const count = (): number[] =>
    ["conversations", "conversation_items"].map(
      (table) => database.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${table}`).get()!.n,
    );
  const create = (id: string, ...items: string[]) =>
    store.create("anna", { id, metadata: { topic: "ä" }, createdAtMs: stage.nowMs }, items.map(item));
  return Object.assign(stage, { store, count, create });
}

const item = (id: string) => ({ id, text: `"${id}" 🗓` });

test("items come back in their order, to their caller alone", async () => {
  const { store, create } = open();
  await create("c", "1", "2");
  expect(await store.append("anna", "c", [item("3"), item("1")])).toBe(true);
  expect(await store.append("bert", "c", [item("4")])).toBe(false);

  expect(await store.find("anna", "c")).toEqual({ id: "c", metadata: { topic: "ä" }, createdAtMs: 1_000_000_000 });
  expect(await store.findItems("anna", "c")).toEqual(["1", "2", "3"].map(item));
  expect(await store.findItems("anna", "c", "3")).toEqual(["1", "2"].map(item));
  expect(await store.findItems("anna", "c", "9")).toBeUndefined();
  expect(await store.findItem("anna", "c", "2")).toEqual(item("2"));
  for (const found of [
    await store.find("bert", "c"),
    await store.findItems("bert", "c"),
    await store.findItem("bert", "c", "2"),
    await store.listItems("bert", "c", { order: "asc", after: undefined, limit: 5 }),
    await store.setMetadata("bert", "c", {}),
  ]) {
    expect(found).toBeUndefined();
  }
  expect(await store.forgetItem("bert", "c", "2")).toBe(false);
  expect(await store.forget("bert", "c")).toBe(false);
});

test("pages begin behind an item, in both directions", async () => {
  const { store, create } = open();
  await create("c", "1", "2", "3", "4", "5");
  const page = async (order: "asc" | "desc", after: string | undefined, limit: number) => {
    const { items, hasMore } = (await store.listItems("anna", "c", { order, after, limit }))!;
    return [...items.map(({ id }) => id), hasMore];
  };
  expect(await page("asc", undefined, 2)).toEqual(["1", "2", true]);
  expect(await page("asc", "2", 3)).toEqual(["3", "4", "5", false]);
  expect(await page("desc", undefined, 2)).toEqual(["5", "4", true]);
  expect(await page("desc", "2", 2)).toEqual(["1", false]);
});

test("items and conversations are forgotten", async () => {
  const { store, create, count } = open();
  await create("c", "1", "2");
  expect(await store.forgetItem("anna", "c", "1")).toBe(true);
  expect(await store.forgetItem("anna", "c", "1")).toBe(false);
  expect(await store.findItems("anna", "c")).toEqual([item("2")]);
  expect(await store.forget("anna", "c")).toBe(true);
  expect(await store.forget("anna", "c")).toBe(false);
  expect(await store.append("anna", "c", [item("3")])).toBe(false);
  expect(count()).toEqual([0, 0]);
});

test("a change keeps a conversation alive; what has expired is gone, and swept", async () => {
  const stage = open();
  const { store, create, count } = stage;
  await create("old", "1");
  await create("new", "1");
  stage.nowMs += 900;
  expect(await store.setMetadata("anna", "new", { a: "b" })).toMatchObject({ metadata: { a: "b" } });
  stage.nowMs += 200;
  expect(await store.find("anna", "old")).toBeUndefined();
  expect(await store.append("anna", "old", [item("2")])).toBe(false);
  expect(await store.append("anna", "new", [item("2")])).toBe(true);
  expect(count()).toEqual([2, 3]);
  await store.sweep();
  expect(count()).toEqual([1, 2]);
});

test("what is too much goes, the longest unchanged first", async () => {
  const stage = open(100);
  for (const id of ["a", "b", "c"]) {
    await stage.create(id, "x".repeat(30));
    stage.nowMs += 1;
  }
  await stage.store.sweep();
  expect(await stage.store.find("anna", "a")).toBeUndefined();
  expect(await stage.store.find("anna", "c")).toBeDefined();
});
