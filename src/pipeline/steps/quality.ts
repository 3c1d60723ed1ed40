// The step that measures the answer, by arithmetic and without a model: docs/typed-chat.md says how.

import type { Step, StepContext } from "../step.ts";
import { shareIn, termsOf } from "../terms.ts";

/** Tells `quality_score`, measured by `measureQuality`. Left out where the request says `options.quality: false`. */
export function quality(): Step {
  return {
    name: "quality",
    async *run(context) {
      if (context.options.quality === false) return;
      yield { stage: "quality" };
      yield { quality_score: measureQuality(context) };
    },
  };
}

/** How much each part counts: what is left out where there are no sources falls to the others. */
const weights = { ending: 0.4, relevance: 0.3, grounding: 0.3 };
/** From so many words on an answer counts as worked out. */
const enoughTerms = 8;

/**
 * 0 to 1, two decimals; 0 for an empty answer. A weighted mean of
 * - ending: 1 when the model stopped by itself, 0.5 when its words ran out;
 * - relevance: the share of the question's terms that the answer takes up, at least 0.5 for an answer of some length;
 * - grounding, with pieces of documents only: the share of the answer's terms that stand in them or in the question. Of
 *   pages on the web no more than a line is known.
 */
export function measureQuality({ message, state }: Pick<StepContext, "message" | "state">): number {
  const answer = termsOf(state.answer);
  if (answer.size === 0) return state.answer.trim() === "" ? 0 : weights.ending;
  const question = termsOf(message);
  const ending = state.finishReason === "length" ? 0.5 : 1;
  const taken = question.size === 0 ? 1 : shareIn(question, answer);
  const relevance = answer.size >= enoughTerms ? 0.5 + taken / 2 : taken;
  let sum = weights.ending * ending + weights.relevance * relevance;
  let total = weights.ending + weights.relevance;
  const pieces = state.sources.filter(({ url }) => url === undefined);
  if (pieces.length > 0) {
    // Each by itself: joined, a long one would leave no room for the next.
    const known = new Set([message, ...pieces.map(({ text }) => text)].flatMap((text) => [...termsOf(text)]));
    sum += weights.grounding * shareIn(answer, known);
    total += weights.grounding;
  }
  return Math.round((100 * sum) / total) / 100;
}
