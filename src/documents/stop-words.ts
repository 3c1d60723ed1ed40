// Words that say nothing about what is looked for. In a small collection they may well be rare, and rare words weigh most.

import { deu } from "stopword/src/stopwords_deu.js";
import { eng } from "stopword/src/stopwords_eng.js";
import { fra } from "stopword/src/stopwords_fra.js";
import { jpn } from "stopword/src/stopwords_jpn.js";
import { rus } from "stopword/src/stopwords_rus.js";
import { spa } from "stopword/src/stopwords_spa.js";
import { zho } from "stopword/src/stopwords_zho.js";

/** What questions are asked with, and the lists leave out. */
const askingEnglish = "does did doing done please tell say says said show give find explain describe know there no not";
const askingEastAsian =
  "什么 怎么 怎样 如何 多少 哪里 哪些 哪个 为什么 请问 可以 告诉 有没有 是否 何 どう どこ いつ なぜ 教え ください 무엇 어떻게";

/** Two languages share many a word: one alone is no evidence for another than English. */
const leastEvidence = 2;

export interface StopWords {
  /** @param words of a whole question, in lower case. @returns those of the language that it is written in. */
  of(words: readonly string[]): ReadonlySet<string>;
  /** @param word of a script without spaces, as a dictionary cuts it. */
  has(word: string): boolean;
}

export function createStopWords(): StopWords {
  const english: ReadonlySet<string> = new Set([...eng, ...askingEnglish.split(" ")]);
  const others: readonly ReadonlySet<string>[] = [deu, fra, spa, rus].map((list) => new Set(list));
  const eastAsian: ReadonlySet<string> = new Set([...zho, ...jpn, ...askingEastAsian.split(" ")]);

  return {
    of(words) {
      const distinct = [...new Set(words)];
      let chosen = english;
      let most = Math.max(countIn(distinct, english), leastEvidence - 1);
      for (const language of others) {
        const count = countIn(distinct, language);
        if (count > most) [chosen, most] = [language, count];
      }
      return chosen;
    },
    has: (word) =>
      eastAsian.has(word) || (/^\p{Script=Han}+$/u.test(word) && [...word].every((sign) => eastAsian.has(sign))),
  };
}

function countIn(words: readonly string[], language: ReadonlySet<string>): number {
  return words.reduce((count, word) => count + (language.has(word) ? 1 : 0), 0);
}
