// Numbered migrations: each once, in order, whole or not at all.

import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { migrate, migrations } from "../../../src/store/migrate.ts";
import { questionTexts } from "../../../src/store/sqlite/question-texts.ts";

function versionOf(database: Database): unknown {
  return database.query("PRAGMA user_version").get();
}

test("migrate brings an empty database to the newest version and does nothing the second time", () => {
  using database = new Database(":memory:");
  expect(migrate(database, "store")).toBe(0);
  expect(versionOf(database)).toEqual({ user_version: migrations.length });
  expect(migrate(database, "store")).toBe(migrations.length);
});

test("migrate applies only the steps that are missing", () => {
  using database = new Database(":memory:");
  const first = "CREATE TABLE words (word TEXT) STRICT; INSERT INTO words VALUES ('kept');";
  migrate(database, "store", [first]);
  migrate(database, "store", [first, "ALTER TABLE words ADD COLUMN language TEXT;"]);
  expect(database.query("SELECT * FROM words").all()).toEqual([{ word: "kept", language: null }]);
  expect(versionOf(database)).toEqual({ user_version: 2 });
});

test("migrate leaves the last good version behind when a step fails halfway", () => {
  using database = new Database(":memory:");
  const broken = "CREATE TABLE half (a TEXT) STRICT; INSERT INTO nowhere VALUES (1);";
  expect(() => migrate(database, "store", ["CREATE TABLE words (word TEXT) STRICT;", broken])).toThrow(/nowhere/);
  expect(versionOf(database)).toEqual({ user_version: 1 });
  expect(database.query("SELECT name FROM sqlite_schema").all()).toEqual([{ name: "words" }]);
});

test("migrate keeps the turns of a database that has their old form, in order and with their heads", () => {
  using database = new Database(":memory:", { strict: true });
  migrate(database, "store", migrations.slice(0, 2));
  // Turns 1 and 3 are of the first conversation, which is at its end; 2 and 4 of the second, whose chat was replaced.
  const heads = [3, null];
  for (const [index, head] of heads.entries()) {
    database.run(
      `INSERT INTO conversations VALUES (${index + 1}, 'public-${index}', 'caller', 'session', 'qwen-web', 'account',
        'chat', 'node', NULL, NULL, ?, 'model', 2, 0, 100, 200)`,
      [head],
    );
  }
  for (const [index, conversation] of [1, 2, 1, 2].entries()) {
    database.run(
      `INSERT INTO turns VALUES (${index + 1}, ${conversation}, 'caller', 'strict-${index}', 'loose', 'last', NULL, 'key',
        '[]', '[]', 'qwen-web', 'account', 'chat', 'node', NULL, NULL, 'model', 1, 0, 100)`,
    );
  }

  migrate(database, "store");

  const rowsOf = (text: string): unknown[] => database.query(text).all();
  expect(rowsOf("SELECT id, public_id, head_turn, may_share_chat FROM conversations")).toEqual([
    { id: 1, public_id: "public-0", head_turn: 1, may_share_chat: 1 },
    { id: 2, public_id: "public-1", head_turn: null, may_share_chat: 1 },
  ]);
  expect(rowsOf("SELECT id >> 20 AS conversation, id & 1048575 AS turn, fingerprint FROM turns ORDER BY id")).toEqual([
    { conversation: 1, turn: 0, fingerprint: "strict-0" },
    { conversation: 1, turn: 1, fingerprint: "strict-2" },
    { conversation: 2, turn: 0, fingerprint: "strict-1" },
    { conversation: 2, turn: 1, fingerprint: "strict-3" },
  ]);
});

test("migrate finds the conversations of an older database by their last access", () => {
  using database = new Database(":memory:", { strict: true });
  migrate(database, "store", migrations.slice(0, 4));
  const accesses = [0, 2 ** 17 - 1, 2 ** 17, 1_800_000_000_000];
  for (const [index, accessedMs] of accesses.entries()) {
    database.run(
      `INSERT INTO conversations VALUES (${index + 1}, 'public', 'caller', 'session-${index}', 'qwen-web', 'account', 'chat',
        'node', NULL, NULL, 0, 'model', 1, 0, 0, 0, ?)`,
      [accessedMs],
    );
  }

  migrate(database, "store");

  expect(database.query("SELECT accessed_span FROM conversations ORDER BY id").values().flat()).toEqual([
    0, 0, 1, 13_732_910,
  ]);
  const listed = database.query(questionTexts.listSessionIds).values({ caller: "caller", oldestMs: 1, limit: 9 });
  expect(listed.flat()).toEqual(["session-3", "session-2", "session-1"]);
});

test("migrate refuses a database that a newer version wrote", () => {
  using database = new Database(":memory:");
  database.run("PRAGMA user_version = 99");
  expect(() => migrate(database, "/data/store.sqlite")).toThrow(GatewayError);
  expect(() => migrate(database, "/data/store.sqlite")).toThrow(/"\/data\/store.sqlite".*newer version.*schema 99/);
});

test("migrate counts what a whole minute holds as of its end, so that no minute has more than its limit, and leaves days", () => {
  using database = new Database(":memory:", { strict: true });
  migrate(database, "store", migrations.slice(0, 6));
  for (const kind of ["requests/minute", "tokens/minute", "tokens/day"]) {
    database.run("INSERT INTO amounts (subject, kind, start_ms, amount) VALUES ('key:ann', ?, 120000, 7)", [kind]);
  }

  migrate(database, "store");

  expect(database.query("SELECT kind, start_ms, amount, last_ms FROM amounts ORDER BY kind").all()).toEqual([
    { kind: "requests/minute", start_ms: 179_000, amount: 7, last_ms: 179_999 },
    { kind: "tokens/day", start_ms: 120_000, amount: 7, last_ms: 0 },
    { kind: "tokens/minute", start_ms: 179_000, amount: 7, last_ms: 179_999 },
  ]);
});
