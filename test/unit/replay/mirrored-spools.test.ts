// Spools that stand in a shared store as well: whole where others look, and gone there as soon as a piece is missing.

import { expect, test } from "bun:test";
import { createReplaysIn } from "../../../src/replay/create-replays.ts";
import { createMemorySpools } from "../../../src/replay/memory-spools.ts";
import { createMirroredSpools, type Mirror } from "../../../src/replay/mirrored-spools.ts";
import { eventually } from "../../support/binary.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import {
  abandonedFrames,
  frame,
  interruptedFrames,
  memoryIndex,
  settle,
  stoppedFrames,
  textOf,
  ToldSource,
} from "./stage.ts";

function createMirror() {
  const texts = new Map<string, string>();
  const stage = { texts, isAway: false, isStuck: false, appends: 0 };
  const mirror: Mirror = {
    async append(streamId, text) {
      stage.appends++;
      if (stage.isAway) throw new Error("away");
      texts.set(streamId, (texts.get(streamId) ?? "") + text);
    },
    read: async (streamId) => texts.get(streamId),
    async remove(streamId) {
      if (stage.isStuck) throw new Error("away");
      texts.delete(streamId);
    },
    async follow() {
      throw new Error("nobody follows here");
    },
  };
  return Object.assign(stage, { mirror });
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const open = (mirror: Mirror, gatherMs = 60_000) =>
  createMirroredSpools(createMemorySpools(), mirror, { log: silentLog, gatherMs });

test("another gateway reads what was appended, characters whole wherever they were cut", async () => {
  const stage = createMirror();
  const spool = open(stage.mirror).create("stream");
  const all = bytes("data: 天气 🗓\n\n");
  for (let at = 0; at < all.length; at++) spool.append(all.slice(at, at + 1));
  await spool.settled?.();
  const elsewhere = await open(stage.mirror).open("stream");

  expect(stage.appends).toBe(1);
  expect(elsewhere?.length).toBe(all.length);
  expect(elsewhere?.read(0, 1000)).toEqual(all);
  expect(elsewhere?.read(6, 3)).toEqual(all.slice(6, 9));
});

test("nobody is there for a stream that was never mirrored, was removed, or was discarded", async () => {
  const stage = createMirror();
  const spools = open(stage.mirror);
  const [removed, discarded] = [spools.create("removed"), spools.create("discarded")];
  for (const spool of [removed, discarded]) spool.append(bytes("data: 1\n\n"));
  await removed.settled?.();
  await spools.remove("removed");
  await discarded.discard();
  await discarded.settled?.();

  expect(await open(stage.mirror).open("never")).toBeUndefined();
  expect([...stage.texts.keys()]).toEqual([]);
});

test("a piece that could not be written takes the others with it there, and none of them here", async () => {
  const stage = createMirror();
  const spool = open(stage.mirror).create("stream");
  spool.append(bytes("data: 1\n\n"));
  await spool.settled?.();
  stage.isAway = true;
  spool.append(bytes("data: 2\n\n"));
  await spool.settled?.();
  stage.isAway = false;
  spool.append(bytes("data: 3\n\n"));
  await spool.settled?.();

  expect(await stage.mirror.read("stream")).toBeUndefined();
  expect(spool.read(0, 1000)).toEqual(bytes("data: 1\n\ndata: 2\n\ndata: 3\n\n"));
});

test("a stream that stands there in part is read on where it ran alone: elsewhere its part is not the whole", async () => {
  const stage = createMirror();
  const index = memoryIndex();
  const gateway = () =>
    createReplaysIn(open(stage.mirror, 0), {
      ...{ index, clock: Date.now, log: silentLog, mirror: stage.mirror },
      ...{ interruptedFrames, abandonedFrames, stoppedFrames },
    });
  const here = gateway();
  const source = new ToldSource();
  const reading = textOf(here.start("me", "s1", source.say(), { resumable: true }));
  await eventually(
    async () => (stage.texts.has("s1") ? true : undefined),
    () => "the first frame stands there",
  );
  stage.isAway = true;
  stage.isStuck = true;
  source.say().end();
  await reading;
  await here.drain();
  stage.isAway = false;
  await settle();

  expect(await textOf(await here.open("me", "s1", 1))).toBe(new TextDecoder().decode(frame(2)));
  for (const seen of [0, 1]) {
    const failure: unknown = await gateway()
      .open("me", "s1", seen)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: "gone", message: expect.stringContaining("could not be kept") });
  }
});
