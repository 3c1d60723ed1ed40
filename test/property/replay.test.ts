// Whatever a source says in whatever pieces, and whoever comes, pauses and goes when: each reader is given exactly the
// frames behind its id, once, in order, to the byte.

import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import fc from "fast-check";
import type { Replays } from "../../src/replay/replays.ts";
import { BodyReader, frame, idsIn, settle, ToldSource, useStages } from "../unit/replay/stage.ts";
import { patienceMs, runsOf } from "./runs.ts";

const { createStage } = useStages();

const data = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("x", "é🌦", '"\\n\\nid: 2\\n"', "id: 3", ": keepalive", "data: id: 1") },
  { weight: 1, arbitrary: fc.integer({ min: 1000, max: 70_000 }).map((length) => "y".repeat(length)) },
);

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("say"), frames: fc.integer({ min: 1, max: 5 }), data }) },
  /** `seen`: of the last id that anybody has read, so many per cent. */
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("join"), seen: fc.integer({ min: 0, max: 100 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("read"), who: fc.nat(), chunks: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("hang up"), who: fc.nat() }) },
  { weight: 3, arbitrary: fc.constant({ kind: "settle" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pass"), ms: fc.constantFrom(100, 20_000) }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const world = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 40 }),
  ending: fc.constantFrom("end", "stop", "fail", "close"),
  resumable: fc.boolean(),
  inMemory: fc.boolean(),
  maxStreamBytes: fc.constantFrom(200, 20_000, 10_000_000),
});

/** One reader: reads are queued, so that a pause does not hold up the world. */
class Visitor {
  readonly body: BodyReader;
  readonly afterId: number;
  hasHungUp = false;
  #reads: Promise<void> = Promise.resolve();

  constructor(body: ReadableStream<Uint8Array>, afterId: number) {
    this.body = new BodyReader(body);
    this.afterId = afterId;
  }

  read(chunks: number): void {
    this.#reads = this.#reads.then(async () => {
      for (let count = 0; count < chunks && !this.body.isEnded; count++) await this.body.read();
    });
  }

  async hangUp(): Promise<void> {
    this.hasHungUp = true;
    await this.body.hangUp();
    await this.#reads;
  }

  async readAll(): Promise<void> {
    await this.#reads;
    if (!this.hasHungUp) await this.body.toEnd();
  }

  get text(): string {
    return this.body.text.replaceAll(/^: keepalive\n\n/gm, "");
  }
}

/** What the source has said, frame by frame. */
class Script {
  readonly source = new ToldSource();
  readonly frames: string[] = [];

  say(count: number, text: string): void {
    this.source.say(count, text);
    for (let added = 0; added < count; added++) {
      this.frames.push(Buffer.from(frame(this.frames.length + 1, text)).toString());
    }
  }
}

async function join(replays: Replays, afterId: number): Promise<Visitor | undefined> {
  try {
    return new Visitor(await replays.open("me", "s1", afterId), afterId);
  } catch (error) {
    // Too long to keep, which is told and not half given.
    expect(error).toMatchObject({ kind: "gone" });
    return undefined;
  }
}

function checkVisitor(visitor: Visitor, frames: readonly string[], lastFrame: string | undefined): void {
  const expected = [...frames, lastFrame ?? ""].slice(visitor.afterId).join("");
  if (visitor.hasHungUp) expect(expected.startsWith(visitor.text)).toBe(true);
  else expect(visitor.text).toBe(expected);
}

async function live({
  steps,
  ending,
  resumable,
  inMemory,
  maxStreamBytes,
}: typeof world extends fc.Arbitrary<infer Value> ? Value : never) {
  const limits = { maxStreamBytes, clientStallMs: 1e9, graceMs: 1e9 };
  const { replays, pass, directory } = createStage({ limits, ...(inMemory ? { directory: undefined } : {}) });
  const script = new Script();
  const visitors: Visitor[] = [new Visitor(replays.start("me", "s1", script.source, { resumable }), 0)];
  const present = (): Visitor[] => visitors.filter(({ hasHungUp }) => !hasHungUp);

  async function take(one: Step): Promise<void> {
    const who = "who" in one ? present()[one.who % Math.max(present().length, 1)] : undefined;
    if (one.kind === "say") script.say(one.frames, one.data);
    else if (one.kind === "join") {
      const seenId = Math.max(...visitors.map(({ text, afterId }) => idsIn(text).at(-1) ?? afterId));
      const visitor = await join(replays, Math.min(Math.round((seenId * one.seen) / 100), script.frames.length));
      if (visitor !== undefined) visitors.push(visitor);
    } else if (one.kind === "read") who?.read(one.chunks);
    else if (one.kind === "hang up") await who?.hangUp();
    else if (one.kind === "pass") pass(one.ms);
    else await settle();
  }

  for (const one of steps) await take(one);
  if (ending === "end") script.source.end();
  if (ending === "fail") script.source.fail(new Error("broken"));
  if (ending === "stop") await replays.stop("me", "s1");
  if (ending === "close") await replays.close();
  await Promise.all(visitors.map((visitor) => visitor.readAll()));
  await settle();
  const late = await join(replays, 0);
  await late?.readAll();
  if (late !== undefined) visitors.push(late);
  await replays.close();
  if (directory !== undefined) rmSync(directory, { recursive: true });

  // How far it came is told by whoever read to the end.
  const whole = visitors.find(({ hasHungUp, text }) => !hasHungUp && text !== "");
  if (whole === undefined) return;
  const lastId = idsIn(whole.text).at(-1) ?? whole.afterId;
  const lastFrames = ["stopped", "interrupted", "nobody read"].map((text) =>
    Buffer.from(frame(lastId, text)).toString(),
  );
  const lastFrame = lastFrames.find((text) => whole.text.endsWith(text));
  if (ending === "end" && script.source.cancelled === undefined) {
    expect([lastFrame, lastId]).toEqual([undefined, script.frames.length]);
  } else expect(lastFrame).toBeDefined();
  const frames = script.frames.slice(0, lastFrame === undefined ? lastId : lastId - 1);
  for (const visitor of visitors) checkVisitor(visitor, frames, lastFrame);
}

test(
  "replays give each reader what is behind its id, once and in order [R3-077]",
  async () => {
    await fc.assert(fc.asyncProperty(world, live), runsOf("replays", 200));
  },
  patienceMs,
);
