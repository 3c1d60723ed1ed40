// The database file: who may read it, how it is set up, and what is said when it cannot be opened.

import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { openDatabase } from "../../../src/store/open-database.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { canMountDisk, mountSmallDisk } from "../../support/small-disk.ts";
import { useTemporaryFiles } from "./temporary-store.ts";

const newPath = useTemporaryFiles();

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

function failureOf(path: string): GatewayError {
  try {
    openDatabase(path, silentLog).close();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error("Expected a failure");
}

test("openDatabase creates the file and its directory for this user alone", () => {
  const path = newPath();
  using database = openDatabase(path, silentLog);
  database.run("CREATE TABLE touched (a TEXT) STRICT");
  expect([dirname(path), path, `${path}-wal`, `${path}-shm`].map(modeOf)).toEqual(["700", "600", "600", "600"]);
});

test("openDatabase sets up what must be set before the first table, and for each connection", () => {
  const path = newPath();
  openDatabase(path, silentLog).close();
  using database = openDatabase(path, silentLog);
  const pragma = (name: string) => database.query(`PRAGMA ${name}`).values()[0]?.[0];
  expect(["auto_vacuum", "journal_mode", "synchronous"].map(pragma)).toEqual([2, "wal", 1]);
  expect(pragma("busy_timeout")).toBeLessThanOrEqual(50);
});

test("openDatabase leaves nothing of what a step of the schema moves in its former place", () => {
  const path = newPath();
  const first = "CREATE TABLE words (text TEXT) STRICT";
  const second = "CREATE TABLE newer (text TEXT) STRICT; INSERT INTO newer SELECT * FROM words; DROP TABLE words;";
  {
    using database = openDatabase(path, silentLog, [first]);
    database.run("INSERT INTO words VALUES (?)", ["Kumquat".repeat(5000)]);
  }
  openDatabase(path, silentLog, [first, second]).close();
  {
    using database = openDatabase(path, silentLog, [first, second]);
    database.run("PRAGMA secure_delete = ON");
    database.run("DELETE FROM newer");
  }

  expect(readFileSync(path, "latin1").includes("Kumquat")).toBe(false);
});

test("openDatabase keeps the pages of an older file, and its log as short as that of a new one", () => {
  const [older, newer] = [newPath(), newPath()];
  mkdirSync(dirname(older));
  using made = new Database(older, { create: true });
  for (const text of ["PAGE_SIZE = 4096", "AUTO_VACUUM = 2", "JOURNAL_MODE = WAL"]) made.run(`PRAGMA ${text}`);
  made.run("CREATE TABLE kept (a TEXT) STRICT");
  made.close();

  const sizes = [older, newer].map((path) => {
    using database = openDatabase(path, silentLog);
    return ["page_size", "wal_autocheckpoint"].map((name) => database.query(`PRAGMA ${name}`).values()[0]?.[0]);
  });

  expect(sizes).toEqual([
    [4096, 2048],
    [2048, 4096],
  ]);
});

test("openDatabase says what to do with a file that is no database", () => {
  const path = newPath();
  mkdirSync(dirname(path));
  writeFileSync(path, "this is a shopping list, not a database ".repeat(100));
  const failure = failureOf(path);
  expect(failure.message).toBe(
    `Cannot open the store "${path}": the file is damaged or no database; move it away to start with an empty store, or restore a copy of it`,
  );
  expect(failure.cause).toMatchObject({ message: "file is not a database" });
});

test("openDatabase says what to do with a path that cannot be opened", () => {
  const path = newPath();
  mkdirSync(path, { recursive: true });
  expect(failureOf(path).message).toMatch(/^Cannot open the store .*: it cannot be read and written; check/);
});

test("openDatabase refuses a file of a newer version and leaves it alone", () => {
  const path = newPath();
  openDatabase(path, silentLog).close();
  const newer = new Database(path);
  newer.run("PRAGMA user_version = 99");
  newer.close();
  expect(failureOf(path).message).toMatch(/newer version of this program \(schema 99/);
  using untouched = new Database(path);
  expect(untouched.query("PRAGMA user_version").get()).toEqual({ user_version: 99 });
});

test.skipIf(!canMountDisk)("openDatabase says that the disk is full (skipped without the right to mount)", () => {
  const folder = dirname(newPath());
  using disk = mountSmallDisk(join(folder, "small"));
  if (disk === undefined) throw new Error("Cannot mount a disk");
  const there = join(disk.folder, "there.sqlite");
  openDatabase(there, silentLog).close();
  disk.fill();

  for (const path of [there, join(disk.folder, "new.sqlite")]) {
    expect(failureOf(path).message).toBe(`Cannot open the store "${path}": the disk is full; free some space`);
  }
});
