// Streams that begin in a shared journal: where they go when they end, grow, or lose their process.

import { describe, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFileSpools } from "../../../src/replay/file-spools.ts";
import { createJournaledSpools } from "../../../src/replay/journaled-spools.ts";
import { openChatDatabase } from "../../../src/store/chat-database.ts";
import { thisProcess } from "../../../src/store/lease-owner.ts";
import { inMemory } from "../../../src/store/open-database.ts";
import { createSqliteReplayIndex } from "../../../src/store/sqlite/replay-index.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import {
  BodyReader,
  chunkOf,
  idsIn,
  memoryIndex,
  range,
  refusalOf,
  settle,
  type Stage,
  streamOf,
  ToldSource,
  textOf,
  useStages,
} from "./stage.ts";

const { createStage, newDirectory } = useStages();
const program = join(import.meta.dir, "spooling-process.ts");
const once = { resumable: false };
const long = "x".repeat(1000);
const expired = "gone: Cannot read the stream once more: it has expired";

function namesIn(directory: string, suffix: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(suffix))
    .sort();
}

function journalBytesOf({ directory }: Stage): number {
  return namesIn(directory!, ".journal").reduce((sum, name) => sum + statSync(join(directory!, name)).size, 0);
}

async function idsBehind({ replays }: Stage, streamId: string, afterId = 0): Promise<number[]> {
  return idsIn(await textOf(await replays.open("me", streamId, afterId)));
}

describe("a short stream", () => {
  test("is in the journal before it is sent, and with its row when it has ended", async () => {
    const stage = createStage({ journal: {} });
    const source = new ToldSource().say(2);
    const reader = new BodyReader(stage.replays.start("me", "s1", source, once));
    await reader.until("id: 2\n");
    const [journal] = namesIn(stage.directory!, ".journal");
    const path = join(stage.directory!, journal!);
    expect(readFileSync(path, "latin1")).toContain(reader.text);
    expect(statSync(path).mode & 0o777).toBe(0o600);

    source.say().end();
    const text = await reader.toEnd();
    await settle();

    expect(namesIn(stage.directory!, ".sse")).toEqual([]);
    expect(journalBytesOf(stage)).toBe(0);
    expect(new TextDecoder().decode(await stage.index.frames!.find("s1"))).toBe(text);
    for (const afterId of [0, 1, 2, 3]) expect(await idsBehind(stage, "s1", afterId)).toEqual(range(afterId + 1, 3));
  });

  test("is read on while it runs", async () => {
    const { replays } = createStage({ journal: {} });
    const source = new ToldSource().say().say();
    const first = new BodyReader(replays.start("me", "s1", source, once));
    await first.until("id: 2\n");

    const second = new BodyReader(await replays.open("me", "s1", 1));
    source.say().end();

    expect(idsIn(await second.toEnd())).toEqual([2, 3]);
    expect(idsIn(await first.toEnd())).toEqual([1, 2, 3]);
  });

  test("is read by another process of the same place", async () => {
    const here = createStage({ journal: {} });
    await streamOf(here, "s1", new ToldSource().say(3));
    const there = createStage({ directory: here.directory, index: here.index, journal: {} });

    expect(await idsBehind(there, "s1", 1)).toEqual([2, 3]);
  });

  test("goes when it has expired", async () => {
    const stage = createStage({ journal: {}, limits: { keepMs: 60_000 } });
    await streamOf(stage, "s1", new ToldSource().say(3));
    stage.pass(60_000);

    expect(await refusalOf(stage.replays.open("me", "s1", 0))).toBe(expired);
    await stage.replays.sweep();

    expect(await stage.index.frames!.list()).toEqual([]);
    expect(await refusalOf(stage.replays.open("me", "s1", 0))).toBe(expired);
  });

  test("goes when it is forgotten", async () => {
    const stage = createStage({ journal: {} });
    await streamOf(stage, "s1", new ToldSource().say(3));

    await stage.replays.forget("me", "s1");

    expect(await stage.index.frames!.find("s1")).toBeUndefined();
    expect(await refusalOf(stage.replays.open("me", "s1", 0))).toBe(expired);
  });

  test("counts, and gives way when it ended first", async () => {
    const bytesOfOne = chunkOf(1, 3, long).bytes.length;
    const limits = { maxTotalBytes: bytesOfOne * 3 };
    const stage = createStage({ journal: {}, limits });
    for (const id of ["s1", "s2", "s3", "s4"]) {
      await streamOf(stage, id, new ToldSource().say(3, long));
      stage.pass(1);
    }

    expect(await refusalOf(stage.replays.open("me", "s1", 0))).toBe(expired);
    for (const id of ["s2", "s3", "s4"]) expect(await idsBehind(stage, id)).toEqual([1, 2, 3]);
    // Also for whoever comes later, and counts anew.
    const later = createStage({ directory: stage.directory, index: stage.index, journal: {}, limits });
    await later.replays.sweep();
    await streamOf(later, "s5", new ToldSource().say(3, long));
    expect(await refusalOf(later.replays.open("me", "s2", 0))).toBe(expired);
    expect(await idsBehind(later, "s3")).toEqual([1, 2, 3]);
  });

  test("stands in a file when the index does not take its end", async () => {
    const stage = createStage({ journal: {} });
    const { end } = stage.index;
    stage.index.end = () => Promise.reject(new Error("disk full"));
    await streamOf(stage, "s1", new ToldSource().say(3));
    stage.index.end = end;

    expect(stage.lines.map(({ message }) => message)).toEqual(["Cannot note that a stream has ended"]);
    expect(namesIn(stage.directory!, ".sse")).toEqual(["s1.sse"]);
    expect(journalBytesOf(stage)).toBe(0);
    expect(await idsBehind(stage, "s1")).toEqual([1, 2, 3, 4]);
  });

  test("that was given up leaves nothing", async () => {
    const stage = createStage({ journal: {}, limits: { maxStreamBytes: 1500 } });

    expect(idsIn(await streamOf(stage, "s1", new ToldSource().say(1, long).say(1, long)))).toEqual([1, 2]);

    expect(await refusalOf(stage.replays.open("me", "s1", 0))).toContain("too long to keep");
    expect(await stage.index.frames!.list()).toEqual([]);
    expect(journalBytesOf(stage)).toBe(0);
  });
});

