// Single values of a YAML file, changed in its text: keys at its top, and entries of a list by their name. The library says
// where they stand; it does not write, since that would give the whole file its own form.

import { isMap, isSeq, parse, parseDocument, stringify, type YAMLMap, type YAMLSeq } from "yaml";
import type { Json } from "../../contract/json.ts";
import type { PathStep } from "./agent.ts";

export function readYaml(text: string): unknown {
  return parse(text) ?? {};
}

export function setYaml(text: string, path: readonly PathStep[], value: Json | undefined): string {
  const [key, item] = path;
  if (typeof key !== "string" || path.length > 2 || typeof item === "string")
    throw new Error("Only keys at the top and named entries of their lists are known in YAML");
  const { contents } = parseDocument(text);
  const map = isMap(contents) ? contents : undefined;
  return item === undefined ? setKey(text, map, key, value) : setItem(text, map, key, item.name, value);
}

function setKey(text: string, map: YAMLMap | undefined, key: string, value: Json | undefined): string {
  const place = findPair(map, key);
  if (place === undefined) return value === undefined ? text : `${withEnd(text)}${written({ [key]: value })}`;
  if (value !== undefined && place.value !== undefined)
    return splice(text, place.value[0], place.value[1], JSON.stringify(value));
  const from = startOfLine(text, place.from);
  const to = endOfLine(text, place.value?.[1] ?? place.from);
  return splice(text, from, to, value === undefined ? "" : written({ [key]: value }));
}

function setItem(text: string, map: YAMLMap | undefined, key: string, name: string, value: Json | undefined): string {
  const place = findPair(map, key);
  const list: unknown = map?.get(key);
  if (!isSeq(list) || list.items.length === 0) {
    if (value === undefined) return text;
    const cleared = place === undefined ? text : setKey(text, map, key, undefined);
    return `${withEnd(cleared)}${written({ [key]: [value] })}`;
  }
  const index = list.items.findIndex((entry) => isMap(entry) && entry.get("name") === name);
  if (index >= 0) {
    const { from, to } = spanOfItem(text, list, index);
    return splice(text, from, to, value === undefined ? "" : itemText(text, list, value));
  }
  if (value === undefined) return text;
  const { to } = spanOfItem(text, list, list.items.length - 1);
  const before = withEnd(text.slice(0, to));
  return before + itemText(text, list, value) + text.slice(to);
}

function itemText(text: string, list: YAMLSeq, value: Json): string {
  const { from } = spanOfItem(text, list, 0);
  const indent = /^[ ]*/.exec(text.slice(from))![0];
  return written([value]).replace(/^(?=.)/gm, indent);
}

/** Whole lines. */
function spanOfItem(text: string, list: YAMLSeq, index: number): { readonly from: number; readonly to: number } {
  const [start, end] = rangeOf(list.items[index]) ?? [0, 0];
  return {
    from: startOfLine(text, start),
    to: endOfLine(text, Math.max(start, start + text.slice(start, end).trimEnd().length)),
  };
}

function findPair(map: YAMLMap | undefined, key: string) {
  const pair = map?.items.find((candidate) => String(candidate.key) === key);
  const range = rangeOf(pair?.key);
  if (pair === undefined || range === undefined) return undefined;
  return { from: range[0], value: rangeOf(pair.value) };
}

function rangeOf(node: unknown): readonly [start: number, end: number] | undefined {
  if (typeof node !== "object" || node === null || !("range" in node) || !Array.isArray(node.range)) return undefined;
  const [start, end]: readonly unknown[] = node.range;
  return typeof start === "number" && typeof end === "number" ? [start, end] : undefined;
}

function written(value: unknown): string {
  return stringify(value, { lineWidth: 0 });
}

function withEnd(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

function splice(text: string, from: number, to: number, insert: string): string {
  return text.slice(0, from) + insert + text.slice(to);
}

function startOfLine(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}

/** Behind the line feed of the line that this place is in, or ends. */
function endOfLine(text: string, at: number): number {
  if (at > 0 && text[at - 1] === "\n") return at;
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end + 1;
}
