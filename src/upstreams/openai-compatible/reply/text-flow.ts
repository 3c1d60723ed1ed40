// Thoughts and answer on their way from a server's deltas to events: repeated text once, left-over tags out, white space
// before calls and behind thoughts dropped, and an answer that stands in the wrong field put right. Order is kept; nothing else is lost.

import type { JsonText } from "../../../contract/json.ts";
import { isJson } from "../../../tools/json-spans.ts";
import { createNewText, type NewText } from "../../new-text.ts";
import { type TextKind, type TextPiece, ThinkTags, type ThoughtsStart } from "../../think-tags.ts";

/**
 * "any": thinking was switched off, so what comes as thoughts alone is the answer (vLLM #40816). "json": JSON was asked
 * for, and thoughts alone that are JSON are the answer (LM Studio #1698).
 */
export type Rescue = "none" | "any" | "json";

export interface TextFlowOptions {
  readonly thinkTags: boolean;
  readonly thoughtsStart: ThoughtsStart;
  /** Told once a reply where it shows that its thoughts begin otherwise than assumed. */
  readonly onThoughtsStart?: ((start: "marked" | "unopened") => void) | undefined;
  readonly cumulativeDeltas: boolean;
  /** White space may stand before a call. */
  readonly hasTools: boolean;
  readonly rescue: Rescue;
  readonly say: (kind: TextKind | "refusal-delta", text: string) => void;
}

/** Thoughts beyond this are told as thoughts: no answer is that long. Characters. */
const maxKeptChars = 1_048_576;
const maxBlankChars = 1024;

/** What templates put around markup; other white space is somebody's text. */
const blankText = /^[ \t\r\n]*$/;

/** At the start of an answer; the indentation of its first line is part of it. */
const emptyLines = /^[ \t]*(?:\r?\n[ \t]*)*\r?\n/;

const lessThan = 60;
const backslash = 92;
const space = 32;
const unicodeEscape = 117;

const known = { isKnownToRepeat: true };

/** A class and not closures: every open stream holds one. */
export class TextFlow {
  readonly #options: TextFlowOptions;
  readonly #tags: ThinkTags | undefined;
  readonly #newText: Readonly<Record<TextKind, NewText>> | undefined;
  #rescue: Rescue;
  #kept = "";
  #blank = "";
  /** Thoughts were told, and of the answer nothing yet: templates put an empty line between them. */
  #isInGap = false;
  #lastKind: TextKind | undefined;
  /** Words of the answer were told. */
  #isAnswered = false;

  constructor(options: TextFlowOptions) {
    this.#options = options;
    this.#rescue = options.rescue;
    this.#tags = options.thinkTags ? new ThinkTags(options.thoughtsStart) : undefined;
    this.#newText = options.cumulativeDeltas
      ? { "text-delta": createNewText(known), "reasoning-delta": createNewText(known) }
      : undefined;
  }

