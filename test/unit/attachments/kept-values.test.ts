// What is kept, for how long, and how much of it.

import { expect, test } from "bun:test";
import { createKeptValues } from "../../../src/attachments/kept-values.ts";

function createKept(maxBytes = 10_000) {
  let nowMs = 0;
  let made = 0;
  const kept = createKeptValues<string>({
    maxBytes,
    lifetimeMs: 1000,
    clock: () => nowMs,
    sizeOf: (value) => value.length,
  });
  const take = (key: string, value = key) =>
    kept.take(key, async () => {
      made++;
      return value;
    });
  return {
    kept,
    take,
    pass: (ms: number) => {
      nowMs += ms;
    },
    get made() {
      return made;
    },
  };
}

test("createKeptValues makes a value once, also for those who ask at the same time", async () => {
  const room = createKept();
  expect(await Promise.all([room.take("a"), room.take("a")])).toEqual(["a", "a"]);
  expect(await room.take("a")).toBe("a");
  expect(room.made).toBe(1);
});

test("createKeptValues makes it anew when it has grown old", async () => {
  const room = createKept();
  await room.take("a");
  room.pass(1000);
  expect(await room.take("a", "new")).toBe("new");
});

test("createKeptValues gives up the oldest for room, and keeps nothing that is too large", async () => {
  const room = createKept(10_000);
  await room.take("a", "a".repeat(4000));
  await room.take("b", "b".repeat(4000));
  await room.take("c", "c".repeat(4000));
  await room.take("b");
  expect(room.made).toBe(3);
  await room.take("a", "a".repeat(4000));
  expect(room.made).toBe(4);
  await room.take("large", "x".repeat(11_000));
  await room.take("large", "x".repeat(11_000));
  expect(room.made).toBe(6);
});

test("createKeptValues gives up the oldest of many that are empty, and counts the names they are kept by", async () => {
  const room = createKept(10_000);
  await room.take("first", "");
  for (let index = 0; index < 100; index++) await room.take(`http://files.example/${index}`, "");
  await room.take("first", "");
  expect(room.made).toBe(102);

  await room.take("x".repeat(6000), "");
  await room.take("x".repeat(6000), "");
  expect(room.made).toBe(104);
});

test("createKeptValues does not keep a failure", async () => {
  const room = createKept();
  await expect(room.kept.take("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await room.take("a")).toBe("a");
});
