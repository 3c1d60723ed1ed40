import { describe, expect, test } from "bun:test";
import type { SampleFacts } from "../../../../src/page/status/facts.ts";
import {
  errorsByMinute,
  firstTokens,
  hourOf,
  requestsByMinute,
  stacked,
  totalOf,
} from "../../../../src/page/status/series.ts";

const minuteMs = 60_000;
/** Twenty seconds into a minute. */
const nowMs = Date.UTC(2026, 10, 27, 13, 30, 20);

function sample(agoMs: number, fields: Partial<SampleFacts> = {}): SampleFacts {
  return {
    atMs: nowMs - agoMs,
    complete: 0,
    failed: 0,
    aborted: 0,
    refused: 0,
    firstToken: undefined,
    liveStreams: 0,
    errors: {},
    ...fields,
  };
}

test("hourOf ends with the present minute", () => {
  expect(hourOf(nowMs)).toEqual({
    fromMs: Date.UTC(2026, 10, 27, 12, 31),
    toMs: Date.UTC(2026, 10, 27, 13, 31),
  });
});

describe("requestsByMinute", () => {
  test("requestsByMinute adds slots up to their minutes, the present one last", () => {
    const samples = [
      sample(3 * minuteMs, { complete: 1 }),
      sample(30_000, { complete: 2, refused: 1 }),
      sample(20_000, { complete: 3 }),
      sample(0, { complete: 4, failed: 5, aborted: 6 }),
    ];

    const { atMs, series } = requestsByMinute(samples, nowMs);

    expect(atMs).toHaveLength(60);
    expect(atMs.at(-1)).toBe(Date.UTC(2026, 10, 27, 13, 30, 30));
    const last = series.map(({ label, values }) => [label, ...values.slice(-4)]);
    expect(last).toEqual([
      ["complete", 1, 0, 2, 7],
      ["aborted", 0, 0, 0, 6],
      ["failed", 0, 0, 0, 5],
      ["refused", 0, 0, 1, 0],
    ]);
  });

  test("requestsByMinute leaves out what is older than the hour, and what lies ahead", () => {
    const samples = [sample(61 * minuteMs, { complete: 1 }), sample(-2 * minuteMs, { complete: 1 })];

    expect(requestsByMinute(samples, nowMs).series.map(totalOf)).toEqual([0, 0, 0, 0]);
  });
});

describe("errorsByMinute", () => {
  test("errorsByMinute has the most frequent kinds first", () => {
    const samples = [
      sample(0, { errors: { internal: 1, "rate-limited": 3 } }),
      sample(20_000, { errors: { internal: 1 } }),
    ];

    const { series } = errorsByMinute(samples, nowMs);

    expect(series.map((one) => [one.label, totalOf(one)])).toEqual([
      ["rate-limited", 3],
      ["internal", 2],
    ]);
  });

  test("errorsByMinute makes one of the rest where there are more than five", () => {
    const errors = { a: 9, b: 8, c: 7, d: 6, e: 5, f: 4 };

    const { series } = errorsByMinute([sample(0, { errors })], nowMs);

    expect(series.map((one) => [one.label, totalOf(one)])).toEqual([
      ["a", 9],
      ["b", 8],
      ["c", 7],
      ["d", 6],
      ["other kinds", 9],
    ]);
  });

  test("errorsByMinute shows the fifth by its name when it is the last", () => {
    const { series } = errorsByMinute([sample(0, { errors: { a: 9, b: 8, c: 7, d: 6, e: 5 } })], nowMs);

    expect(series.map(({ label }) => label)).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("errorsByMinute is empty where nothing went wrong, or too long ago", () => {
    expect(errorsByMinute([sample(0)], nowMs).series).toEqual([]);
    expect(errorsByMinute([sample(61 * minuteMs, { errors: { a: 1 } })], nowMs).series).toEqual([]);
  });
});

test("firstTokens breaks its lines where nothing was said for longer than a minute", () => {
  const firstToken = (p50: number) => ({ firstToken: { p50, p95: p50 * 2 } });
  const samples = [
    sample(5 * minuteMs, firstToken(10)),
    sample(2 * minuteMs, firstToken(20)),
    sample(minuteMs, firstToken(30)),
    sample(30_000),
    sample(0, firstToken(40)),
  ];

  const { atMs, series } = firstTokens(samples, nowMs);

  expect(series.map(({ values }) => values)).toEqual([
    [10, null, 20, 30, 40],
    [20, null, 40, 60, 80],
  ]);
  expect(atMs).toEqual(atMs.toSorted((one, other) => one - other));
});

test("stacked puts each series on those before it", () => {
  const columns = {
    atMs: [1, 2],
    series: [
      { label: "a", values: [1, 2] },
      { label: "b", values: [0, 3] },
      { label: "c", values: [4, null] },
    ],
  };

  expect(stacked(columns)).toEqual([
    [1, 2],
    [1, 5],
    [5, 5],
  ]);
});
