// Texts are cut between two characters.

import { expect, test } from "bun:test";
import { beginningOf, endOf } from "../../../src/pipeline/excerpt.ts";

test("beginningOf and endOf give as much as was asked for, and no half of a character", () => {
  expect([beginningOf("abc", 2), endOf("abc", 2)]).toEqual(["ab", "bc"]);
  expect([beginningOf("abc", 9), endOf("abc", 9)]).toEqual(["abc", "abc"]);
  expect([beginningOf("abc", 0), endOf("abc", 0), beginningOf("", 3), endOf("", 3)]).toEqual(["", "", "", ""]);
  expect([beginningOf("👍👍", 1), beginningOf("👍👍", 2), beginningOf("👍👍", 3)]).toEqual(["", "👍", "👍"]);
  expect([endOf("👍👍", 1), endOf("👍👍", 2), endOf("👍👍", 3)]).toEqual(["", "👍", "👍"]);
});
