import { expect, test } from "bun:test";
import { isInPair } from "../../../src/contract/surrogate-pair.ts";

test("a text may be cut everywhere but within a character of two units", () => {
  const text = "a🙂🙂b";
  const places = Array.from({ length: text.length + 2 }, (_, place) => place);

  expect(places.filter((place) => isInPair(text, place))).toEqual([2, 4]);
});

test("a half without its other half is a character of its own", () => {
  expect([isInPair("\ud83da", 1), isInPair("a\ude42", 1), isInPair("\ude42\ud83d", 1), isInPair("", 0)]).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
