import { expect, test } from "bun:test";
import { createMemoryStore } from "../../../src/store/memory-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { timeStore } from "../../../src/store/timed-store.ts";

function createTimed(store: Store) {
  const calls: { operation: string; durationMs: number; hasFailed: boolean }[] = [];
  const timed = timeStore(store, {
    storeTimed: (operation, durationMs, hasFailed) => calls.push({ operation, durationMs, hasFailed }),
  });
  return { timed, calls };
}

test("timeStore tells the duration of each call and passes its result on", async () => {
  const { timed, calls } = createTimed(createMemoryStore({ clock: Date.now, sessionTimeoutMs: 1000 }));

  expect(await timed.listSessions("local", 10)).toEqual([]);
  expect(await timed.deleteSession("local", "none")).toBeUndefined();

  expect(calls.map(({ operation }) => operation)).toEqual(["listSessions", "deleteSession"]);
  for (const { durationMs, hasFailed } of calls) {
    expect(durationMs).toBeGreaterThanOrEqual(0);
    expect(hasFailed).toBe(false);
  }
});

test("timeStore passes a failure on and counts it", async () => {
  const store = createMemoryStore({ clock: Date.now, sessionTimeoutMs: 1000 });
  const { timed, calls } = createTimed({ ...store, sweep: () => Promise.reject(new Error("disk full")) });

  await expect(timed.sweep()).rejects.toThrow("disk full");

  expect(calls).toMatchObject([{ operation: "sweep", hasFailed: true }]);
});
