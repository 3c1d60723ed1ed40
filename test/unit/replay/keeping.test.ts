// How long a stream is kept and what the index hears of it: in time for a crash, and in order.

import { describe, expect, jest, test } from "bun:test";
import { existsSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  BodyReader,
  idsIn,
  memoryIndex,
  range,
  refusalOf,
  settle,
  streamOf,
  ToldSource,
  textOf,
  useStages,
} from "./stage.ts";

const { createStage } = useStages();
const once = { resumable: false };
const long = "x".repeat(10_000);
const expired = "gone: Cannot read the stream once more: it has expired";

describe("the index", () => {
  test("is waited for, for so long, before the first frame is sent", async () => {
    const index = memoryIndex();
    const begun = Promise.withResolvers<void>();
    index.begin = () => begun.promise;
    const { replays } = createStage({ index });
    const reader = new BodyReader(replays.start("me", "s1", new ToldSource().say(), once));
    const read = reader.read();
    await settle();
    expect(reader.text).toBe("");

    begun.resolve();
    await read;

    expect(idsIn(reader.text)).toEqual([1]);
  });

  test("is not waited for longer than a quarter of a second", async () => {
    jest.useFakeTimers();
    try {
      const index = memoryIndex();
      index.begin = () => new Promise(() => {});
      const { replays } = createStage({ index, directory: undefined });
      const reader = new BodyReader(replays.start("me", "s1", new ToldSource().say(), once));
      jest.advanceTimersByTime(249);
      const read = reader.read();
      await settle();
      expect(reader.text).toBe("");

      jest.advanceTimersByTime(1);
      await read;

      expect(idsIn(reader.text)).toEqual([1]);
    } finally {
      jest.useRealTimers();
    }
  });

  test("is told of the end only when it knows of the beginning", async () => {
    const index = memoryIndex();
    const begun = Promise.withResolvers<void>();
    const begin = index.begin;
    index.begin = async (row) => {
      await begun.promise;
      await begin(row);
    };
    const { replays } = createStage({ index });
    await replays.start("me", "s1", new ToldSource(), once).cancel();
    await settle();

    begun.resolve();
    await settle();

    expect(await index.find("s1")).toMatchObject({ state: "ended" });
  });
});

describe("sweep", () => {
  const limits = { keepMs: 60_000 };

  test("removes what has expired: gone for a while, then forgotten", async () => {
    const told = createStage({ limits });
    const { replays, pass, directory } = told;
    await streamOf(told, "s1", new ToldSource().say());
    pass(59_999);
    await replays.sweep();
    expect(idsIn(await textOf(await replays.open("me", "s1", 0)))).toEqual([1]);

    pass(1);
    expect(await refusalOf(replays.open("me", "s1", 0))).toBe(expired);
    await replays.sweep();

    expect(readdirSync(directory!)).toEqual([]);
    expect(await refusalOf(replays.open("me", "s1", 0))).toBe(expired);
    expect(await refusalOf(replays.open("you", "s1", 0))).toBe("not-found: There is no such stream");
    expect(await replays.stop("me", "s1")).toBe(false);
    pass(60_000);
    await replays.sweep();
    expect(await refusalOf(replays.open("me", "s1", 0))).toBe("not-found: There is no such stream");
  });

  test("lets a reader read on that has begun", async () => {
    const told = createStage({ limits });
    const { replays, pass } = told;
    await streamOf(told, "s1", new ToldSource().say(20, long));
    const reader = new BodyReader(await replays.open("me", "s1", 0));
    await reader.read();

    pass(59_000);
    await reader.read();
    pass(1_000);
    await replays.sweep();

    expect(idsIn(await reader.toEnd())).toEqual(range(1, 20));
    expect(existsSync(join(told.directory!, "s1.sse"))).toBe(false);
  });

  test("leaves alone what runs", async () => {
    const told = createStage({ limits });
    const source = new ToldSource().say();
    const reader = new BodyReader(told.replays.start("me", "s1", source, once));
    await reader.until("frame 1");
    told.pass(500);
    await told.replays.sweep();

    source.end();
    expect(idsIn(await textOf(await told.replays.open("me", "s1", 0)))).toEqual([1]);
  });

  test("removes files of no stream once they are old, and touches no others", async () => {
    const { replays, directory, pass } = createStage();
    const names = ["old.sse", "new.sse", "notes.txt"];
    for (const name of names) writeFileSync(join(directory!, name), "x");
    utimesSync(join(directory!, "old.sse"), 100, 100);
    utimesSync(join(directory!, "notes.txt"), 100, 100);
    pass(0);
    await replays.sweep();

    expect(readdirSync(directory!).sort()).toEqual(["new.sse", "notes.txt"]);
  });
});
