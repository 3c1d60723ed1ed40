// The index of replays: what became of each stream, and whose it is.

import { expect, test } from "bun:test";
import { openChatDatabase } from "../../../../src/store/chat-database.ts";
import { type LeaseOwner, thisProcess } from "../../../../src/store/lease-owner.ts";
import { inMemory } from "../../../../src/store/open-database.ts";
import { createSqliteReplayIndex, replayQuestionTexts } from "../../../../src/store/sqlite/replay-index.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";

const open = () => openChatDatabase(inMemory, silentLog);

function ended(endedAtMs: number, expiresAtMs: number, bytes = 10) {
  return { state: "ended", isInterrupted: false, endedAtMs, expiresAtMs, bytes } as const;
}

test("replayIndex tells what it was told", async () => {
  const index = createSqliteReplayIndex(open());
  await index.begin({ streamId: "s1", caller: "me", createdAtMs: 5 });
  const running = await index.find("s1");
  await index.end("s1", { ...ended(7, 9), isInterrupted: true });

  expect(running).toEqual({
    streamId: "s1",
    caller: "me",
    state: "running",
    owner: "this process",
    runner: thisProcess(),
    isInterrupted: false,
    createdAtMs: 5,
    expiresAtMs: undefined,
    bytes: 0,
  });
  expect(await index.find("s1")).toEqual({
    ...running!,
    state: "ended",
    isInterrupted: true,
    expiresAtMs: 9,
    bytes: 10,
  });
  expect(await index.find("s2")).toBeUndefined();
});

test("replayIndex begins no stream twice, and ends none twice", async () => {
  const index = createSqliteReplayIndex(open());
  const row = { streamId: "s1", caller: "me", createdAtMs: 5 };
  await index.begin(row);
  await expect(index.begin({ ...row, caller: "you" })).rejects.toThrow(/UNIQUE/);
  await index.end("s1", ended(6, 7));

  await index.end("s1", { ...ended(8, 9), state: "not-kept" });
  await index.giveUp("s1", "too-long");

  expect(await index.find("s1")).toMatchObject({ caller: "me", state: "ended", expiresAtMs: 7 });
});

test("replayIndex tells whose a running stream is", async () => {
  const database = open();
  const owners: Record<string, LeaseOwner> = {
    dead: { ...thisProcess(), ownerStartedMs: 1 },
    "another process": { ...thisProcess(), ownerPid: process.ppid },
    "this process": thisProcess(),
  };
  for (const [index, [name, owner]] of Object.entries(owners).entries()) {
    await createSqliteReplayIndex(database, { owner }).begin({ streamId: name, caller: "me", createdAtMs: index });
  }
  const index = createSqliteReplayIndex(database);
  await index.begin({ streamId: "over", caller: "me", createdAtMs: 9 });
  await index.end("over", ended(10, 11));

  expect((await index.listRunning()).map(({ streamId, owner }) => [streamId, owner])).toEqual(
    Object.keys(owners).map((name) => [name, name]),
  );
});

test("replayIndex takes a process of another machine for dead when it has been silent", async () => {
  const database = open();
  let nowMs = 1000;
  const clock = () => nowMs;
  const remote = createSqliteReplayIndex(database, { clock, owner: { ...thisProcess(), ownerHost: "elsewhere" } });
  const index = createSqliteReplayIndex(database, { clock });
  await remote.begin({ streamId: "s1", caller: "me", createdAtMs: 1 });
  await index.begin({ streamId: "s2", caller: "me", createdAtMs: 1 });
  nowMs += 60_000;
  expect(await index.find("s1")).toMatchObject({ owner: "another process" });

  await remote.renew();
  nowMs += 60_000;
  expect(await index.find("s1")).toMatchObject({ owner: "another process" });
  nowMs += 1;

  expect(await index.find("s1")).toMatchObject({ owner: "dead" });
  expect(await index.find("s2")).toMatchObject({ owner: "this process" });
});

