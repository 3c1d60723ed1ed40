// A history that fits, by what the user allows to be given up. When that is done, and for how many tokens, is decided by
// gateway/context-trim.ts.

import type { Message } from "../contract/chat-request.ts";
import { dropOldestTurns } from "./drop-oldest-turns.ts";
import { estimateMessages } from "./estimate-prompt.ts";
import { shortenResults } from "./shorten-results.ts";

/** `both`: results first, which loses least, and turns where that is not enough. */
export const trimStrategies = ["tool-results", "oldest-turns", "both"] as const;
export type TrimStrategy = (typeof trimStrategies)[number];

export interface TrimmedMessages {
  readonly messages: readonly Message[];
  /** Their indexes in what was given, in order. */
  readonly kept: readonly number[];
  /** How many were left out or shortened. */
  readonly changed: number;
  /** Estimated, of what is left. */
  readonly tokens: number;
}

/** @returns as much less as the strategy may, when `maxTokens` cannot be reached */
export function trimMessages(messages: readonly Message[], strategy: TrimStrategy, maxTokens: number): TrimmedMessages {
  const tokens = estimateMessages(messages);
  const excess = tokens - maxTokens;
  const shortened = strategy === "oldest-turns" ? { messages, freedTokens: 0 } : shortenResults(messages, excess);
  const left = excess - shortened.freedTokens;
  const { kept, freedTokens } = dropOldestTurns(shortened.messages, strategy === "tool-results" ? 0 : left);
  const trimmed = kept.flatMap((index) => shortened.messages[index] ?? []);
  const shorter = kept.filter((index) => shortened.messages[index] !== messages[index]).length;
  return {
    messages: trimmed,
    kept,
    changed: messages.length - kept.length + shorter,
    tokens: tokens - shortened.freedTokens - freedTokens,
  };
}
