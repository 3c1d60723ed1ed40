// A stream of another gateway, followed: whole frames, each once, to an end that is one.

import { expect, test } from "bun:test";
import { FollowedStream } from "../../../src/replay/followed-stream.ts";
import { eventually } from "../../support/binary.ts";
import type { Mirror } from "../../../src/replay/mirrored-spools.ts";

type State = "running" | "whole" | "interrupted" | "torn";

function createStage() {
  const stage = { text: "", state: "running" as State, isAway: false, looks: 0, nowMs: 0, left: 0 };
  const mirror: Mirror = {
    append: async () => {},
    read: async () => undefined,
    remove: async () => {},
    async follow(_, fromByte) {
      stage.looks++;
      if (stage.isAway) throw new Error("away");
      return { text: Buffer.from(stage.text).subarray(fromByte).toString(), state: stage.state };
    },
  };
  const open = (afterId: number, onCut?: () => void) =>
    new FollowedStream({
      ...{ mirror, streamId: "stream", afterId, pollMs: 1 },
      clock: { now: () => stage.nowMs },
      hooks: onCut && { onCut },
      interruptedFrames: (lastId) => [new TextEncoder().encode(`id: ${lastId + 1}\ndata: cut\n\n`)],
      isEnding: (last) => new TextDecoder().decode(last) === frame(2, "the end"),
      left: () => void stage.left++,
    }).open();
  return Object.assign(stage, { open });
}

const frame = (id: number, data = `天${id}`): string => `id: ${id}\ndata: ${data}\n\n`;
const withoutComments = (text: string): string => text.replaceAll(/^:.*\n\n/gm, "");

interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
}

/** Reads until so much has come. */
async function readUntil(reader: BodyReader, fits: (text: string) => boolean): Promise<string> {
  const decoder = new TextDecoder();
  for (let text = ""; ;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += decoder.decode(value, { stream: true });
    if (fits(withoutComments(text))) return withoutComments(text);
  }
}

/** Resolves when it was looked at so many times more. */
async function looksOf(stage: { readonly looks: number }, count: number): Promise<void> {
  const before = stage.looks;
  await eventually(
    async () => (stage.looks >= before + count ? true : undefined),
    () => `${stage.looks - before} looks`,
  );
}

test("each frame comes once, and none before it is whole", async () => {
  const stage = createStage();
  stage.text = frame(1) + frame(2) + frame(3).slice(0, 9);
  const reader = (await stage.open(1)).getReader();
  expect(await readUntil(reader, (text) => text.endsWith("\n\n"))).toBe(frame(2));
  stage.text = frame(1) + frame(2) + frame(3) + frame(4).slice(0, 5);
  expect(await readUntil(reader, (text) => text.endsWith("\n\n"))).toBe(frame(3));
  stage.text = [1, 2, 3, 4].map((id) => frame(id)).join("");
  stage.state = "whole";

  expect(await readUntil(reader, () => false)).toBe(frame(4));
  expect(stage.left).toBe(1);
});

test("one that is silent answers at once, and one that has not come so far waits for what comes", async () => {
  const stage = createStage();
  stage.text = frame(1);
  const reader = (await stage.open(2)).getReader();
  const { value } = await reader.read();
  expect(new TextDecoder().decode(value)).toStartWith(":");
  stage.text = frame(1) + frame(2) + frame(3);
  stage.state = "whole";

  expect(await readUntil(reader, () => false)).toBe(frame(3));
});

test("a stream whose gateway died ends in the frame that says so, behind what its reader has seen", async () => {
  const stage = createStage();
  stage.text = frame(1) + frame(2);
  const [reader, ahead] = [(await stage.open(0)).getReader(), (await stage.open(7)).getReader()];
  stage.state = "interrupted";

  expect(await readUntil(reader, () => false)).toBe(frame(1) + frame(2) + frame(3, "cut"));
  expect(withoutComments(await readUntil(ahead, () => false))).toBe(frame(8, "cut"));
});

test("a stream whose gateway died behind its last frame ends with that", async () => {
  const stage = createStage();
  stage.text = frame(1) + frame(2, "the end");
  const [reader, knowing] = [(await stage.open(0)).getReader(), (await stage.open(2)).getReader()];
  stage.state = "interrupted";

  expect(await readUntil(reader, () => false)).toBe(frame(1) + frame(2, "the end"));
  expect(withoutComments(await readUntil(knowing, () => false))).toBe("");
});

test("while the store is away the reader waits, and is cut when that takes too long", async () => {
  const stage = createStage();
  let cuts = 0;
  const reader = (await stage.open(0, () => void cuts++)).getReader();
  await reader.read();
  stage.isAway = true;
  const reading = reader.read();
  await looksOf(stage, 3);
  stage.isAway = false;
  stage.text = frame(1);
  expect(new TextDecoder().decode((await reading).value)).toBe(frame(1));
  stage.isAway = true;
  await looksOf(stage, 2);
  stage.nowMs += 10_001;

  const failure: unknown = await reader.read().catch((error: unknown) => error);
  expect(String(failure)).toContain("cannot be reached");
  expect([cuts, stage.left]).toEqual([1, 1]);
});

test("one that is not all there is cut, since its end would be taken for the end of all", async () => {
  const stage = createStage();
  stage.text = frame(1);
  let cuts = 0;
  const reader = (await stage.open(0, () => void cuts++)).getReader();
  await reader.read();
  stage.state = "torn";

  const failure: unknown = await reader.read().catch((error: unknown) => error);
  expect(String(failure)).toContain("cannot be reached");
  expect([cuts, stage.left]).toEqual([1, 1]);
});

test("nobody looks any more when the reader has left", async () => {
  const stage = createStage();
  const body = await stage.open(0);
  await body.cancel();
  const looks = stage.looks;
  // Ten times as long as between two looks.
  await Bun.sleep(10);

  expect([stage.looks - looks, stage.left]).toEqual([0, 1]);
});
