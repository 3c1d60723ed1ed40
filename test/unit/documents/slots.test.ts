import { expect, test } from "bun:test";
import { Slots } from "../../../src/documents/slots.ts";

const signal = new AbortController().signal;

test("so many run at a time, and the others come in the order in which they asked", async () => {
  const slots = new Slots(1);
  const first = await slots.take(signal);
  const entered: string[] = [];
  const second = slots.take(signal).then((slot) => {
    entered.push("second");
    return slot;
  });
  const third = slots.take(signal).then(() => entered.push("third"));
  await Promise.resolve();
  expect(entered).toEqual([]);

  first[Symbol.dispose]();
  // Once only.
  first[Symbol.dispose]();
  const slot = await second;
  expect(entered).toEqual(["second"]);
  slot[Symbol.dispose]();
  await third;
  expect(entered).toEqual(["second", "third"]);
});

test("whoever gives up leaves the line, and takes nobody's slot", async () => {
  const slots = new Slots(1);
  const first = await slots.take(signal);
  const leaving = new AbortController();
  const given = slots.take(leaving.signal);
  const patient = slots.take(signal);
  leaving.abort(new Error("gone"));
  await expect(given).rejects.toThrow("gone");

  first[Symbol.dispose]();
  expect(await patient).toBeDefined();
});

test("whoever has left already is not let in", async () => {
  const slots = new Slots(1);
  await expect(slots.take(AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
  expect(await slots.take(signal)).toBeDefined();
});
