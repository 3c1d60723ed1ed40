// How a stream ends that does not end by itself: stopped, or with a source that fails.

import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { BodyReader, idsIn, isEnding, settle, ToldSource, textOf, useStages } from "./stage.ts";

const { createStage, newDirectory } = useStages();
const once = { resumable: false };
const resumable = { resumable: true };

describe("stop", () => {
  test("ends the stream for all its readers, and cancels the source", async () => {
    const { replays } = createStage();
    const source = new ToldSource();
    const first = new BodyReader(replays.start("me", "s1", source.say(2), resumable));
    await first.until("frame 2");
    const second = await replays.open("me", "s1", 1);

    expect(await replays.stop("me", "s1")).toBe(true);
    expect(await replays.stop("me", "s1")).toBe(false);

    expect(await first.toEnd()).toEndWith("id: 3\ndata: stopped\n\n");
    expect(idsIn(await textOf(second))).toEqual([2, 3]);
    expect(source.cancelled?.message).toBe("Stopped by its caller");
    expect(await textOf(await replays.open("me", "s1", 2))).toBe("id: 3\ndata: stopped\n\n");
  });

  test("puts nothing behind the last frame of a source that was not asked again, since nobody has read so far", async () => {
    const { replays } = createStage({ isEnding });
    // Just below what may be left unread.
    const source = new ToldSource()
      .say(1, "x".repeat(16 * 1024 - 20))
      .say(1, "the end")
      .end();
    const reader = new BodyReader(replays.start("me", "s1", source, once));
    await settle();
    expect(source.waiting).toBe(1);

    await replays.stop("me", "s1");

    expect(await reader.toEnd()).toEndWith("id: 2\ndata: the end\n\n");
    expect(await textOf(await replays.open("me", "s1", 1))).toBe("id: 2\ndata: the end\n\n");
  });

  test("says that a stream runs no more", async () => {
    const { replays } = createStage();
    await textOf(replays.start("me", "s1", new ToldSource().say().end(), once));

    expect(await replays.stop("me", "s1")).toBe(false);
    await settle();
    expect(await replays.stop("me", "s1")).toBe(false);
  });

  test("ends a stream that has not begun to be kept", async () => {
    const { replays } = createStage();
    const body = replays.start("me", "s1", new ToldSource(), once);

    await replays.stop("me", "s1");

    const stopped = "id: 1\ndata: stopped\n\n";
    expect(await textOf(await replays.open("me", "s1", 0))).toBe(stopped);
    await settle();
    expect(await textOf(await replays.open("me", "s1", 0))).toBe(stopped);
    expect(await textOf(body)).toBe(stopped);
  });

  test("drops a chunk that was on its way", async () => {
    const { replays } = createStage();
    const source = new ToldSource();
    const reader = new BodyReader(replays.start("me", "s1", source.say(), once));
    await reader.until("frame 1");

    const stopped = replays.stop("me", "s1");
    source.say().end();
    await stopped;

    expect(idsIn(await reader.toEnd())).toEqual([1, 2]);
    expect(reader.text).toContain("stopped");
  });
});

describe("forget", () => {
  test("leaves nothing of a stream that has ended", async () => {
    const directory = newDirectory();
    const { replays } = createStage({ directory });
    await textOf(replays.start("me", "s1", new ToldSource().say().end(), once));
    await settle();

    await replays.forget("me", "s1");

    await expect(replays.open("me", "s1", 0)).rejects.toMatchObject({ kind: "gone" });
    expect(readdirSync(directory)).toEqual([]);
  });

  test("stops a stream that runs, whose readers are told so", async () => {
    const directory = newDirectory();
    const { replays } = createStage({ directory });
    const source = new ToldSource();
    const reader = new BodyReader(replays.start("me", "s1", source.say(), resumable));
    await reader.until("frame 1");

    await replays.forget("me", "s1");

    expect(await reader.toEnd()).toEndWith("id: 2\ndata: stopped\n\n");
    expect(source.cancelled).toBeInstanceOf(Error);
    await expect(replays.open("me", "s1", 0)).rejects.toMatchObject({ kind: "gone" });
    expect(readdirSync(directory)).toEqual([]);
  });

  test("passes over what is not there, or somebody else's", async () => {
    const { replays } = createStage();
    const reader = new BodyReader(replays.start("me", "s1", new ToldSource().say(), once));
    await reader.until("frame 1");

    await replays.forget("me", "s2");
    await replays.forget("you", "s1");

    expect(replays.running()).toHaveLength(1);
    await reader.hangUp();
    await settle();
    await replays.forget("you", "s1");
    expect(idsIn(await textOf(await replays.open("me", "s1", 0)))).toEqual([1, 2]);
  });
});

describe("a source that fails", () => {
  test("ends the stream with the frame for it, and is logged", async () => {
    const { replays, lines } = createStage();
    const source = new ToldSource().say().fail(new Error("broken"));

    const text = await textOf(replays.start("me", "s1", source, once));

    expect(text).toEndWith("id: 2\ndata: interrupted\n\n");
    expect(lines.map(({ message }) => message)).toEqual(["The source of a stream failed"]);
    expect(source.cancelled).toBeUndefined();
  });

  test("may fail to be cancelled", async () => {
    const { replays, lines } = createStage();
    const source = new ToldSource();
    source.cancel = () => {
      throw new Error("broken");
    };

    await replays.start("me", "s1", source, { resumable: false }).cancel();

    expect(replays.running()).toEqual([]);
    expect(lines.map(({ message }) => message)).toEqual(["A stream has ended, and whoever made it failed"]);
  });
});
