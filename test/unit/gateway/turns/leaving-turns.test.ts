import { expect, test } from "bun:test";
import { createLeavingTurns, type LeavingNote } from "../../../../src/gateway/turns/leaving-turns.ts";

test("leavingTurns gives what whoever continues has to wait for, until it is free", async () => {
  const leaving = createLeavingTurns();
  const { promise, resolve } = Promise.withResolvers<void>();
  leaving.add("a", promise);
  expect(leaving.find("a")).toBe(promise);
  expect(leaving.find("b")).toBeUndefined();
  resolve();
  await promise;

  expect(leaving.find("a")).toBeUndefined();
});

test("leavingTurns of two workers wait for one another", async () => {
  const notes: LeavingNote[] = [];
  const other = createLeavingTurns();
  const own = createLeavingTurns((note) => {
    notes.push(note);
    other.heard(note);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  own.add("a", promise);
  const waiting = other.find("a");
  expect(waiting).toBeDefined();
  resolve();
  await waiting;

  expect(notes).toEqual([
    { fingerprint: "a", isFree: false },
    { fingerprint: "a", isFree: true },
  ]);
  expect(other.find("a")).toBeUndefined();
});

test("leavingTurns takes a word that comes twice, or without the first one", () => {
  const leaving = createLeavingTurns();
  leaving.heard({ fingerprint: "a", isFree: true });
  leaving.heard({ fingerprint: "a", isFree: false });
  leaving.heard({ fingerprint: "a", isFree: false });
  expect(leaving.find("a")).toBeDefined();
  leaving.heard({ fingerprint: "a", isFree: true });

  expect(leaving.find("a")).toBeUndefined();
});
