// The turns of the memory driver, found by fingerprint: which of them a request continues.

import { hashListKey } from "./hash-list.ts";
import type { ConversationView, PrefixFingerprint, TurnLookup, TurnRecord } from "./store.ts";

export interface Conversation {
  /** Rises with each conversation. */
  readonly order: number;
  readonly caller: string;
  readonly sessionId: string;
  view: ConversationView;
  head: Turn | undefined;
  readonly turns: Turn[];
  deleted: boolean;
  /** Its client names the session instead of sending a history. */
  byHead: boolean;
}

export interface Turn {
  readonly conversation: Conversation;
  readonly record: TurnRecord;
  readonly systemKey: string;
  readonly upstream: string;
  readonly account: string;
  readonly messageCount: number;
  continued: boolean;
}

/** What the index cannot know of a turn. */
export interface TurnState {
  isExpired(conversation: Conversation): boolean;
  isLeased(turn: Turn): boolean;
}

interface Search {
  readonly sessionHint: string | undefined;
  readonly systemKey: string;
  /** Set when the fingerprint leaves out tool results: the last assistant turn has to be this one then. */
  readonly lastTurn: string | undefined;
}

export class TurnIndex {
  /** By caller and fingerprint, strict and loose ones apart; oldest first. */
  readonly #turns = new Map<string, Turn[]>();
  readonly #state: TurnState;

  constructor(state: TurnState) {
    this.#state = state;
  }

  add(turn: Turn): void {
    for (const key of keysOf(turn)) {
      const turns = this.#turns.get(key);
      if (turns === undefined) this.#turns.set(key, [turn]);
      else turns.push(turn);
    }
  }

  /** Drops the turns of conversations that are marked as deleted. */
  forget(conversations: readonly Conversation[]): void {
    const touched = new Set(conversations.flatMap(({ turns }) => turns.flatMap(keysOf)));
    // Each list once, however many of its turns go.
    for (const key of touched) {
      const kept = this.#turns.get(key)?.filter((turn) => !turn.conversation.deleted) ?? [];
      if (kept.length === 0) this.#turns.delete(key);
      else this.#turns.set(key, kept);
    }
  }

  find(caller: string, lookup: TurnLookup & { by: "history" }): { turn: Turn; prefixIndex: number } | undefined {
    for (const [prefixIndex, prefix] of lookup.prefixes.entries()) {
      const found = this.#findPrefix(caller, prefix, lookup);
      if (found === "leased") return undefined;
      if (found !== undefined) return { turn: found, prefixIndex };
    }
    return undefined;
  }

  #findPrefix(caller: string, prefix: PrefixFingerprint, lookup: TurnLookup): Turn | "leased" | undefined {
    const { sessionHint } = lookup;
    const search = { sessionHint, systemKey: hashListKey(lookup.systemHashes), lastTurn: undefined };
    const found = this.#best(keyOf(caller, "strict", prefix.strict), search);
    if (found !== undefined || sessionHint === undefined) return found;
    return this.#best(keyOf(caller, "loose", prefix.loose), { ...search, lastTurn: prefix.lastTurn });
  }

  #best(key: string, search: Search): Turn | "leased" | undefined {
    const turns = this.#turns.get(key) ?? [];
    let best: Turn | "leased" | undefined;
    let bestPenalty = Number.POSITIVE_INFINITY;
    for (let index = turns.length - 1; index >= 0 && bestPenalty > 0; index--) {
      const turn = turns[index];
      const penalty = turn && this.#penalty(turn, search);
      if (turn === undefined || penalty === undefined || penalty >= bestPenalty) continue;
      if (this.#state.isLeased(turn)) {
        best ??= "leased";
        continue;
      }
      best = turn;
      bestPenalty = penalty;
    }
    return best;
  }

  /** The smaller the better; undefined when the turn must not be continued. */
  #penalty(turn: Turn, { sessionHint, systemKey, lastTurn }: Search): number | undefined {
    const { record } = turn;
    const equalHint = record.sessionHint === sessionHint;
    const equalSystem = turn.systemKey === systemKey;
    const hasEvidence = equalHint && sessionHint !== undefined;
    if (!equalSystem && !hasEvidence) return undefined;
    if (lastTurn !== undefined && !(hasEvidence && record.fingerprint.lastTurn === lastTurn)) return undefined;
    if (record.continuation.nodeId === null || this.#state.isExpired(turn.conversation)) return undefined;
    return (equalHint ? 0 : 4) + (equalSystem ? 0 : 2) + (turn.continued ? 1 : 0);
  }
}

/** JSON, because any of the parts may hold any character. */
export function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}

function keysOf({ conversation: { caller }, record: { fingerprint } }: Turn): readonly string[] {
  return [keyOf(caller, "strict", fingerprint.strict), keyOf(caller, "loose", fingerprint.loose)];
}
