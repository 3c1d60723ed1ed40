import { expect, test } from "bun:test";
import { Arrivals, arrivalsPerTurn } from "../../../src/gateway/arrivals.ts";

/** Resolves in the next turn of the event loop. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What has begun, in its order. */
function arrive(arrivals: Arrivals, names: Iterable<number>, begun: number[]): void {
  for (const name of names) {
    const turn = arrivals.enter();
    if (turn === undefined) begun.push(name);
    else void turn.then(() => begun.push(name));
  }
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

test("requests that come one by one begin at once", async () => {
  const arrivals = new Arrivals();
  const begun: number[] = [];
  for (const name of numbers(0, 2 * arrivalsPerTurn)) {
    arrive(arrivals, [name], begun);
    expect(begun.at(-1)).toBe(name);
    await nextTurn();
  }
});

test("of requests that come at once some begin in each turn of the event loop, in their order", async () => {
  const arrivals = new Arrivals();
  const begun: number[] = [];
  arrive(arrivals, numbers(0, 3 * arrivalsPerTurn), begun);
  const seen = [begun.length];
  // Behind all that wait already.
  arrive(arrivals, [3 * arrivalsPerTurn], begun);
  while (begun.length <= 3 * arrivalsPerTurn) {
    await nextTurn();
    seen.push(begun.length);
  }

  expect(begun).toEqual(numbers(0, 3 * arrivalsPerTurn + 1));
  const most = seen.map((count, index) => count - (seen[index - 1] ?? 0));
  expect(Math.max(...most)).toBe(arrivalsPerTurn);
});

test("whoever comes while others begin takes what their turn has left", async () => {
  const arrivals = new Arrivals();
  const begun: number[] = [];
  arrive(arrivals, numbers(0, arrivalsPerTurn + 1), begun);
  while (begun.length <= arrivalsPerTurn) await nextTurn();
  arrive(arrivals, [-1], begun);

  expect(begun.at(-1)).toBe(-1);
});
