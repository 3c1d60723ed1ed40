// How much a model is to think, as a word and as a number: some servers know the one, some the other. Pure.

import type { ReasoningOptions } from "./chat-request.ts";

type Effort = NonNullable<ReasoningOptions["effort"]>;

/** Beyond them a model may think as long as it likes. Budgets that clients ask for by these words (OpenRouter, 2026-06). */
const budgets: Readonly<Partial<Record<Effort, number>>> = { minimal: 1024, low: 4096, medium: 16_384 };

/** Undefined: the client said neither, or wants no end to it. */
export function budgetOf({ budgetTokens, effort }: ReasoningOptions): number | undefined {
  return budgetTokens ?? (effort === undefined ? undefined : budgets[effort]);
}

/** Undefined: the client said neither. */
export function effortOf({ budgetTokens, effort }: ReasoningOptions): Effort | undefined {
  if (effort !== undefined || budgetTokens === undefined) return effort;
  if (budgetTokens <= 0) return "none";
  if (budgetTokens <= 4096) return "low";
  return budgetTokens <= 16_384 ? "medium" : "high";
}
