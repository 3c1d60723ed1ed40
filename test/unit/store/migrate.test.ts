// Numbered migrations: each once, in order, whole or not at all.

import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { migrate, migrations } from "../../../src/store/migrate.ts";

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

test("migrate refuses a database that a newer version wrote", () => {
  using database = new Database(":memory:");
  database.run("PRAGMA user_version = 99");
  expect(() => migrate(database, "/data/store.sqlite")).toThrow(GatewayError);
  expect(() => migrate(database, "/data/store.sqlite")).toThrow(/"\/data\/store.sqlite".*newer version.*schema 99/);
});
