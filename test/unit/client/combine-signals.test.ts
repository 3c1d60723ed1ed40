// Several signals as one, with what the platform has and without.

import { describe, expect, test } from "bun:test";
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
