// The table of docs/security.md that tells what is kept where, as tests hold it against a data directory.

import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface KeptRow {
  /** Within the data directory; an asterisk stands for a part of a name, two for any path. */
  readonly file: string;
  /** Of a database. */
  readonly tables: readonly string[];
  /** What was said stands there. */
  readonly hasWords: boolean;
  readonly secrets: string;
}

const path = join(import.meta.dir, "../../docs/security.md");
const heading = "## What is kept where";

/** @throws {Error} when it is not the table that is expected */
export function readKeptTable(): readonly KeptRow[] {
  const section = readFileSync(path, "utf8").split(heading)[1] ?? "";
  const lines = section.slice(section.indexOf("| File ")).split("\n");
  const end = lines.findIndex((line) => !line.startsWith("|"));
  let file = "";
  // The head and the line below it.
  return lines.slice(2, end).map((line) => {
    const [name = "", tables = "", , words = "", secrets = ""] = line
      .slice(1)
      .split("|")
      .map((cell) => cell.trim());
    file = codesIn(name)[0] ?? file;
    if (words !== "yes" && words !== "no") throw new Error(`no word about words in: ${line}`);
    return { file, tables: codesIn(tables), hasWords: words === "yes", secrets };
  });
}

export function isNamedBy(name: string, { file }: KeptRow): boolean {
  const pattern = file
    .split(/(\*+)/)
    .map((piece) => (piece === "**" ? ".*" : piece === "*" ? "[^/]*" : RegExp.escape(piece)))
    .join("");
  return new RegExp(`^${pattern}(?:-wal|-shm)?$`).test(name);
}

function codesIn(cell: string): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}
