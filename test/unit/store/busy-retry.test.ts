// The lock of another process is waited for, not for ever, and without holding the event loop.

import { Database, SQLiteError } from "bun:sqlite";
import { expect, test } from "bun:test";
import { retryWhileBusy } from "../../../src/store/busy-retry.ts";
import { useTemporaryFiles } from "./temporary-store.ts";
import { openDatabase } from "../../../src/store/open-database.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

const newPath = useTemporaryFiles();

test("retryWhileBusy tries again until the lock is free", async () => {
  const path = newPath();
  using mine = openDatabase(path, silentLog);
  using theirs = new Database(path);
  theirs.run("BEGIN IMMEDIATE");
  let attempts = 0;
  const written = retryWhileBusy(() => {
    attempts++;
    mine.run("BEGIN IMMEDIATE");
    mine.run("COMMIT");
    return "written";
  });
  expect(attempts).toBe(1);
  theirs.run("COMMIT");
  expect(await written).toBe("written");
  expect(attempts).toBe(2);
});

test("retryWhileBusy gives up with a failure that clients may read", async () => {
  const path = newPath();
  using mine = openDatabase(path, silentLog);
  using theirs = new Database(path);
  theirs.run("BEGIN IMMEDIATE");
  const failure = retryWhileBusy(() => mine.run("BEGIN IMMEDIATE"), 10);
  await expect(failure).rejects.toMatchObject({ kind: "overloaded", retryable: true, cause: expect.any(SQLiteError) });
});

test("retryWhileBusy passes every other failure on at once", async () => {
  let attempts = 0;
  const failure = retryWhileBusy(() => {
    attempts++;
    throw new Error("disk on fire");
  });
  await expect(failure).rejects.toThrow("disk on fire");
  expect(attempts).toBe(1);
});
