// What is kept: too long, too much in all, and disks that take nothing.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  BodyReader,
  chunkOf,
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

const { createStage, newDirectory } = useStages();
const nowhere = (): undefined => undefined;
const once = { resumable: false };
const long = "x".repeat(10_000);

const tooLong = "gone: Cannot read the stream once more: it was too long to keep";
const expired = "gone: Cannot read the stream once more: it has expired";
const notKept = "gone: Cannot read the stream once more: it could not be kept";

describe.each([
  ["in files", newDirectory],
  ["in memory", nowhere],
] as const)("a stream that is too long, %s", (_, directoryOf) => {
  const limits = { maxStreamBytes: 15_000 };

  test("goes on, and cannot be read once more", async () => {
    const told = createStage({ directory: directoryOf(), limits });

    const text = await streamOf(told, "s1", new ToldSource().say(1, long).say(1, long).say());

    expect(idsIn(text)).toEqual([1, 2, 3]);
    expect(await refusalOf(told.replays.open("me", "s1", 0))).toBe(tooLong);
    expect(await refusalOf(told.replays.open("me", "s1", 3))).toBe(tooLong);
    expect(told.lines).toEqual([]);
    await told.replays.close();
    if (told.directory !== undefined) expect(readdirSync(told.directory)).toEqual([]);
  });

  test("can be joined while it runs by who has seen all of it", async () => {
    const { replays } = createStage({ directory: directoryOf(), limits });
    const source = new ToldSource().say(1, long).say(1, long);
    const first = new BodyReader(replays.start("me", "s1", source, once));
    await first.until("id: 2\n");

    expect(await refusalOf(replays.open("me", "s1", 1))).toBe(tooLong);
    const second = new BodyReader(await replays.open("me", "s1", 2));
    source.say().end();

    expect(idsIn(await second.toEnd())).toEqual([3]);
    expect(idsIn(await first.toEnd())).toEqual([1, 2, 3]);
  });

  test("waits for the slowest of its readers, and none misses anything", async () => {
    const { replays } = createStage({ directory: directoryOf(), limits });
    const source = new ToldSource();
    for (let count = 0; count < 20; count++) source.say(1, long);
    const quick = new BodyReader(replays.start("me", "s1", source.end(), once));
    const slow = new BodyReader(await replays.open("me", "s1", 0));
    await quick.until("id: 2\n");
    await settle();
    const askedForSlow = source.asks;

    const [slowText, quickText] = await Promise.all([slow.toEnd(), quick.toEnd()]);

    expect(askedForSlow).toBeLessThan(6);
    expect([idsIn(slowText), idsIn(quickText)]).toEqual([range(1, 20), range(1, 20)]);
  });

  test("tells the slowest reader of its end as well", async () => {
    const { replays } = createStage({ directory: directoryOf(), limits });
    const source = new ToldSource().say(1, long).say(1, long).say(1, long);
    const body = replays.start("me", "s1", source, once);
    const other = new BodyReader(await replays.open("me", "s1", 0));
    await settle();

    await replays.stop("me", "s1");

    const text = await textOf(body);
    expect(text).toEndWith("data: stopped\n\n");
    expect(await other.toEnd()).toBe(text);
  });

  test("is kept with the frame that ends it", async () => {
    const { replays } = createStage({
      directory: directoryOf(),
      limits: { maxStreamBytes: chunkOf(1, 3).bytes.length },
    });
    const reader = new BodyReader(replays.start("me", "s1", new ToldSource().say(3), once));
    await reader.until("frame 3");
    await replays.stop("me", "s1");

    expect(idsIn(await textOf(await replays.open("me", "s1", 0)))).toEqual([1, 2, 3, 4]);
  });
});

