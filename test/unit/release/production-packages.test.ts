// The packages behind the program: found as modules are found, and only as they are installed.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../../package.json";
import { directDependencies, idOf, listProductionPackages } from "../../../scripts/release/production-packages.ts";
import { root } from "../house/source-files.ts";

const base = mkdtempSync(join(tmpdir(), "production-packages-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** A project: what is locked, by path, and what of it is installed in which version. */
function createProject(name: string, locked: object, installed: Readonly<Record<string, string>>): string {
  const folder = join(base, name);
  mkdirSync(folder, { recursive: true });
  const workspaces = { "": { dependencies: { a: "1.0.0" }, devDependencies: { tool: "1.0.0" } } };
  writeFileSync(join(folder, "bun.lock"), JSON.stringify({ workspaces, packages: locked }));
  for (const [path, id] of Object.entries(installed)) {
    const [, packageName, version] = /^(.+)@(.+)$/.exec(id)!;
    mkdirSync(join(folder, "node_modules", path), { recursive: true });
    const text = JSON.stringify({ name: packageName, version, license: "MIT" });
    writeFileSync(join(folder, "node_modules", path, "package.json"), text);
  }
  return folder;
}

describe("listProductionPackages", () => {
  const locked = {
    a: [
      "a@1.0.0",
      "",
      { dependencies: { "@s/b": "*" }, peerDependencies: { p: "*", q: "*" }, optionalPeers: ["q"] },
      "i",
    ],
    "@s/b": ["@s/b@2.0.0", "", { dependencies: { c: "*" }, optionalDependencies: { absent: "*" } }, "i"],
    c: ["c@1.0.0", "", {}, "i"],
    "@s/b/c": ["c@3.0.0", "", { dependencies: { a: "*" } }, "i"],
    p: ["p@1.0.0", "", {}, "i"],
    q: ["q@1.0.0", "", {}, "i"],
    tool: ["tool@1.0.0", "", {}, "i"],
  };
  const installed = {
    a: "a@1.0.0",
    "@s/b": "@s/b@2.0.0",
    "@s/b/node_modules/c": "c@3.0.0",
    p: "p@1.0.0",
  };

  test("follows dependencies and peers, the nearest one first, through a circle, and leaves out what others bring", () => {
    const packages = listProductionPackages(createProject("whole", locked, installed));

    expect(packages.map(idOf)).toEqual(["@s/b@2.0.0", "a@1.0.0", "c@3.0.0", "p@1.0.0"]);
    expect(packages.find(({ name }) => name === "a")?.dependencies).toEqual(["@s/b@2.0.0", "p@1.0.0"]);
  });

  test.each([
    ["not installed", "missing", { ...installed, p: "other@1.0.0" }],
    ["installed in another version", "older", { ...installed, "@s/b/node_modules/c": "c@2.9.0" }],
  ])("refuses a package that is %s", (_what, name, folders) => {
    const project = createProject(name, locked, folders);

    expect(() => listProductionPackages(project)).toThrow(/^Cannot read [cp]@\d\.0\.0: it is not installed/);
  });

  test("finds those of this project, and nothing that only develops it", () => {
    const ids = listProductionPackages(root).map(idOf);

    expect(ids).toEqual(expect.arrayContaining([...directDependencies(root)]));
    for (const [name, version] of Object.entries(manifest.devDependencies))
      expect(ids).not.toContain(`${name}@${version}`);
  });
});
