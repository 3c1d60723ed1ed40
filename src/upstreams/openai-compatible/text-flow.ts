// Thoughts and answer on their way from a server's deltas to events: repeated text once, left-over tags out, white space
// before calls dropped, and an answer that stands in the wrong field put right. Order is kept; nothing else is lost.

import { createNewText } from "../new-text.ts";
import { createThinkTags, type TextKind, type TextPiece } from "./think-tags.ts";

/**
 * "any": thinking was switched off, so what comes as thoughts alone is the answer (vLLM #40816). "json": JSON was asked
 * for, and thoughts alone that are JSON are the answer (LM Studio #1698).
 */
export type Rescue = "none" | "any" | "json";

export interface TextFlowOptions {
  readonly thinkTags: boolean;
  readonly cumulativeDeltas: boolean;
  /** White space may stand before a call. */
  readonly hasTools: boolean;
  readonly rescue: Rescue;
  readonly say: (kind: TextKind, text: string) => void;
}

export interface TextFlow {
  reasoning(text: string): void;
  content(text: string): void;
  /** A call follows. */
  beforeCall(): void;
  /** Nothing follows. @param isAnswered the reply ended well, with nothing but text */
  settle(isAnswered: boolean): void;
  /** Text of this kind would be said as it is: `json` is its JSON string. */
  passes(kind: TextKind, json: Uint8Array): boolean;
}

/** Thoughts beyond this are told as thoughts: no answer is that long. Characters. */
const maxKeptChars = 1_048_576;
const maxBlankChars = 1024;

/** What templates put around markup; other white space is somebody's text. */
const blankText = /^[ \t\r\n]*$/;

const lessThan = 60;
const backslash = 92;
const quote = 34;
const space = 32;
const unicodeEscape = 117;

export function createTextFlow(options: TextFlowOptions): TextFlow {
  const tags = options.thinkTags ? createThinkTags() : undefined;
  const newText = { "text-delta": createNewText(), "reasoning-delta": createNewText() };
  let rescue = options.rescue;
  let kept = "";
  let blank = "";
  let lastKind: TextKind | undefined;

  function reasoning(text: string): void {
    accept("reasoning-delta", fresh("reasoning-delta", text));
  }

  function content(text: string): void {
    accept("text-delta", fresh("text-delta", text));
  }

  /** Of what may be cumulative, only what is new. The other kind is over as soon as this one begins. */
  function fresh(kind: TextKind, text: string): string {
    if (!options.cumulativeDeltas) return text;
    const other = kind === "text-delta" ? "reasoning-delta" : "text-delta";
    if (lastKind === other) accept(other, newText[other].settle());
    return newText[kind].next(text);
  }

  function accept(kind: TextKind, text: string): void {
    if (text === "") return;
    lastKind = kind;
    if (tags === undefined) say(kind, text);
    else sayAll(kind === "text-delta" ? tags.content(text) : tags.reasoning(text));
  }

  function sayAll(pieces: readonly TextPiece[]): void {
    for (const [kind, text] of pieces) say(kind, text);
  }

  function say(kind: TextKind, text: string): void {
    if (kind === "reasoning-delta") return sayReasoning(text);
    const isBlank = options.hasTools && blankText.test(text) && blank.length < maxBlankChars;
    if (isBlank) {
      blank += text;
      return;
    }
    release();
    flushBlank();
    options.say(kind, text);
  }

  function sayReasoning(text: string): void {
    if (rescue === "none" || kept.length + text.length > maxKeptChars) {
      release();
      flushBlank();
      options.say("reasoning-delta", text);
    } else kept += text;
  }

  /** What was kept for a rescue is what it seemed to be. */
  function release(): void {
    rescue = "none";
    if (kept !== "") options.say("reasoning-delta", kept);
    kept = "";
  }

  function flushBlank(): void {
    if (blank !== "") options.say("text-delta", blank);
    blank = "";
  }

  function settleText(): void {
    if (options.cumulativeDeltas) {
      accept("reasoning-delta", newText["reasoning-delta"].settle());
      accept("text-delta", newText["text-delta"].settle());
    }
    if (tags !== undefined) sayAll(tags.settle());
  }

  return {
    reasoning,
    content,
    beforeCall() {
      settleText();
      release();
      // "\n\n" between thoughts and a call (vLLM): no answer, and it would come back in the history.
      blank = "";
      lastKind = undefined;
    },
    settle(isAnswered) {
      settleText();
      if (isAnswered && kept !== "" && (rescue === "any" || isJson(kept))) {
        blank = "";
        options.say("text-delta", kept);
        kept = "";
      }
      release();
      flushBlank();
    },
    passes(kind, json) {
      if (lastKind !== kind || blank !== "") return false;
      if (options.cumulativeDeltas && !newText[kind].arePieces) return false;
      if (tags !== undefined && !tags.isOpen(kind)) return false;
      if (kind === "text-delta") return !(options.hasTools && mayBeBlank(json));
      return rescue === "none" && (tags === undefined || !mayHoldTag(json));
    },
  };
}

/** Signs may be escaped, as Go's encoder writes `<`. */
function mayHoldTag(json: Uint8Array): boolean {
  return json.indexOf(lessThan) >= 0 || json.indexOf(backslash) >= 0;
}

/** Spaces and escapes alone: it may be blank, and has to be looked at. */
function mayBeBlank(json: Uint8Array): boolean {
  for (let at = 1; at < json.length; at++) {
    const byte = json[at]!;
    if (byte === quote) return at > 1;
    if (byte === backslash && json[at + 1] === unicodeEscape) return true;
    if (byte === backslash) at++;
    else if (byte !== space) return false;
  }
  return false;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // The question itself.
    return false;
  }
}
