// A run of calls in a text: from the first opening tag to the text behind the last call. Decides whether they are meant.

import type { CallReader, FoundCall } from "./call-reader.ts";
import type { DeclaredTools } from "./declared-tools.ts";
import { FunctionReader } from "./function-reader.ts";
import { JsonReader } from "./json-reader.ts";
import { closings, functionOpening, innerClosings, openings, runLength, skipSpaceAt, wordAt } from "./markup.ts";
import { type CallOpening, findOpening } from "./opening.ts";
import type { ToolWarningKind } from "./tool-warning.ts";

export interface GroupOptions {
  readonly tools: DeclaredTools;
  /** While a model thinks it also writes calls that it does not mean: they count only where nothing follows them. */
  readonly channel: "text" | "reasoning";
  readonly output: {
    calls(calls: readonly FoundCall[]): void;
    warn(kind: ToolWarningKind, toolName: string | undefined): void;
  };
}

/**
 * What must follow for calls to be meant:
 * - `sure`: nothing
 * - `line`: no text on the same line, unlike in a sentence that quotes a call
 * - `reply`: nothing but calls, up to the end of the reply
 */
type Finality = "sure" | "line" | "reply";

export class CallGroup {
  /**
   * - `open`: reads on
   * - `over`: text follows, behind the white space of `gap`
   * - `refused`: what `takeHeld` gives is text
   */
  state: "open" | "over" | "refused" = "open";
  /** What follows has to come again, with more behind it. */
  isWaiting = false;
  /** White space since the last tag. */
  gap = "";
  /** The block of code around the calls, while it is open. */
  fence: Extract<CallOpening, { readonly kind: "fence" }> | undefined;
  readonly #options: GroupOptions;
  #place: "before" | "body" | "after" = "before";
  #held: string[] = [];
  #heldLength = 0;
  #reader: CallReader | undefined;
  /** A tag is open around the calls. */
  #isWrapped = false;
  #finality: Finality;
  #found: FoundCall[] = [];
  #lastName: string | undefined;

  /** @param text the opening, with the white space before it; undefined: behind a call that the server told itself */
  constructor(options: GroupOptions, opening: CallOpening | undefined, text = "") {
    this.#options = options;
    const isMidLine = opening?.kind === "tag" && opening.isMidLine;
    const isDoubtful = opening?.kind === "fence" || opening?.kind === "bare" || options.channel === "reasoning";
    this.#finality = isDoubtful ? "reply" : isMidLine ? "line" : "sure";
    this.#hold(text);
    if (opening === undefined) this.#place = "after";
    else this.#open(opening);
  }

  get heldLength(): number {
    return this.#heldLength;
  }

  /** The declared tool whose call is being read. */
  get toolName(): string | undefined {
    return this.#reader?.toolName;
  }

  /** Nothing but this has been held back. */
  get hasFound(): boolean {
    return this.#found.length > 0;
  }

  /** Empties. */
  takeHeld(): string {
    const text = this.#held.join("");
    this.#dropHeld();
    return text;
  }

  /** @returns the index up to which it has read */
  read(input: string, from: number): number {
    this.isWaiting = false;
    let at = from;
    while (at < input.length && this.state === "open" && !this.isWaiting) at = this.#step(input, at);
    return at;
  }

  /**
   * The reply ended within a body: whole after all, if the model ended by itself and nothing but closing marks is missing.
   * @returns text that was taken for a part of the call, to be read again
   */
  finishBody(isWhole: boolean): string {
    const reader = this.#reader;
    if (reader === undefined) return "";
    const rest = isWhole ? reader.finish() : "";
    if (reader.state === "whole") {
      this.#take(reader);
      if (rest !== "" && this.#held.length > 0) this.#held = [this.#held.join("").slice(0, -rest.length)];
      return rest;
    }
    if (reader.toolName !== undefined) this.#options.output.warn("call-cut-off", reader.toolName);
    return "";
  }

  /** The reply is over. @param carry what could not be read yet */
  end(carry: string): void {
    const isFence = /^`{3,}$/.test(carry) && carry.length >= (this.fence?.length ?? 0);
    const isCutClosing = carry.length > 1 && wordAt(carry, 0, closings) === "partial";
    if (this.#place !== "after" || (carry !== "" && !isFence && !isCutClosing)) return this.#resumeText();
    if (isFence) this.fence = undefined;
    if (this.#isWrapped || this.fence !== undefined) this.#options.output.warn("unclosed-markup", this.#lastName);
    this.#tellCalls();
    this.state = "over";
  }

  #step(input: string, at: number): number {
    if (this.#place === "before") return this.#beginBody(input, at);
    return this.#place === "body" ? this.#readBody(input, at) : this.#readAfter(input, at);
  }

  #wait(at: number): number {
    this.isWaiting = true;
    return at;
  }

  #refuse(at: number): number {
    this.state = "refused";
    return at;
  }

  #open(opening: CallOpening): void {
    this.#place = "before";
    if (opening.kind === "tag") this.#isWrapped = true;
    if (opening.kind === "fence") this.fence = opening;
    if (opening.kind === "function") this.#read(new FunctionReader(this.#options.tools));
  }

  #read(reader: CallReader): void {
    this.#reader = reader;
    this.#place = "body";
  }

  /** Behind an opening tag or fence: what kind of body comes. */
  #beginBody(input: string, from: number): number {
    const at = skipSpaceAt(input, from);
    this.#hold(input.slice(from, at));
    if (at === input.length) return at;
    const char = input[at];
    if (char === "{" || char === "[") {
      const next = skipSpaceAt(input, at + 1);
      if (next === input.length) return this.#wait(at);
      if (!mayFollow(char, input[next] ?? "")) return this.#refuse(at);
      this.#read(new JsonReader(this.#options.tools, this.#isWrapped ? "tagged" : "bare"));
      return at;
    }
    if (char === "`" && this.#isWrapped && this.fence === undefined) return this.#skipInnerFence(input, at);
    // A tag within a line may only be mentioned, and the next one be meant.
    const isMention = this.#isWrapped && this.#finality === "line";
    const word = wordAt(input, at, isMention ? [functionOpening] : [functionOpening, ...openings]);
    if (word === "partial") return this.#wait(at);
    if (word === undefined) return this.#refuse(at);
    this.#hold(word);
    if (word === functionOpening) this.#read(new FunctionReader(this.#options.tools));
    else this.#isWrapped = true;
    return at + word.length;
  }

  /** ```json within the tag. */
  #skipInnerFence(input: string, at: number): number {
    const rest = input.slice(at, at + 32);
    const line = /^`{3,}[a-z_]{0,12}\s*\n/.exec(rest)?.[0];
    if (line === undefined) return /^`{1,}[a-z_]{0,12}\s*$/.test(rest) ? this.#wait(at) : this.#refuse(at);
    this.#hold(line);
    return at + line.length;
  }

