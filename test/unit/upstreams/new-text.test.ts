// Which deltas are pieces and which repeat what was said before: pieces are never lost, repetitions never said twice.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createNewText } from "../../../src/upstreams/new-text.ts";

/** What is said of the deltas, in all and after each of them. */
function say(deltas: readonly string[]): { readonly text: string; readonly steps: readonly string[] } {
  const newText = createNewText();
  const steps = deltas.map((delta) => newText.next(delta));
  steps.push(newText.settle());
  return { text: steps.join(""), steps };
}

/** As a backend that ignores `incremental_output` sends them. */
function cumulative(pieces: readonly string[]): string[] {
  return pieces.map((_, index) => pieces.slice(0, index + 1).join(""));
}

const sentence = "The sky looks blue because short waves are scattered more than long ones.";
const words = sentence.match(/\s*\S+/g) ?? [];

describe("createNewText", () => {
  test("says pieces as they come", () => {
    expect(say(words).steps.slice(0, -1)).toEqual(words);
  });

  test("says only what is new of deltas that repeat all before them", () => {
    const { text, steps } = say(cumulative(words));
    expect(text).toBe(sentence);
    expect(steps[0]).toBe("The");
    // Decided in the middle, not kept back to the end.
    expect(steps.at(-1)).toBe("");
    expect(steps.filter((step) => step !== "").length).toBeGreaterThan(3);
  });

  test("decides a short answer at its end", () => {
    expect(say(["Hi", "Hi there", "Hi there!"]).text).toBe("Hi there!");
    expect(say(["Hi", "Hi there", "Hi there"]).text).toBe("Hi there");
  });

  test.each([
    [["ha", "ha"]],
    [["ha", "haha"]],
    [["ha", "haha", "hahaha", "!"]],
    [["ha", "haha", "hahaha"]],
    [["-", "--", "----", "--------", "-".repeat(64), "-".repeat(128)]],
    [["I", "I am"]],
    [["a", "ab", "c"]],
    [["1", "10", "100", ". Done"]],
    [["\n", "\n\n", "  x"]],
  ])("loses no piece of %j", (deltas) => {
    expect(say(deltas).text).toBe(deltas.join(""));
  });

  test("keeps back at most until the first delta that begins otherwise", () => {
    expect(say(["I", "I am", " late"]).steps).toEqual(["I", "", "I am late", ""]);
  });

  test("says what follows as pieces when a cumulative stream becomes incremental", () => {
    expect(say([...cumulative(words), " And", " more."]).text).toBe(`${sentence} And more.`);
  });

  test("passes over deltas without text", () => {
    expect(say(["", "Hi", "", " there", ""]).text).toBe("Hi there");
  });

  test("is asked no more once deltas are known to be pieces", () => {
    const newText = createNewText();
    newText.next("a");
    expect(newText.arePieces).toBe(false);
    newText.next("b");
    expect(newText.arePieces).toBe(true);
    // Not even what looks cumulative is looked at from then on.
    expect(["x", "xy", "xyz", "x".repeat(99)].map((delta) => newText.next(delta)).join("")).toBe(
      `xxyxyz${"x".repeat(99)}`,
    );
  });

  const delta = fc.oneof(
    fc.string({ unit: "grapheme", minLength: 1 }),
    fc.constantFrom("a", "aa", "ab", "aab", "aba", " ", "\n", "ha", "haha", "the", "there"),
  );

  test("loses no piece of any stream in which one delta does not begin with the one before", () => {
    fc.assert(
      fc.property(fc.array(delta, { minLength: 2, maxLength: 40 }), (deltas) => {
        const isRow = deltas.every((text, index) => index === 0 || text.startsWith(deltas[index - 1]!));
        const { text } = say(deltas);
        // A row to the very end is the one shape that both kinds of stream can have.
        if (!isRow && longestRow(deltas) < 48) expect(text).toBe(deltas.join(""));
        else expect([deltas.join(""), deltas.at(-1)]).toContain(isRow ? text : deltas.join(""));
      }),
      { numRuns: 5000 },
    );
  });

  test("says any text that is told cumulatively exactly once, whatever its pieces", () => {
    const pieces = fc.array(fc.string({ unit: "grapheme", minLength: 1 }), { minLength: 3, maxLength: 60 });
    fc.assert(
      fc.property(pieces, (parts) => {
        const whole = parts.join("");
        fc.pre(!isUnitRepeated(whole) && !cumulative(parts).slice(2).some(isUnitRepeated));
        expect(say(cumulative(parts)).text).toBe(whole);
      }),
      { numRuns: 5000 },
    );
  });
});

/** Characters of the last delta of the row that the stream begins with. */
function longestRow(deltas: readonly string[]): number {
  let length = 0;
  for (const [index, text] of deltas.entries()) {
    if (index > 0 && !text.startsWith(deltas[index - 1]!)) break;
    length = text.length;
  }
  return length;
}

function isUnitRepeated(text: string): boolean {
  for (let unit = 1; unit <= text.length / 2; unit++) if (text.slice(unit) === text.slice(0, -unit)) return true;
  return false;
}
