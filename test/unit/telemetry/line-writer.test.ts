// Lines to streams of Node's that are read, late or never.

import { expect, test } from "bun:test";
import { Writable } from "node:stream";
import { createLineWriter } from "../../../src/telemetry/line-writer.ts";

/** A stream whose reader takes a chunk when he is told to. */
function createStream() {
  const read: string[] = [];
  let waiting: { text: string; done: () => void }[] = [];
  let isReading = true;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      const text = chunk.toString();
      if (!isReading) return void waiting.push({ text, done });
      read.push(text);
      done();
    },
  });
  return {
    stream,
    read,
    stop() {
      isReading = false;
    },
    async goOn() {
      isReading = true;
      const held = waiting;
      waiting = [];
      for (const { text, done } of held) {
        read.push(text);
        done();
      }
      await new Promise<void>((resolve) => {
        if (stream.writableLength === 0) resolve();
        else stream.once("drain", resolve);
      });
    },
  };
}

test("createLineWriter writes each line with its end, while somebody reads", async () => {
  const { stream, read } = createStream();
  const write = createLineWriter(stream, () => "lost");
  for (let index = 0; index < 1000; index++) {
    write(`line ${index} ${"x".repeat(10_000)}`);
    if (index % 100 === 99) await Bun.sleep(0);
  }

  expect(read).toHaveLength(1000);
  expect(read[999]).toStartWith("line 999 xxx");
  expect(read.every((text) => text.endsWith("x\n"))).toBe(true);
});

test("createLineWriter keeps some megabytes for who does not read, and tells how many lines it left out", async () => {
  const { stream, read, stop, goOn } = createStream();
  const write = createLineWriter(stream, (lines) => `left out ${lines}`);
  stop();
  for (let index = 0; index < 1000; index++) write(`line ${index} ${"x".repeat(10_000)}`);
  expect(stream.writableLength).toBeLessThan(4.1 * 1024 * 1024);
  await goOn();
  write("afterwards");
  await Bun.sleep(0);

  const kept = read.length - 2;
  expect(kept).toBeGreaterThan(400);
  expect(read.slice(-2)).toEqual([`left out ${1000 - kept}\n`, "afterwards\n"]);
  expect(read[kept - 1]).toStartWith(`line ${kept - 1} `);
});

test("createLineWriter tells how many lines a full disk has cost, behind what it has taken of them", () => {
  let text = "";
  let room = Number.POSITIVE_INFINITY;
  const disk = {
    write(line: string, written: (failure?: Error | null) => void) {
      const taken = line.slice(0, room);
      text += taken;
      room -= taken.length;
      written(taken === line ? null : new Error("ENOSPC"));
    },
  };
  const write = createLineWriter(disk, (lines) => `left out ${lines}`);
  write("before");
  room = 3;
  write("first");
  write("second");
  write("third");
  room = Number.POSITIVE_INFINITY;
  write("behind");

  expect(text).toBe("before\nfir\nleft out 3\nbehind\n");
});
