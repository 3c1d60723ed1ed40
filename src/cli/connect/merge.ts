// Entries into a settings text, and out again. Whatever the text looks like: the outcome reads as it should, or nothing is done.

import { isJsonObject, type Json } from "../../contract/json.ts";
import { reasonOf } from "../../contract/thrown.ts";
import type { Entry, PathStep } from "./agent.ts";
import type { Format } from "./formats.ts";

/** One entry that was written. Kept until the agent is disconnected. */
export interface Change {
  readonly path: readonly PathStep[];
  /** Absent: there was nothing. */
  readonly before?: Json;
  readonly after: Json;
  /** So many steps of the path led to something already. */
  readonly depthBefore: number;
  readonly isRewritten?: true;
}

export interface Merged {
  readonly text: string;
  readonly changes: readonly Change[];
}

/** A text that cannot be changed; the message says why, as the end of a sentence. */
export class UnfitTextError extends Error {
  override readonly name = "UnfitTextError";
}

/** @throws {UnfitTextError} */
export function mergeEntries(format: Format, original: string, entries: readonly Entry[]): Merged {
  let { mark, text } = splitMark(original);
  let data = read(format, text);
  const changes: Change[] = [];
  for (const { path, value, isOnlyDefault, isOwnBlock, isRewritten } of entries) {
    const { found, depth } = look(data, path);
    if (Bun.deepEquals(found, value) || (isOnlyDefault && found !== undefined)) continue;
    if (isOwnBlock && found !== undefined)
      throw new UnfitTextError(
        `"${showPath(path)}" is there already, and was not written by connect: rename or remove it, then connect again`,
      );
    // Whatever that is, it was not meant for this.
    if (isCollection(found) && !isCollection(value))
      throw new UnfitTextError(`"${showPath(path)}" holds more than one value`);
    ({ text, data } = change(format, { text, data }, path, value));
    const before = found === undefined ? {} : { before: found };
    changes.push({ path, ...before, after: value, depthBefore: depth, ...(isRewritten ? { isRewritten } : {}) });
  }
  return { text: changes.length === 0 ? original : mark + text, changes };
}

export interface TakenOut {
  readonly text: string;
  /** Paths that somebody else has changed since; they stay as they are. */
  readonly kept: readonly string[];
}

/** @throws {UnfitTextError} */
export function takeOutEntries(format: Format, original: string, changes: readonly Change[]): TakenOut {
  const { mark, text } = splitMark(original);
  let state = { text, data: read(format, text) };
  const kept: string[] = [];
  for (const { path, before, after, depthBefore, isRewritten } of changes.toReversed()) {
    const { found: now } = look(state.data, path);
    if (isRewritten ? now === undefined : !Bun.deepEquals(now, after)) {
      kept.push(showPath(path));
      continue;
    }
    state = change(format, state, path, before);
    // What was made around it goes too, as soon as it is empty.
    for (let length = path.length - 1; before === undefined && length > depthBefore; length--) {
      const outer = path.slice(0, length);
      const { found } = look(state.data, outer);
      if (!isEmpty(found)) break;
      if (found !== undefined) state = change(format, state, outer, undefined);
    }
  }
  return { text: mark + state.text, kept };
}

export function showPath(path: readonly PathStep[]): string {
  return path.map((step) => (typeof step === "string" ? step : `"${step.name}"`)).join(".");
}

interface State {
  readonly text: string;
  readonly data: unknown;
}

function change(format: Format, state: State, path: readonly PathStep[], value: Json | undefined): State {
  const wanted = setIn(state.data, path, value);
  let text: string | undefined;
  let data: unknown;
  try {
    text = format.set(state.text, path, value);
    data = format.read(text);
  } catch {
    // What the text has become is no longer of its form: the same answer as for a wrong outcome.
    text = undefined;
  }
  if (text !== undefined && Bun.deepEquals(withoutEmptied(data), withoutEmptied(wanted))) return { text, data };
  throw new UnfitTextError(`"${showPath(path)}" is written in a way that only its owner should change`);
}

function read(format: Format, text: string): unknown {
  let data: unknown;
  try {
    data = format.read(text);
  } catch (cause) {
    const reason = reasonOf(cause).split("\n")[0];
    throw new UnfitTextError(`it cannot be read, ${reason}`, { cause });
  }
  if (isJsonObject(data)) return data;
  throw new UnfitTextError("it does not hold an object");
}

function look(data: unknown, path: readonly PathStep[]): { readonly found: Json | undefined; readonly depth: number } {
  let value = data;
  for (const [depth, step] of path.entries()) {
    const isRight = typeof step === "string" ? isJsonObject(value) : Array.isArray(value) || value === null;
    if (!isRight)
      throw new UnfitTextError(
        `"${showPath(path.slice(0, depth))}" is no ${typeof step === "string" ? "object" : "list"}`,
      );
    const next = inner(value, step);
    if (next === undefined) return { found: undefined, depth };
    value = next;
  }
  // It comes from a parser of JSON, TOML or YAML.
  return { found: value as Json, depth: path.length };
}

function inner(value: unknown, step: PathStep): unknown {
  if (typeof step === "string") return isJsonObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  return list.find((item) => isJsonObject(item) && item["name"] === step.name);
}

function setIn(data: unknown, [step, ...rest]: readonly PathStep[], value: Json | undefined): unknown {
  if (step === undefined) return value;
  const next = setIn(inner(data, step), rest, value);
  if (typeof step === "string") {
    const { [step]: _, ...others } = isJsonObject(data) ? data : {};
    return next === undefined ? others : { ...others, [step]: next };
  }
  const list: readonly unknown[] = Array.isArray(data) ? data : [];
  const index = list.findIndex((item) => isJsonObject(item) && item["name"] === step.name);
  if (next === undefined) return list.filter((_, at) => at !== index);
  return index < 0 ? [...list, next] : list.with(index, next);
}

function isCollection(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** A list without entries and a key without a value are one in the text of YAML; a table without keys may go in TOML. */
function withoutEmptied(data: unknown): unknown {
  if (!isJsonObject(data)) return data;
  return Object.fromEntries(Object.entries(data).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return Array.isArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0;
}

/** A byte order mark is no part of any of these forms. */
function splitMark(text: string): { readonly mark: string; readonly text: string } {
  return text.startsWith("\uFEFF") ? { mark: "\uFEFF", text: text.slice(1) } : { mark: "", text };
}
