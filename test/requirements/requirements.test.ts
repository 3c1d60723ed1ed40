// Each requirement of a finished issue has a test that carries its id in its title, such as [R0-001].

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { issue10Ids } from "./issue-10.ts";
import { issue3Ids } from "./issue-3.ts";
import { issue7Ids } from "./issue-7.ts";
import { issue9Ids } from "./issue-9.ts";
import { readTitles } from "./read-titles.ts";

const testFolder = join(import.meta.dir, "..");
const idPattern = /\bR(?:[0-4]|C)-\d{3}\b/g;

/** Support files count: contract suites have their tests there. */
function readProvenIds(): Set<string> {
  const files = readdirSync(testFolder, { recursive: true, encoding: "utf8" }).filter(
    (path) => path.endsWith(".ts") && !path.startsWith("requirements") && !path.includes("node_modules"),
  );
  const titles = files.flatMap((file) => readTitles(readFileSync(join(testFolder, file), "utf8")));
  return new Set(titles.flatMap((title) => title.match(idPattern) ?? []));
}

describe("requirements", () => {
  test.each([
    ["3", issue3Ids],
    ["7", issue7Ids],
    ["9", issue9Ids],
    ["10", issue10Ids],
  ])("issue %s: every id stands in the title of a test that runs", (_issue, ids) => {
    const proven = readProvenIds();

    expect(ids.filter((id) => !proven.has(id))).toEqual([]);
  });

  test("issue 3 lists each of its 155 ids once", () => {
    expect(new Set(issue3Ids).size).toBe(issue3Ids.length);
    expect(issue3Ids).toHaveLength(155);
    expect(issue3Ids).toContain("R0-026");
    expect(issue3Ids).not.toContain("R0-027");
  });

  test("issue 7 lists each of its 67 ids once", () => {
    expect(new Set(issue7Ids).size).toBe(issue7Ids.length);
    expect(issue7Ids).toHaveLength(67);
    expect(issue7Ids).toContain("R4-068");
    expect(issue7Ids).not.toContain("R4-065");
  });

  test("issue 9 lists each of its 8 ids once", () => {
    expect(issue9Ids).toEqual(["R0-065", "R2-080", "R2-081", "R2-082", "R2-084", "R2-085", "R2-088", "RC-008"]);
  });

  test("issue 10 lists each of its 4 ids once", () => {
    expect(issue10Ids).toEqual(["R2-079", "R2-083", "R4-065", "RC-008"]);
  });
});

describe("readTitles", () => {
  test("finds titles of plain, grouped, concurrent and tabled tests", () => {
    const source = `
      describe("group [R0-001]", () => {
        test("plain [R0-002]", () => {});
        it('single quotes [R0-003]', () => {});
        test.concurrent(\`template % [R0-004]\`, () => {});
        test.each([["a (b", 1], [f("c)"), 2]])("table %s [R0-005]", () => {});
        test.each(rows)(
          "broken line [R0-006]",
          () => {},
        );
      });`;

    expect(readTitles(source)).toEqual([
      "group [R0-001]",
      "plain [R0-002]",
      "single quotes [R0-003]",
      "template % [R0-004]",
      "table %s [R0-005]",
      "broken line [R0-006]",
    ]);
  });

  test("passes over tests that do not run, comments about ids, and calls of other things", () => {
    const source = `
      // [R0-001] is proven elsewhere
      test.skip("not now [R0-002]", () => {});
      test.todo("later [R0-003]");
      test.skipIf(isRoot)("only sometimes [R0-004]", () => {});
      regex.test("text [R0-005]");
      expect(contest("[R0-006]")).toBe("[R0-007]");`;

    expect(readTitles(source)).toEqual([]);
  });
});
