// Where a text means its sources.

import { expect, test } from "bun:test";
import { citationsIn } from "../../../src/surfaces/url-citations.ts";

const sources = ["a", "b", "c"].map((name) => ({ url: `https://${name}.example`, title: name, snippet: undefined }));
const [a, b, c] = sources;

test("citationsIn finds each mark, and tells what no mark names behind them", () => {
  const text = "So [[2]], and 😀 so [[1]][[2]]; [[9]] and [[0]] are none, nor is [3].";
  const found = citationsIn(text, sources);

  expect(found).toEqual([
    { source: b!, start: 3, end: 8 },
    { source: a!, start: text.indexOf("[[1]]"), end: text.indexOf("[[1]]") + 5 },
    { source: b!, start: text.indexOf("[[1]]") + 5, end: text.indexOf("[[1]]") + 10 },
    { source: c!, start: 0, end: 0 },
  ]);
  expect(found.slice(0, 3).map(({ start, end }) => text.slice(start, end))).toEqual(["[[2]]", "[[1]]", "[[2]]"]);
});

test("citationsIn tells no more than is of use, of no sources nothing", () => {
  expect(citationsIn("[[1]]".repeat(10_000), sources)).toHaveLength(202);
  expect(citationsIn("[[1]]", [])).toEqual([]);
});
