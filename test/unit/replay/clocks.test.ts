// What the one timer sees to, and how everything ends: keep-alives, readers that stall, draining, closing.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { createReplays } from "../../../src/replay/create-replays.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import {
  BodyReader,
  idsIn,
  interruptedFrames,
  memoryIndex,
  range,
  settle,
  stoppedFrames,
  ToldSource,
  textOf,
  useStages,
} from "./stage.ts";

const { createStage } = useStages();
const once = { resumable: false };
const comment = ": keepalive\n\n";
const long = "x".repeat(10_000);

describe("keep-alives", () => {
  const limits = { keepAliveMs: 15_000 };

  test("come when nothing else does, to each reader for itself, and are not kept", async () => {
    const { replays, pass } = createStage({ limits });
    const source = new ToldSource().say();
    const first = new BodyReader(replays.start("me", "s1", source, once));
    await first.until("frame 1");
    pass(10_000);
    const second = new BodyReader(await replays.open("me", "s1", 0));
    await second.until("frame 1");

    pass(5_000);
    await first.until(comment);
    source.say();
    await Promise.all([first.until("frame 2"), second.until("frame 2")]);
    pass(14_999);
    pass(1);
    await Promise.all([first.until(`frame 2\n\n${comment}`), second.until(`frame 2\n\n${comment}`)]);
    source.end();

    expect(await first.toEnd()).toBe(`id: 1\ndata: frame 1\n\n${comment}id: 2\ndata: frame 2\n\n${comment}`);
    expect(await second.toEnd()).toBe(`id: 1\ndata: frame 1\n\nid: 2\ndata: frame 2\n\n${comment}`);
    expect(await textOf(await replays.open("me", "s1", 0))).not.toContain(comment);
  });

  test("do not come to a reader that does not read, nor into a frame that it has read half of", async () => {
    const { replays, pass } = createStage({ limits: { keepAliveMs: 15_000, clientStallMs: 600_000 } });
    const source = new ToldSource();
    for (let count = 0; count < 10; count++) source.say(1, "x".repeat(30_000));
    const quick = new BodyReader(replays.start("me", "s1", source, once));
    await quick.until("id: 10\n");
    const slow = new BodyReader(await replays.open("me", "s1", 0));

    for (let count = 0; count < 8; count++) {
      await slow.read();
      pass(15_000);
    }
    source.end();

    expect(await slow.toEnd()).not.toContain("keepalive");
    expect(idsIn(slow.text)).toEqual(range(1, 10));
  });

  test("do not come when the stream has ended", async () => {
    const { replays, pass } = createStage({ limits });
    const body = replays.start("me", "s1", new ToldSource().say(2, long).end(), once);
    await settle();
    pass(15_000);

    expect(await textOf(body)).not.toContain("keepalive");
  });
});

describe("a reader that does not read", () => {
  const limits = { clientStallMs: 60_000 };

  test("is cut, and counts as one that has hung up", async () => {
    const { replays, pass } = createStage({ limits });
    const source = new ToldSource().say(1, long).say(1, long).say(1, long);
    const body = replays.start("me", "s1", source, once);
    await settle();
    pass(60_000);
    expect(source.cancelled).toBeUndefined();

    pass(1);

    expect(source.cancelled?.message).toBe("Nobody reads");
    await expect(textOf(body)).rejects.toThrow("its reader did not read");
  });

  test("is not cut while it reads now and then", async () => {
    const { replays, pass } = createStage({ limits });
    const source = new ToldSource();
    for (let count = 0; count < 20; count++) source.say(1, long);
    const reader = new BodyReader(replays.start("me", "s1", source.end(), once));

    for (let count = 0; count < 10; count++) {
      await reader.read();
      await settle();
      pass(50_000);
    }

    expect(idsIn(await reader.toEnd())).toEqual(range(1, 20));
  });

  test("is cut while it holds up others, of a stream that is not kept", async () => {
    const { replays, pass } = createStage({ limits: { ...limits, maxStreamBytes: 1000 } });
    const source = new ToldSource();
    for (let count = 0; count < 5; count++) source.say(1, long);
    const cut: string[] = [];
    const stalled = replays.start("me", "s1", source, { resumable: false, onCut: () => cut.push("first") });
    const reader = new BodyReader(await replays.open("me", "s1", 0, { onCut: () => cut.push("second") }));
    await reader.until("id: 2\n");
    const next = reader.until("id: 3\n");
    await settle();
    expect(reader.text).not.toContain("id: 3\n");

    pass(60_001);
    await next;

    await expect(textOf(stalled)).rejects.toThrow("its reader did not read");
    expect(cut).toEqual(["first"]);
  });

  test.each(["while it runs", "when it has ended"])("is cut from a spool, %s", async (when) => {
    const { replays, pass } = createStage({ limits });
    const source = new ToldSource();
    for (let count = 0; count < 10; count++) source.say(1, long);
    const first = new BodyReader(replays.start("me", "s1", source, { resumable: true }));
    await first.until("id: 10\n");
    const cut: string[] = [];
    const second = await replays.open("me", "s1", 0, { onCut: () => cut.push("second") });
    if (when === "when it has ended") source.end();
    await settle();
    const third = await replays.open("me", "s1", 0, { onCut: () => cut.push("third") });
    await settle();

    pass(60_001);

    for (const body of [second, third]) await expect(textOf(body)).rejects.toThrow("its reader did not read");
    expect(cut.sort()).toEqual(["second", "third"]);
  });
});

