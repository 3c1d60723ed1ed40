import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Ramp } from "../../../../src/gateway/queues/ramp.ts";
import { RateWindow } from "../../../../src/gateway/queues/rate-window.ts";

const minuteMs = 60_000;

describe("RateWindow", () => {
  test("RateWindow takes its limit at once, and tells when the next may begin", () => {
    const window = new RateWindow({ limit: 3, windowMs: minuteMs });
    for (let count = 0; count < 3; count++) window.add(1, 1000);

    const waitMs = window.waitMs(1, 1500);

    expect(waitMs).toBeGreaterThanOrEqual(minuteMs - 500);
    expect(waitMs).toBeLessThanOrEqual(minuteMs + 1000);
    expect(window.waitMs(1, 1500 + waitMs)).toBe(0);
  });

  test("RateWindow lets what is more than its limit begin when nothing else is in it", () => {
    const window = new RateWindow({ limit: 100, windowMs: minuteMs });
    expect(window.waitMs(5000, 0)).toBe(0);
    window.add(5000, 0);

    expect(window.waitMs(1, minuteMs / 2)).toBeGreaterThan(0);
    expect(window.waitMs(5000, 2 * minuteMs)).toBe(0);
  });

  test("RateWindow counts what was more from now on, and what was less from when it was added", () => {
    const window = new RateWindow({ limit: 100, windowMs: minuteMs });
    window.add(80, 0);
    window.correct(-60, 0, 30_000);
    expect(window.waitMs(80, 30_000)).toBe(0);
    window.correct(80, 0, 30_000);

    expect(window.waitMs(1, 30_000)).toBeGreaterThan(0);
    // The 20 are forgotten after a minute, the 80 half a minute later.
    expect(window.waitMs(20, minuteMs + 2000)).toBe(0);
    expect(window.waitMs(21, minuteMs + 2000)).toBeGreaterThan(0);
  });

  test("RateWindow tells how long many take, one limit after the other", () => {
    const window = new RateWindow({ limit: 10, windowMs: minuteMs });

    expect(window.spreadMs(10, 0)).toBe(0);
    expect(window.spreadMs(25, 0)).toBeGreaterThanOrEqual(2 * minuteMs);
    expect(new RateWindow({ limit: 10, windowMs: minuteMs }).spreadMs(0, 0)).toBe(0);
  });

  test("RateWindow holds its limit in any stretch of its length, and never waits for longer than that and one part", () => {
    const arrivals = fc.array(fc.record({ afterMs: fc.nat(4000), amount: fc.integer({ min: 1, max: 4 }) }), {
      maxLength: 150,
    });
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 4, max: 12 }), (steps, limit) => {
        const window = new RateWindow({ limit, windowMs: minuteMs });
        const taken: { readonly atMs: number; readonly amount: number }[] = [];
        let nowMs = 0;
        for (const { afterMs, amount } of steps) {
          nowMs += afterMs;
          const waitMs = window.waitMs(amount, nowMs);
          expect(waitMs).toBeLessThanOrEqual(minuteMs + minuteMs / 60);
          nowMs += waitMs;
          expect(window.waitMs(amount, nowMs)).toBe(0);
          window.add(amount, nowMs);
          taken.push({ atMs: nowMs, amount });
          const inWindow = taken.filter(({ atMs }) => atMs > nowMs - minuteMs);
          expect(inWindow.reduce((sum, one) => sum + one.amount, 0)).toBeLessThanOrEqual(limit);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("Ramp", () => {
  /** How many it lets begin in each of the seconds, however many want to. */
  function begun(ramp: Ramp, seconds: readonly number[]): number[] {
    return seconds.map((second) => {
      let count = 0;
      while (ramp.waitMs(second * 1000) === 0 && count < 1000) {
        ramp.add(second * 1000);
        count++;
      }
      return count;
    });
  }

  test("Ramp doubles from second to second, and begins anew after a rest", () => {
    const ramp = new Ramp(2);

    expect(begun(ramp, [0, 1, 2, 3])).toEqual([2, 4, 8, 16]);
    expect(begun(ramp, [60, 61])).toEqual([2, 4]);
  });

  test("Ramp remembers the busiest second over a short pause", () => {
    const ramp = new Ramp(1);

    expect(begun(ramp, [10, 11, 14])).toEqual([1, 2, 4]);
  });

  test("Ramp tells when the next second begins", () => {
    const ramp = new Ramp(1);
    ramp.add(10_200);

    expect(ramp.waitMs(10_300)).toBe(700);
  });
});
