// Tags of the chat template that stay in the text: thoughts that stand inline between them, and single ones that are left
// over at the border of thoughts and answer. In the middle of an answer they are what the model meant to say.

export type TextKind = "text-delta" | "reasoning-delta";
export type TextPiece = readonly [kind: TextKind, text: string];

const openTag = "<think>";
const closeTag = "</think>";
/** White space that stands before a tag is kept back with it; more of it than this is text. */
const maxHeldChars = 64;

export class ThinkTags {
  #hasReasoned = false;
  /** The end of the thoughts so far, as long as it may be a tag that is left over. */
  #tail = "";
  /** "border": the first content of the reply, or behind thoughts. "inside": between inline tags. */
  #place: "border" | "inside" | "through" = "border";
  #held = "";
  /** A tag was taken out at this border: the white space behind it goes, too. */
  #hasDropped = false;

  reasoning(text: string): readonly TextPiece[] {
    const before = this.#settleContent();
    this.#hasReasoned = true;
    this.#place = "border";
    const all = this.#tail + text;
    const end = all.length - heldLength(all, closeTag, closeTag.length);
    this.#tail = all.slice(end);
    return [...before, ...piece("reasoning-delta", all.slice(0, end))];
  }

  content(text: string): readonly TextPiece[] {
    const before = this.#settleReasoning();
    if (this.#place === "through") return [...before, ...piece("text-delta", text)];
    this.#held += text;
    return [...before, ...(this.#place === "inside" ? this.#inside() : this.#border())];
  }

  /** No more text follows for now: a call or the end. */
  settle(): readonly TextPiece[] {
    return [...this.#settleReasoning(), ...this.#settleContent()];
  }

  /** Text of this kind passes untouched, unless it holds a tag itself. */
  isOpen(kind: TextKind): boolean {
    return this.#tail === "" && (kind === "text-delta" ? this.#place === "through" : this.#held === "");
  }

  #border(): TextPiece[] {
    for (;;) {
      const trimmed = this.#held.trimStart();
      if (trimmed.startsWith(closeTag)) {
        this.#held = trimmed.slice(closeTag.length);
        this.#hasDropped = true;
      } else if (trimmed.startsWith(openTag)) {
        this.#held = trimmed.slice(openTag.length);
        if (!this.#hasReasoned) {
          this.#place = "inside";
          return this.#inside();
        }
        this.#hasDropped = true;
      } else if (mayBecomeTag(trimmed) && this.#held.length <= maxHeldChars) {
        return [];
      } else return this.#settleContent();
    }
  }

  #inside(): TextPiece[] {
    const held = this.#held;
    const end = held.indexOf(closeTag);
    if (end < 0) {
      const safe = held.length - heldLength(held, closeTag, closeTag.length - 1);
      this.#held = held.slice(safe);
      return piece("reasoning-delta", held.slice(0, safe));
    }
    this.#held = held.slice(end + closeTag.length);
    this.#hasReasoned = true;
    this.#hasDropped = true;
    this.#place = "border";
    return [...piece("reasoning-delta", held.slice(0, end)), ...this.#border()];
  }

  #settleContent(): TextPiece[] {
    const text = this.#hasDropped ? this.#held.trimStart() : this.#held;
    const kind = this.#place === "inside" ? "reasoning-delta" : "text-delta";
    if (this.#place === "border" && text.trim() !== "") this.#place = "through";
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

function mayBecomeTag(text: string): boolean {
  return closeTag.startsWith(text) || openTag.startsWith(text);
}

function piece(kind: TextKind, text: string): TextPiece[] {
  return text === "" ? [] : [[kind, text]];
}

/** Length of the longest end of the text that begins the tag. */
function heldLength(text: string, tag: string, longest: number): number {
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    if (tag.startsWith(text.slice(text.length - length))) return length;
  }
  return 0;
}
