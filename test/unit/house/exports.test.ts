// The package's public names are documented where they stand.

import { describe, expect, test } from "bun:test";
import { posix } from "node:path";
import { readProjectFile } from "./source-files.ts";

interface PublicName {
  readonly name: string;
  /** The file that declares it, relative to `src/`. */
  readonly file: string;
}

/** Values, not types: `export { type A, b } from "./file.ts"` and what the façade declares itself. */
function readPublicNames(source: string): PublicName[] {
  const passedOn = [...source.matchAll(/^export \{([^}]*)\} from "([^"]+)";/gm)].flatMap((match) =>
    (match[1] ?? "")
      .split(",")
      // "declared as published": it is documented where it is declared.
      .map((name) => name.trim().replace(/ as \w+$/, ""))
      .filter((name) => name !== "" && !name.startsWith("type "))
      .map((name) => ({ name, file: posix.normalize(match[2] ?? "") })),
  );
  const own = [...source.matchAll(/^export (?:async )?(?:function|class|const) (\w+)/gm)];
  return [...passedOn, ...own.map((match) => ({ name: match[1] ?? "", file: "library.ts" }))];
}

/** The doc comment right above a declaration; undefined without one. */
function readComment(source: string, name: string): string | undefined {
  const declaration = new RegExp(`^export (?:async )?(?:function\\*?|class|const) ${name}\\b`, "m").exec(source);
  if (declaration === null) return undefined;
  return /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n$/.exec(source.slice(0, declaration.index))?.[1];
}

describe("the public names", () => {
  const names = readPublicNames(readProjectFile("src/library.ts"));

  test("each function, class and constant says in its doc comment what it is for [R2-077]", () => {
    expect(names.length).toBeGreaterThan(22);
    const silent = names.filter(({ name, file }) => {
      const comment = readComment(readProjectFile(`src/${file}`), name);
      return comment === undefined || comment.replaceAll(/[\s*]/g, "").length < 20;
    });

    expect(silent).toEqual([]);
  });

  test("several show by an example how they are called [R2-077]", () => {
    const comments = names.map(({ name, file }) => readComment(readProjectFile(`src/${file}`), name) ?? "");

    expect(comments.filter((comment) => comment.includes("@example")).length).toBeGreaterThanOrEqual(8);
  });

  test("readComment finds a comment, and its absence", () => {
    const source = "/** Says what it does. */\nexport function told() {}\n\nexport const silent = 1;\n";

    expect(readComment(source, "told")).toBe(" Says what it does. ");
    expect(readComment(source, "silent")).toBeUndefined();
  });
});
