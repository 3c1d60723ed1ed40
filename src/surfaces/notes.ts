// What a service did beside its answer, in words: its tools are not here, but what they found belongs to the history.

import type { ContentPart } from "../contract/chat-request.ts";
import { stringifyExact } from "../contract/exact-json.ts";
import { isJsonObject } from "../contract/json.ts";
import { LongText } from "../conversation/long-text.ts";

/** The parts of an answer join without a gap: a note stands in lines of its own. */
export function noteAfter(content: readonly ContentPart[], text: string): ContentPart {
  const before = content.length === 0 || endsLine(content.at(-1)) ? "" : "\n\n";
  return { type: "text", text: `${before}[${text}]\n\n` };
}

function endsLine(part: ContentPart | undefined): boolean {
  return part?.type === "text" && !(part instanceof LongText) && part.text.endsWith("\n");
}

/** What a call was given, behind a word before it; nothing where it was given nothing. */
export function givenTo(input: unknown): string {
  const text = typeof input === "string" ? input : input === undefined ? "" : stringifyExact(input);
  return text === "" || text === "{}" || text === "null" ? "" : ` with ${text}`;
}

/** Fields that hold what people read, in the order in which they are told. The others are marks, or sealed. */
const readable = [
  "title",
  "filename",
  "url",
  "tool_name",
  "text",
  "logs",
  "stdout",
  "stderr",
  "message",
  "error_code",
  "data",
  "source",
  "content",
  "tool_references",
] as const;

/** What can be read of a value, however deep, a line each. */
export function wordsIn(value: unknown, depth = 0): string[] {
  if (value instanceof LongText) return [value.text];
  if (typeof value === "string") return value === "" ? [] : [value];
  if (depth > maxDepth) return [];
  if (Array.isArray(value)) return value.flatMap((entry) => wordsIn(entry, depth + 1));
  // Files are no text.
  if (!isJsonObject(value) || value["type"] === "base64") return [];
  return readable.flatMap((field) => wordsIn(value[field], depth + 1));
}

const maxDepth = 20;
