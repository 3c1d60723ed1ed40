// Reads `<function=name><parameter=key>value</parameter></function>`, the form of Qwen3-Coder and later models, as it
// comes. Closing tags count only where the markup could go on behind them: values hold code, and code holds tags.

import type { CallReader, FoundCall, ReaderState } from "./call-reader.ts";
import { readBareText } from "./convert-values.ts";
import type { DeclaredTools, NamedTool } from "./declared-tools.ts";
import { JsonBoundary } from "./json-boundary.ts";
import { isJson } from "./json-spans.ts";
import {
  functionClosing,
  functionOpening,
  isSpaceAt,
  parameterOpening,
  toolCallClosing,
  toolCallOpening,
  wordAt,
} from "./markup.ts";
import { repairArguments } from "./repair-arguments.ts";
import { SampleCalls } from "./sample-calls.ts";
import { propertyOf, typesOf, viewSchema } from "./schema-types.ts";
import type { ToolWarningKind } from "./tool-warning.ts";

const maxNameLength = 256;
const parameterClosing = "</parameter";
const words = [parameterOpening, parameterClosing, functionClosing, functionOpening, toolCallClosing, toolCallOpening];

/**
 * - `name`: behind `<function=`
 * - `between`: behind the function's opening tag, or a parameter that is surely closed
 * - `json`: in arguments that are written as an object
 * - `value`: in a parameter
 * - `parameter-closed?`, `function-closed?`, `call-closed?`: behind a tag that closes something, if markup follows
 */
type Place = "name" | "between" | "json" | "value" | "parameter-closed?" | "function-closed?" | "call-closed?";

export class FunctionReader implements CallReader {
  state: ReaderState = "more";
  calls: readonly FoundCall[] = [];
  readonly hasReadClosing = false;
  readonly #tools: DeclaredTools;
  #named: NamedTool | undefined;
  #place: Place = "name";
  #key = "";
  #value: string[] = [];
  #samples = new SampleCalls();
  /** What was read since a closing tag that may be a part of the value. */
  #doubtful = "";
  #isCleanlyClosed = false;
  #lastSign = "";
  readonly #parameters = new Map<string, string>();
  readonly #warnings = new Set<ToolWarningKind>();
  #json: JsonBoundary | undefined;

  /** Begins behind `<function=`. */
  constructor(tools: DeclaredTools) {
    this.#tools = tools;
  }

  get toolName(): string | undefined {
    return this.#named?.tool.name;
  }

  read(text: string, at: number): number {
    while (this.state === "more" && at < text.length) {
      const next = this.#step(text, at);
      if (next === undefined) return at;
      at = next;
    }
    return at;
  }

  finish(): string {
    if (this.state !== "more") return "";
    const isComplete =
      (this.#place === "between" && (this.#parameters.size > 0 || this.#json !== undefined)) ||
      this.#place.endsWith("?");
    if (!isComplete) {
      this.state = "failed";
      return "";
    }
    this.#wholeWithoutEnd();
    return "";
  }

  /** @returns the next index; undefined when more text is needed to tell */
  #step(text: string, at: number): number | undefined {
    switch (this.#place) {
      case "name":
        return this.#readName(text, at);
      case "json":
        return this.#readJson(text, at);
      case "value":
        return this.#readValue(text, at);
      case "between":
        if (isSpaceAt(text, at)) return at + 1;
        return text[at] === "<" ? this.#readTag(text, at) : this.#readOther(text, at);
      default:
        if (!isSpaceAt(text, at)) return text[at] === "<" ? this.#readTag(text, at) : this.#takeBack(at);
        this.#doubtful += text[at];
        return at + 1;
    }
  }

  #readName(text: string, at: number): number | undefined {
    const end = text.indexOf(">", at);
    const name = text.slice(at, end < 0 ? text.length : end);
    if (name.length > maxNameLength || name.includes("\n") || name.includes("<")) return this.#fail(at);
    if (end < 0) return undefined;
    this.#named = this.#tools.find(name);
    if (this.#named === undefined) return this.#fail(at);
    if (this.#named.isRepaired) this.#warnings.add("name-repaired");
    this.#place = "between";
    return end + 1;
  }

  #readValue(text: string, at: number): number | undefined {
    const tag = text.indexOf("<", at);
    const end = tag < 0 ? text.length : tag;
    if (end > at) {
      const part = text.slice(at, end);
      this.#value.push(part);
      this.#samples.pass(part);
      this.#lastSign = text[end - 1] ?? "";
      return end;
    }
    return this.#readTag(text, at);
  }

