// Thoughts that come back as tags before an answer: of clients that keep them so, and of those that were shown them so.

import type { ContentPart } from "../contract/chat-request.ts";
import { LongText } from "./long-text.ts";

export interface SplitAnswer {
  readonly content: readonly ContentPart[];
  /** Undefined: it begins with no such tags. */
  readonly reasoning: string | undefined;
}

const opening = "<think>";
const closing = "</think>";

/** Of an assistant's message. The white space around the tags goes with them. */
export function splitThoughts(content: readonly ContentPart[]): SplitAnswer {
  const first = content[0];
  if (first?.type !== "text" || !mayBegin(first)) return { content, reasoning: undefined };
  const text = first.text.trimStart();
  const end = text.indexOf(closing);
  if (!text.startsWith(opening) || end < 0) return { content, reasoning: undefined };
  const rest = text.slice(end + closing.length).trimStart();
  return {
    content: rest === "" ? content.slice(1) : [{ type: "text", text: rest }, ...content.slice(1)],
    reasoning: text.slice(opening.length, end).trim(),
  };
}

const lessThan = 60;
const space = 32;
/** Of `\\n` in JSON. */
const backslash = 92;

/** Cheap: nearly all answers begin with a letter. Templates put no more than an empty line before the tag. */
function mayBegin(part: Extract<ContentPart, { readonly type: "text" }>): boolean {
  if (part instanceof LongText) {
    const first = part.json[0] ?? 0;
    return (
      first === lessThan || ((first === space || first === backslash) && part.json.subarray(0, 16).includes(lessThan))
    );
  }
  const { text } = part;
  const first = text.charCodeAt(0);
  return first === lessThan || (first <= space && text.slice(0, 16).trimStart().startsWith("<"));
}
