// The files of the project, for tests that look at the house and not at what it does.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root: string = join(import.meta.dir, "..", "..", "..");

export function readProjectFile(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** TypeScript files of ours beneath a folder, relative to it, in alphabetical order. */
export function listSources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => /\.tsx?$/.test(path) && !path.includes("node_modules"))
    .sort();
}
