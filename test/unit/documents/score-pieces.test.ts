// Scores and orders.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { findNearest, fuseOrders } from "../../../src/documents/rank-pieces.ts";
import { scorePieces } from "../../../src/documents/score-pieces.ts";
import { createWordReader } from "../../../src/documents/search-words.ts";
import type { FoundPiece } from "../../../src/store/document-store.ts";

const reader = createWordReader();

function piece(pieceKey: number, text: string): FoundPiece {
  return { pieceKey, text, documentId: "d", documentName: "", position: 0, heading: "" };
}

describe("scorePieces", () => {
  test("gives 0.75 for all words once, half of it for half of their weight, more for repetition [R3-020]", () => {
    const terms = [["appl"], ["pear"]];
    const counts = { all: 100, holding: [10, 10] };
    const score = (text: string) => scorePieces([piece(1, text)], terms, counts, reader)[0]?.score;

    expect(score("apple pear")).toBeCloseTo(0.75);
    expect(score("apple plum")).toBeCloseTo(0.5);
    expect(score("apple pear apple pear")).toBeGreaterThan(0.8);
    expect(score("apple pear ".repeat(200))).toBeLessThan(1);
  });

  test("counts words that nobody has, and those that everybody has a little", () => {
    const score = (holding: number[]) =>
      scorePieces([piece(1, "apple plum")], [["appl"], ["quinc"]], { all: 10, holding }, reader)[0]?.score ?? 0;

    expect(score([10, 0])).toBeGreaterThan(0);
    expect(score([10, 0])).toBeLessThan(0.05);
    expect(score([1, 1])).toBeCloseTo(0.5);
  });

  test("finds words in a row only in a row", () => {
    const scored = scorePieces(
      [piece(1, "气天，天好"), piece(2, "今天天气很好")],
      [["天", "气"]],
      { all: 2, holding: [1] },
      reader,
    );

    expect(scored.map(({ piece: { pieceKey }, score }) => [pieceKey, score > 0])).toEqual([
      [2, true],
      [1, false],
    ]);
  });

  test("stays between 0 and 1, and orders by the score [R3-020]", () => {
    const word = fc.constantFrom("apple", "pear", "plum", "the");
    fc.assert(
      fc.property(
        fc.array(fc.array(word, { maxLength: 30 }), { minLength: 1, maxLength: 10 }),
        fc.array(fc.nat({ max: 20 }), { minLength: 3, maxLength: 3 }),
        (texts, holding) => {
          const pieces = texts.map((words, index) => piece(index, words.join(" ")));
          const scored = scorePieces(pieces, [["appl"], ["pear"], ["quinc"]], { all: 10, holding }, reader);

          const scores = scored.map(({ score }) => score);
          for (const score of scores) expect(score >= 0 && score <= 1).toBe(true);
          expect(scores).toEqual(scores.toSorted((one, other) => other - one));
        },
      ),
    );
  });
});

describe("fuseOrders", () => {
  test("puts first what both put first, with 1; what one alone found has half of that [R3-020]", () => {
    const fused = fuseOrders([
      [1, 2, 3],
      [1, 4],
    ]);

    expect([...fused.keys()]).toEqual([1, 2, 4, 3]);
    expect(fused.get(1)).toBe(1);
    expect(fuseOrders([[], [7]]).get(7)).toBe(0.5);
  });

  test("prefers what both found to what one found first", () => {
    expect(
      [
        ...fuseOrders([
          [1, 2, 3],
          [4, 5, 3],
        ]).keys(),
      ][0],
    ).toBe(3);
  });
});

describe("findNearest", () => {
  async function* batches(...vectors: readonly number[][]) {
    for (const [index, values] of vectors.entries()) yield [{ pieceKey: index, values: Float32Array.from(values) }];
  }
  const { signal } = new AbortController();

  test("orders by the cosine, leaves out what points elsewhere or has another length", async () => {
    const near = await findNearest(Float32Array.of(1, 0), batches([0.6, 0.8], [1, 0], [-1, 0], [1]), 5, signal);

    expect(near).toEqual([
      { pieceKey: 1, cosine: 1 },
      { pieceKey: 0, cosine: expect.closeTo(0.6) },
    ]);
    expect(await findNearest(Float32Array.of(1, 0), batches([0.6, 0.8], [1, 0]), 1, signal)).toHaveLength(1);
  });

  test("stops between two batches", async () => {
    const left = AbortSignal.abort(new Error("left"));

    await expect(findNearest(Float32Array.of(1), batches([1]), 1, left)).rejects.toThrow("left");
  });
});
