// A stream and its readers while it runs: who gets what, and when the source is asked.

import { describe, expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { BodyReader, idsIn, range, refusalOf, settle, ToldSource, textOf, useStages } from "./stage.ts";

const { createStage } = useStages();

const once = { resumable: false };
const resumable = { resumable: true };

describe("start", () => {
  test("hands the chunks of the source to its first reader as they are, and ends with it", async () => {
    const { replays } = createStage();
    const source = new ToldSource();

    const reader = new BodyReader(replays.start("me", "s1", source.say().say(2).say(), once));
    await reader.until("frame 4");
    source.end();
    await reader.toEnd();

    expect(idsIn(reader.text)).toEqual([1, 2, 3, 4]);
    expect(reader.chunks).toHaveLength(3);
  });

  test("hands on the very bytes that came", async () => {
    const { replays } = createStage();
    const source = new ToldSource();
    const bytes = new TextEncoder().encode("id: 1\ndata: x\n\n");
    source.next = async () => ({ bytes, lastId: 1 });

    const reader = new BodyReader(replays.start("me", "s1", source, once));
    await reader.read();
    await reader.hangUp();

    expect(reader.chunks[0]).toBe(bytes);
  });

  test("refuses an id that is taken, or no name for a file", () => {
    const { replays } = createStage();
    replays.start("me", "s1", new ToldSource(), once);

    for (const id of ["s1", "", "../s2", "a/b", "a.b", "x".repeat(129)]) {
      expect(() => replays.start("me", id, new ToldSource(), once)).toThrow(/unfit or taken/);
    }
  });

  test("keeps what was sent in a file for this user alone", async () => {
    const { replays, directory } = createStage();
    const source = new ToldSource();
    const reader = new BodyReader(replays.start("me", "s1", source.say(), once));
    await reader.until("frame 1");

    expect(readdirSync(directory!)).toEqual(["s1.sse"]);
    expect(statSync(join(directory!, "s1.sse")).mode & 0o777).toBe(0o600);
    expect(statSync(directory!).mode & 0o777).toBe(0o700);
    expect(await Bun.file(join(directory!, "s1.sse")).text()).toBe(reader.text);
  });

  test("asks the source no more while its only reader does not read, and again when it does", async () => {
    const { replays } = createStage();
    const source = new ToldSource();
    for (let count = 0; count < 30; count++) source.say(1, "x".repeat(1024));
    const body = replays.start("me", "s1", source, once);
    await settle();
    const asked = source.asks;

    const reader = new BodyReader(body);
    await reader.until("id: 30\n");

    expect(asked).toBeGreaterThanOrEqual(15);
    expect(asked).toBeLessThanOrEqual(17);
    expect(idsIn(reader.text)).toEqual(range(1, 30));
  });
});

describe("a reader that hangs up", () => {
  test("ends what is not resumable in the same tick", async () => {
    const { replays } = createStage();
    const source = new ToldSource();
    let cut = 0;
    const body = replays.start("me", "s1", source.say(), { resumable: false, onCut: () => cut++ });
    const reader = new BodyReader(body);
    await reader.until("frame 1");

    void reader.hangUp();

    expect(source.cancelled).toBeInstanceOf(Error);
    expect(cut).toBe(0);
    expect(replays.running()).toEqual([]);
  });

  test("does not end it while another one reads", async () => {
    const { replays } = createStage();
    const source = new ToldSource();
    const first = new BodyReader(replays.start("me", "s1", source.say(), once));
    await first.until("frame 1");
    const second = new BodyReader(await replays.open("me", "s1", 0));

    await first.hangUp();
    source.say().end();

    expect(idsIn(await second.toEnd())).toEqual([1, 2]);
    expect(source.cancelled).toBeUndefined();
  });

  test("leaves something behind that does not end quietly", async () => {
    const { replays } = createStage();
    const source = new ToldSource();
    const reader = new BodyReader(replays.start("me", "s1", source.say(), once));
    await reader.until("frame 1");
    await reader.hangUp();

    expect(await textOf(await replays.open("me", "s1", 1))).toBe("id: 2\ndata: nobody read\n\n");
  });

  test("may come back to what is resumable, within the grace", async () => {
    const { replays, pass } = createStage({ limits: { graceMs: 5000 } });
    const source = new ToldSource();
    const first = new BodyReader(replays.start("me", "s1", source.say(), resumable));
    await first.until("frame 1");
    await first.hangUp();
    source.say(2);
    pass(4999);
    await settle();

    const second = new BodyReader(await replays.open("me", "s1", 1));
    pass(60_000);
    source.say().end();

    expect(idsIn(await second.toEnd())).toEqual([2, 3, 4]);
    expect(source.cancelled).toBeUndefined();
  });

  test("ends what is resumable after the grace", async () => {
    const { replays, pass } = createStage({ limits: { graceMs: 5000 } });
    const source = new ToldSource();
    const body = replays.start("me", "s1", source.say(), resumable);
    await new BodyReader(body).hangUp();
    await settle();

    pass(5000);

    expect(source.cancelled?.message).toBe("Nobody reads");
    expect(await textOf(await replays.open("me", "s1", 1))).toBe("id: 2\ndata: nobody read\n\n");
  });

  test("lets what is resumable go on however much there is", async () => {
    const { replays } = createStage();
    const source = new ToldSource();
    const body = replays.start("me", "s1", source, resumable);
    for (let count = 0; count < 100; count++) source.say(1, "x".repeat(1024));
    await settle();
    expect(source.waiting).toBeGreaterThan(80);

    await body.cancel();
    source.end();
    await settle();

    expect(source.waiting).toBe(0);
    expect(idsIn(await textOf(await replays.open("me", "s1", 0)))).toEqual(range(1, 100));
  });
});

describe("open", () => {
  test("gives exactly what comes behind an id, while the stream runs and when it has ended [R3-077]", async () => {
    const { replays } = createStage();
    const source = new ToldSource();
    const first = new BodyReader(replays.start("me", "s1", source.say(3).say(3), once));
    await first.until("frame 6");

    const second = new BodyReader(await replays.open("me", "s1", 4));
    await second.until("frame 6");
    source.say(2).end();
    await first.toEnd();
    await settle();

    expect(idsIn(await second.toEnd())).toEqual([5, 6, 7, 8]);
    for (const afterId of range(0, 8)) {
      expect(idsIn(await textOf(await replays.open("me", "s1", afterId)))).toEqual(range(afterId + 1, 8));
    }
  });

  test("says that nothing is left of what has ended, and only then", async () => {
    const { replays } = createStage();
    const source = new ToldSource();
    const first = new BodyReader(replays.start("me", "s1", source.say(3), once));
    await first.until("frame 3");

    const live = await replays.openRest("me", "s1", 3);
    source.end();
    await first.toEnd();

    expect(idsIn(await textOf(live!))).toEqual([]);
    expect(await replays.openRest("me", "s1", 3)).toBeUndefined();
    await settle();
    for (const afterId of [3, 4, 99]) expect(await replays.openRest("me", "s1", afterId)).toBeUndefined();
    expect(await textOf(await replays.open("me", "s1", 3))).toBe("");
    expect(idsIn(await textOf((await replays.openRest("me", "s1", 2))!))).toEqual([3]);
  });

  test("gives what comes to an id that was not reached", async () => {
    const { replays } = createStage();
    const source = new ToldSource();
    const first = new BodyReader(replays.start("me", "s1", source.say(), once));
    await first.until("frame 1");

    const second = new BodyReader(await replays.open("me", "s1", 99));
    source.say().end();

    expect(idsIn(await second.toEnd())).toEqual([2]);
    await settle();
    expect(await textOf(await replays.open("me", "s1", 99))).toBe("");
  });

  test("gives no event twice and misses none that comes at the very moment", async () => {
    for (let turns = 0; turns < 12; turns++) {
      const { replays } = createStage();
      const source = new ToldSource();
      const first = new BodyReader(replays.start("me", "s1", source.say(2), once));
      await first.until("frame 2");

      const opened = replays.open("me", "s1", 1);
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      source.say().end();

      expect(idsIn(await textOf(await opened))).toEqual([2, 3]);
    }
  });

  test("knows only the streams of the caller", async () => {
    const { replays } = createStage();
    const source = new ToldSource();
    const body = replays.start("me", "s1", source.say(), once);

    const refusals = [refusalOf(replays.open("you", "s1", 0)), refusalOf(replays.stop("you", "s1"))];
    source.end();
    await textOf(body);
    await settle();
    refusals.push(refusalOf(replays.open("you", "s1", 0)), refusalOf(replays.stop("you", "s1")));
    refusals.push(refusalOf(replays.open("me", "s2", 0)), refusalOf(replays.open("me", "../s1", 0)));

    expect(await Promise.all(refusals)).toEqual(Array(6).fill("not-found: There is no such stream"));
  });

  test("lets one read on from the spool while another one keeps up", async () => {
    const { replays } = createStage();
    const source = new ToldSource();
    const quick = new BodyReader(replays.start("me", "s1", source, once));
    const slow = new BodyReader(await replays.open("me", "s1", 0));
    for (let count = 0; count < 200; count++) source.say(1, "x".repeat(1000));

    await quick.until("id: 200\n");
    source.end();

    expect(idsIn(await quick.toEnd())).toEqual(range(1, 200));
    expect(idsIn(await slow.toEnd())).toEqual(range(1, 200));
    expect(slow.chunks.length).toBeLessThan(100);
  });
});
