// The same pieces have the same hash, other pieces another one, however long they are.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { SpellingHash } from "../../../src/conversation/spelling-hash.ts";

type Added = string | Uint8Array;

function hashOf(pieces: readonly Added[], hash = new SpellingHash()): string {
  hash.restart();
  for (const piece of pieces) {
    if (typeof piece === "string") hash.text(piece);
    else hash.bytes(piece);
  }
  return hash.value;
}

/** Shorter than the stage, about as long as it, and longer. */
const length = fc.oneof(
  fc.nat({ max: 40 }),
  fc.integer({ min: 20_000, max: 23_000 }),
  fc.integer({ min: 65_000, max: 70_000 }),
);
const piece: fc.Arbitrary<Added> = fc
  .tuple(length, fc.constantFrom("a", "é", "你", "🙂"), fc.boolean())
  .map(([count, sign, isText]) => (isText ? sign.repeat(count) : Buffer.from(sign.repeat(count))));
const sign = fc.constantFrom("a", "é", "你", "🙂", "\ud83d", "\n");
const pieces = fc.array(piece, { minLength: 1, maxLength: 8 });

test("SpellingHash gives the same for the same pieces, whatever it hashed before and whenever it was asked", () => {
  const used = new SpellingHash();
  fc.assert(
    fc.property(pieces, fc.nat(), (list, at) => {
      used.text("something else");
      const asked = new SpellingHash();
      for (const [index, one] of list.entries()) {
        if (index === at % list.length) expect(asked.value).toBe(hashOf(list.slice(0, index)));
        if (typeof one === "string") asked.text(one);
        else asked.bytes(one);
      }

      expect(hashOf(list, used)).toBe(hashOf(list));
      expect(asked.value).toBe(hashOf(list));
    }),
    { numRuns: 60 },
  );
}, 60_000);

test("SpellingHash gives another hash for each sign that differs, wherever it stands", () => {
  fc.assert(
    fc.property(pieces, fc.nat(), fc.nat(), (list, index, at) => {
      const bytes = list.map((one) => (typeof one === "string" ? Buffer.from(one) : Uint8Array.from(one)));
      const changed = bytes.filter((one) => one.length > 0)[index % list.length];
      const before = hashOf(bytes);
      if (changed === undefined) return;
      changed[at % changed.length]! ^= 1;

      expect(hashOf(bytes)).not.toBe(before);
    }),
    { numRuns: 60 },
  );
}, 60_000);

test("SpellingHash hashes a text as its bytes in UTF-8, where it is shorter than the stage", () => {
  const hash = new SpellingHash();
  fc.assert(
    fc.property(fc.array(sign, { maxLength: 200 }), (signs) => {
      const text = signs.join("");

      expect(hashOf([text], hash)).toBe(hashOf([new TextEncoder().encode(text)], hash));
    }),
  );
}, 60_000);