describe.each([
  ["in files", newDirectory],
  ["in memory", nowhere],
] as const)("all streams together, %s", (_, directoryOf) => {
  const ofOne = chunkOf(1, 10).bytes.length;

  test("let the one go that ended first", async () => {
    const told = createStage({ directory: directoryOf(), limits: { maxTotalBytes: ofOne * 3 } });
    for (const id of ["s1", "s2", "s3", "s4", "s5"]) {
      await streamOf(told, id, new ToldSource().say(10));
      told.pass(1);
    }

    const { replays } = told;
    expect(await refusalOf(replays.open("me", "s1", 0))).toBe(expired);
    expect(await refusalOf(replays.open("me", "s2", 0))).toBe(expired);
    for (const id of ["s3", "s4", "s5"]) expect(idsIn(await textOf(await replays.open("me", id, 0)))).toHaveLength(10);
    if (told.directory !== undefined)
      expect(readdirSync(told.directory).sort()).toEqual(["s3.sse", "s4.sse", "s5.sse"]);
    expect(told.lines).toEqual([]);
  });

  test("do not keep a new one while all run", async () => {
    const told = createStage({ directory: directoryOf(), limits: { maxTotalBytes: ofOne * 2 } });
    const { replays } = told;
    const sources = ["s1", "s2"].map((id) => {
      const source = new ToldSource().say(10);
      replays.start("me", id, source, once);
      return source;
    });
    await settle();

    const text = await streamOf(told, "s3", new ToldSource().say(10).say(10));
    for (const source of sources) source.end();
    await settle();

    expect(idsIn(text)).toEqual(range(1, 20));
    expect(await refusalOf(replays.open("me", "s3", 0))).toBe(notKept);
    expect(told.lines).toHaveLength(1);
    expect(idsIn(await textOf(await replays.open("me", "s2", 0)))).toHaveLength(10);
    // And there is room again.
    await streamOf(told, "s4", new ToldSource().say(10));
    expect(idsIn(await textOf(await replays.open("me", "s4", 0)))).toHaveLength(10);
  });
});

test("the count of what is kept includes what an earlier process left", async () => {
  const directory = newDirectory();
  const index = memoryIndex();
  const ofOne = chunkOf(1, 10).bytes.length;
  const earlier = createStage({ directory, index });
  for (const id of ["s1", "s2"]) {
    await streamOf(earlier, id, new ToldSource().say(10));
    earlier.pass(1);
  }

  const later = createStage({ directory, index, limits: { maxTotalBytes: ofOne * 2 } });
  await later.replays.sweep();
  await streamOf(later, "s3", new ToldSource().say(10));

  expect(readdirSync(directory).sort()).toEqual(["s2.sse", "s3.sse"]);
});

describe("a disk that takes nothing", () => {
  test("does not end the answer, and is told once", async () => {
    const told = createStage();
    await settle();
    rmSync(told.directory!, { recursive: true });

    const text = await streamOf(told, "s1", new ToldSource().say().say().say());

    expect(idsIn(text)).toEqual([1, 2, 3]);
    expect(told.lines.map(({ message }) => message)).toEqual(["Cannot keep a stream: it goes on without being kept"]);
    expect(await refusalOf(told.replays.open("me", "s1", 0))).toBe(notKept);
  });

  test("does not end an answer that ends before it is asked for", async () => {
    const told = createStage();
    await settle();
    rmSync(told.directory!, { recursive: true });
    const body = told.replays.start("me", "s1", new ToldSource(), once);
    await told.replays.stop("me", "s1");

    expect(idsIn(await textOf(body))).toEqual([1]);
    await settle();
    expect(told.lines.map(({ message }) => message)).toEqual(["Cannot keep a stream: it goes on without being kept"]);
    expect(await refusalOf(told.replays.open("me", "s1", 0))).toBe(notKept);
  });

  test("does not write to a file that was there, and does not remove it", async () => {
    const told = createStage();
    const path = join(told.directory!, "s1.sse");
    writeFileSync(path, "x");

    const text = await streamOf(told, "s1", new ToldSource().say());
    await told.replays.close();

    expect(idsIn(text)).toEqual([1]);
    expect(readFileSync(path, "latin1")).toBe("x");
  });

  test("does not cost the first frame when it holds the index", async () => {
    const index = memoryIndex();
    index.begin = () => Promise.reject(new Error("disk full"));
    const told = createStage({ index });

    const text = await streamOf(told, "s1", new ToldSource().say());

    expect(idsIn(text)).toEqual([1]);
    expect(told.lines.map(({ message }) => message)).toEqual(["Cannot note that a stream has begun"]);
    expect(await refusalOf(told.replays.open("me", "s1", 0))).toBe("not-found: There is no such stream");
  });

  test("breaks the connection of a reader that needs what cannot be read any more", async () => {
    const index = memoryIndex();
    const told = createStage({ index });
    await streamOf(told, "s1", new ToldSource().say(5, long));
    const reader = new BodyReader(await told.replays.open("me", "s1", 0));
    await reader.read();
    writeFileSync(join(told.directory!, "s1.sse"), "");

    await expect(reader.toEnd()).rejects.toThrow(/cannot be read any more/);
    await settle();
    expect(told.lines.map(({ message }) => message)).toEqual(["Cannot read the spool of a stream"]);
  });
});
