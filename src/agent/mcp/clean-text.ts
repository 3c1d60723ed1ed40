// Text of tool servers made safe to show, to log and to hand to a model: nothing in it that is not seen, and not too long.

export interface CleanText {
  readonly text: string;
  readonly isCut: boolean;
}

// Whole escape sequences first: without their first character the rest of them would stay as text.
const terminalSequences =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
  /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])/g;

// Controls but tab and line end; marks that turn the order of what is read (Trojan Source); characters without a width
// and tags, by which text is hidden from people and not from models. The joiners of emoji and of Persian stay.
const unseen =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu;

export function cleanText(text: string, maxChars: number): CleanText {
  // What is beyond twice the limit is not even looked at: a megabyte of escapes would cost more than it is worth.
  const looked = text.slice(0, 2 * maxChars + 1000);
  const clean = looked.replace(terminalSequences, "").replaceAll(/\r\n?/g, "\n").replace(unseen, "").toWellFormed();
  if (clean.length <= maxChars && looked.length === text.length) return { text: clean, isCut: false };
  return { text: cutText(clean, maxChars), isCut: true };
}

/** On one line, for logs, lists and messages. */
export function cleanLine(text: string, maxChars: number): string {
  return cleanText(text, maxChars).text.replaceAll(/\s+/g, " ").trim();
}

function cutText(text: string, maxChars: number): string {
  const last = text.charCodeAt(maxChars - 1);
  // Never between the two halves of a character.
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? maxChars - 1 : maxChars);
}
