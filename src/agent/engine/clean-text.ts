// Texts of strangers made harmless to look at: no control characters, no invisible messages, no more than fits, and in
// the model's view between marks that whoever wrote the text cannot know.

/** Controls but tab and line ends, direction marks, invisible operators, fillers, noncharacters. Joiners stay: emoji need them. */
const invisible =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is removed.
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ufffe\uffff]/g;
/** Spell whole messages that nobody sees. They have a use in flags of regions alone. */
const tags = /(\u{1f3f4}[\u{e0030}-\u{e007a}]{3,6}\u{e007f})|[\u{e0000}-\u{e0fff}]/gu;
/** What prompts of this gateway and chat templates of models are made of. */
const promptMarkup =
  /<(?=\/?\s*(?:tools?|tool_call|tool_response|data|request|system|assistant|user|think)\b)|<(?=\|)/gi;

/** @returns the same on several lines, safe to be stored and shown */
export function cleanText(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/\r\n?|[\u2028\u2029]/g, "\n")
    .replaceAll(invisible, "")
    .replaceAll(tags, "$1");
}

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
  const cut = text.slice(0, maxChars);
  return { text: cut.isWellFormed() ? cut : cut.slice(0, -1), isCut: true };
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