describe("a stream that becomes long", () => {
  test("moves to a file of its own, for all its readers unseen", async () => {
    const stage = createStage({ journal: { mostShortBytes: 2500 } });
    const source = new ToldSource().say(1, long).say(1, long);
    const first = new BodyReader(stage.replays.start("me", "s1", source, once));
    await first.until("id: 2\n");
    expect(namesIn(stage.directory!, ".sse")).toEqual([]);

    source.say(1, long).say(1, long);
    await first.until("id: 4\n");
    const second = new BodyReader(await stage.replays.open("me", "s1", 1));
    source.say(1, long).end();

    expect(idsIn(await second.toEnd())).toEqual([2, 3, 4, 5]);
    expect(idsIn(await first.toEnd())).toEqual([1, 2, 3, 4, 5]);
    await settle();
    expect(readFileSync(join(stage.directory!, "s1.sse"), "utf8")).toBe(first.text);
    expect(journalBytesOf(stage)).toBe(0);
    expect(await stage.index.frames!.list()).toEqual([]);
    expect(await idsBehind(stage, "s1", 3)).toEqual([4, 5]);
  });

  test("is in the journal until its file is there", async () => {
    const directory = newDirectory();
    const { files, openFile } = slowFiles(directory);
    const { frames } = memoryIndex();
    const spools = createJournaledSpools(files, { directory, frames: frames!, log: silentLog, mostShortBytes: 100 });
    const spool = spools.create("s1");
    const [one, two] = [chunkOf(1, 9).bytes, chunkOf(10).bytes];

    spool.append(one);
    spool.append(two);
    const journal = join(directory, namesIn(directory, ".journal")[0]!);
    expect(readFileSync(journal, "latin1")).toContain("id: 10\n");
    expect(idsIn(new TextDecoder().decode(spool.read(0, 1000)))).toEqual(range(1, 10));
    openFile();
    await spool.opened;
    await settle();

    expect(statSync(journal).size).toBe(0);
    expect(idsIn(readFileSync(join(directory, "s1.sse"), "utf8"))).toEqual(range(1, 10));
  });

  test("moves when it lasts: a journal holds what has ended no longer than two turns", async () => {
    const stage = createStage({ journal: { mostJournalAgeMs: 1000 } });
    const source = new ToldSource().say();
    const reader = new BodyReader(stage.replays.start("me", "lasts", source, once));
    await reader.until("id: 1\n");
    await streamOf(stage, "ended", new ToldSource().say(1, "a word"));
    const holding = () => namesIn(stage.directory!, ".journal").filter((name) => contains(stage, name, "a word"));
    expect(holding()).toHaveLength(1);

    for (const id of ["second", "third", "fourth"]) {
      stage.pass(1001);
      await streamOf(stage, id, new ToldSource().say());
    }
    await settle();

    expect(holding()).toEqual([]);
    expect(namesIn(stage.directory!, ".sse")).toEqual(["lasts.sse"]);
    source.say().end();
    expect(idsIn(await reader.toEnd())).toEqual([1, 2]);
    await settle();
    for (const id of ["ended", "second", "third", "fourth"]) expect(await idsBehind(stage, id)).toEqual([1]);
    expect(await idsBehind(stage, "lasts")).toEqual([1, 2]);
  });
});

