// What is left of a stream when its process is killed, and what a full disk does to one.

import { expect, test } from "bun:test";
import { appendFileSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openChatDatabase } from "../../../src/store/chat-database.ts";
import { thisProcess } from "../../../src/store/lease-owner.ts";
import { inMemory } from "../../../src/store/open-database.ts";
import { createSqliteReplayIndex } from "../../../src/store/sqlite/replay-index.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { BodyReader, chunkOf, frame, idsIn, isEnding, range, settle, ToldSource, textOf, useStages } from "./stage.ts";

const { createStage, newDirectory } = useStages();
const once = { resumable: false };
const program = join(import.meta.dir, "spooling-process.ts");

test("a stream whose process is killed gives all that was sent, and says that it was cut short [R3-077]", async () => {
  const [home, spools] = [newDirectory(), newDirectory()];
  const databasePath = join(home, "chat.db");
  const child = Bun.spawn([process.execPath, program, spools, databasePath, "1000000"], { stderr: "inherit" });
  const sent = new BodyReader(child.stdout);
  await sent.until("id: 300\n");

  child.kill("SIGKILL");
  await child.exited;
  await sent.toEnd();

  const sentIds = idsIn(sent.text);
  expect(sentIds).toEqual(range(1, sentIds.length));
  // Cut as a power failure may cut it: the frame that is not whole goes.
  appendFileSync(join(spools, "s1.sse"), "id: 9999\ndata: x");
  const index = createSqliteReplayIndex(openChatDatabase(databasePath, silentLog));
  // As the process had them: until its file is there, a stream stands in the journal alone.
  const { replays } = createStage({ directory: spools, index, journal: {} });
  expect(replays.running()).toEqual([]);
  const whole = await textOf(await replays.open("me", "s1", 0));
  const keptIds = idsIn(whole);
  expect(keptIds).toEqual(range(1, keptIds.length));
  // The frame that tells of it is the only one that was not sent before, or was about to be.
  expect(keptIds.length).toBeGreaterThan(sentIds.length);
  expect(whole.startsWith(sent.text.slice(0, sent.text.lastIndexOf("\n\n") + 2))).toBe(true);
  expect(whole).toEndWith(`id: ${keptIds.length}\ndata: interrupted\n\n`);
  for (const afterId of [1, 299, 300, sentIds.length, keptIds.length - 1]) {
    expect(idsIn(await textOf(await replays.open("me", "s1", afterId)))).toEqual(range(afterId + 1, keptIds.length));
  }
  expect(await textOf(await replays.open("me", "s1", keptIds.length))).toBe("");
  expect(await replays.stop("me", "s1")).toBe(false);
});

const deadOwner = { ...thisProcess(), ownerStartedMs: 1 };

test("a sweep finds what was cut short, and lets it expire", async () => {
  const database = openChatDatabase(inMemory, silentLog);
  const earlier = createSqliteReplayIndex(database, { owner: deadOwner });
  for (const streamId of ["s1", "s2", "s3"]) await earlier.begin({ streamId, caller: "me", createdAtMs: 1 });
  await earlier.giveUp("s3", "too-long");
  const directory = newDirectory();
  mkdirSync(directory);
  writeFileSync(join(directory, "s1.sse"), Buffer.concat([chunkOf(1, 2).bytes, frame(3).subarray(0, 9)]));
  const index = createSqliteReplayIndex(database);
  const { replays, pass } = createStage({ directory, index, limits: { keepMs: 60_000 } });

  await replays.sweep();

  const cutShort = { state: "ended", isInterrupted: true, expiresAtMs: 1_060_000 };
  expect(await index.find("s1")).toMatchObject({ ...cutShort, bytes: chunkOf(1, 2).bytes.length + 9 });
  expect(await index.find("s2")).toMatchObject({ ...cutShort, bytes: 0 });
  expect(await index.find("s3")).toMatchObject({ state: "too-long", expiresAtMs: 1_060_000 });
  expect(idsIn(await textOf(await replays.open("me", "s1", 1)))).toEqual([2, 3]);
  // It had sent nothing.
  expect(await textOf(await replays.open("me", "s2", 0))).toBe("id: 1\ndata: interrupted\n\n");
  await expect(replays.open("me", "s3", 0)).rejects.toThrow("too long to keep");
  pass(60_000);
  await replays.sweep();
  expect(readdirSync(directory)).toEqual([]);
});

test("a stream that was cut short does not end quietly for who has seen more than is left of it", async () => {
  const database = openChatDatabase(inMemory, silentLog);
  await createSqliteReplayIndex(database, { owner: deadOwner }).begin({ streamId: "s1", caller: "me", createdAtMs: 1 });
  const directory = newDirectory();
  mkdirSync(directory);
  writeFileSync(join(directory, "s1.sse"), chunkOf(1, 3).bytes);
  const { replays } = createStage({ directory, index: createSqliteReplayIndex(database) });

  expect(await textOf(await replays.open("me", "s1", 9))).toBe("id: 10\ndata: interrupted\n\n");
  expect(await replays.openRest("me", "s1", 4)).toBeUndefined();
  expect(await textOf(await replays.open("me", "s1", 4))).toBe("");
  expect(idsIn(await textOf(await replays.open("me", "s1", 3)))).toEqual([4]);
});

