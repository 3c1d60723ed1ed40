// Texts into pieces: nothing lost, nothing torn, each in its context.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type CutPiece, cutText, maxPieceChars, overlapChars } from "../../../src/documents/cut-text.ts";
import { patienceMs, runsOf } from "../../property/runs.ts";

const pieces = (text: string, hasHeadings = false): CutPiece[] => [...cutText(text, hasHeadings)];
const sentence = "The tenant pays the rent on the first day of each month. ";

/** What a reader of the pieces can put together. */
function join(cut: readonly CutPiece[]): string {
  return cut.reduce((text, piece) => text.slice(0, piece.start) + piece.text, "");
}

describe("cutText", () => {
  test("leaves a short text whole, and of none makes nothing", () => {
    expect(pieces("Short.")).toEqual([{ start: 0, text: "Short.", heading: "" }]);
    expect(pieces("")).toEqual([]);
  });

  test("cuts between paragraphs before sentences, between sentences before words", () => {
    const paragraphs = `${sentence.repeat(6)}\n\n`.repeat(8);
    for (const { text } of pieces(paragraphs).slice(0, -1)) expect(text).toEndWith("\n\n");
    for (const { text } of pieces(sentence.repeat(60)).slice(0, -1)) expect(text).toEndWith("month. ");
    for (const { text } of pieces("word ".repeat(900)).slice(0, -1)) expect(text).toEndWith("word ");
    for (const { text } of pieces("这是一个句子。".repeat(600)).slice(0, -1)) expect(text).toEndWith("。");
  });

  test("begins a piece with a whole sentence of the one before", () => {
    const cut = pieces(sentence.repeat(60));

    expect(cut.length).toBeGreaterThan(3);
    for (const { text } of cut) expect(text).toStartWith("The tenant");
    expect(cut[1]?.start).toBeLessThan(cut[0]?.text.length ?? 0);
  });

  test("cuts a text without any gap at its longest", () => {
    expect(pieces("x".repeat(2500)).map(({ start, text }) => [start, text.length])).toEqual([
      [0, maxPieceChars],
      [maxPieceChars - overlapChars, maxPieceChars],
      [2 * (maxPieceChars - overlapChars), 800],
    ]);
  });

  test("begins a section with a piece of its own, and says under which headings a piece stands", () => {
    const text = `# Lease\n${sentence.repeat(8)}\n## Rent\n${sentence.repeat(30)}\n## Notice ##\n${sentence.repeat(8)}\n# Annex\n${sentence.repeat(30)}`;

    const cut = pieces(text, true);

    expect(
      cut.filter((piece) => piece.text.startsWith("#")).map((piece) => [piece.text.slice(0, 8), piece.heading]),
    ).toEqual([
      ["# Lease\n", ""],
      ["## Rent\n", "Lease"],
      ["## Notic", "Lease"],
      ["# Annex\n", ""],
    ]);
    expect(new Set(cut.map(({ heading }) => heading))).toEqual(new Set(["", "Lease", "Lease > Rent", "Annex"]));
  });

  test("takes a comment in code for no heading, and no heading at all for one where there are none", () => {
    const code = `# Lease\n\n${sentence.repeat(10)}\n\`\`\`sh\n# comment\n\`\`\`\n${sentence.repeat(30)}`;

    expect(pieces(code, true).at(-1)?.heading).toBe("Lease");
    expect(pieces(code, false).at(-1)?.heading).toBe("");
  });
});

const grapheme = fc.constantFrom(
  ..."aZé ",
  "\n",
  "\n\n",
  ". ",
  "。",
  "你好",
  "👨‍👩‍👧‍👦",
  "🇩🇪",
  "🇨🇳",
  "e\u0301\u0323",
  "ก็",
  "한",
  "😀",
  "# ",
  "\n# Title\n",
  "word ".repeat(40),
  "x".repeat(300),
);
const anyText = fc.oneof(
  fc.array(grapheme, { maxLength: 800 }).map((parts) => parts.join("")),
  fc.string({ unit: "grapheme", maxLength: 3000 }),
  fc.tuple(grapheme, fc.integer({ min: 0, max: 2500 })).map(([part, times]) => part.repeat(times)),
);

describe("cutText, whatever the text", () => {
  test(
    "covers it to the character with pieces that overlap, grow, and tear no character",
    () => {
      fc.assert(
        fc.property(anyText, fc.boolean(), (text, hasHeadings) => {
          const cut = pieces(text, hasHeadings);
          const boundaries = new Set(
            [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)].map(({ index }) => index),
          );
          boundaries.add(text.length);

          expect(join(cut)).toBe(text);
          let [lastStart, lastEnd] = [-1, 0];
          for (const piece of cut) {
            const end = piece.start + piece.text.length;
            expect(piece.text).toBe(text.slice(piece.start, end));
            expect(piece.text.length).toBeLessThanOrEqual(maxPieceChars);
            expect(piece.start).toBeGreaterThan(lastStart);
            expect(piece.start).toBeLessThanOrEqual(lastEnd);
            expect(end).toBeGreaterThan(lastEnd);
            expect(boundaries.has(piece.start) && boundaries.has(end)).toBe(true);
            [lastStart, lastEnd] = [piece.start, end];
          }
        }),
        runsOf("cutText", 300),
      );
    },
    patienceMs,
  );

  test(
    "never cuts a surrogate pair, however long a character is",
    () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 0, max: 4 }),
          fc.constantFrom("\u{1e130}", "‍👩", "\u0301", "🇩"),
          (offset, part) => {
            const text = `${"a".repeat(offset)}${part.repeat(3000)}`;
            const cut = pieces(text);

            expect(join(cut)).toBe(text);
            for (const piece of cut) expect(piece.text.isWellFormed()).toBe(true);
          },
        ),
        runsOf("cutText of giants", 20),
      );
    },
    patienceMs,
  );
});
