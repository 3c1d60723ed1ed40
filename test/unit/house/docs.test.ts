// Documents that tell of the code are current, and their links lead somewhere.

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { configTable } from "../../../scripts/config-table.ts";
import { protocolDocuments, schemasAsMarkdown, writtenSchemas } from "../../../scripts/protocol-schemas.ts";
import { configSchema } from "../../../src/config/config-schema.ts";
import { type ErrorKind, GatewayError, httpStatus } from "../../../src/contract/gateway-error.ts";
import { openaiErrorBody } from "../../../src/contract/openai-error.ts";
import { dialects } from "../../../src/upstreams/openai-compatible/dialects/index.ts";
import { userDocuments } from "../../support/docs/list-documents.ts";
import { anchorsOf, localLinksOf } from "../../support/docs/read-markdown.ts";
import { listSources, readProjectFile, root } from "./source-files.ts";

const documents = ["CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "src/README.md", ...userDocuments];

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

describe("docs/surfaces.md", () => {
  test("has each error of the gateway under its status", () => {
    const section = /^## Errors\n([\s\S]*?)^## /m.exec(readProjectFile("docs/surfaces.md"))?.[1] ?? "";
    const told = [...section.matchAll(/^\| (\d{3}) +\| (.*?) +\|$/gm)].flatMap(([, status, codes = ""]) =>
      [...codes.matchAll(/`(\w+)`/g)].map(([, code]) => `${status} ${code}`),
    );

    // A cast: the keys of a table of kinds are kinds.
    const kinds = Object.keys(httpStatus) as ErrorKind[];
    const codeOf = (kind: ErrorKind): string => openaiErrorBody(new GatewayError(kind, "It failed")).error.code;
    expect(told.toSorted()).toEqual(kinds.map((kind) => `${httpStatus[kind]} ${codeOf(kind)}`).toSorted());
  });
});

describe("docs/upstreams.md", () => {
  test("has each field of an entry of upstreams", () => {
    const section = /^## Several of them\n([\s\S]*?)^## /m.exec(readProjectFile("docs/upstreams.md"))?.[1] ?? "";
    const told = [...section.matchAll(/^\| (`\w+`(?:, `\w+`)*) +\|/gm)].flatMap(([, names = ""]) =>
      [...names.matchAll(/\w+/g)].map(([name]) => name),
    );

    expect(told.toSorted()).toEqual(Object.keys(configSchema.properties.upstreams.items.properties).toSorted());
  });
});

describe("docs/upstreams/", () => {
  test.each(Object.values(dialects))("has a page for $name, with the addresses of its record", ({ name, baseUrls }) => {
    const page = readProjectFile(`docs/upstreams/${name}.md`);
    const places = Object.values(baseUrls).map((address) => new URL(address));

    const missing = places.filter(({ hostname, port }) => !page.includes(port === "" ? hostname : port));
    expect(missing.map(({ host }) => host)).toEqual([]);
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
  const anchors = new Map<string, ReadonlySet<string>>();
  function hasAnchor(path: string, anchor: string): boolean {
    if (!anchors.has(path)) anchors.set(path, anchorsOf(readProjectFile(path)));
    return anchors.get(path)!.has(anchor);
  }

  test.each(documents)("of %s lead to files and headings that exist", (path) => {
    const dead = localLinksOf(readProjectFile(path)).filter((link) => {
      const target = link.path === "" ? path : posix.join(posix.dirname(path), link.path);
      if (!existsSync(join(root, target))) return true;
      return link.anchor !== "" && target.endsWith(".md") && !hasAnchor(target, link.anchor);
    });

    expect(dead).toEqual([]);
  });
});

describe("docs/README.md", () => {
  test("has a line for each page", () => {
    const index = readProjectFile("docs/README.md");
    const lines = index.split("\n").filter((line) => line.startsWith("- ["));
    const listed = lines.flatMap((line) => localLinksOf(line).map(({ path }) => posix.join("docs", path)));
    const pages = userDocuments.filter((path) => path.startsWith("docs/") && path !== "docs/README.md");

    expect(pages.filter((path) => !listed.includes(path))).toEqual([]);
    expect(lines.filter((line) => !/^- \[[^\]]+\]\([^)]+\): \S.{15,}$/.test(line))).toEqual([]);
  });
});
