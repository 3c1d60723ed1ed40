// Finds calls in a text that comes in pieces, cut anywhere. Holds back only what may belong to a call; all other text
// goes on at once, byte for byte. One scanner for each channel of a reply; knows nothing of events.

import { CallGroup, type GroupOptions } from "./call-group.ts";
import { CodeBlock } from "./code-block.ts";
import { spaceBefore } from "./markup.ts";
import { type CallOpening, findOpening } from "./opening.ts";
import { codeLineStart, type LinePlace, lineStart, midCodeLine, midLine } from "./plain-json.ts";

export interface ScannerOptions extends GroupOptions {
  /** Longest text held back, in UTF-16 units; beyond it the text goes on as it is. */
  readonly maxHeldLength: number;
  readonly output: GroupOptions["output"] & { text(text: string): void };
}

/** White space is held back up to here: behind it a call may begin. */
const maxHeldSpace = 4096;
/** How often the text behind a call without an end is read anew: each time reads all of it. */
const maxRescans = 32;

export class MarkupScanner {
  readonly #options: ScannerOptions;
  readonly #code = new CodeBlock();
  #group: CallGroup | undefined;
  /** The end of the text so far, when more has to come to tell what it is. */
  #carry = "";
  #isWaiting = false;
  /** Nothing has been said, and no call told. */
  #isStart = true;
  #hasSaidText = false;
  #lineHasText = false;
  /** White space since the last call: text behind it keeps it, the end drops it. */
  #gap = "";

  constructor(options: ScannerOptions) {
    this.#options = options;
  }

  /** Text that is plain in this place goes on as it is, without being read. Undefined: what comes next has to be read. */
  get plainPlace(): LinePlace | undefined {
    if (this.#carry !== "" || this.#isStart || this.#group !== undefined) return undefined;
    if (!this.#code.isOpen) return this.#lineHasText ? midLine : lineStart;
    return this.#code.isMidLine ? midCodeLine : codeLineStart;
  }

  /** Nothing has come but white space. */
  get isBlank(): boolean {
    return this.#isStart && this.#group === undefined && this.#carry.trim() === "";
  }

  get heldLength(): number {
    return this.#carry.length + (this.#group?.heldLength ?? 0);
  }

  /** Such text has gone by. */
  skipPlain(): void {
    if (this.#code.isOpen) this.#code.skipText();
    else this.#lineHasText = true;
  }

  feed(text: string): void {
    const input = this.#carry + text;
    this.#carry = "";
    this.#isWaiting = false;
    let at = 0;
    while (at < input.length && !this.#isWaiting) at = this.#step(input, at);
    this.#carry = input.slice(at);
    if (this.heldLength <= this.#options.maxHeldLength) return;
    this.#options.output.warn("held-too-long", this.#group?.toolName);
    this.release();
  }

  /** @param isWhole the model ended by itself: closing marks may be missing, but nothing else is */
  end(isWhole: boolean): void {
    for (let scans = 0; this.#group !== undefined && scans < maxRescans; scans++) {
      const rest = this.#group.finishBody(isWhole);
      const again = rest + this.#carry;
      this.#carry = "";
      this.feed(again);
      if (rest === "") break;
    }
    this.#group?.end(this.#carry);
    if (this.#group?.state === "over") {
      this.#carry = "";
      this.#leaveGroup();
    }
    this.release();
  }

  /** What is held back is no call: other text follows it elsewhere, or the reply failed. */
  release(): void {
    if (this.#group !== undefined) this.#refuseGroup();
    const carry = this.#carry;
    this.#carry = "";
    this.#say(carry);
  }

  /** The server itself tells a call now: a lone opening tag before it, and white space, are its leftovers. */
  skipLeftovers(): void {
    const held = (this.#group?.hasFound === false ? this.#group.takeHeld() : "") + this.#carry;
    this.#carry = /^\s*(?:<tool_call>|<function=?)?\s*$/.test(held) ? "" : held;
    this.release();
    this.#isStart = false;
    this.#group = new CallGroup(this.#options, undefined);
  }

  #step(input: string, at: number): number {
    if (this.#group !== undefined) return this.#readGroup(this.#group, input, at);
    if (!this.#code.isOpen) return this.#readText(input, at);
    const end = this.#code.read(input, at);
    this.#say(input.slice(at, end));
    return end;
  }

  #wait(at: number): number {
    this.#isWaiting = true;
    return at;
  }

  #readText(input: string, at: number): number {
    const opening = findOpening(input, at, {
      lineHasText: this.#lineHasText,
      isStart: this.#isStart,
      channel: this.#options.channel,
    });
    if (opening.kind === "code") {
      this.#code.open(opening.mark, opening.length);
      this.#say(input.slice(at, opening.end));
      return opening.end;
    }
    const end = opening.kind === "none" ? input.length : opening.start;
    const space = spaceBefore(input, end, at);
    if (opening.kind === "none" && end - space > maxHeldSpace) {
      this.#say(input.slice(at));
      return end;
    }
    this.#say(input.slice(at, space));
    if (opening.kind === "none" || opening.kind === "partial") return space < input.length ? this.#wait(space) : space;
    return this.#enterGroup(opening, input, space);
  }

  #enterGroup(opening: CallOpening, input: string, from: number): number {
    this.#group = new CallGroup(this.#options, opening, input.slice(from, opening.end));
    return opening.end;
  }

  #readGroup(group: CallGroup, input: string, at: number): number {
    const end = group.read(input, at);
    if (group.state === "over") this.#leaveGroup();
    else if (group.state === "refused") this.#refuseGroup();
    else if (group.isWaiting) this.#wait(end);
    return end;
  }

  #leaveGroup(): void {
    this.#gap = this.#group?.gap ?? "";
    this.#lineHasText = !this.#gap.includes("\n");
    this.#isStart = false;
    this.#group = undefined;
  }

  /** It was no call: what was held back is text, and what a block of code holds a sample. */
  #refuseGroup(): void {
    const group = this.#group!;
    const text = group.takeHeld();
    this.#leaveGroup();
    this.#say(text);
    if (group.fence === undefined) return;
    const { mark, length } = group.fence;
    this.#code.open(mark, length);
    this.#code.read(text, text.indexOf(mark.repeat(length)) + length);
  }

  #say(text: string): void {
    if (text === "") return;
    // Between two texts the white space stays, lest their words grow together.
    this.#options.output.text(this.#hasSaidText ? this.#gap + text : text);
    this.#gap = "";
    this.#hasSaidText = true;
    this.#isStart = false;
    const lineEnd = text.lastIndexOf("\n");
    const hasText = text.slice(lineEnd + 1).trim() !== "";
    this.#lineHasText = hasText || (lineEnd < 0 && this.#lineHasText);
  }
}