  #readBody(input: string, at: number): number {
    const reader = this.#reader!;
    const end = reader.read(input, at);
    this.#hold(input.slice(at, end));
    if (reader.state === "failed") return this.#refuse(end);
    if (reader.state === "whole") this.#take(reader);
    else if (end < input.length) return this.#wait(end);
    return end;
  }

  #take({ calls, hasReadClosing }: CallReader): void {
    this.#found.push(...calls);
    if (hasReadClosing) this.#isWrapped = false;
    this.#lastName = calls.at(-1)?.tool.name;
    this.#reader = undefined;
    this.#place = "after";
    if (this.#finality === "sure") this.#tellCalls();
  }

  #tellCalls(): void {
    const found = this.#found;
    this.#dropHeld();
    this.gap = "";
    if (found.length > 0) this.#options.output.calls(found);
  }

  /** Behind a call: closing tags, further calls, white space; or text again. */
  #readAfter(input: string, at: number): number {
    const space = skipSpaceAt(input, at);
    if (space > at) return this.#passSpace(input.slice(at, space), space);
    const char = input[at] ?? "";
    if (char === "<") return this.#readTag(input, at);
    const takesMore = this.#isWrapped || this.#finality === "reply";
    if (!takesMore) return this.#resumeText(at);
    if ("}],;".includes(char)) return this.#passMark(char, at);
    if (char === "`") return this.#readFence(input, at);
    // Objects one behind the other.
    if (char !== "{" && char !== "[") return this.#resumeText(at);
    this.#place = "before";
    return at;
  }

  #passSpace(space: string, end: number): number {
    if (this.#finality === "line" && space.includes("\n")) {
      this.#tellCalls();
      this.#finality = "sure";
    }
    if (this.#finality === "sure") this.gap += space;
    else this.#hold(space);
    return end;
  }

  #passMark(mark: string, at: number): number {
    if (this.#finality !== "sure") this.#hold(mark);
    return at + mark.length;
  }

  #readTag(input: string, at: number): number {
    const word = wordAt(input, at, [...closings, ...openings, functionOpening]);
    if (word === "partial") return this.#wait(at);
    if (word === undefined) return this.#resumeText(at);
    const end = at + word.length;
    if (word.startsWith("</")) {
      if (!innerClosings.includes(word)) this.#isWrapped = false;
      this.gap = "";
      return this.#passMark(word, at);
    }
    if (this.#isWrapped && word !== functionOpening) this.#options.output.warn("unclosed-markup", this.#lastName);
    if (this.#finality === "line") this.#finality = "sure";
    if (this.#finality === "sure") this.#tellCalls();
    this.#hold(word);
    if (word === functionOpening) this.#open({ kind: "function", start: at, end });
    else this.#open({ kind: "tag", start: at, end, isMidLine: false });
    return end;
  }

  /** The end of the block around the calls or within the tag, or the beginning of another one. */
  #readFence(input: string, at: number): number {
    const length = runLength(input, at);
    if (this.fence !== undefined || this.#isWrapped) {
      if (at + length === input.length) return this.#wait(at);
      if (length < (this.fence?.length ?? 3)) return this.#resumeText(at);
      this.fence = undefined;
      return this.#passMark("`".repeat(length), at);
    }
    const place = { lineHasText: false, isStart: false, channel: this.#options.channel };
    const opening = findOpening(input, at, place);
    if (opening.kind === "partial" && opening.start === at) return this.#wait(at);
    if (opening.kind !== "fence" || opening.start !== at) return this.#resumeText(at);
    this.#hold(input.slice(at, opening.end));
    this.#open(opening);
    return opening.end;
  }

  #resumeText(): void;
  #resumeText(at: number): number;
  #resumeText(at = 0): number {
    if (this.#finality !== "sure" || this.#place !== "after") return this.#refuse(at);
    if (this.#isWrapped) this.#options.output.warn("unclosed-markup", this.#lastName);
    this.state = "over";
    return at;
  }

  #hold(text: string): void {
    if (text === "") return;
    this.#held.push(text);
    this.#heldLength += text.length;
  }

  #dropHeld(): void {
    this.#held = [];
    this.#heldLength = 0;
    this.#found = [];
  }
}

/** Whether a bracket with this behind it may begin calls: prose in brackets is not held back. */
function mayFollow(bracket: string, sign: string): boolean {
  return bracket === "[" ? sign === "{" : /["'{\w$]/.test(sign);
}
