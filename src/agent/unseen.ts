// Text of strangers without what is not seen: neither a person nor a model is told something that the other does not see.

// Whole escape sequences first: without their first character the rest of them would stay as text.
const terminalSequences =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
  /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])/g;

/**
 * Controls but tab and line end; marks that turn the order of what is read (Trojan Source); characters without a width,
 * invisible operators, fillers, noncharacters. The joiners of emoji and of Persian, and the marks of right-to-left text, stay.
 */
const invisible =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is removed
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ufffe\uffff]/g;

/** Spell whole messages that nobody sees. They have a use in flags of regions alone. */
const tags = /(\u{1f3f4}[\u{e0030}-\u{e007a}]{3,6}\u{e007f})|[\u{e0000}-\u{e0fff}]/gu;

/** Well formed, with line feeds for all ends of lines. */
export function withoutUnseen(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(terminalSequences, "")
    .replaceAll(/\r\n?|[\u2028\u2029]/g, "\n")
    .replaceAll(invisible, "")
    .replaceAll(tags, "$1");
}