  /** A tag, or what only begins like one. */
  #readTag(text: string, at: number): number | undefined {
    const word = wordAt(text, at, words);
    if (word === "partial") return undefined;
    if (this.#place === "value" && this.#samples.owns(word, this.#value)) return this.#readOther(text, at);
    switch (word) {
      case parameterOpening:
        return this.#openParameter(text, at);
      case parameterClosing:
        return this.#closeDoubtfully(text, at, "parameter-closed?");
      case functionClosing:
        // Behind a value without an end of its own it may be a part of it.
        if (this.#place === "value") return this.#closeDoubtfully(text, at, "function-closed?");
        if (this.#place === "function-closed?" || this.#place === "call-closed?") return this.#takeBack(at);
        this.#closeParameter();
        this.#whole();
        return at + word.length;
      case toolCallClosing:
        if (this.#place === "value") return this.#closeDoubtfully(text, at, "call-closed?");
        if (this.#place === "call-closed?") return this.#takeBack(at);
        this.#wholeWithoutEnd();
        return at;
      case functionOpening:
      case toolCallOpening:
        // The next call: this one lacked its end.
        this.#wholeWithoutEnd();
        return at;
    }
    return this.#readOther(text, at);
  }

  /** What is no tag of ours: a part of the value, arguments as an object, or the end of a wrong idea. */
  #readOther(text: string, at: number): number | undefined {
    if (this.#place === "between") {
      if (text[at] !== "{" || this.#parameters.size > 0 || this.#json !== undefined) return this.#fail(at);
      this.#place = "json";
      this.#json = new JsonBoundary();
      return at;
    }
    if (this.#place !== "value") return this.#takeBack(at);
    this.#value.push(text[at] ?? "");
    this.#lastSign = text[at] ?? "";
    return at + 1;
  }

  #openParameter(text: string, at: number): number | undefined {
    const start = at + parameterOpening.length;
    const end = text.indexOf(">", start);
    const key = text.slice(start, end < 0 ? text.length : end);
    const isName = key.length <= maxNameLength && !key.includes("\n") && !key.includes("<");
    // Within a value a new parameter begins on a line of its own.
    if (!isName || (this.#place === "value" && this.#lastSign !== "\n")) {
      return this.#place === "between" ? this.#fail(at) : this.#readOther(text, at);
    }
    if (end < 0) return undefined;
    if (this.#json !== undefined) return this.#fail(at);
    this.#closeParameter();
    this.#key = key.trim().replace(/^(["'])(.*)\1$/, "$2");
    this.#place = "value";
    this.#lastSign = "";
    return end + 1;
  }

  #closeDoubtfully(text: string, at: number, place: Place): number | undefined {
    if (this.#place === "between") {
      // A second `</parameter>` behind the first, as Qwen3.6 writes at times; any other end is handled by its tag.
      if (place !== "parameter-closed?") return this.#fail(at);
    } else if (this.#place === "function-closed?" || this.#place === "call-closed?") {
      return this.#takeBack(at);
    }
    const length = place === "parameter-closed?" ? closingLength(text, at) : text.indexOf(">", at) + 1 - at;
    if (length === undefined) return undefined;
    if (length === 0) return this.#readOther(text, at);
    const tag = text.slice(at, at + length);
    if (this.#place !== "between") {
      this.#isCleanlyClosed = this.#doubtful === "" && tag === `${parameterClosing}>`;
      this.#doubtful += tag;
      this.#place = place;
    }
    return at + length;
  }

  /** Something else followed: the closing tag was a part of the value. */
  #takeBack(at: number): number {
    this.#value.push(this.#doubtful);
    this.#lastSign = this.#doubtful.at(-1) ?? "";
    this.#doubtful = "";
    this.#place = "value";
    return at;
  }

  #closeParameter(): void {
    if (this.#place !== "value" && !this.#place.endsWith("?")) return;
    if (!this.#isCleanlyClosed || this.#place === "value") this.#warnings.add("unclosed-markup");
    // The template puts one line end on each side; all other white space is the value's own.
    const value = this.#value
      .join("")
      .replace(/^\r?\n/, "")
      .replace(/\r?\n$/, "");
    this.#parameters.set(this.#key, value);
    this.#value = [];
    this.#samples = new SampleCalls();
    this.#doubtful = "";
    this.#place = "between";
  }

  #readJson(text: string, at: number): number {
    const json = this.#json!;
    const next = json.read(text, at);
    if (json.state === "closed") this.#place = "between";
    else if (json.state === "stopped") return this.#fail(at);
    return next;
  }

  #fail(at: number): number {
    this.state = "failed";
    return at;
  }

  #wholeWithoutEnd(): void {
    this.#closeParameter();
    this.#warnings.add("unclosed-markup");
    this.#whole();
  }

  #whole(): void {
    const tool = this.#named!.tool;
    const text = this.#json === undefined ? this.#argumentsText() : this.#json.text;
    const repaired = repairArguments(text, tool.parameters);
    this.calls = [{ tool, argumentsText: repaired.text, warnings: [...this.#warnings, ...repaired.warnings] }];
    this.state = "whole";
  }

  #argumentsText(): string {
    const schema = viewSchema(this.#named!.tool.parameters);
    const fields = [...this.#parameters].map(([key, value]) => {
      const property = propertyOf(schema, key);
      const types = property === undefined ? undefined : typesOf(property);
      const json = types === undefined ? readUndeclared(value) : readBareText(value, types);
      return `${JSON.stringify(key)}: ${json ?? JSON.stringify(value)}`;
    });
    return `{${fields.join(", ")}}`;
  }
}

/** Nothing says what is meant: what is JSON by itself is taken for it. */
function readUndeclared(value: string): string | undefined {
  const trimmed = value.trim();
  return isJson(trimmed) && !trimmed.startsWith('"') ? trimmed : undefined;
}

/**
 * Length of a parameter's closing tag, also of the broken ones that Qwen3.6 writes: `</parameter1>`, `</parameter/>`,
 * `</parameter` at the end of a line. Undefined: more is needed; 0: none.
 */
function closingLength(text: string, at: number): number | undefined {
  const rest = text.slice(at + parameterClosing.length, at + parameterClosing.length + 12);
  const tail = /^[\w/]{0,9}>/.exec(rest)?.[0] ?? /^(?=\r?\n)/.exec(rest)?.[0];
  if (tail !== undefined) return parameterClosing.length + tail.length;
  return /^[\w/]{0,9}\r?$/.test(rest) ? undefined : 0;
}
