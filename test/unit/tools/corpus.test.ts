// Every case of the public corpus, whole and cut.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type CorpusCase, cutAt, cutInto, type Outcome, piecesOf, readCorpus, scan, toolsNamed } from "./corpus.ts";

const corpus = readCorpus();

function expected({ expect: wanted, finish = "stop" }: CorpusCase): Outcome {
  const calls = wanted.calls ?? [];
  return {
    text: wanted.text ?? "",
    reasoning: wanted.reasoning ?? "",
    calls: calls.map((call) => ({ name: call.name, arguments: call.arguments, text: call.text ?? "" })),
    warnings: wanted.warnings ?? [],
    finishReason: calls.length > 0 && finish === "stop" ? "tool_calls" : finish,
  };
}

/** The text of the arguments counts only where a case gives it. */
function seen(one: CorpusCase, outcome: Outcome): Outcome {
  const wanted = one.expect.calls ?? [];
  const calls = outcome.calls.map((call, index) => (wanted[index]?.text === undefined ? { ...call, text: "" } : call));
  return { ...outcome, calls };
}

describe("the corpus", () => {
  test("has at least 150 cases, each with its own name and a source", () => {
    expect(corpus.length).toBeGreaterThanOrEqual(150);
    expect(new Set(corpus.map((one) => `${one.file} ${one.name}`)).size).toBe(corpus.length);
    expect(corpus.filter((one) => one.source === "").map((one) => one.name)).toEqual([]);
  });

  test("is counted in its README", () => {
    const readme = readFileSync(join(import.meta.dir, "../../corpus/tool-markup/README.md"), "utf8");
    const counted = [...readme.matchAll(/\| `([\w-]+\.jsonl)` +\| (\d+) +\|/g)].map((row) => [row[1], Number(row[2])]);

    const files = [...new Set(corpus.map((one) => one.file))];
    const counts = files.map((file) => [file, corpus.filter((one) => one.file === file).length]);
    expect(counted.sort()).toEqual(counts.sort());
  });

  describe.each([...new Set(corpus.map((one) => one.file))])("%s", (file) => {
    const cases = corpus.filter((one) => one.file === file).map((one) => [one.name, one] as const);

    test.each(cases)("%s", (_name, one) => {
      const pieces = piecesOf(one.input);
      const tools = toolsNamed(one.tools);

      expect(seen(one, scan(pieces, tools, one.finish))).toEqual(expected(one));
    });

    test.each(cases)("%s, cut anywhere", (_name, one) => {
      const pieces = piecesOf(one.input);
      const tools = toolsNamed(one.tools);
      const whole = scan(pieces, tools, one.finish);
      const length = pieces.reduce((sum, piece) => sum + piece.text.length, 0);

      for (const size of [1, 2, 3, 7]) expect(scan(cutInto(pieces, size), tools, one.finish)).toEqual(whole);
      for (let at = 1; at < length; at++) expect(scan(cutAt(pieces, at), tools, one.finish)).toEqual(whole);
    });
  });
});
