// Texts of tools as words with spaces between, so that a tokenizer finds them: scripts without spaces, and names like
// `createEvent`. Plain text, which nearly all of them is, stays as it is: this runs over every tool of a new list.

import { createWordReader, type TextWord, type WordReader } from "../../documents/search-words.ts";
import { isPlainText, splitWords } from "./name-words.ts";

export interface ToolWords extends WordReader {
  separate(text: string): string;
  /** Of whatever may be spelled as a name is. */
  separateName(name: string): string;
}

export function createToolWords(): ToolWords {
  const reader = createWordReader();

  function read(text: string): TextWord[] {
    if (isPlainText(text)) return [...text.matchAll(/[a-z0-9]+/gi)].map(toTextWord);
    return reader.read(text).map((word) => ({ ...word, word: fold(text.slice(word.start, word.end)) }));
  }

  function separate(text: string): string {
    return isPlainText(text)
      ? text
      : read(text)
          .map(({ word }) => word)
          .join(" ");
  }

  return { read, separate, separateName: (name) => separate(isOneCase(name) ? name : splitWords(name).join(" ")) };
}

function toTextWord({ 0: found, index }: RegExpExecArray): TextWord {
  return { word: found.toLowerCase(), start: index, end: index + found.length, isCharacter: false };
}

/** Nothing in it but what separates words is a place where one begins. */
function isOneCase(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant.
  return /^[\u0000-@[-\u007f]*$/.test(name);
}

/** Wide letters are narrow ones, and Latin, Greek and Cyrillic ones have no accents. */
function fold(text: string): string {
  return text
    .normalize("NFKC")
    .normalize("NFD")
    .replaceAll(/[\u0300-\u036f]/g, "")
    .normalize("NFC")
    .toLowerCase();
}
