import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { createTimeLimit } from "../../../src/gateway/time-limit.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const never = (): Promise<void> => new Promise(() => {});

test("timeLimit passes on what the work comes to", async () => {
  const within = createTimeLimit(250, "commit the turn");

  expect(await within(Promise.resolve())).toBeUndefined();
  await expect(within(Promise.reject(new Error("disk full")))).rejects.toThrow("disk full");
});

test("timeLimit ends the wait for work that hangs, each at its own time", async () => {
  const within = createTimeLimit(250, "commit the turn");
  const ends: string[] = [];
  const note = (name: string) => (error: unknown) => ends.push(`${name}: ${(error as Error).message}`);

  const first = within(never()).catch(note("first"));
  jest.advanceTimersByTime(100);
  void within(never()).catch(note("second"));
  jest.advanceTimersByTime(151);
  await first;

  expect(ends).toEqual(["first: Cannot commit the turn within 250 ms"]);
});

test("timeLimit has one timer for all, and none when nobody waits", async () => {
  const within = createTimeLimit(250, "commit the turn");

  await Promise.all([within(Promise.resolve()), within(Promise.resolve())]);
  expect(jest.getTimerCount()).toBe(1);
  jest.advanceTimersByTime(250);

  expect(jest.getTimerCount()).toBe(0);
});
