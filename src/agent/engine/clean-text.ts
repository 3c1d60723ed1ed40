// Texts of strangers made harmless to look at: no control characters, no invisible messages, no more than fits, and in
// the model's view between marks that whoever wrote the text cannot know.

import { beginningOf } from "../../contract/excerpt.ts";
import { withoutUnseen } from "../unseen.ts";

/** What prompts of this gateway and chat templates of models are made of. */
const promptMarkup =
  /<(?=\/?\s*(?:tools?|tool_call|tool_response|data|request|system|assistant|user|think)\b)|<(?=\|)/gi;

/** @returns the same on several lines, safe to be stored and shown */
export const cleanText: (text: string) => string = withoutUnseen;

/** The same on one line, without white space around it. */
export function cleanLine(text: string): string {
  return cleanText(text.replaceAll(/\s+/g, " ")).replaceAll(/ +/g, " ").trim();
}

export interface CutText {
  readonly text: string;
  readonly isCut: boolean;
}

/** @param maxChars in UTF-16 units. A character is never torn in two. */
export function cutText(text: string, maxChars: number): CutText {
  if (text.length <= maxChars) return { text, isCut: false };
  return { text: beginningOf(text, maxChars), isCut: true };
}

/** One line for an eye: a name, a description, a message of a server. */
export function briefText(text: string, maxChars: number): string {
  // Cut twice: it may be endless, and what is removed may be most of it.
  const { text: brief, isCut } = cutText(cleanLine(cutText(text, 4 * maxChars).text), maxChars);
  return isCut ? `${brief}...` : brief;
}

/** Without the power to open or close a section of a prompt. */
export function withoutMarkup(text: string): string {
  return text.replaceAll(promptMarkup, "<\\");
}

/** What a tool gave, for the model: data of a named origin. @param mark of this run, unknown to whoever wrote the text */
export function dataBlock(mark: string, origin: string, text: string): string {
  return `<data ${mark} from=${JSON.stringify(origin)}>\n${withoutMarkup(text)}\n</data ${mark}>`;
}

/** What the user wants, for the model. */
export function requestBlock(mark: string, query: string): string {
  return `<request ${mark}>\n${withoutMarkup(query)}\n</request ${mark}>`;
}

/** What a model has copied of such marks, into its answer or into arguments, is gone again: nobody else knows them. */
export function withoutMarks(mark: string, text: string): string {
  if (!text.includes(mark)) return text;
  // Within JSON, line ends and quotes are escaped.
  const lineEnd = "(?:\\n|\\\\n)?";
  const opening = `<(?:data|request) ${mark}[^>\\n]*>${lineEnd}`;
  const closing = `${lineEnd}</(?:data|request) ${mark}>`;
  return text.replaceAll(new RegExp(`${opening}|${closing}`, "g"), "");
}
