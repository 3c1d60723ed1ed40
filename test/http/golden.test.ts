// Every recording of every upstream through every surface, against the text that was reviewed: whatever a change does to what
// clients read stands in its difference. `bun scripts/write-golden.ts` writes the texts anew.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { goldenFixtures } from "../support/golden/golden-fixtures.ts";
import { goldenFolder, goldenPath, makeGolden } from "../support/golden/make-golden.ts";

describe("every surface, streamed and whole", () => {
  test.each([...goldenFixtures])("$name", async (fixture) => {
    const { text, problems } = await makeGolden(fixture);

    expect(problems).toEqual([]);
    expect(existsSync(goldenPath(fixture))).toBe(true);
    expect(text).toBe(readFileSync(goldenPath(fixture), "utf8"));
  });
});

test("no text is left of a recording that is gone", () => {
  const expected = goldenFixtures.map(goldenPath).toSorted();
  const folders = ["openai-compatible", "qwen-web"].map((name) => join(goldenFolder, name));
  const found = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name))).toSorted();

  expect(found).toEqual(expected);
  expect(found.length).toBeGreaterThan(50);
});
