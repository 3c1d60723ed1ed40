// The text that was sent comes back as it was, however it was cut.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { jsonText } from "../../../src/contract/json.ts";
import { SentText } from "../../../src/gateway/sent-text.ts";

test("SentText joins any pieces to the text that they are", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" }), { maxLength: 30 }), (pieces) => {
      const sent = new SentText();
      for (const piece of pieces) sent.append(jsonText(piece));
      expect(sent.read()).toBe(pieces.join(""));
    }),
  );
});

test("SentText keeps a text that is longer than any first guess", () => {
  const sent = new SentText();
  for (let index = 0; index < 1000; index++) sent.append(jsonText(`line ${index} "quoted" 😀\n`));
  expect(sent.read()).toHaveLength(
    Array.from({ length: 1000 }, (_, index) => `line ${index} "quoted" 😀\n`).join("").length,
  );
});