test("replayIndex lists those that ended first, as long as they can be read", async () => {
  const index = createSqliteReplayIndex(open());
  for (const [streamId, endedAtMs] of Object.entries({ a: 30, b: 10, c: 20, d: 40, e: 5, f: 1 })) {
    await index.begin({ streamId, caller: "me", createdAtMs: 1 });
    if (streamId !== "e")
      await index.end(streamId, { ...ended(endedAtMs, 99), state: streamId === "f" ? "too-long" : "ended" });
  }
  await index.expire(["b", "unknown"]);

  expect((await index.listOldestEnded(2)).map(({ streamId }) => streamId)).toEqual(["c", "a"]);
  expect(await index.find("b")).toMatchObject({ state: "expired", bytes: 0 });
  expect(await index.findKept(["a", "b", "e", "f", "unknown"])).toEqual(new Set(["a", "e"]));
});

test("replayIndex expires what is due, and forgets it later", async () => {
  const index = createSqliteReplayIndex(open());
  for (const [streamId, expiresAtMs] of Object.entries({ a: 100, b: 200 })) {
    await index.begin({ streamId, caller: "me", createdAtMs: 1 });
    await index.end(streamId, ended(2, expiresAtMs));
  }
  await index.begin({ streamId: "c", caller: "me", createdAtMs: 1 });

  expect(await index.sweep(99, 0)).toEqual([]);
  expect(await index.sweep(100, 0)).toEqual(["a"]);
  expect(await index.find("a")).toMatchObject({ state: "expired", bytes: 0 });
  expect(await index.sweep(200, 99)).toEqual(["b"]);
  expect(await index.sweep(300, 100)).toEqual([]);

  expect(await index.find("a")).toBeUndefined();
  expect(await index.find("b")).toMatchObject({ state: "expired" });
  expect(await index.find("c")).toMatchObject({ state: "running" });
});

test("replayIndex answers from its indexes, however many streams there are", () => {
  using database = open();
  const plans = Object.values(replayQuestionTexts).flatMap((text) =>
    database.query<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${text}`).all(),
  );

  expect(plans.length).toBeGreaterThan(Object.keys(replayQuestionTexts).length);
  expect(plans.filter(({ detail }) => /SCAN replays$|TEMP B-TREE/.test(detail))).toEqual([]);
});

const frames = new TextEncoder().encode("id: 1\ndata: x\n\n");

test("replayIndex keeps frames with the row for as long as that says that they are kept", async () => {
  const index = createSqliteReplayIndex(open());
  for (const streamId of ["a", "b", "c"]) {
    await index.begin({ streamId, caller: "me", createdAtMs: 1 });
    await index.end(streamId, { ...ended(2, streamId === "b" ? 100 : 200, frames.length), frames });
  }

  expect(await index.frames!.find("a")).toEqual(frames);
  expect(await index.frames!.find("d")).toBeUndefined();
  expect(await index.frames!.list()).toEqual(["a", "b", "c"].map((streamId) => ({ streamId, bytes: frames.length })));
  await index.expire(["a"]);
  await index.sweep(100, 0);
  expect(await index.frames!.list()).toEqual([{ streamId: "c", bytes: frames.length }]);
  await index.sweep(300, 300);
  expect(await index.frames!.list()).toEqual([]);
});

test("replayIndex keeps no frames of a stream that was given up, nor of one that had ended before", async () => {
  const index = createSqliteReplayIndex(open());
  for (const streamId of ["a", "b"]) await index.begin({ streamId, caller: "me", createdAtMs: 1 });
  await index.giveUp("a", "not-kept");
  await index.end("a", { ...ended(2, 9), frames });
  await index.end("b", { ...ended(2, 9), state: "too-long" });
  await index.end("b", { ...ended(3, 9), frames });

  expect(await index.frames!.list()).toEqual([]);
});

test("replayIndex lists frames of more streams than it reads at a time", async () => {
  const index = createSqliteReplayIndex(open());
  await Promise.all(
    Array.from({ length: 2001 }, async (_, one) => {
      await index.begin({ streamId: `s${one}`, caller: "me", createdAtMs: 1 });
      await index.end(`s${one}`, { ...ended(2, 9), frames });
    }),
  );

  const listed = await index.frames!.list();

  expect(new Set(listed.map(({ streamId }) => streamId)).size).toBe(2001);
  expect(listed).toHaveLength(2001);
});
