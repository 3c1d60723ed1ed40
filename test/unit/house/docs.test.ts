// Documents that tell of the code are current, and their links lead somewhere.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { configTable } from "../../../scripts/config-table.ts";
import { protocolDocuments, schemasAsMarkdown, writtenSchemas } from "../../../scripts/protocol-schemas.ts";
import { listSources, readProjectFile, root } from "./source-files.ts";

const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "src/README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** The formatter pads the cells of a table. */
function withoutPadding(text: string): string {
  return text.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---").trim();
}

describe("docs/configuration.md", () => {
  test("lists every setting as the code has it (else: bun scripts/write-config-docs.ts)", () => {
    const written = readProjectFile("docs/configuration.md").split(/<!-- \/?settings -->/)[1] ?? "";

    expect(withoutPadding(written)).toBe(withoutPadding(configTable()));
  });
});

describe("the documents of the protocols", () => {
  test.each(protocolDocuments)(
    "$path has the schemas of the code (else: bun scripts/write-protocol-docs.ts) [R4-060] [R4-061]",
    ({ path, schemas }) => {
      const withoutSpace = (text: string): string => text.replaceAll(/\s+/g, "");

      expect(withoutSpace(writtenSchemas(readProjectFile(path)))).toBe(withoutSpace(schemasAsMarkdown(schemas)));
    },
  );
});

describe("README.md", () => {
  test("says how the tests are run, by hand too [R2-076]", () => {
    const section = /^## Tests\n([\s\S]*?)^## /m.exec(readProjectFile("README.md"))?.[1] ?? "";

    expect(section).toContain("run test");
    expect(section).toContain("run e2e");
    expect(section).toContain("By hand");
    expect(section).toContain("curl");
  });
});

describe("src/README.md", () => {
  test("names every room, and every file that stands in none", () => {
    const map = readProjectFile("src/README.md");
    const rooms = new Set(listSources("src").map((path) => path.replace(/\/.*/, "/")));

    for (const room of rooms) expect(map).toContain(`| \`${room}\``);
  });

  test("names no file that is not there", () => {
    const named = [...readProjectFile("src/README.md").matchAll(/`([\w/-]+\.ts)`/g)].map((match) => match[1] ?? "");

    expect(named.length).toBeGreaterThan(20);
    const isThere = (path: string) => existsSync(join(root, "src", path)) || existsSync(join(root, path));
    expect(named.filter((path) => !isThere(path))).toEqual([]);
  });
});

describe("links", () => {
  test.each(documents)("of %s lead to files that exist", (path) => {
    const links = [...readProjectFile(path).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? "");
    const local = links.filter((link) => !/^[a-z]+:/.test(link));

    expect(local.filter((link) => !existsSync(join(root, dirname(path), link)))).toEqual([]);
  });
});
