// Several signals as one, also where the platform cannot combine them.

import { describe, expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { combineSignals } from "../../../src/client/client.ts";

describe("combineSignals", () => {
  test("aborts with the first of its signals, and with its reason [R3-052]", () => {
    const [one, other] = [new AbortController(), new AbortController()];
    const combined = combineSignals(one.signal, undefined, other.signal);
    expect(combined.aborted).toBe(false);
    other.abort("enough");

    expect([combined.aborted, combined.reason]).toEqual([true, "enough"]);
  });

  test("is aborted from the start when one of them is [R3-052]", () => {
    const combined = combineSignals(new AbortController().signal, AbortSignal.abort("before"));

    expect([combined.aborted, combined.reason]).toEqual([true, "before"]);
  });

  test("lets go of the others when one has aborted", () => {
    const [one, other] = [new AbortController(), new AbortController()];
    combineSignals(one.signal, other.signal);
    expect(getEventListeners(other.signal, "abort")).toHaveLength(1);
    one.abort();

    expect(getEventListeners(other.signal, "abort")).toHaveLength(0);
  });

  test("does the same where the platform has no AbortSignal.any [R3-052]", () => {
    const { any } = AbortSignal;
    try {
      Object.assign(AbortSignal, { any: undefined });
      const [one, other] = [new AbortController(), new AbortController()];
      const combined = combineSignals(one.signal, other.signal);
      one.abort("first");
      other.abort("second");

      expect([combined.aborted, combined.reason]).toEqual([true, "first"]);
      expect(combineSignals(new AbortController().signal, AbortSignal.abort("before")).reason).toBe("before");
    } finally {
      AbortSignal.any = any;
    }
  });
});
