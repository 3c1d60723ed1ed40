import { expect, test } from "bun:test";
import { Turns } from "../../../src/documents/turns.ts";

const signal = new AbortController().signal;

test("so many run at a time, and the others come in the order in which they asked", async () => {
  const turns = new Turns(1);
  const first = await turns.take(signal);
  const entered: string[] = [];
  const second = turns.take(signal).then((turn) => {
    entered.push("second");
    return turn;
  });
  const third = turns.take(signal).then(() => entered.push("third"));
  await Promise.resolve();
  expect(entered).toEqual([]);

  first[Symbol.dispose]();
  // Once only.
  first[Symbol.dispose]();
  const turn = await second;
  expect(entered).toEqual(["second"]);
  turn[Symbol.dispose]();
  await third;
  expect(entered).toEqual(["second", "third"]);
});

test("whoever gives up leaves the line, and takes nobody's turn", async () => {
  const turns = new Turns(1);
  const first = await turns.take(signal);
  const leaving = new AbortController();
  const given = turns.take(leaving.signal);
  const patient = turns.take(signal);
  leaving.abort(new Error("gone"));
  await expect(given).rejects.toThrow("gone");

  first[Symbol.dispose]();
  expect(await patient).toBeDefined();
});

test("whoever has left already is not let in", async () => {
  const turns = new Turns(1);
  await expect(turns.take(AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
  expect(await turns.take(signal)).toBeDefined();
});