function contains({ directory }: Stage, name: string, text: string): boolean {
  return readFileSync(join(directory!, name), "latin1").includes(text);
}

/** Files that are there as soon as they are told to. */
function slowFiles(directory: string) {
  const files = createFileSpools(directory);
  const { promise, resolve } = Promise.withResolvers<void>();
  const slow = {
    ...files,
    create(streamId: string) {
      const early: Uint8Array[] = [];
      let file: ReturnType<typeof files.create> | undefined;
      const opened = promise.then(() => {
        file = files.create(streamId);
        for (const bytes of early) file.append(bytes);
        return file.opened;
      });
      return {
        opened,
        get length() {
          return Buffer.concat(early).length;
        },
        append: (bytes: Uint8Array) => void early.push(bytes),
        read: (offset: number, maxBytes: number) => Buffer.concat(early).subarray(offset, offset + maxBytes),
        retain() {},
        release: () => file?.release(),
        discard: async () => file?.discard(),
      };
    },
  };
  return { files: slow, openFile: resolve };
}

describe("a process that is killed", () => {
  test("leaves all that was sent of a short stream, and the next one puts it in order [R3-077]", async () => {
    const [home, directory] = [newDirectory(), newDirectory()];
    const databasePath = join(home, "chat.db");
    const child = Bun.spawn([process.execPath, program, directory, databasePath, "1000000", "10"], {
      stderr: "inherit",
    });
    const sent = new BodyReader(child.stdout);
    await sent.until("id: 60\n");
    child.kill("SIGKILL");
    await child.exited;
    await sent.toEnd();
    const sentIds = idsIn(sent.text);
    expect(sentIds).toEqual(range(1, sentIds.length));
    const whole = sent.text.slice(0, sent.text.lastIndexOf("\n\n") + 2);

    const index = createSqliteReplayIndex(openChatDatabase(databasePath, silentLog));
    const stage = createStage({ directory, index, journal: {} });
    const kept = await textOf(await stage.replays.open("me", "s1", 0));

    const keptIds = idsIn(kept);
    expect(keptIds).toEqual(range(1, keptIds.length));
    expect(kept.startsWith(whole)).toBe(true);
    expect(kept).toEndWith(`id: ${keptIds.length}\ndata: interrupted\n\n`);
    for (const afterId of [1, 59, 60, keptIds.length - 1]) {
      expect(await idsBehind(stage, "s1", afterId)).toEqual(range(afterId + 1, keptIds.length));
    }
    await stage.replays.sweep();
    await stage.replays.close();
    expect(readdirSync(directory)).toEqual(["s1.sse"]);
  });
});

const deadOwner = { ...thisProcess(), ownerStartedMs: 1 };

/** What a process that died has left, of streams that it ran. */
async function leftBy(streams: Readonly<Record<string, Uint8Array>>) {
  const directory = newDirectory();
  const database = openChatDatabase(inMemory, silentLog);
  const index = createSqliteReplayIndex(database, { owner: deadOwner });
  const files = createFileSpools(directory);
  const spools = createJournaledSpools(files, { directory, frames: index.frames!, log: silentLog, owner: deadOwner });
  for (const [streamId, bytes] of Object.entries(streams)) {
    await index.begin({ streamId, caller: "me", createdAtMs: 1 });
    spools.create(streamId).append(bytes);
  }
  const journal = join(
    directory,
    namesIn(directory, ".journal").find((name) => statSync(join(directory, name)).size > 0)!,
  );
  return { directory, journal, index: createSqliteReplayIndex(database) };
}

