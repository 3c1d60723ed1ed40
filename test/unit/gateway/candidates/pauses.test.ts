// Which upstreams get no new requests, and what is told when none is left.

import { expect, test } from "bun:test";
import type { Upstream } from "../../../../src/contract/upstream.ts";
import { createPauses } from "../../../../src/gateway/candidates/pauses.ts";

const candidateOf = (name: string) => ({
  upstream: { name, listModels: async () => [], open: () => Promise.reject(new Error("nobody opens it")) } as Upstream,
  model: undefined,
});

test("pauses leave candidates alone while there are none", () => {
  const candidates = [candidateOf("one"), candidateOf("two")];

  expect(createPauses().without(candidates)).toBe(candidates);
});

test("a paused upstream is left out until it is resumed", () => {
  const pauses = createPauses();
  const candidates = [candidateOf("one"), candidateOf("two")];

  expect([pauses.pause("one"), pauses.pause("one")]).toEqual([true, false]);
  expect(pauses.isPaused("one")).toBe(true);
  expect(pauses.without(candidates).map(({ upstream }) => upstream.name)).toEqual(["two"]);
  expect([pauses.resume("one"), pauses.resume("one")]).toEqual([true, false]);
  expect(pauses.without(candidates)).toHaveLength(2);
});

test("when all that would do are paused the request is refused, and not to be repeated soon", () => {
  const pauses = createPauses();
  pauses.pause("one");

  expect(() => pauses.without([candidateOf("one")])).toThrow('the upstream "one" is paused');
});
