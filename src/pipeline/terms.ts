// The words of a text that carry its meaning, for measures that compare texts. Works for scripts without spaces too.

const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });
const mostChars = 20_000;

/** Words that are everywhere say nothing. Short words of Latin scripts are left out as a whole. */
const commonWords = new Set(
  "about after also been before both but can could does each else even ever every few for from had has have her here him his how into its just like made make many may more most much must not now off one only onto other our out over own same she should some such than that the their them then there these they this those through too under until upon very was were what when where which while who whom why will with would you your und der die das ist nicht ein eine mit von les des une est pas que por para con los las 的 了 是 在 和 有 我 你 他 她 它 们 这 那 吗 呢 也 就 都 而 及 与 或 一个 什么 怎么 哪些".split(
    " ",
  ),
);
const leastLatinChars = 3;
const isLatin = /^[\p{Script=Latin}\p{N}]+$/u;

/** Lower case, each once. Of a very long text the beginning. */
export function termsOf(text: string): Set<string> {
  const terms = new Set<string>();
  for (const { segment, isWordLike } of segmenter.segment(text.slice(0, mostChars))) {
    if (isWordLike !== true) continue;
    const term = segment.toLocaleLowerCase("en");
    if (commonWords.has(term) || (term.length < leastLatinChars && isLatin.test(term) && !/\d/.test(term))) continue;
    terms.add(term);
  }
  return terms;
}

/** The share of `terms` that `others` holds, 0 to 1. Inflected forms count when they differ in their last two letters at most. */
export function shareIn(terms: ReadonlySet<string>, others: ReadonlySet<string>): number {
  if (terms.size === 0) return 0;
  const stems = new Set([...others].flatMap(stemsOf));
  let found = 0;
  for (const term of terms) if (others.has(term) || stemsOf(term).some((stem) => stems.has(stem))) found++;
  return found / terms.size;
}

const leastStemChars = 4;

/** Rough on purpose: it forgives an ending on either side and confuses few words. Numbers are what they are. */
function stemsOf(term: string): string[] {
  if (/\d/.test(term)) return [];
  return [term, term.slice(0, -1), term.slice(0, -2)].filter(({ length }) => length >= leastStemChars);
}
