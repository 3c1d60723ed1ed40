// Inputs that begin as that of another response, in SQLite: written once, read whole, and whole as well when what they share is
// deleted, has expired, or goes with its tree.

import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../../src/contract/json.ts";
import { openChatDatabase } from "../../../../src/store/chat-database.ts";
import { inMemory } from "../../../../src/store/open-database.ts";
import { createSqliteResponses } from "../../../../src/store/sqlite/responses.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { newResponse } from "../../../support/new-response.ts";

function open() {
  const stage = { nowMs: 1_000_000_000 };
  const database = openChatDatabase(inMemory, silentLog);
  const store = createSqliteResponses(database, { clock: () => stage.nowMs, sessionTimeoutMs: 1000 });
  return Object.assign(stage, {
    store,
    /** @param shared id and count of what it shares */
    async remember(id: string, words: string, shared?: readonly [id: string, count: number]): Promise<void> {
      const kept = { id, previousId: null, response: { id }, input: itemsOf(words) };
      await store.remember("anna", newResponse(kept, shared && { id: shared[0], count: shared[1] }));
    },
    /** The input of each, as the response itself and as a line of responses tells it. */
    async read(...ids: string[]): Promise<(string | undefined)[]> {
      const inputs: (string | undefined)[] = [];
      for (const id of ids) {
        const input = (await store.find("anna", id))?.input;
        const [step] = await store.findPath("anna", id);
        expect(step?.input).toEqual(input);
        inputs.push(input?.map((item) => item["said"]).join(" "));
      }
      return inputs;
    },
    /** What the rows hold. */
    rows: (): string[] =>
      database
        .query<{ input: string }, []>("SELECT input FROM responses ORDER BY response_id")
        .all()
        .map(({ input }) => (JSON.parse(input) as JsonObject[]).map((item) => item["said"]).join(" ")),
    /** Ids of what these share. */
    sharedBy: (...ids: string[]): (string | undefined)[] =>
      ids.map(
        (id) =>
          database
            .query<{ id: string }, [string]>("SELECT shares_id AS id FROM response_shares WHERE response_id = ?")
            .get(id)?.id,
      ),
    count: (): number[] =>
      ["responses", "response_shares", "response_threads"].map(
        (table) => database.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${table}`).get()!.n,
      ),
  });
}

const itemsOf = (words: string): JsonObject[] => words.split(" ").map((said) => ({ said }));

/** A line of three, and a branch that leaves it behind the second item of b. */
async function openTree() {
  const stage = open();
  await stage.remember("a", "1 2");
  await stage.remember("b", "1 2 3 4", ["a", 2]);
  await stage.remember("c", "1 2 3 4 5", ["b", 4]);
  await stage.remember("d", "1 2 3 6", ["b", 3]);
  return stage;
}

describe("an input that begins as another", () => {
  test("is read whole, and only what is new of it is written", async () => {
    const stage = await openTree();

    expect(await stage.read("a", "b", "c", "d")).toEqual(["1 2", "1 2 3 4", "1 2 3 4 5", "1 2 3 6"]);
    expect(stage.rows()).toEqual(["1 2", "3 4", "5", "6"]);
  });

  test.each([
    ["a", ["1 2 3 4", "5", "6"]],
    ["b", ["1 2", "3 4 5", "6"]],
    ["c", ["1 2", "3 4", "6"]],
    ["d", ["1 2", "3 4", "5"]],
  ])("is whole when %s is deleted", async (deleted, rows) => {
    const stage = await openTree();
    const left = ["a", "b", "c", "d"].filter((id) => id !== deleted);
    const before = await stage.read(...left);

    expect(await stage.store.forget("anna", deleted)).toBe(true);

    expect(await stage.read(deleted, ...left)).toEqual([undefined, ...before]);
    expect(stage.rows()).toEqual(rows);
  });

  test("makes no line where the same comes again and again", async () => {
    const stage = await openTree();
    await stage.remember("e", "1 2", ["a", 2]);
    await stage.remember("f", "1 2", ["e", 2]);
    await stage.remember("g", "1 2 8", ["f", 2]);

    expect(stage.sharedBy("e", "f", "g")).toEqual(["a", "a", "a"]);
    expect(await stage.read("e", "f", "g")).toEqual(["1 2", "1 2", "1 2 8"]);
  });

  test("is handed on once, to the newest of those that share most of it", async () => {
    const stage = await openTree();
    for (const id of ["e", "f", "g"]) await stage.remember(id, "1 2 3 4", ["b", 4]);
    await stage.remember("h", "1 2 9", ["b", 2]);
    await stage.store.forget("anna", "b");

    expect(stage.rows()).toEqual(["1 2", "5", "6", "", "", "3 4", "9"]);
    expect(stage.sharedBy("c", "d", "e", "f", "g", "h")).toEqual(["g", "g", "g", "g", "a", "a"]);
    await stage.store.forget("anna", "a");

    expect(stage.rows()).toEqual(["5", "6", "", "", "3 4", "1 2 9"]);
    expect(await stage.read("c", "d", "e", "f", "g", "h")).toEqual([
      "1 2 3 4 5",
      "1 2 3 6",
      "1 2 3 4",
      "1 2 3 4",
      "1 2 3 4",
      "1 2 9",
    ]);
  });

  test("may end within what the other one shares itself", async () => {
    const stage = await openTree();
    await stage.remember("e", "1 7", ["c", 1]);
    await stage.store.forget("anna", "c");
    await stage.store.forget("anna", "b");
    await stage.store.forget("anna", "a");

    expect(await stage.read("d", "e")).toEqual(["1 2 3 6", "1 7"]);
    expect(stage.count()).toEqual([2, 1, 1]);
  });

  test("is written whole where the other one is gone, another's, or has expired", async () => {
    const stage = open();
    await stage.remember("a", "1 2");
    await stage.remember("b", "1 2");
    await stage.store.forget("anna", "a");
    await stage.remember("c", "1 2 3", ["a", 2]);
    const kept = { id: "x", previousId: null, response: {}, input: itemsOf("1 2 3") };
    await stage.store.remember("bert", newResponse(kept, { id: "b", count: 2 }));
    stage.nowMs += 1001;
    await stage.remember("d", "1 2 3", ["b", 2]);

    expect((await stage.store.find("bert", "x"))?.input).toBeUndefined();
    expect(await stage.read("b", "d")).toEqual([undefined, "1 2 3"]);
    expect(stage.rows()).toEqual(["1 2", "1 2 3", "1 2 3", "1 2 3"]);
  });

  test("is written whole behind a response that it goes on from", async () => {
    const stage = await openTree();
    await stage.remember("x", "9");
    const kept = { id: "y", previousId: "x", response: {}, input: itemsOf("1 2 3") };
    await stage.store.remember("anna", newResponse(kept, { id: "a", count: 2 }));

    expect((await stage.store.findPath("anna", "y")).map(({ input }) => input)).toEqual([
      itemsOf("9"),
      itemsOf("1 2 3"),
    ]);
    expect(stage.count()).toEqual([6, 3, 2]);
  });

  test("lives as long as what it shares, and goes with it", async () => {
    const stage = await openTree();
    await stage.remember("x", "9");
    stage.nowMs += 900;
    await stage.remember("e", "1 2 3 6 7", ["d", 4]);
    stage.nowMs += 900;
    await stage.store.sweep();
    expect(await stage.read("a", "c", "e", "x")).toEqual(["1 2", "1 2 3 4 5", "1 2 3 6 7", undefined]);

    stage.nowMs += 1001;
    await stage.store.sweep();
    expect(stage.count()).toEqual([0, 0, 0]);
  });

  test("is gone on from as any other", async () => {
    const stage = await openTree();
    const kept = { id: "y", previousId: "d", response: {}, input: itemsOf("7") };
    await stage.store.remember("anna", newResponse(kept));

    const path = await stage.store.findPath("anna", "y");
    expect(path.map(({ input }) => input)).toEqual([itemsOf("1 2 3 6"), itemsOf("7")]);
  });
});
