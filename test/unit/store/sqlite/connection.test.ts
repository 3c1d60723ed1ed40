// Writes that are asked for at once share a transaction and nothing else.

import { expect, test } from "bun:test";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { Connection } from "../../../../src/store/sqlite/connection.ts";
import { inMemory } from "../../../../src/store/open-database.ts";
import { createStorageWatch } from "../../../../src/store/storage-trouble.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { useTemporaryFiles } from "../temporary-store.ts";

const newPath = useTemporaryFiles();

test("Connection tells each of several writes its own result, in order", async () => {
  const connection = new Connection({ path: newPath(), clock: Date.now, sessionTimeoutMs: 1000 });
  const order: number[] = [];
  const results = await Promise.all([1, 2, 3].map((value) => connection.write(() => order.push(value) * 10)));
  expect([results, order]).toEqual([
    [10, 20, 30],
    [1, 2, 3],
  ]);
  connection.close();
});

test("Connection takes back what a failed write did, and nothing of its neighbours", async () => {
  const connection = new Connection({ path: newPath(), clock: Date.now, sessionTimeoutMs: 1000 });
  const lease = (chatId: string) => ({ upstream: "u", account: "a", chatId });
  const owner = { ownerHost: "h", ownerPid: 1, ownerStartedMs: 1 };
  const take = (chatId: string): void =>
    void connection.questions.takeLease.run({
      ...lease(chatId),
      claimId: chatId,
      conversationKey: 1,
      ...owner,
      leasedUntilMs: 9e12,
    });
  const outcomes = await Promise.allSettled([
    connection.write(() => take("first")),
    connection.write(() => {
      take("second");
      throw new Error("changed its mind");
    }),
    connection.write(() => take("third")),
  ]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  const kept = ["first", "second", "third"].map((chatId) => connection.questions.findLease.get(lease(chatId)) !== null);
  expect(kept).toEqual([true, false, true]);
  connection.close();
});

test("Connection flush resolves when what was asked for before is written", async () => {
  const connection = new Connection({ path: newPath(), clock: Date.now, sessionTimeoutMs: 1000 });
  let isWritten = false;
  void connection.write(() => {
    isWritten = true;
  });
  await connection.flush();
  expect(isWritten).toBe(true);
  connection.close();
});

test("Connection probe tells that its file is gone, also while it can be written, and when it is back", async () => {
  const path = newPath();
  const watch = createStorageWatch(silentLog);
  const connection = new Connection({ path, clock: Date.now, sessionTimeoutMs: 1000, watch });
  const probed = async () => {
    await connection.probe();
    return watch.trouble;
  };

  expect(await probed()).toBeUndefined();
  renameSync(path, `${path}.away`);
  expect(await probed()).toBe("gone");
  writeFileSync(path, "another file");
  expect(await probed()).toBe("gone");
  await connection.write(() => {});
  expect(watch.trouble).toBe("gone");
  rmSync(path);
  renameSync(`${path}.away`, path);
  expect(await probed()).toBeUndefined();
  connection.close();
});

test("Connection probe misses no file in memory", async () => {
  const watch = createStorageWatch(silentLog);
  const connection = new Connection({ path: inMemory, clock: Date.now, sessionTimeoutMs: 1000, watch });
  await connection.probe();

  expect(watch.trouble).toBeUndefined();
  connection.close();
});
