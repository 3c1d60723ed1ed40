// Which result answers which call. Ids only say so as far as clients keep them.

import type { ToolCall } from "../contract/chat-request.ts";

export interface OrderedResult<Result> {
  readonly result: Result;
  /** Index of the call that is answered; -1 when there is none left. */
  readonly callIndex: number;
}

/**
 * Results in the order of their calls. One whose id no call has answers the first unanswered call; those that answer
 * none stand last, in their own order.
 */
export function orderResults<Result extends { readonly callId: string }>(
  results: readonly Result[],
  calls: readonly ToolCall[],
): readonly OrderedResult<Result>[] {
  if (results.length === 0) return [];
  const unanswered = new Map<string, number[]>();
  // Backwards, so that `pop` gives the earliest call where ids repeat: some upstreams leave them empty.
  for (const [index, call] of [...calls.entries()].reverse()) {
    const indexes = unanswered.get(call.callId);
    if (indexes === undefined) unanswered.set(call.callId, [index]);
    else indexes.push(index);
  }
  const matched = results.map((result) => ({ result, callIndex: unanswered.get(result.callId)?.pop() ?? -1 }));
  const left = [...unanswered.values()].flat().sort((a, b) => b - a);
  return matched
    .map((ordered) => (ordered.callIndex === -1 ? { ...ordered, callIndex: left.pop() ?? -1 } : ordered))
    .sort((a, b) => placeOf(a) - placeOf(b));
}

function placeOf({ callIndex }: OrderedResult<unknown>): number {
  return callIndex === -1 ? Number.MAX_SAFE_INTEGER : callIndex;
}