describe("the timer", () => {
  test("runs while there is something to look after", async () => {
    const stage = createStage();
    expect(stage.isTicking).toBe(false);

    const source = new ToldSource();
    for (let count = 0; count < 5; count++) source.say(1, long);
    const body = stage.replays.start("me", "s1", source.end(), once);
    await settle();
    stage.pass(1000);
    expect(stage.isTicking).toBe(true);
    const kept = await (async () => {
      await textOf(body);
      await settle();
      return stage.replays.open("me", "s1", 0);
    })();
    stage.pass(1000);
    expect(stage.isTicking).toBe(true);

    await textOf(kept);
    stage.pass(1000);
    expect(stage.isTicking).toBe(false);
  });

  test("tells the index that what runs here still runs", async () => {
    const index = memoryIndex();
    let renewals = 0;
    index.renew = async () => void renewals++;
    const { replays, pass } = createStage({ index });
    const source = new ToldSource();
    const body = replays.start("me", "s1", source, once);
    for (let count = 0; count < 5; count++) pass(10_000);
    expect(renewals).toBe(2);

    source.end();
    await textOf(body);
    await settle();
    pass(20_000);
    expect(renewals).toBe(2);
  });

  test("is the process's own when none is given", async () => {
    const limits = { keepAliveMs: 5 };
    const options = { index: memoryIndex(), clock: Date.now, log: silentLog, limits, interruptedFrames, stoppedFrames };
    const replays = createReplays(options);
    const reader = new BodyReader(replays.start("me", "s1", new ToldSource(), once));

    await reader.until(comment);
    await replays.close();

    expect(await reader.toEnd()).toEndWith("interrupted\n\n");
  });
});

const openFiles = "/proc/self/fd";

test.skipIf(!existsSync(openFiles))("however a stream and its readers end, no file stays open", async () => {
  const { replays, pass, directory } = createStage({ limits: { graceMs: 0 } });
  const filesOf = (): string[] =>
    readdirSync(openFiles)
      .map((name) => linkOf(join(openFiles, name)))
      .filter((path) => path.startsWith(directory!));
  const said = () => new ToldSource().say(1, long).say(1, long).say(1, long);
  const start = (id: string, source: ToldSource) => replays.start("me", id, source, { resumable: true });

  await textOf(start("ended", said().end()));
  await start("left-at-once", said()).cancel();
  const left = new BodyReader(start("left", said()));
  await left.read();
  await left.hangUp();
  const stopped = start("stopped", said());
  await settle();
  await replays.stop("me", "stopped");
  const running = start("running", said());
  await settle();
  const lagging = await replays.open("me", "stopped", 0);
  const comingBack = new BodyReader(await replays.open("me", "ended", 0));
  await comingBack.read();
  expect(filesOf().length).toBeGreaterThan(2);

  await comingBack.hangUp();
  await textOf(stopped);
  pass(60_001);
  await expect(textOf(lagging)).rejects.toThrow("its reader did not read");
  await expect(textOf(running)).rejects.toThrow("its reader did not read");
  await settle();

  expect(filesOf()).toEqual([]);
});

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed since it was listed.
    return "";
  }
}

describe("drain and close", () => {
  test("drain waits for what runs", async () => {
    const { replays } = createStage();
    const source = new ToldSource();
    const reader = new BodyReader(replays.start("me", "s1", source.say(), once));
    let isDrained = false;
    const drained = replays.drain().then(() => {
      isDrained = true;
    });
    await reader.until("frame 1");
    await settle();
    expect(isDrained).toBe(false);

    source.end();
    await drained;

    expect(replays.running()).toEqual([]);
    await replays.drain();
  });

  test("close ends what runs, also in a drain, and lets nothing begin", async () => {
    const { replays, isTicking } = createStage();
    const sources = [new ToldSource().say(), new ToldSource()];
    const bodies = sources.map((source, index) => replays.start("me", `s${index}`, source, { resumable: true }));
    await settle();
    const drained = replays.drain();

    await replays.close();
    await drained;

    expect(await Promise.all(bodies.map(textOf))).toEqual([
      "id: 1\ndata: frame 1\n\nid: 2\ndata: interrupted\n\n",
      "id: 1\ndata: interrupted\n\n",
    ]);
    expect(sources.map(({ cancelled }) => cancelled?.message)).toEqual(Array(2).fill("The gateway shuts down"));
    expect(() => replays.start("me", "s3", new ToldSource(), once)).toThrow(/shuts down/);
    expect(isTicking).toBe(false);
    await replays.close();
    expect(await textOf(await replays.open("me", "s0", 1))).toEndWith("interrupted\n\n");
  });

  test("running tells who is there", async () => {
    const { replays } = createStage();
    const body = replays.start("me", "s1", new ToldSource().say(), { resumable: true });
    await replays.open("me", "s1", 0);
    expect(replays.running()).toEqual([{ streamId: "s1", caller: "me", readers: 2, startedAtMs: 1_000_000 }]);

    await body.cancel();

    expect(replays.running()).toMatchObject([{ readers: 1 }]);
  });
});