describe("what a dead process left", () => {
  test("is read by several who come back at the same time", async () => {
    const { directory, index } = await leftBy({ s1: chunkOf(1, 2).bytes });
    const stage = createStage({ directory, index, journal: {} });

    const all = await Promise.all([0, 0, 1].map((afterId) => idsBehind(stage, "s1", afterId)));

    expect(all).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [2, 3],
    ]);
    expect(stage.lines).toEqual([]);
  });

  test("is put in order by a sweep, each stream for itself", async () => {
    const { directory, index } = await leftBy({ s1: chunkOf(1, 2).bytes, s2: chunkOf(1, 4).bytes });
    const stage = createStage({ directory, index, journal: {} });

    await stage.replays.sweep();

    expect(await index.find("s2")).toMatchObject({
      state: "ended",
      isInterrupted: true,
      bytes: chunkOf(1, 4).bytes.length,
    });
    expect(await idsBehind(stage, "s1")).toEqual([1, 2, 3]);
    expect(await idsBehind(stage, "s2", 3)).toEqual([4, 5]);
    await stage.replays.close();
    expect(readdirSync(directory).sort()).toEqual(["s1.sse", "s2.sse"]);
  });

  test("is read up to a record that is half written", async () => {
    const { directory, index, journal } = await leftBy({ s1: chunkOf(1, 2).bytes });
    truncateSync(journal, statSync(journal).size - 4);
    const stage = createStage({ directory, index, journal: {} });

    expect(await textOf(await stage.replays.open("me", "s1", 0))).toBe(
      "id: 1\ndata: frame 1\n\nid: 2\ndata: interrupted\n\n",
    );
  });

  test("is read up to what a power failure left empty", async () => {
    const { directory, index, journal } = await leftBy({ s1: chunkOf(1, 2).bytes });
    appendFileSync(journal, new Uint8Array(5000));
    appendFileSync(journal, "garbage");
    const stage = createStage({ directory, index, journal: {} });

    expect(await idsBehind(stage, "s1")).toEqual([1, 2, 3]);
  });

  test("stands for a file that was on its way there", async () => {
    const { directory, index } = await leftBy({ s1: chunkOf(1, 5).bytes });
    writeFileSync(join(directory, "s1.sse"), chunkOf(1).bytes);
    const stage = createStage({ directory, index, journal: {} });

    expect(await idsBehind(stage, "s1")).toEqual(range(1, 6));
  });

  test("gives way to a file that has come further", async () => {
    const { directory, index } = await leftBy({ s1: chunkOf(1, 2).bytes });
    writeFileSync(join(directory, "s1.sse"), chunkOf(1, 5).bytes);
    const stage = createStage({ directory, index, journal: {} });

    expect(await idsBehind(stage, "s1")).toEqual(range(1, 6));
  });

  test("is left alone while it cannot be put in order, and read when it can", async () => {
    const { directory, index, journal } = await leftBy({ s1: chunkOf(1, 2).bytes });
    const files = createFileSpools(directory);
    const { create } = files;
    // As on a full disk.
    files.create = (streamId) => ({
      ...create(`${streamId}-no`),
      opened: Promise.resolve(new Error("disk full")),
      append() {},
      release() {},
    });
    const broken = createJournaledSpools(files, { directory, frames: index.frames!, log: silentLog });

    expect(await broken.recover!(["s1"])).toEqual(new Set(["s1"]));
    expect(statSync(journal).size).toBeGreaterThan(0);

    files.create = create;
    expect(await broken.recover!(["s1"])).toEqual(new Set());
    expect(idsIn(readFileSync(join(directory, "s1.sse"), "utf8"))).toEqual([1, 2]);
  });

  test("is found in a journal of many blocks, records across their borders", async () => {
    const streams = Object.fromEntries(
      range(1, 60).map((one) => [`s${one}`, chunkOf(1, 30, "y".repeat(one * 10)).bytes]),
    );
    const { directory, index, journal } = await leftBy(streams);
    expect(statSync(journal).size).toBeGreaterThan(512 * 1024);
    const stage = createStage({ directory, index, journal: {} });

    await stage.replays.sweep();

    for (const one of [1, 30, 60]) expect(await idsBehind(stage, `s${one}`)).toEqual(range(1, 31));
  });
});

test("journals of a process that lives are left alone by a sweep", async () => {
  const stage = createStage({ journal: {} });
  const source = new ToldSource().say();
  const reader = new BodyReader(stage.replays.start("me", "s1", source, once));
  await reader.until("id: 1\n");
  const other = createStage({ directory: stage.directory, journal: {} });

  await other.replays.sweep();

  expect(namesIn(stage.directory!, ".journal")).toHaveLength(4);
  source.say().end();
  expect(idsIn(await reader.toEnd())).toEqual([1, 2]);
  await Promise.all([stage.replays.close(), other.replays.close()]);
  expect(readdirSync(stage.directory!)).toEqual([]);
});

test("files of the version before, one a stream, are read on", async () => {
  const directory = newDirectory();
  mkdirSync(directory);
  const index = memoryIndex();
  const { bytes } = chunkOf(1, 3);
  writeFileSync(join(directory, "s1.sse"), bytes);
  await index.begin({ streamId: "s1", caller: "me", createdAtMs: 1 });
  const whole = { state: "ended", isInterrupted: false, endedAtMs: 2, expiresAtMs: 2e9, bytes: bytes.length } as const;
  await index.end("s1", whole);
  const stage = createStage({ directory, index, journal: {} });

  expect(await idsBehind(stage, "s1", 1)).toEqual([2, 3]);
});

test("without a journal each stream has a file, and says itself when that fails", async () => {
  const directory = newDirectory();
  const files = createFileSpools(directory);
  const lines: string[] = [];
  const log = { ...silentLog, error: (message: string) => void lines.push(message) };

  const spools = createJournaledSpools(files, {
    directory: join(directory, "nowhere"),
    frames: memoryIndex().frames!,
    log,
  });

  expect(spools).toBe(files);
  expect(lines).toEqual(["Cannot make a journal for what runs: each stream gets a file of its own"]);
});
