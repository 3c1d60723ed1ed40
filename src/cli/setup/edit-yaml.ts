// Changes single keys of a YAML file in its text, so that everything else stays as its owner wrote it: order, comments, form.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";

/** By key; undefined takes the key out. */
export type Changes = ReadonlyMap<string, unknown>;

export interface EditedText {
  readonly text: string;
  /** Something that stood there is gone: an old value, a comment in it, or the form of the whole. */
  readonly losesText: boolean;
}

const header =
  '# Settings of qwen-gateway, by "qwen-gateway setup". What else may stand here: qwen-gateway serve --help\n';

/** @param text of the file; undefined: there is none. It must be YAML with an object, or empty. */
export function editYaml(text: string | undefined, changes: Changes): EditedText {
  if (text !== undefined && hasWindowsLineEnds(text)) {
    const edited = editYaml(text.replaceAll("\r\n", "\n"), changes);
    return { ...edited, text: edited.text.replaceAll("\n", "\r\n") };
  }
  const before = parseYaml(text ?? "");
  const wanted: Record<string, unknown> = { ...before };
  for (const [key, value] of changes) {
    if (value === undefined) delete wanted[key];
    else wanted[key] = value;
  }
  const edited = editBlocks(text ?? header, before, changes);
  // YAML has more forms than are known here: what does not read as it should is written anew.
  if (readsAs(edited.text, wanted)) return edited;
  return { text: `${header}${Bun.YAML.stringify(wanted, null, 2)}\n`, losesText: true };
}

/** All of them. */
function hasWindowsLineEnds(text: string): boolean {
  return text.includes("\r\n") && !/(?:^|[^\r])\n/.test(text);
}

export function parseYaml(text: string): JsonObject {
  const value: unknown = Bun.YAML.parse(text);
  return isJsonObject(value) ? value : {};
}

function readsAs(text: string, wanted: JsonObject): boolean {
  try {
    return Bun.deepEquals(parseYaml(text), wanted, true);
  } catch {
    return false;
  }
}

function editBlocks(text: string, before: JsonObject, changes: Changes): EditedText {
  let lines = text === "" ? [] : text.replace(/\r?\n$/, "").split("\n");
  let losesText = false;
  for (const [key, value] of changes) {
    const block = findBlock(lines, key);
    if (block === undefined) {
      if (value !== undefined) lines = [...lines, ...writeBlock(key, value)];
      continue;
    }
    if (Bun.deepEquals(before[key], value)) continue;
    const old = lines.slice(block.from, block.to);
    const longer = appendItems(old, before[key], value) ?? appendEntries(old, before[key], value);
    losesText ||= longer === undefined;
    const replacement = longer ?? (value === undefined ? [] : writeBlock(key, value));
    lines = [...lines.slice(0, block.from), ...replacement, ...lines.slice(block.to)];
  }
  return { text: `${lines.join("\n")}\n`, losesText };
}

function writeBlock(key: string, value: unknown): string[] {
  return Bun.YAML.stringify({ [key]: value }, null, 2)
    .trimEnd()
    .split("\n");
}

/** The lines of a key: its own, and those that are indented or begin an item of its list. */
function findBlock(lines: readonly string[], key: string): { readonly from: number; readonly to: number } | undefined {
  const from = lines.findIndex((line) => new RegExp(`^(["']?)${key}\\1\\s*:(?:\\s|$)`).test(line));
  if (from < 0) return undefined;
  const next = lines.findIndex((line, index) => index > from && /^[^\s#-]|^---|^-\S/.test(line));
  let to = next < 0 ? lines.length : next;
  // Blank lines and comments before the next key belong to that.
  while (to > from + 1 && /^(?:\s*$|#)/.test(lines[to - 1] ?? "")) to--;
  return { from, to };
}

/** A list that only grows keeps its lines, and gets new ones behind them. */
function appendItems(block: readonly string[], before: unknown, after: unknown): string[] | undefined {
  if (!Array.isArray(before) || !Array.isArray(after) || after.length <= before.length) return undefined;
  if (!Bun.deepEquals(after.slice(0, before.length), before)) return undefined;
  const indent = block.slice(1).flatMap((line) => /^( *)- /.exec(line)?.[1] ?? [])[0];
  if (indent === undefined) return undefined;
  const items = Bun.YAML.stringify(after.slice(before.length), null, 2).trimEnd().split("\n");
  return [...block, ...items.map((line) => indent + line)];
}

/** The same for an object that only gets more entries. */
function appendEntries(block: readonly string[], before: unknown, after: unknown): string[] | undefined {
  if (!isJsonObject(before) || !isJsonObject(after)) return undefined;
  const known = Object.keys(before);
  const more = Object.entries(after).filter(([key]) => !known.includes(key));
  if (more.length === 0 || known.some((key) => !Bun.deepEquals(before[key], after[key]))) return undefined;
  const indent = block.slice(1).flatMap((line) => /^( +)[^\s#]/.exec(line)?.[1] ?? [])[0];
  if (indent === undefined) return undefined;
  const entries = Bun.YAML.stringify(Object.fromEntries(more), null, 2).trimEnd().split("\n");
  return [...block, ...entries.map((line) => indent + line)];
}
