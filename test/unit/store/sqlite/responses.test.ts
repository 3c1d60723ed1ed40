// Kept responses in SQLite: whole, their caller's alone, as a tree, and gone when they have expired.

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type LeaseOwner, thisProcess } from "../../../../src/store/lease-owner.ts";
import { chatMigrations, openChatDatabase } from "../../../../src/store/chat-database.ts";
import { migrate } from "../../../../src/store/migrate.ts";
import { inMemory } from "../../../../src/store/open-database.ts";
import type { KeptResponse } from "../../../../src/store/response-store.ts";
import { createSqliteResponses } from "../../../../src/store/sqlite/responses.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { newResponse } from "../../../support/new-response.ts";
import { useTemporaryFiles } from "../temporary-store.ts";

const nextFile = useTemporaryFiles();

function open(path: string = inMemory, maxBytes = 10_000, owner: LeaseOwner = thisProcess()) {
  const stage = { nowMs: 1_000_000_000 };
  const database = openChatDatabase(path, silentLog);
  const store = createSqliteResponses(database, { clock: () => stage.nowMs, sessionTimeoutMs: 1000, maxBytes, owner });
  const count = (): number[] =>
    ["responses", "response_threads"].map(
      (table) => database.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${table}`).get()!.n,
    );
  return Object.assign(stage, { store, count, database });
}

const step = ({ id, previousId, input, response }: KeptResponse) => ({
  id,
  previousId,
  input,
  output: response["output"] as never,
});

function response(id: string, previousId: string | null = null): KeptResponse {
  return { id, previousId, response: { id, output: [{ text: 'ä "x" 🗓' }] }, input: [{ id: `in_${id}` }] };
}

describe("createSqliteResponses", () => {
  test("gives back what it was given, to its caller alone", async () => {
    const { store } = open();
    await store.remember("anna", newResponse(response("a")));

    expect(await store.find("anna", "a")).toEqual(response("a"));
    expect(await store.find("bert", "a")).toBeUndefined();
    expect(await store.findPath("bert", "a")).toEqual([]);
    expect(await store.forget("bert", "a")).toBe(false);
    expect(await store.find("anna", "b")).toBeUndefined();
  });

  test("writes in the tick in which it is asked to", () => {
    const { store, count } = open();
    void store.remember("anna", newResponse(response("a")));

    expect(count()).toEqual([1, 1]);
  });

  test("finds the way to each branch, oldest first", async () => {
    const { store } = open();
    for (const [id, previousId] of [
      ["a", null],
      ["b", "a"],
      ["c", "b"],
      ["d", "b"],
      ["x", null],
    ] as const) {
      await store.remember("anna", newResponse(response(id, previousId)));
    }
    const pathTo = async (id: string) => (await store.findPath("anna", id)).map((one) => one.id);

    expect(await pathTo("c")).toEqual(["a", "b", "c"]);
    expect(await pathTo("d")).toEqual(["a", "b", "d"]);
    expect(await pathTo("x")).toEqual(["x"]);
  });

  test("shows where one that was gone on from was deleted", async () => {
    const { store } = open();
    await store.remember("anna", newResponse(response("a")));
    await store.remember("anna", newResponse(response("b", "a")));
    await store.remember("anna", newResponse(response("c", "b")));

    expect(await store.forget("anna", "b")).toBe(true);
    expect(await store.forget("anna", "b")).toBe(false);
    expect(await store.findPath("anna", "c")).toEqual([step(response("c", "b"))]);
  });

  test("deletes a tree with its last response", async () => {
    const { store, count } = open();
    await store.remember("anna", newResponse(response("a")));
    await store.forget("anna", "a");

    expect(count()).toEqual([0, 0]);
  });

  test("lets a tree expire as a whole, counted from when it was last gone on from", async () => {
    const stage = open();
    const { store } = stage;
    await store.remember("anna", newResponse(response("a")));
    await store.remember("anna", newResponse(response("x")));
    stage.nowMs += 900;
    await store.remember("anna", newResponse(response("b", "a")));
    stage.nowMs += 900;

    expect(await store.find("anna", "a")).toBeDefined();
    expect(await store.find("anna", "x")).toBeUndefined();
    expect(await store.findPath("anna", "x")).toEqual([]);
    expect(await store.forget("anna", "x")).toBe(false);
    await store.remember("anna", newResponse(response("y")));
    await store.sweep();
    expect(stage.count()).toEqual([3, 2]);
    stage.nowMs += 2000;
    await store.sweep();
    expect(stage.count()).toEqual([0, 0]);
  });

  test("is there after a restart", async () => {
    const path = nextFile();
    const first = open(path);
    await first.store.remember("anna", newResponse(response("a")));
    first.database.close();

    expect(await open(path).store.find("anna", "a")).toEqual(response("a"));
  });
});

test("change writes what a response has become, unless it was deleted", async () => {
  const { store } = open();
  await store.remember("anna", newResponse(response("a")));
  await store.change("bert", "a", { id: "stolen" });
  await store.change("anna", "a", { id: "a", status: "completed" });
  await store.change("anna", "b", { id: "b" });

  expect(await store.find("anna", "a")).toEqual({
    ...response("a"),
    response: { id: "a", status: "completed", output: [] },
  });
  expect(await store.find("anna", "b")).toBeUndefined();
});

test("a sweep deletes the oldest trees beyond the most that is kept, and no newer ones", async () => {
  const stage = open(inMemory, 250);
  const { store } = stage;
  for (const id of ["a", "b", "c", "d", "e", "f"]) {
    await store.remember("anna", newResponse(response(id)));
    stage.nowMs++;
  }
  await store.remember("anna", newResponse(response("a2", "a")));
  await store.sweep();
  const left = await Promise.all(["a", "b", "c", "d", "e", "f", "a2"].map((id) => store.find("anna", id)));

  expect(left.map((one) => one?.id)).toEqual(["a", undefined, undefined, undefined, "e", "f", "a2"]);
});

test.each([
  ["this process", thisProcess(), undefined],
  [
    "another process that lives",
    { ...thisProcess(), ownerPid: process.ppid },
    { ...thisProcess(), ownerPid: process.ppid },
  ],
  ["one that had this number before", { ...thisProcess(), ownerStartedMs: 1 }, undefined],
  ["another machine", { ...thisProcess(), ownerHost: "elsewhere" }, { ...thisProcess(), ownerHost: "elsewhere" }],
] as const)("tells whether %s may still be at a response", async (_name, owner, expected) => {
  const path = nextFile();
  const begun = { id: "a", previousId: null, input: [], response: { status: "in_progress", created_at: 1_000_000 } };
  await open(path, 10_000, owner).store.remember("anna", newResponse(begun));
  const here = open(path);

  expect((await here.store.find("anna", "a"))?.runsElsewhere).toEqual(expected);
  await here.store.change("anna", "a", { ...begun.response, status: "completed" });
  expect((await here.store.find("anna", "a"))?.runsElsewhere).toBeUndefined();
});

describe("responses of an older version", () => {
  test("are gone on from, and are their caller's alone", async () => {
    const path = nextFile();
    mkdirSync(dirname(path), { recursive: true });
    {
      using database = new Database(path);
      migrate(database, path, chatMigrations.slice(0, 7));
      for (const [id, previousId, threadId] of [
        ["a", null, "a"],
        ["b", "a", "a"],
        ["c", null, "c"],
      ] as const) {
        const { response: said, input } = response(id, previousId);
        database.run("INSERT INTO responses VALUES ('anna', ?, ?, ?, ?, ?, ?, NULL)", [
          id,
          previousId,
          threadId,
          JSON.stringify({ id: said["id"] }),
          JSON.stringify(input),
          JSON.stringify(said["output"]),
        ]);
        database.run("INSERT OR IGNORE INTO response_threads VALUES ('anna', ?, 1000000000)", [threadId]);
      }
    }

    const { store, count } = open(path);

    expect(await store.findPath("anna", "b")).toEqual([step(response("a")), step(response("b", "a"))]);
    expect(await store.find("anna", "b")).toEqual(response("b", "a"));
    expect(await store.find("bert", "b")).toBeUndefined();
    await store.remember("anna", newResponse(response("d", "b")));
    expect((await store.findPath("anna", "d")).map(({ id }) => id)).toEqual(["a", "b", "d"]);
    expect(await store.forget("anna", "c")).toBe(true);
    expect(count()).toEqual([3, 1]);
  });
});

test("a row is found by an index of its key alone, however long the rows are that are passed over", () => {
  const { database } = open();
  const layout = database.query<{ wr: number }, []>("SELECT wr FROM pragma_table_list WHERE name = 'responses'").get();

  expect(layout).toEqual({ wr: 0 });
});
