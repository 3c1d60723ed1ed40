// Reads `{"name": …, "arguments": …}` as it comes, or a list of such objects. What is broken is read up to its closing
// tag and mended as a whole.

import type { CallReader, FoundCall, ReaderState } from "./call-reader.ts";
import type { DeclaredTools } from "./declared-tools.ts";
import { JsonBoundary } from "./json-boundary.ts";
import { closings, toolCallClosing, wordAt } from "./markup.ts";
import { type CallForm, callKeys, parseJsonCalls, parseUnreadableCall } from "./parse-json-call.ts";

/** How often a text is tried as a call before its end is sure: each try reads all of it. */
const maxTries = 3;

export class JsonReader implements CallReader {
  state: ReaderState = "more";
  calls: readonly FoundCall[] = [];
  hasReadClosing = false;
  readonly #tools: DeclaredTools;
  readonly #form: CallForm;
  readonly #boundary = new JsonBoundary();
  #tries = 0;
  /** Brackets or quotes do not match: pieces of all that was read, up to the closing tag. */
  #broken: string[] | undefined;
  #brokenTail = "";

  /** Begins at the first bracket. */
  constructor(tools: DeclaredTools, form: CallForm) {
    this.#tools = tools;
    this.#form = form;
  }

  get toolName(): string | undefined {
    const { name } = this.#boundary;
    return name === undefined ? undefined : this.#tools.find(name)?.tool.name;
  }

  read(text: string, at: number): number {
    while (this.state === "more" && at < text.length) {
      if (this.#broken !== undefined) return this.#readBroken(text, at);
      if (this.#boundary.state === "stopped") {
        const next = this.#stopAtTag(text, at);
        if (next === undefined) return at;
        at = next;
        continue;
      }
      at = this.#boundary.read(text, at);
      this.#judge();
    }
    return at;
  }

  finish(): string {
    if (this.state !== "more") return "";
    if (this.#form === "bare") {
      this.state = "failed";
      return "";
    }
    const text = this.#broken?.join("") ?? this.#boundary.text;
    if (this.#broken === undefined && !this.#boundary.isBetweenValues) {
      // A quote is missing somewhere: the first closing tag within the text may be the real one.
      const closing = text.indexOf(toolCallClosing);
      if (closing > 0 && this.#tryAs(text.slice(0, closing))) {
        this.hasReadClosing = true;
        return text.slice(closing + toolCallClosing.length);
      }
    } else if (this.#tryAs(text)) return "";
    this.state = "failed";
    return "";
  }

  #judge(): void {
    const { name, firstKey, state } = this.#boundary;
    if (name !== undefined && this.#tools.find(name) === undefined) this.state = "failed";
    else if (this.#form === "bare" && firstKey !== undefined && !callKeys.has(firstKey)) this.state = "failed";
    else if (state === "closed") this.#parseWhole();
    else if (state === "doubtful" && this.#form === "tagged" && this.#tries++ < maxTries) {
      this.hasReadClosing = this.#tryAs(this.#boundary.text.slice(0, -toolCallClosing.length));
    }
  }

  #parseWhole(): void {
    const calls = parseJsonCalls(this.#boundary.text, this.#tools, this.#form);
    if (calls === "other" || (calls === "broken" && this.#form === "bare")) this.state = "failed";
    else if (calls === "broken") this.#breakDown();
    else {
      this.calls = calls;
      this.state = "whole";
    }
  }

  /** At a `<` between values. @returns undefined when more is needed to tell */
  #stopAtTag(text: string, at: number): number | undefined {
    const word = wordAt(text, at, closings);
    if (word === "partial") return undefined;
    if (this.#form === "bare") this.state = "failed";
    else if (word === undefined) {
      if (this.toolName === undefined) this.state = "failed";
      else this.#breakDown();
    } else if (!this.#tryAs(this.#boundary.text)) this.state = "failed";
    return at;
  }

  #breakDown(): void {
    this.#broken = [this.#boundary.text];
    this.#brokenTail = "";
  }

  #readBroken(text: string, at: number): number {
    const known = this.#brokenTail.length;
    const window = this.#brokenTail + text.slice(at);
    const closing = window.indexOf(toolCallClosing);
    if (closing < 0) {
      this.#broken!.push(text.slice(at));
      this.#brokenTail = window.slice(-(toolCallClosing.length - 1));
      return text.length;
    }
    const end = at + closing + toolCallClosing.length - known;
    this.#broken!.push(text.slice(at, end));
    this.hasReadClosing = true;
    const all = this.#broken!.join("").slice(0, -toolCallClosing.length);
    if (!this.#tryAs(all)) {
      const call = parseUnreadableCall(all, this.#tools);
      this.calls = call === undefined ? [] : [call];
      this.state = call === undefined ? "failed" : "whole";
    }
    return end;
  }

  #tryAs(text: string): boolean {
    const calls = parseJsonCalls(text, this.#tools, this.#form);
    if (calls === "broken" || calls === "other") return false;
    this.calls = calls;
    this.state = "whole";
    return true;
  }
}
