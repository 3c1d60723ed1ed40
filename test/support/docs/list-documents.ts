// The documents of the project for people who use it.

import { readdirSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..", "..", "..");

/** Relative to the project, the README first. */
export const userDocuments: readonly string[] = [
  "README.md",
  "examples/README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`)
    .sort(),
];

export const shellLanguages: ReadonlySet<string> = new Set(["sh", "bash", "console"]);
