// Tags of the chat template that stay in the text: thoughts that stand inline between them, thoughts that are told twice,
// and single tags that are left over at the border of thoughts and answer. In the middle of an answer they are what the
// model meant to say, unless nothing has told that it thinks: then a single closing tag ends thoughts that nothing opened.

export type TextKind = "text-delta" | "reasoning-delta";
export type TextPiece = readonly [kind: TextKind, text: string];

/**
 * Where the thoughts of a reply may begin. "marked": in their own field, or behind a tag. "held": perhaps at the very
 * start, unmarked, because the template has opened them in the prompt; nobody waits for the words, so they are kept back.
 * "watched": the same, but the client waits, so that only the next reply can be read rightly. "unopened": at the start.
 */
export type ThoughtsStart = "marked" | "held" | "watched" | "unopened";

const openTag = "<think>";
const closeTag = "</think>";
/** White space that stands before a tag is kept back with it; more of it than this is text. */
const maxHeldChars = 64;
/** Text that is kept back for a closing tag. No thoughts are longer. */
const maxKeptChars = 1_048_576;
/** So much of inline thoughts has to be like those of the other field to be the same ones. */
const echoChars = 32;

/**
 * "border": the first content of the reply, or behind thoughts. "inside": between inline tags. "compared", "echo": behind
 * an opening tag, thoughts of the other field once more. "held", "watched": see `ThoughtsStart`.
 */
type Place = "border" | "inside" | "compared" | "echo" | "held" | "watched" | "through";

export class ThinkTags {
  readonly #start: ThoughtsStart;
  #hasReasoned = false;
  /** The first thoughts, as long as they may be told again. */
  #firstThoughts = "";
  /** The end of the thoughts so far, as long as it may be a tag that is left over. */
  #tail = "";
  #place: Place = "border";
  #held = "";
  /** In pieces: joining them on every delta is quadratic. */
  #kept: string[] = [];
  #keptChars = 0;
  /** A tag was taken out at this border: the white space behind it goes, too. */
  #hasDropped = false;
  /** All that was told as thoughts only because such a server's replies begin with them. */
  #assumed: string | undefined;
  /** A closing tag was read that nothing had opened. */
  hasUnopened = false;

  constructor(start: ThoughtsStart = "marked") {
    this.#start = start;
    if (start !== "unopened") return;
    this.#place = "inside";
    this.#assumed = "";
  }

