// What ends streams without an end of their own, and what is left of it when they have ended.

import { expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { createEndOf } from "../../../../src/server/access/lasting-access.ts";
import type { Trip } from "../../../../src/server/trip.ts";

function openTrip(signal?: AbortSignal): Trip {
  return {
    request: new Request("http://localhost/api/feed", { signal: signal ?? new AbortController().signal }),
    requestId: "r1",
    path: "/api/feed",
    startedAtMs: 0,
    clientAddress: "127.0.0.1",
    caller: "ann",
    answerHeaders: undefined,
  };
}

test("endOf aborts for whoever may come in no more, and asks no more", async () => {
  const leaving = new AbortController();
  const [ann, bob] = [openTrip(), openTrip()];
  const asked: Trip[] = [];
  const isAskedAgain = Promise.withResolvers<void>();
  const endOf = createEndOf(
    leaving.signal,
    async (trip) => {
      asked.push(trip);
      if (asked.filter((one) => one === bob).length === 3) isAskedAgain.resolve();
      return trip === bob;
    },
    1,
  );
  const [hers, his] = [endOf(ann), endOf(bob)];

  await isAskedAgain.promise;
  expect([hers.aborted, his.aborted]).toEqual([true, false]);
  expect(asked.filter((one) => one === ann)).toHaveLength(1);
  leaving.abort();
  expect(his.aborted).toBe(true);
});

test("endOf leaves nothing at the server of a stream whose reader has left", () => {
  const leaving = new AbortController();
  const endOf = createEndOf(leaving.signal, async () => true);
  const reader = new AbortController();
  const signal = endOf(openTrip(reader.signal));
  expect(getEventListeners(leaving.signal, "abort")).toHaveLength(1);
  reader.abort();

  expect(signal.aborted).toBe(true);
  expect(getEventListeners(leaving.signal, "abort")).toHaveLength(0);
});

test("endOf asks nothing for a reader who had left before", async () => {
  const leaving = new AbortController();
  const gone = openTrip(AbortSignal.abort());
  const [asked, isAsked] = [new Set<Trip>(), Promise.withResolvers<void>()];
  const endOf = createEndOf(
    leaving.signal,
    async (trip) => {
      asked.add(trip);
      if (trip !== gone) isAsked.resolve();
      return true;
    },
    1,
  );
  expect(endOf(gone).aborted).toBe(true);
  endOf(openTrip());

  await isAsked.promise;
  expect(asked.has(gone)).toBe(false);
  leaving.abort();
});
