// Single values of a TOML file, changed in its lines: strings and whole numbers at its top, and tables of strings. More is not needed, and what
// is written in other ways is left to its owner: who calls sees that the outcome does not read as it should.

import { isJsonObject, type Json } from "../../contract/json.ts";
import type { PathStep } from "./agent.ts";

export function readToml(text: string): unknown {
  return Bun.TOML.parse(text);
}

export function setToml(text: string, path: readonly PathStep[], value: Json | undefined): string {
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const body = text.replace(/\r?\n$/, "");
  const lines = body === "" ? [] : body.split(/\r?\n/);
  const name = path.filter((step) => typeof step === "string").join(".");
  const isTable = path.length > 1 || isJsonObject(value);
  const edited = isTable ? setTable(lines, name, value) : setKey(lines, name, value);
  return edited.length === 0 ? "" : edited.join(eol) + eol;
}

const header = /^\s*\[/;

function setKey(lines: readonly string[], name: string, value: Json | undefined): readonly string[] {
  const firstHeader = lines.findIndex((line) => header.test(line));
  const end = firstHeader < 0 ? lines.length : startOfBlock(lines, firstHeader);
  const at = lines.slice(0, end).findIndex((line) => new RegExp(`^\\s*(["']?)${name}\\1\\s*=`).test(line));
  if (at >= 0 && value === undefined) return lines.toSpliced(at, 1);
  if (at < 0) return value === undefined ? lines : insertKey(lines, end, `${name} = ${JSON.stringify(value)}`);
  const parts = /^([^=]*=\s*)(?:"(?:[^"\\]|\\.)*"|'[^']*'|[\d_]+)(\s*(?:#.*)?)$/.exec(lines[at]!);
  return parts === null ? lines : lines.with(at, `${parts[1]}${JSON.stringify(value)}${parts[2]}`);
}

function insertKey(lines: readonly string[], end: number, line: string): readonly string[] {
  let at = end;
  while (at > 0 && lines[at - 1]!.trim() === "") at--;
  // A blank line keeps the first table apart from it.
  const more = at === end && end < lines.length ? [line, ""] : [line];
  return lines.toSpliced(at, 0, ...more);
}

function setTable(lines: readonly string[], name: string, value: Json | undefined): readonly string[] {
  const block = isJsonObject(value)
    ? [`[${name}]`, ...Object.entries(value).map(([key, text]) => `${key} = ${JSON.stringify(text)}`)]
    : [];
  const from = lines.findIndex((line) => tableName(line) === name);
  if (from < 0) {
    if (block.length === 0) return lines;
    const gap = lines.length === 0 || lines.at(-1)!.trim() === "" ? [] : [""];
    return [...lines, ...gap, ...block];
  }
  const next = lines.findIndex((line, index) => index > from && header.test(line));
  let to = next < 0 ? lines.length : next;
  // What is said behind its last key is about something else.
  while (to > from + 1 && /^\s*(?:#|$)/.test(lines[to - 1]!)) to--;
  // The blank line that kept it apart goes with it.
  const start = block.length === 0 && from > 0 && lines[from - 1]!.trim() === "" ? from - 1 : from;
  return lines.toSpliced(start, to - start, ...block);
}

/** Comments right above a table belong to it. */
function startOfBlock(lines: readonly string[], headerAt: number): number {
  let at = headerAt;
  while (at > 0 && /^\s*#/.test(lines[at - 1]!)) at--;
  return at;
}

function tableName(line: string): string | undefined {
  return /^\s*\[([^[\]]+)\]\s*(?:#.*)?$/.exec(line)?.[1]?.replace(/["'\s]/g, "");
}
