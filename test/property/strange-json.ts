// What no protocol has: long texts where they stand elsewhere than in a message, or behind a name of theirs.

import fc from "fast-check";

const names = fc.constantFrom("content", "output", "text", "messages", "input", "tools", "a");

/** @param text at its leaves */
export function strangeJson(text: fc.Arbitrary<string>): fc.Arbitrary<unknown> {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      text,
      fc.constantFrom(null, 1),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(names, tie("value"), { maxKeys: 3 }),
    ),
  }));
  return value;
}
