// How much of a prompt that is too long may stay. Limits are in the server's tokens, messages are measured in estimated
// ones: what a refusal tells of the prompt says how far apart the two are.

import { countedTokens, type PromptLengths } from "../contract/context-too-long.ts";

/** In estimated tokens. */
export interface PromptRoom {
  /** What is aimed at. */
  readonly aimTokens: number;
  /** With more it would be refused again. */
  readonly mostTokens: number;
}

/** An answer may be this long where the request does not say. */
const usualAnswerTokens = 4096;
/** Agents ask for more than any model has: an answer that finds less room is shortened before the conversation is. */
const mostAnswerShare = 1 / 4;
/** What stays may have more tokens a character than what goes. */
const countedShare = 0.9;
/** Estimates are right within a third. */
const estimatedShare = 0.75;

/**
 * @param told as far as it is known
 * @param estimatedTokens of the prompt that is too long, tools included
 * @param answerTokens that the request allows, where it says
 * @returns undefined where nobody knows a limit
 */
export function promptRoom(
  told: PromptLengths,
  estimatedTokens: number,
  answerTokens?: number,
): PromptRoom | undefined {
  const { contextTokens, maxPromptTokens } = told;
  const limit = contextTokens ?? maxPromptTokens;
  if (limit === undefined) return undefined;
  const answer = contextTokens === undefined ? 0 : Math.min(answerTokens ?? usualAnswerTokens, limit * mostAnswerShare);
  const promptTokens = countedTokens(told);
  // Uncounted, it is as long as the limit at least: it was refused.
  const tokens = promptTokens ?? Math.max(estimatedTokens, limit);
  const share = promptTokens === undefined ? estimatedShare : countedShare;
  const estimatedPerToken = estimatedTokens / Math.max(tokens, 1);
  return {
    aimTokens: Math.floor((limit - answer) * share * estimatedPerToken),
    mostTokens: Math.floor(limit * estimatedPerToken),
  };
}
