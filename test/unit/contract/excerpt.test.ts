import { expect, test } from "bun:test";
import { beginningOf, briefOf, endOf, isInPair } from "../../../src/contract/excerpt.ts";

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

test("beginningOf and endOf give as much as was asked for, and no half of a character", () => {
  expect([beginningOf("abc", 2), endOf("abc", 2)]).toEqual(["ab", "bc"]);
  expect([beginningOf("abc", 9), endOf("abc", 9)]).toEqual(["abc", "abc"]);
  expect([beginningOf("abc", 0), endOf("abc", 0), beginningOf("", 3), endOf("", 3)]).toEqual(["", "", "", ""]);
  expect([beginningOf("👍👍", 1), beginningOf("👍👍", 2), beginningOf("👍👍", 3)]).toEqual(["", "👍", "👍"]);
  expect([endOf("👍👍", 1), endOf("👍👍", 2), endOf("👍👍", 3)]).toEqual(["", "👍", "👍"]);
});

test("briefOf says by three dots that something is left out, and keeps characters whole", () => {
  expect([briefOf("abc", 3), briefOf("abcd", 3), briefOf("ab👍", 3)]).toEqual(["abc", "abc...", "ab..."]);
});
