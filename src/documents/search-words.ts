// Text to the words that it is found by, the same for documents and questions: lower case, no accents, English stems. In
// scripts without spaces each character is a word of its own, and whoever searches looks for several in a row.

import { stemmer } from "stemmer";

export interface TextWord {
  /** As it is searched. */
  readonly word: string;
  /** Where it stands in the text, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** One character of a script without spaces. */
  readonly isCharacter: boolean;
}

/** Longer ones are no words. What they begin with is enough to tell them apart. */
const maxWordChars = 64;
/** Words repeat: most of a text is found here, and 20 000 are some 2 MB. */
const maxRememberedWords = 20_000;

// Hangul has spaces, but its words carry their endings: characters in a row find them all.
const wordPattern =
  /([[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]&&[\p{L}\p{N}]]\p{M}*)|[[\p{L}\p{N}\p{M}]--[[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]&&[\p{L}\p{N}]]]+/gv;

export interface WordReader {
  read(text: string): TextWord[];
}

export function createWordReader(): WordReader {
  const remembered = new Map<string, string>();

  function searched(word: string): string {
    const known = remembered.get(word);
    if (known !== undefined) return known;
    if (remembered.size >= maxRememberedWords) remembered.clear();
    const made = normalise(word);
    remembered.set(word, made);
    return made;
  }

  return {
    read(text) {
      const words: TextWord[] = [];
      for (const match of text.matchAll(wordPattern)) {
        const [found, character] = match;
        const word = searched(found.length > maxWordChars ? found.slice(0, maxWordChars).toWellFormed() : found);
        const end = match.index + found.length;
        if (word !== "") words.push({ word, start: match.index, end, isCharacter: character !== undefined });
      }
      return words;
    },
  };
}

function normalise(word: string): string {
  const folded = isAscii(word) ? word.toLowerCase() : withoutAccents(word.normalize("NFKC").toLowerCase());
  return /^[a-z]{4,}$/.test(folded) ? stemmer(folded) : folded;
}

/** Those of Latin, Greek and Cyrillic; marks of other scripts are letters in their own right. */
function withoutAccents(word: string): string {
  return word
    .normalize("NFD")
    .replaceAll(/[\u0300-\u036f]/g, "")
    .normalize("NFC");
}

function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant.
  return /^[\u0000-\u007f]*$/.test(text);
}
