// Places in a spool: behind which id to begin, and where what is whole ends.

import { expect, test } from "bun:test";
import { endsWith, findFrame, findWholeFrames } from "../../../src/replay/find-frames.ts";
import { createMemorySpools } from "../../../src/replay/memory-spools.ts";
import type { Spool } from "../../../src/replay/spool.ts";
import { chunkOf, frame } from "./stage.ts";

function spoolOf(...pieces: (Uint8Array | string)[]): Spool {
  const spool = createMemorySpools().create("s1");
  for (const piece of pieces) spool.append(Buffer.from(piece));
  return spool;
}

async function restFrom(spool: Spool, id: number): Promise<string | undefined> {
  const offset = await findFrame(spool, id);
  if (offset === undefined) return undefined;
  return offset === spool.length ? "" : Buffer.from(spool.read(offset, spool.length)).toString();
}

test("findFrame finds each frame, and none that is not there", async () => {
  const spool = spoolOf(chunkOf(1, 120).bytes);

  for (const id of [1, 2, 9, 10, 11, 99, 100, 120]) {
    expect(await restFrom(spool, id)).toBe(Buffer.from(chunkOf(id, 120).bytes).toString());
  }
  expect(await findFrame(spool, 121)).toBeUndefined();
});

test("findFrame takes no text for a frame that looks like one", async () => {
  const data = JSON.stringify("\n\nid: 3\n");
  const spool = spoolOf(frame(1, "id: 2"), frame(2, data), `id: 3\ndata: id: 2\ndata: id: 4\n\n`, frame(4));

  expect(await restFrom(spool, 2)).toStartWith(`id: 2\ndata: "\\n`);
  expect(await restFrom(spool, 3)).toStartWith("id: 3\ndata: id: 2");
  expect(await restFrom(spool, 4)).toBe("id: 4\ndata: frame 4\n\n");
});

test("findFrame finds what begins at any place around the end of a block", async () => {
  for (let missing = 0; missing < 24; missing++) {
    const first = frame(1, "x".repeat(64 * 1024 - missing));
    expect(await findFrame(spoolOf(first, frame(2)), 2)).toBe(first.length);
  }
});

test("findFrame finds a place far behind others", async () => {
  const first = frame(1, "x".repeat(3 * 1024 * 1024));
  expect(await findFrame(spoolOf(first, frame(2)), 2)).toBe(first.length);
});

test("findFrame begins an empty spool at its beginning", async () => {
  expect(await findFrame(spoolOf(), 1)).toBe(0);
  expect(await findFrame(spoolOf(), 2)).toBeUndefined();
});

test("findWholeFrames leaves out a last frame that is cut anywhere", () => {
  const last = frame(12, "the last");
  const whole = chunkOf(1, 11).bytes;
  for (let length = 0; length < last.length; length++) {
    expect(findWholeFrames(spoolOf(whole, last.subarray(0, length)))).toEqual({ length: whole.length, lastId: 11 });
  }
  expect(findWholeFrames(spoolOf(whole, last))).toEqual({ length: whole.length + last.length, lastId: 12 });
});

test("findWholeFrames knows one frame, and none", () => {
  expect(findWholeFrames(spoolOf(frame(1)))).toEqual({ length: frame(1).length, lastId: 1 });
  expect(findWholeFrames(spoolOf("id: 1\ndata: x\n"))).toEqual({ length: 0, lastId: 0 });
  expect(findWholeFrames(spoolOf())).toEqual({ length: 0, lastId: 0 });
});

test("findWholeFrames looks behind a long torn frame, and into a long whole one", () => {
  const torn = frame(3, "x".repeat(200_000)).subarray(0, 150_000);
  for (let missing = 0; missing < 24; missing++) {
    const long = frame(2, "x".repeat(2 * 64 * 1024 - missing));
    const spool = spoolOf(frame(1), long, torn);
    expect(findWholeFrames(spool)).toEqual({ length: frame(1).length + long.length, lastId: 2 });
  }
});

test("endsWith looks at the last frame alone, however long it is", () => {
  const long = frame(3, "x".repeat(200_000));
  for (const frames of [[frame(1)], [frame(1), frame(2)], [frame(1), frame(2), long]]) {
    const seen: Uint8Array[] = [];
    expect(endsWith(spoolOf(...frames), (bytes) => seen.push(bytes) > 0)).toBe(true);
    expect(seen.map(String)).toEqual([String(Buffer.from(frames.at(-1)!))]);
  }
  expect(endsWith(spoolOf(), () => true)).toBe(false);
});
