// Where spoken words go.

import { expect, test } from "bun:test";
import { insertWords } from "../../../../src/page/speech/insert-words.ts";

test.each([
  ["|", "hello", "hello|"],
  ["Say|", "hello", "Say hello|"],
  ["Say |", "hello", "Say hello|"],
  ["|there", "hello", "hello |there"],
  ["Say| there", "hello", "Say hello| there"],
  ["Say|, please", "hello", "Say hello|, please"],
  ["Say [this] now", "hello", "Say hello| now"],
  ["line\n|", "hello", "line\nhello|"],
])("insertWords makes of %p and %p %p", (text, words, expected) => {
  const start = text.search(/[|[]/);
  const end = text.includes("[") ? text.indexOf("]") - 1 : start;
  const { value, caret } = insertWords(text.replaceAll(/[|[\]]/g, ""), start, end, words);

  expect(`${value.slice(0, caret)}|${value.slice(caret)}`).toBe(expected);
});