test("a stream whose process was killed behind its last frame, before that was noted, is whole", async () => {
  const database = openChatDatabase(inMemory, silentLog);
  const earlier = createSqliteReplayIndex(database, { owner: deadOwner });
  for (const streamId of ["s1", "s2"]) await earlier.begin({ streamId, caller: "me", createdAtMs: 1 });
  const directory = newDirectory();
  mkdirSync(directory);
  const all = Buffer.concat([chunkOf(1, 2).bytes, frame(3, "the end")]);
  for (const name of ["s1.sse", "s2.sse"]) writeFileSync(join(directory, name), all);
  const { replays } = createStage({ directory, index: createSqliteReplayIndex(database), isEnding });

  expect(await textOf(await replays.open("me", "s1", 0))).toBe(all.toString());
  // Known from now on.
  expect(await textOf(await replays.open("me", "s1", 2))).toBe("id: 3\ndata: the end\n\n");
  expect(await replays.openRest("me", "s1", 3)).toBeUndefined();
  await replays.sweep();
  expect(await textOf(await replays.open("me", "s2", 0))).toBe(all.toString());
});

test("a stream that was cut short can be read when the index takes nothing", async () => {
  const database = openChatDatabase(inMemory, silentLog);
  await createSqliteReplayIndex(database, { owner: deadOwner }).begin({ streamId: "s1", caller: "me", createdAtMs: 1 });
  const index = createSqliteReplayIndex(database);
  index.end = () => Promise.reject(new Error("disk full"));
  const { replays, lines } = createStage({ index });

  expect(await textOf(await replays.open("me", "s1", 0))).toBe("id: 1\ndata: interrupted\n\n");
  expect(lines.map(({ message }) => message)).toEqual(["Cannot note that a stream was cut short"]);
});

test.skipIf(process.platform !== "linux")("a sweep leaves no file open when the index takes nothing", async () => {
  const database = openChatDatabase(inMemory, silentLog);
  await createSqliteReplayIndex(database, { owner: deadOwner }).begin({ streamId: "s1", caller: "me", createdAtMs: 1 });
  const index = createSqliteReplayIndex(database);
  index.end = () => Promise.reject(new Error("disk full"));
  const directory = newDirectory();
  mkdirSync(directory);
  writeFileSync(join(directory, "s1.sse"), chunkOf(1, 3).bytes);
  const { replays } = createStage({ directory, index });

  await expect(replays.sweep()).rejects.toThrow("disk full");

  expect(openFilesIn(directory)).toEqual([]);
});

function openFilesIn(directory: string): string[] {
  const paths = readdirSync("/proc/self/fd").flatMap((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
  return paths.filter((path) => path.startsWith(directory));
}

test("a stream of another process that lives is left alone, and cannot be read here yet", async () => {
  const database = openChatDatabase(inMemory, silentLog);
  const other = createSqliteReplayIndex(database, { owner: { ...thisProcess(), ownerPid: process.ppid } });
  await other.begin({ streamId: "s1", caller: "me", createdAtMs: 1 });
  const { replays } = createStage({ index: createSqliteReplayIndex(database) });

  await replays.sweep();

  await expect(replays.open("me", "s1", 0)).rejects.toThrow("runs in another process");
  await expect(replays.stop("me", "s1")).rejects.toThrow("runs in another process");
  expect(await other.find("s1")).toMatchObject({ state: "running", owner: "this process" });
});

test("a stream of another process that is forgotten here can be read no more when it has ended", async () => {
  const database = openChatDatabase(inMemory, silentLog);
  const other = createSqliteReplayIndex(database, { owner: { ...thisProcess(), ownerPid: process.ppid } });
  await other.begin({ streamId: "s1", caller: "me", createdAtMs: 1 });
  const { replays } = createStage({ index: createSqliteReplayIndex(database) });

  await replays.forget("you", "s1");
  expect(await other.find("s1")).toMatchObject({ state: "running" });
  await replays.forget("me", "s1");
  await other.end("s1", {
    state: "ended",
    isInterrupted: false,
    endedAtMs: 2,
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    bytes: 9,
  });

  await expect(replays.open("me", "s1", 0)).rejects.toMatchObject({ kind: "gone" });
});

test("a stream that could not tell of its end is not taken for one that runs", async () => {
  const index = createSqliteReplayIndex(openChatDatabase(inMemory, silentLog));
  const { end } = index;
  index.end = () => Promise.reject(new Error("disk full"));
  const { replays, lines } = createStage({ index });
  await textOf(replays.start("me", "s1", new ToldSource().say(2).end(), once));
  await settle();
  index.end = end;

  expect(lines.map(({ message }) => message)).toEqual(["Cannot note that a stream has ended"]);
  expect(idsIn(await textOf(await replays.open("me", "s1", 0)))).toEqual([1, 2, 3]);
  expect(await index.find("s1")).toMatchObject({ state: "ended", isInterrupted: true });
});

test("a disk that fills up in the middle does not end an answer, and leaves nothing behind", async () => {
  const spools = newDirectory();
  // In blocks of 512 or 1024 bytes, as the shell has it; the frames take more than 100 KB.
  const limited = `ulimit -f 16; trap '' XFSZ; exec "$0" "$@"`;
  const child = Bun.spawn(["sh", "-c", limited, process.execPath, program, spools, inMemory, "300"], {
    stderr: "pipe",
  });

  const [text, told] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);

  expect(idsIn(text)).toEqual(range(1, 300));
  expect(told).toBe("Cannot keep a stream: it goes on without being kept\n");
  expect(readdirSync(spools)).toEqual([]);
});
