// Tags of the chat template that stay in the text: thoughts that stand inline between them, and single ones that are left
// over at the border of thoughts and answer. In the middle of an answer they are what the model meant to say.

export type TextKind = "text-delta" | "reasoning-delta";
export type TextPiece = readonly [kind: TextKind, text: string];

export interface ThinkTags {
  reasoning(text: string): readonly TextPiece[];
  content(text: string): readonly TextPiece[];
  /** No more text follows for now: a call or the end. */
  settle(): readonly TextPiece[];
  /** Text of this kind passes untouched, unless it holds a tag itself. */
  isOpen(kind: TextKind): boolean;
}

const openTag = "<think>";
const closeTag = "</think>";
/** White space that stands before a tag is kept back with it; more of it than this is text. */
const maxHeldChars = 64;

export function createThinkTags(): ThinkTags {
  let hasReasoned = false;
  /** The end of the thoughts so far, as long as it may be a tag that is left over. */
  let tail = "";
  /** "border": the first content of the reply, or behind thoughts. "inside": between inline tags. */
  let place: "border" | "inside" | "through" = "border";
  let held = "";
  /** A tag was taken out at this border: the white space behind it goes, too. */
  let hasDropped = false;

  function reasoning(text: string): TextPiece[] {
    const before = settleContent();
    hasReasoned = true;
    place = "border";
    const all = tail + text;
    const keep = heldLength(all, closeTag, closeTag.length);
    tail = all.slice(all.length - keep);
    return [...before, ...piece("reasoning-delta", all.slice(0, all.length - keep))];
  }

  function content(text: string): TextPiece[] {
    const before = settleReasoning();
    if (place === "through") return [...before, ...piece("text-delta", text)];
    held += text;
    return [...before, ...(place === "inside" ? inside() : border())];
  }

  function border(): TextPiece[] {
    for (;;) {
      const trimmed = held.trimStart();
      if (trimmed.startsWith(closeTag)) {
        held = trimmed.slice(closeTag.length);
        hasDropped = true;
      } else if (trimmed.startsWith(openTag)) {
        held = trimmed.slice(openTag.length);
        if (!hasReasoned) {
          place = "inside";
          return inside();
        }
        hasDropped = true;
      } else if ((closeTag.startsWith(trimmed) || openTag.startsWith(trimmed)) && held.length <= maxHeldChars) {
        return [];
      } else return settleContent();
    }
  }

  function inside(): TextPiece[] {
    const end = held.indexOf(closeTag);
    if (end < 0) {
      const keep = heldLength(held, closeTag, closeTag.length - 1);
      const said = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return piece("reasoning-delta", said);
    }
    const said = piece("reasoning-delta", held.slice(0, end));
    held = held.slice(end + closeTag.length);
    hasReasoned = true;
    hasDropped = true;
    place = "border";
    return [...said, ...border()];
  }

  function settleContent(): TextPiece[] {
    const text = hasDropped ? held.trimStart() : held;
    const kind = place === "inside" ? "reasoning-delta" : "text-delta";
    if (place === "border" && text.trim() !== "") place = "through";
    held = "";
    hasDropped = hasDropped && text === "";
    return piece(kind, text);
  }

  function settleReasoning(): TextPiece[] {
    const text = tail === closeTag ? "" : tail;
    tail = "";
    return piece("reasoning-delta", text);
  }

  return {
    reasoning,
    content,
    settle: () => [...settleReasoning(), ...settleContent()],
    isOpen: (kind) => (kind === "text-delta" ? place === "through" && tail === "" : tail === "" && held === ""),
  };
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
