// The fast way to collapse white space says what the plain one does.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { collapseRuns } from "../../../src/conversation/collapse.ts";

test("collapseRuns makes one space of each run of white space, whatever it is of", () => {
  const space = fc.constantFrom(" ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u2003", "\u3000", "\ufeff", "\v");
  const piece = fc.oneof(space, fc.string({ maxLength: 4 }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const text = pieces.join("");
      expect(collapseRuns(text)).toBe(text.replace(/\s+/g, " "));
    }),
    { numRuns: 2000 },
  );
});
