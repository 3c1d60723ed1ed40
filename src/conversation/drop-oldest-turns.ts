// A history without its oldest turns, each of them whole: a turn begins where the user speaks and ends before he speaks
// again. System messages and the last turn are never touched.

import type { Message } from "../contract/chat-request.ts";
import { estimateMessage } from "./estimate-prompt.ts";

export interface KeptMessages {
  /** Indexes of what is left, in order. */
  readonly kept: readonly number[];
  /** Estimated, of what is gone. */
  readonly freedTokens: number;
}

/** @param excessTokens turns go until so many are gone, or none but the last is left */
export function dropOldestTurns(messages: readonly Message[], excessTokens: number): KeptMessages {
  let freedTokens = 0;
  let end = 0;
  // Where a turn begins, all that stands before it may go.
  for (const start of findTurnStarts(messages).slice(1)) {
    if (freedTokens >= excessTokens) break;
    for (const message of messages.slice(end, start)) {
      if (message.role !== "system") freedTokens += estimateMessage(message);
    }
    end = start;
  }
  const kept = [...messages.keys()].filter((index) => index >= end || messages[index]?.role === "system");
  return { kept, freedTokens };
}

/** The first is 0. A turn does not end while a call in it is answered later: servers refuse one without the other. */
function findTurnStarts(messages: readonly Message[]): readonly number[] {
  const starts = [0];
  /** Clients use ids again: the newest call of an id is the one that is answered. */
  const callers = new Map<string, number>();
  let newestCaller: number | undefined;
  let previous: Message["role"] | undefined;
  let hasUser = false;
  for (const [index, message] of messages.entries()) {
    if (message.role === "system") continue;
    if (message.role === "user") {
      // What the user says in several messages is one question.
      if (hasUser && previous !== "user") starts.push(index);
      hasUser = true;
    } else if (message.role === "assistant" && message.toolCalls.length > 0) {
      for (const { callId } of message.toolCalls) callers.set(callId, index);
      newestCaller = index;
    } else if (message.role === "tool") {
      const caller = callers.get(message.callId) ?? newestCaller ?? index;
      while ((starts.at(-1) ?? 0) > caller) starts.pop();
    }
    previous = message.role;
  }
  return starts;
}