  reasoning(text: string): readonly TextPiece[] {
    this.#assumed = undefined;
    if (this.#firstThoughts.length < echoChars) this.#firstThoughts = (this.#firstThoughts + text).trimStart();
    // A server that tells them twice may tell both by turns.
    const isTwice = this.#place === "compared" || this.#place === "echo";
    const before = isTwice ? [] : this.#settleContent();
    if (!isTwice) this.#place = "border";
    this.#hasReasoned = true;
    const all = this.#tail + text;
    const end = all.length - heldLength(all, closeTag, closeTag.length);
    this.#tail = all.slice(end);
    return [...before, ...piece("reasoning-delta", all.slice(0, end))];
  }

  content(text: string): readonly TextPiece[] {
    const before = this.#settleReasoning();
    if (this.#place === "through") return [...before, ...piece("text-delta", text)];
    this.#held += text;
    return [...before, ...this.#read()];
  }

  /** No more text follows for now: a call or the end. */
  settle(): readonly TextPiece[] {
    return [...this.#settleReasoning(), ...this.#settleContent()];
  }

  /** Of a reply that began with thoughts by assumption alone, and whose closing tag never came; else undefined. */
  get assumed(): string | undefined {
    return this.#assumed;
  }

  /** Text of this kind passes untouched, unless it holds a tag itself. */
  isOpen(kind: TextKind): boolean {
    if (this.#tail !== "" || this.#held !== "") return false;
    if (kind === "reasoning-delta") return this.#firstThoughts.length >= echoChars;
    return this.#place === "through" || this.#place === "watched";
  }

  /** Tags in the text count, although it is part of an answer. */
  get isWatching(): boolean {
    return this.#place === "watched";
  }

  #read(): TextPiece[] {
    switch (this.#place) {
      case "inside":
        return this.#inside();
      case "compared":
        return this.#compare();
      case "echo":
        return this.#echo();
      case "held":
      case "watched":
        return this.#search();
      default:
        return this.#border();
    }
  }

  #border(): TextPiece[] {
    for (;;) {
      const trimmed = this.#held.trimStart();
      if (trimmed.startsWith(closeTag)) {
        this.#held = trimmed.slice(closeTag.length);
        this.#hasDropped = true;
      } else if (trimmed.startsWith(openTag)) {
        this.#held = trimmed.slice(openTag.length);
        this.#hasDropped = this.#firstThoughts !== "";
        this.#place = this.#hasDropped ? "compared" : "inside";
        return this.#read();
      } else if (mayBecomeTag(trimmed) && this.#held.length <= maxHeldChars) return [];
      else if (!this.#hasReasoned && (this.#start === "held" || this.#start === "watched")) {
        this.#place = this.#start;
        return this.#read();
      } else return this.#settleContent();
    }
  }

  #inside(): TextPiece[] {
    // Where nothing should open them, something may do so all the same.
    if (this.#assumed === "") {
      const trimmed = this.#held.trimStart();
      if (mayBecome(openTag, trimmed)) return [];
      if (trimmed.startsWith(openTag)) {
        this.#held = trimmed.slice(openTag.length);
        this.#assumed = undefined;
      }
    }
    const held = this.#held;
    const end = held.indexOf(closeTag);
    if (end < 0) {
      const safe = held.length - heldLength(held, closeTag, closeTag.length - 1);
      this.#held = held.slice(safe);
      this.#assume(held.slice(0, safe));
      return piece("reasoning-delta", held.slice(0, safe));
    }
    return this.#close(held.slice(0, end), held.slice(end + closeTag.length));
  }

  #close(thoughts: string, rest: string): TextPiece[] {
    this.#held = rest;
    this.#assumed = undefined;
    this.#hasReasoned = true;
    this.#hasDropped = true;
    this.#place = "border";
    return [...piece("reasoning-delta", thoughts), ...this.#border()];
  }

  /** Behind thoughts and an opening tag: the same thoughts again, or an answer behind a tag that was left over. */
  #compare(): TextPiece[] {
    const inside = this.#held.trimStart();
    const end = inside.indexOf(closeTag);
    const compared = (end < 0 ? inside : inside.slice(0, end)).trimEnd();
    const length = Math.min(compared.length, this.#firstThoughts.length, echoChars);
    const isSame = compared.slice(0, length) === this.#firstThoughts.slice(0, length);
    if (isSame && (end >= 0 || length >= echoChars)) {
      this.#place = "echo";
      return this.#echo();
    }
    if (isSame || mayBecome(closeTag, inside)) return [];
    return this.#settleContent();
  }

  #echo(): TextPiece[] {
    const end = this.#held.indexOf(closeTag);
    if (end >= 0) return this.#close("", this.#held.slice(end + closeTag.length));
    this.#held = this.#held.slice(this.#held.length - heldLength(this.#held, closeTag, closeTag.length - 1));
    return [];
  }

  /** What was said cannot be taken back: where the client waits, what is found out serves the next reply. */
  #search(): TextPiece[] {
    const held = this.#held;
    const end = unopenedEnd(held);
    if (end === undefined) return [];
    this.hasUnopened ||= end >= 0;
    if (end >= 0 && this.#place === "held") {
      return this.#close(this.#takeKept() + held.slice(0, end), held.slice(end + closeTag.length));
    }
    const isOver = end >= 0 || held.includes(openTag) || this.#keptChars > maxKeptChars;
    const safe = isOver ? held.length : held.length - heldTagLength(held);
    this.#held = held.slice(safe);
    if (!isOver && this.#place === "held") {
      this.#kept.push(held.slice(0, safe));
      this.#keptChars += safe;
      return [];
    }
    if (isOver) this.#place = "through";
    return piece("text-delta", this.#takeKept() + held.slice(0, safe));
  }

  #takeKept(): string {
    const text = this.#kept.join("");
    this.#kept = [];
    return text;
  }

  #assume(text: string): void {
    if (this.#assumed === undefined) return;
    this.#assumed = this.#assumed.length + text.length > maxKeptChars ? undefined : this.#assumed + text;
  }

  #settleContent(): TextPiece[] {
    const isEcho = this.#place === "echo";
    const held = this.#takeKept() + this.#held;
    const text = isEcho ? "" : this.#hasDropped ? held.trimStart() : held;
    const kind = this.#place === "inside" ? "reasoning-delta" : "text-delta";
    if (kind === "reasoning-delta") this.#assume(text);
    else if (text.trim() !== "" && this.#place !== "watched") this.#place = "through";
    this.#held = "";
    this.#hasDropped &&= text === "";
    return piece(kind, text);
  }

  #settleReasoning(): TextPiece[] {
    const text = this.#tail === closeTag ? "" : this.#tail;
    this.#tail = "";
    return piece("reasoning-delta", text);
  }
}

/**
 * Where a tag stands that closes what nothing opened; templates write a line end behind it. Negative: nowhere; undefined:
 * the next text tells.
 */
function unopenedEnd(text: string): number | undefined {
  const end = text.indexOf(closeTag);
  if (end < 0 || text.slice(0, end).includes(openTag)) return -1;
  const behind = text[end + closeTag.length];
  return behind === undefined ? undefined : behind === "\n" ? end : -1;
}

function mayBecomeTag(text: string): boolean {
  return mayBecome(closeTag, text) || mayBecome(openTag, text);
}

function mayBecome(tag: string, text: string): boolean {
  return tag.startsWith(text);
}

function piece(kind: TextKind, text: string): TextPiece[] {
  return text === "" ? [] : [[kind, text]];
}

/** The end of the text that begins a tag: an opening one, cut in two, has to be seen, too. */
function heldTagLength(text: string): number {
  const closing = heldLength(text, closeTag, closeTag.length - 1);
  return Math.max(closing, heldLength(text, openTag, openTag.length - 1));
}

/** Length of the longest end of the text that begins the tag. */
function heldLength(text: string, tag: string, longest: number): number {
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    if (tag.startsWith(text.slice(text.length - length))) return length;
  }
  return 0;
}
