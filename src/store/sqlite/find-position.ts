// Which place in which chat a request continues, as the SQLite driver finds it. Reads alone: leasing is the caller's.

import type { Moment } from "./connection.ts";
import { hashListKey } from "../hash-list.ts";
import type { PositionRow, Questions } from "./questions.ts";
import type { PrefixFingerprint, TurnLookup } from "../store.ts";

export interface Position {
  readonly row: PositionRow;
  /** Undefined when it was found by head. */
  readonly prefixIndex: number | undefined;
}

/** Greater than any time: no lease counts. */
const ignoringLeases = Number.MAX_SAFE_INTEGER;

/** By the rules of `Store.beginTurn`. */
export function findPosition(
  questions: Questions,
  caller: string,
  lookup: TurnLookup,
  moment: Moment,
): Position | "busy" | undefined {
  return lookup.by === "head"
    ? findHead(questions, caller, lookup.sessionId, moment)
    : findTurn(questions, caller, lookup, moment);
}

function findHead(
  questions: Questions,
  caller: string,
  sessionId: string,
  { nowMs, oldestMs }: Moment,
): Position | "busy" | undefined {
  const row = questions.findHead.get({ caller, sessionId, oldestMs });
  if (row === null) return undefined;
  const { upstream, account, chatId } = row;
  const lease = questions.findLease.get({ upstream, account, chatId });
  if (lease !== null && lease.leasedUntilMs > nowMs) return "busy";
  return { row, prefixIndex: undefined };
}

function findTurn(
  questions: Questions,
  caller: string,
  lookup: TurnLookup & { by: "history" },
  { nowMs, oldestMs }: Moment,
): Position | undefined {
  const { sessionHint, prefixes } = lookup;
  const search = { caller, systemKey: hashListKey(lookup.systemHashes), oldestMs, sessionHint };
  // Nearly all that is found is found by the whole history: then the shorter ones need not be asked about.
  const whole = prefixes[0] === undefined ? null : findStrict(questions, search, prefixes[0].strict, nowMs);
  if (whole !== null) return { row: whole, prefixIndex: 0 };
  return findPrefix(questions, search, prefixes, nowMs);
}

interface Search {
  readonly caller: string;
  readonly systemKey: string;
  readonly oldestMs: number;
  readonly sessionHint: string | undefined;
}

function findStrict(
  questions: Questions,
  { caller, systemKey, oldestMs, sessionHint }: Search,
  fingerprint: string,
  leasedAfterMs: number,
): PositionRow | null {
  if (sessionHint === undefined) {
    return questions.findTurn.get({ caller, systemKey, oldestMs, fingerprint, leasedAfterMs });
  }
  return questions.findHintedTurn.get({ caller, systemKey, oldestMs, fingerprint, sessionHint, leasedAfterMs });
}

/** Any of them, the longest first. */
function findPrefix(
  questions: Questions,
  search: Search,
  prefixes: readonly PrefixFingerprint[],
  nowMs: number,
): Position | undefined {
  const { caller, systemKey, oldestMs, sessionHint } = search;
  const known = questions.findKnownPrefixes.all({
    prefixes: JSON.stringify(prefixes),
    sessionHint: sessionHint ?? null,
  });
  for (const { prefixIndex } of known) {
    const prefix = prefixes[prefixIndex];
    if (prefix === undefined) continue;
    const { strict, loose, lastTurn } = prefix;
    const asks = [(leasedAfterMs: number) => findStrict(questions, search, strict, leasedAfterMs)];
    if (sessionHint !== undefined) {
      asks.push((leasedAfterMs) =>
        questions.findLooseTurn.get({ caller, systemKey, oldestMs, loose, lastTurn, sessionHint, leasedAfterMs }),
      );
    }
    for (const ask of asks) {
      const row = ask(nowMs);
      if (row !== null) return { row, prefixIndex };
      // All that fits is leased: neither the loose fingerprint nor a shorter prefix may stand in for it.
      if (ask(ignoringLeases) !== null) return undefined;
    }
  }
  return undefined;
}
