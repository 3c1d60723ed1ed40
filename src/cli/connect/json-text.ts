// Single values of a JSON file with comments, changed in its text.

import {
  applyEdits,
  findNodeAtLocation,
  modify,
  type Node,
  type ParseError,
  parse,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import type { Json } from "../../contract/json.ts";
import type { PathStep } from "./agent.ts";

export function readJson(text: string): unknown {
  if (text.trim() === "") return {};
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first === undefined) return value;
  const line = text.slice(0, first.offset).split("\n").length;
  throw new Error(`line ${line}: ${printParseErrorCode(first.error)}`);
}

export function setJson(text: string, path: readonly PathStep[], value: Json | undefined): string {
  const keys = path.filter((step) => typeof step === "string");
  if (keys.length !== path.length) throw new Error("Lists of named objects are not known in JSON");
  const before = text.trim() === "" ? "{}\n" : text;
  const indent = /\n([ \t]+)\S/.exec(before)?.[1] ?? "  ";
  const formattingOptions = {
    insertSpaces: !indent.startsWith("\t"),
    tabSize: indent.startsWith("\t") ? 1 : indent.length,
    eol: before.includes("\r\n") ? "\r\n" : "\n",
  };
  const set = (draft: string): string => applyEdits(draft, modify(draft, keys, value, { formattingOptions }));
  return value === undefined ? set(before) : withLastComment(before, keys, set);
}

/**
 * The library puts a new key right behind the last value, before the comment on that value's line, which would then speak of
 * the new one: so the comment is taken out before, and put back where it was.
 */
function withLastComment(text: string, keys: readonly string[], set: (text: string) => string): string {
  const last = lastValueBefore(text, keys);
  const end = last === undefined ? 0 : last.offset + last.length;
  const comment =
    last === undefined ? null : /^,?([ \t]*(?:\/\/[^\r\n]*|\/\*[^\r\n]*\*\/[ \t]*))(?=\r?\n)/.exec(text.slice(end));
  if (comment === null) return set(text);
  const at = end + comment[0].length - comment[1]!.length;
  const edited = set(text.slice(0, at) + text.slice(end + comment[0].length));
  const comma = edited[end] === "," ? 1 : 0;
  return edited.slice(0, end + comma) + comment[1] + edited.slice(end + comma);
}

/** The value behind which a new key would stand. Undefined: the key is there, or its object is empty or missing. */
function lastValueBefore(text: string, keys: readonly string[]): Node | undefined {
  const root = parseTree(text, [], { allowTrailingComma: true });
  if (root === undefined || findNodeAtLocation(root, [...keys]) !== undefined) return undefined;
  for (let depth = keys.length - 1; depth >= 0; depth--) {
    const outer = findNodeAtLocation(root, keys.slice(0, depth));
    if (outer !== undefined) return outer.type === "object" ? outer.children?.at(-1)?.children?.[1] : undefined;
  }
  return undefined;
}
