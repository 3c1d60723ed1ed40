// Tokens are grouped, and nothing ticks while there are none.

import { describe, expect, test } from "bun:test";
import { TokenBuffer } from "../../../src/client/client.ts";
import { ManualTimers } from "./stage.ts";

function createBuffer() {
  const flushed: string[] = [];
  const timers = new ManualTimers();
  const buffer = new TokenBuffer((text) => flushed.push(text), undefined, timers);
  return { flushed, timers, buffer };
}

describe("TokenBuffer", () => {
  test("makes one flush of ten tokens within 50 ms, and starts no timer while idle [R3-071]", async () => {
    const { flushed, timers, buffer } = createBuffer();
    expect(timers.pending).toBe(0);
    for (let index = 0; index < 10; index += 1) {
      buffer.add(String(index));
      await timers.advance(4);
    }
    expect(flushed).toEqual([]);
    await timers.advance(10);

    expect(flushed).toEqual(["0123456789"]);
    expect(timers.nowMs).toBe(50);
    expect(timers.delays).toEqual([50]);
    expect(timers.pending).toBe(0);
  });

  test("flushes by hand, and then not once more [R3-071]", async () => {
    const { flushed, timers, buffer } = createBuffer();
    buffer.add("a");
    buffer.flush();
    buffer.flush();
    expect(timers.pending).toBe(0);
    await timers.advance(30);
    buffer.add("b");
    // Its own 50 ms, and not what was left of those before.
    await timers.advance(49);
    expect(flushed).toEqual(["a"]);
    await timers.advance(1);

    expect(flushed).toEqual(["a", "b"]);
    expect(timers.pending).toBe(0);
  });

  test("forgets what waits when it is cleared, and takes empty tokens for none [R3-071]", async () => {
    const { flushed, timers, buffer } = createBuffer();
    buffer.add("");
    expect(timers.pending).toBe(0);
    buffer.add("a");
    buffer.clear();
    expect(timers.pending).toBe(0);
    await timers.advance(100);

    expect(flushed).toEqual([]);
    expect(timers.pending).toBe(0);
  });

  test("takes what its own flush adds", async () => {
    const timers = new ManualTimers();
    const flushed: string[] = [];
    const buffer: TokenBuffer = new TokenBuffer(
      (text) => {
        flushed.push(text);
        if (flushed.length === 1) buffer.add("again");
      },
      10,
      timers,
    );
    buffer.add("a");
    await timers.advance(20);

    expect(flushed).toEqual(["a", "again"]);
  });
});
