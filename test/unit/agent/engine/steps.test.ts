import { expect, test } from "bun:test";
import { Steps } from "../../../../src/agent/engine/steps.ts";

/** Resolves in the next turn of the event loop. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("of all that were told in one turn, one goes on in a turn of the event loop, in their order", async () => {
  const steps = new Steps();
  const told = Promise.withResolvers<void>();
  const work = steps.paced(async (name: string) => {
    await told.promise;
    return name;
  });
  const went: string[] = [];
  const all = Promise.all(["a", "b", "c"].map(async (name) => went.push(await work(name))));

  told.resolve();
  const seen: number[] = [];
  while (went.length < 3) {
    await nextTurn();
    seen.push(went.length);
  }
  await all;
  expect(went).toEqual(["a", "b", "c"]);
  // What else the loop has to do comes between any two of them.
  expect(seen).toContain(1);
  expect(seen).toContain(2);
});

test("work that fails is told in a step as well, as it failed", async () => {
  const steps = new Steps();
  const work = steps.paced(async () => {
    throw new RangeError("too long");
  });
  await expect(work()).rejects.toThrow(new RangeError("too long"));
  // The next one is not held up by it.
  await steps.next();
});
