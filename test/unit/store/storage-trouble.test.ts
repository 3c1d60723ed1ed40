// A disk that takes no more writes: recognised, said, warned of once, noticed when it is over.

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { SharedTransactions } from "../../../src/store/sqlite/shared-transactions.ts";
import {
  createStorageWatch,
  storageTrouble,
  toStorageError,
  withoutStorageErrors,
} from "../../../src/store/storage-trouble.ts";
import { createLog } from "../../../src/telemetry/create-log.ts";

/** A database that can grow by nothing more. */
function openFull(): Database {
  const database = new Database(":memory:");
  database.run("CREATE TABLE things (text TEXT)");
  database.run("PRAGMA max_page_count = 2");
  return database;
}

function openReadOnly(): Database {
  const database = new Database(":memory:");
  database.run("CREATE TABLE things (text TEXT)");
  database.run("PRAGMA query_only = ON");
  return database;
}

const write = (database: Database, bytes = 100_000) =>
  database.run("INSERT INTO things VALUES (?)", ["x".repeat(bytes)]);

function failureOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

function record() {
  const lines: { level: string; message: string }[] = [];
  const log = createLog({ level: "info", format: "json", write: (line) => void lines.push(JSON.parse(line)) });
  return { lines, log };
}

describe("storageTrouble", () => {
  test("storageTrouble knows SQLite's own failures, also as causes", () => {
    const full = failureOf(() => write(openFull()));
    const readOnly = failureOf(() => write(openReadOnly()));

    expect(storageTrouble(full)).toBe("full");
    expect(storageTrouble(readOnly)).toBe("read-only");
    expect(storageTrouble(new GatewayError("internal", "Cannot", { cause: full }))).toBe("full");
  });

  test.each([
    ["ENOSPC", "full"],
    ["EFBIG", "full"],
    ["EROFS", "read-only"],
    ["EIO", "failing"],
    ["ENOENT", undefined],
  ])("storageTrouble takes %s for %p", (code, expected) => {
    expect(storageTrouble(Object.assign(new Error("write"), { code }))).toBe(expected as never);
  });

  test("storageTrouble takes nothing else for it", () => {
    const constraint = failureOf(() => openFull().run("INSERT INTO nothing VALUES (1)"));

    expect([constraint, undefined, "full", new Error("disk full")].map(storageTrouble)).toEqual(
      Array<undefined>(4).fill(undefined),
    );
  });
});

test("toStorageError says what is the matter and keeps the cause", () => {
  const cause = failureOf(() => write(openFull()));
  const error = toStorageError(cause);

  expect(error).toMatchObject({ kind: "overloaded", cause });
  expect(error?.message).toBe("Cannot keep this: the gateway's disk is full. Try again when that is mended");
  expect(toStorageError(error)).toBeUndefined();
  expect(toStorageError(new Error("other"))).toBeUndefined();
});

test("SharedTransactions tells the watch once, and whoever asked in a sentence; afterwards that it works again", async () => {
  const { lines, log } = record();
  const watch = createStorageWatch(log);
  const database = openFull();
  const transactions = new SharedTransactions<void>(database, () => {}, { watch, place: "chat.db" });
  const failures = await Promise.all(
    [1, 2, 3].map(() =>
      transactions
        .write(() => write(database))
        .then(
          () => undefined,
          (error: unknown) => error,
        ),
    ),
  );

  for (const failure of failures) expect(failure).toMatchObject({ kind: "overloaded" });
  expect(watch.trouble).toBe("full");
  database.run("PRAGMA max_page_count = 1000");
  await transactions.write(() => write(database));
  expect(watch.trouble).toBeUndefined();
  expect(lines.map(({ level }) => level)).toEqual(["warn", "info"]);
});

test("withoutStorageErrors leaves other errors, and says those of the disk only to whoever debugs", () => {
  const { lines, log } = record();
  const quiet = withoutStorageErrors(log).with({ component: "gateway" });
  quiet.error(
    "Cannot commit a turn",
    {},
    failureOf(() => write(openFull())),
  );
  quiet.error("Cannot commit a turn", {}, new Error("other"));
  quiet.warn("slow");

  expect(lines.map(({ level }) => level)).toEqual(["error", "warn"]);
});