  accept(kind: TextKind, text: string): void {
    if (this.#newText === undefined) return this.#read(kind, text);
    // The other kind is over as soon as this one begins.
    const other = kind === "text-delta" ? "reasoning-delta" : "text-delta";
    if (this.#lastKind === other) this.#read(other, this.#newText[other].settle());
    this.#read(kind, this.#newText[kind].next(text));
  }

  /** Words from a field of their own: no template has put anything among them. Behind an answer they are a part of it. */
  acceptRefusal(text: string): void {
    this.#settleText();
    this.#release();
    this.#isInGap = false;
    this.#lastKind = undefined;
    if (this.#isAnswered) this.#flushBlank();
    else this.#blank = "";
    this.#options.say(this.#isAnswered ? "text-delta" : "refusal-delta", text);
  }

  /** A call follows. */
  beforeCall(): void {
    this.#settleText();
    this.#release();
    // "\n\n" between thoughts and a call (vLLM): no answer, and it would come back in the history.
    this.#blank = "";
    this.#lastKind = undefined;
  }

  /** Nothing follows. @param isAnswered the reply ended well, with nothing but text */
  settle(isAnswered: boolean): void {
    this.#settleText();
    if (isAnswered && this.#kept !== "" && (this.#rescue === "any" || isJson(this.#kept))) {
      this.#blank = "";
      this.#options.say("text-delta", this.#kept.trim());
      this.#kept = "";
    }
    this.#release();
    this.#flushBlank();
    if (this.#tags !== undefined) this.#settleStart(this.#tags, isAnswered);
  }

  #settleStart(tags: ThinkTags, isAnswered: boolean): void {
    if (tags.hasUnopened) this.#options.onThoughtsStart?.("unopened");
    if (!isAnswered || !tags.assumed) return;
    // No thoughts after all: better told twice than no answer.
    this.#options.onThoughtsStart?.("marked");
    this.#options.say("text-delta", tags.assumed.trim());
  }

  /** Text of this kind would be said as it is. */
  passes(kind: TextKind, text: JsonText): boolean {
    const tags = this.#tags;
    if (this.#lastKind !== kind || this.#blank !== "") return false;
    if (this.#newText !== undefined && !this.#newText[kind].arePieces) return false;
    if (tags !== undefined && !tags.isOpen(kind)) return false;
    if (kind === "text-delta") {
      if (this.#isInGap || (tags?.isWatching === true && mayHoldTag(text))) return false;
      return !(this.#options.hasTools && mayBeBlank(text));
    }
    return this.#rescue === "none" && (tags === undefined || !mayHoldTag(text));
  }

  #read(kind: TextKind, text: string): void {
    if (text === "") return;
    this.#lastKind = kind;
    const tags = this.#tags;
    if (tags === undefined) this.#say(kind, text);
    else this.#sayAll(kind === "text-delta" ? tags.content(text) : tags.reasoning(text));
  }

  #sayAll(pieces: readonly TextPiece[]): void {
    for (const [kind, text] of pieces) this.#say(kind, text);
  }

  #say(kind: TextKind, piece: string): void {
    if (kind === "reasoning-delta") return this.#sayReasoning(piece);
    const text = this.#isInGap ? piece.replace(emptyLines, "") : piece;
    if (text === "") return;
    this.#isInGap = false;
    const isBlank = this.#options.hasTools && blankText.test(text) && this.#blank.length < maxBlankChars;
    if (isBlank) {
      this.#blank += text;
      return;
    }
    this.#release();
    this.#flushBlank();
    this.#isAnswered = true;
    this.#options.say(kind, text);
  }

  #sayReasoning(text: string): void {
    this.#isInGap = true;
    if (this.#rescue === "none" || this.#kept.length + text.length > maxKeptChars) {
      this.#release();
      this.#flushBlank();
      this.#options.say("reasoning-delta", text);
    } else this.#kept += text;
  }

  /** What was kept for a rescue is what it seemed to be. */
  #release(): void {
    this.#rescue = "none";
    if (this.#kept !== "") this.#options.say("reasoning-delta", this.#kept);
    this.#kept = "";
  }

  #flushBlank(): void {
    if (this.#blank !== "") this.#options.say("text-delta", this.#blank);
    this.#blank = "";
  }

  #settleText(): void {
    if (this.#newText !== undefined) {
      this.#read("reasoning-delta", this.#newText["reasoning-delta"].settle());
      this.#read("text-delta", this.#newText["text-delta"].settle());
    }
    if (this.#tags !== undefined) this.#sayAll(this.#tags.settle());
  }
}

/** Signs may be escaped, as Go's encoder writes `<`. */
function mayHoldTag({ bytes, start, end }: JsonText): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === lessThan || bytes[at] === backslash) return true;
  return false;
}

/** Spaces and escapes alone: it may be blank, and has to be looked at. */
function mayBeBlank({ bytes, start, end }: JsonText): boolean {
  for (let at = start + 1; at < end - 1; at++) {
    const byte = bytes[at];
    if (byte === backslash && bytes[at + 1] === unicodeEscape) return true;
    if (byte === backslash) at++;
    else if (byte !== space) return false;
  }
  return end - start > 2;
}
