// A question to the terms that are looked for: its words without those that say nothing, and of scripts without spaces two
// characters in a row, for nobody can tell where a word ends.

import type { SearchTerm } from "../store/document-store.ts";
import type { TextWord, WordReader } from "./search-words.ts";
import type { StopWords } from "./stop-words.ts";

/** Of a long message its beginning and its end are searched for: that is where people ask. */
const maxQuestionChars = 4000;
/** Each costs a look into the index. */
const maxTerms = 48;

/** Letters of an alphabet say nothing by twos: of these scripts the whole word is looked for. */
const alphabetWithoutSpaces = /^[\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]+$/v;

/** @returns none for a question without a word in it; never more than 48. */
export function searchTerms(question: string, reader: WordReader, stopWords: StopWords): SearchTerm[] {
  const text = clip(question);
  const words = reader.read(text);
  const telling = termsOf(text, words, stopWords);
  // "Who am I?" has nothing but stop words, and still asks something.
  const terms = telling.length > 0 ? telling : termsOf(text, words, undefined);
  return distinct(terms).slice(0, maxTerms);
}

function clip(question: string): string {
  if (question.length <= maxQuestionChars) return question;
  // A word that is cut in two is another word.
  const beginning = question.slice(0, maxQuestionChars / 2).replace(/\S{1,64}$/, "");
  const end = question.slice(-maxQuestionChars / 2).replace(/^\S{1,64}/, "");
  return `${beginning}\n${end}`;
}

function termsOf(text: string, words: readonly TextWord[], stopWords: StopWords | undefined): SearchTerm[] {
  const spelled = ({ start, end }: TextWord): string => text.slice(start, end).toLowerCase();
  const stopped = stopWords?.of(words.filter(({ isCharacter }) => !isCharacter).map(spelled));
  return runsOf(words).flatMap((run) => {
    if (run[0]?.isCharacter) return termsOfRun(text, run, stopWords);
    return run.filter((word) => !stopped?.has(spelled(word))).map(({ word }) => [word]);
  });
}

/** Characters that follow one another without a gap are one run, every other word is one by itself. */
function runsOf(words: readonly TextWord[]): TextWord[][] {
  const runs: TextWord[][] = [];
  for (const word of words) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run !== undefined && word.isCharacter && last?.isCharacter && last.end === word.start) run.push(word);
    else runs.push([word]);
  }
  return runs;
}

function termsOfRun(text: string, run: readonly TextWord[], stopWords: StopWords | undefined): SearchTerm[] {
  const start = run[0]?.start ?? 0;
  const terms: SearchTerm[] = [];
  /** Characters that the dictionary left alone: a name that it does not know, most likely. */
  let lonely: string[] = [];
  const endLonely = (): void => {
    terms.push(...pairs(lonely));
    lonely = [];
  };
  let next = 0;
  const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });
  for (const { segment, index } of segmenter.segment(text.slice(start, run.at(-1)?.end))) {
    const word: string[] = [];
    for (let sign = run[next]; sign !== undefined && sign.start < start + index + segment.length; sign = run[next]) {
      word.push(sign.word);
      next += 1;
    }
    const isStopWord = stopWords?.has(segment) === true;
    if (word.length === 1 && !isStopWord) lonely.push(...word);
    else endLonely();
    if (word.length > 1 && !isStopWord) terms.push(...(alphabetWithoutSpaces.test(segment) ? [word] : pairs(word)));
  }
  endLonely();
  return terms;
}

function pairs(signs: readonly string[]): SearchTerm[] {
  if (signs.length < 2) return signs.map((sign) => [sign]);
  return signs.slice(1).map((sign, index) => [signs[index] ?? "", sign]);
}

function distinct(terms: readonly SearchTerm[]): SearchTerm[] {
  return [...new Map(terms.map((term) => [term.join(" "), term])).values()];
}
