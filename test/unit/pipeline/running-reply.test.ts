import { describe, expect, test } from "bun:test";
import { RunningReply } from "../../../src/pipeline/running-reply.ts";
import type { Generation } from "../../../src/pipeline/token-surface.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (frames: Uint8Array | undefined) =>
  frames === undefined ? undefined : new TextDecoder().decode(frames);

function begin(generation: Partial<Generation> = { bytes: 0 }) {
  const reply = new RunningReply(generation as Generation);
  const heard: string[] = [];
  const source = { pull: () => heard.push("pull"), cancel: () => void heard.push("cancel") };
  reply.open(source);
  return { reply, heard };
}

describe("a running reply", () => {
  test("hands on frames as they come, and ends", async () => {
    const { reply } = begin();
    const first = reply.next();
    reply.enqueue(bytes("a"));
    expect(textOf(await first)).toBe("a");

    const last = reply.next();
    reply.close();
    expect(await last).toBeUndefined();
    expect(await reply.next()).toBeUndefined();
  });

  test("hands on together what came while nobody asked", async () => {
    const { reply } = begin();
    for (const text of ["a", "b", "c"]) reply.enqueue(bytes(text));
    reply.close();

    expect(textOf(await reply.next())).toBe("abc");
    expect(await reply.next()).toBeUndefined();
  });

  test("wants no more while 16 KB wait, and asks again once, when they are taken", async () => {
    const { reply, heard } = begin();
    reply.enqueue(new Uint8Array(16 * 1024 - 1));
    expect(reply.desiredSize).toBe(1);
    reply.enqueue(new Uint8Array(10));
    expect(reply.desiredSize).toBeLessThan(0);

    await reply.next();

    expect(reply.desiredSize).toBe(16 * 1024);
    expect(heard).toEqual(["pull"]);
  });

  test("does not ask again where it never was full", async () => {
    const { reply, heard } = begin();
    reply.enqueue(bytes("a"));
    await reply.next();
    expect(heard).toEqual([]);
  });

  test("that is left tells its source once, and ends for whoever waits", async () => {
    const { reply, heard } = begin();
    const waiting = reply.next();
    reply.leave();
    reply.leave();

    expect(await waiting).toBeUndefined();
    expect(heard).toEqual(["cancel"]);
  });

  test("that is left before it begins hangs up on its source as soon as it knows it", () => {
    const reply = new RunningReply({ bytes: 0 } as Generation);
    const heard: string[] = [];
    reply.leave();
    reply.open({ pull() {}, cancel: () => void heard.push("cancel") });
    expect(heard).toEqual(["cancel"]);
  });

  test("longer than 16 MB is ended by a sentence", async () => {
    const { reply } = begin({ bytes: 16 * 1024 * 1024 + 1 });
    await expect(reply.next()).rejects.toThrow("The answer was ended: it is longer than 16 MB");
  });

  test("is heard to its end by whoever leaves it out", async () => {
    const { reply, heard } = begin();
    const left = reply.leaveOut();
    for (let at = 0; at < 3; at++) reply.enqueue(new Uint8Array(20 * 1024));
    reply.close();
    await left;
    expect(await reply.next()).toBeUndefined();
    expect(heard).not.toContain("cancel");
  });
});
