// The history as it is looked at: lists by what is known of exchanges or by their words, a window at a time, and one of them
// whole.

import type { Database } from "bun:sqlite";
import { callerWord, phrase } from "./document-match.ts";
import type { SearchTerm } from "../document-store.ts";
import {
  type ExchangeFilter,
  type HistoryScope,
  type HistoryStore,
  type KeptExchange,
  mostWordPieces,
  type ScanWindow,
} from "../history-store.ts";

type Row = Omit<KeptExchange, "stream" | "isEstimated"> & { readonly stream: number; readonly isEstimated: number };
type Bound = Record<string, string | number>;

const columns = `exchange_key AS exchangeKey, exchange_id AS exchangeId, caller, request_id AS requestId,
  started_at_ms AS startedAtMs, ended_at_ms AS endedAtMs, surface, model, upstream, account, session_id AS sessionId, status,
  outcome, error_kind AS errorKind, stream, attempts, first_token_ms AS firstTokenMs, total_ms AS totalMs,
  input_tokens AS inputTokens, output_tokens AS outputTokens, is_estimated AS isEstimated, sent_bytes AS sentBytes,
  content AS contentState`;

/** Above every key. */
const endKey = 2 ** 44;

export type HistoryReads = Pick<HistoryStore, "scan" | "find" | "keyOf" | "idOf">;

export function prepareHistoryReads(database: Database): HistoryReads {
  const findRow = database.prepare<Row, { exchangeId: string }>(
    `SELECT ${columns} FROM exchanges WHERE exchange_id = $exchangeId`,
  );
  const findId = database.prepare<{ exchangeId: string }, { exchangeKey: number }>(
    "SELECT exchange_id AS exchangeId FROM exchanges WHERE exchange_key = $exchangeKey",
  );
  const findContent = database.prepare<{ request: string; reply: string }, { exchangeKey: number }>(
    "SELECT request, reply FROM contents WHERE exchange_key = $exchangeKey",
  );

  function find(scope: HistoryScope, exchangeId: string): Row | undefined {
    const found = findRow.get({ exchangeId }) ?? undefined;
    return scope === undefined || found?.caller === scope ? found : undefined;
  }

  /** Only which conditions stand in it depends on the client; what they compare with is bound. */
  function select<Found>(what: string, { where, bound }: Conditions, end: string, limits: Bound): Found[] {
    using statement = database.prepare<Found, Bound>(
      `SELECT ${what} FROM exchanges WHERE ${where.join(" AND ")} ORDER BY exchange_key ${end}`,
    );
    return statement.all({ ...bound, ...limits });
  }

  /** The last of so many that may be looked at. Undefined: there are fewer. */
  function lastKeyOf(base: Conditions, direction: "ASC" | "DESC", rows: number): number | undefined {
    const [last] = select<{ exchangeKey: number }>(
      "exchange_key AS exchangeKey",
      base,
      `${direction} LIMIT 1 OFFSET $skipped`,
      { skipped: rows - 1 },
    );
    return last?.exchangeKey;
  }

  return {
    scan(scope, filter, { order, afterKey, limit, rows }) {
      const direction = order === "asc" ? "ASC" : "DESC";
      const lastKey = lastKeyOf(indexed(scope, filter, rangeOf({ order, afterKey }, undefined)), direction, rows);
      const conditions = filtered(scope, filter, rangeOf({ order, afterKey }, lastKey));
      const found = select<Row>(columns, conditions, `${direction} LIMIT $limit`, { limit });
      // What is behind the last one that was wanted has not been looked at.
      const nextKey = found.length < limit ? lastKey : found.at(-1)?.exchangeKey;
      return { exchanges: found.map(exchangeOf), nextKey };
    },
    find(scope, exchangeId) {
      const found = find(scope, exchangeId);
      if (found === undefined) return undefined;
      const { exchangeKey } = found;
      return { ...exchangeOf(found), content: findContent.get({ exchangeKey }) ?? undefined };
    },
    keyOf: (scope, exchangeId) => find(scope, exchangeId)?.exchangeKey,
    idOf: (exchangeKey) => findId.get({ exchangeKey })?.exchangeId,
  };
}

interface Conditions {
  readonly where: readonly string[];
  readonly bound: Bound;
}

/** Both included. */
interface KeyRange {
  readonly firstKey: number;
  readonly lastKey: number;
}

function rangeOf({ order, afterKey }: Pick<ScanWindow, "order" | "afterKey">, endsWith: number | undefined): KeyRange {
  if (order === "asc") return { firstKey: (afterKey ?? -1) + 1, lastKey: endsWith ?? endKey };
  return { firstKey: endsWith ?? 0, lastKey: (afterKey ?? endKey + 1) - 1 };
}

/** What an index holds: to step over those that fit costs next to nothing. */
function indexed(scope: HistoryScope, { sessionId }: ExchangeFilter, { firstKey, lastKey }: KeyRange): Conditions {
  const where = ["exchange_key BETWEEN $firstKey AND $lastKey"];
  const bound: Bound = { firstKey, lastKey };
  if (scope !== undefined) {
    where.push("caller = $caller");
    bound["caller"] = scope;
    if (sessionId !== undefined) {
      where.push("session_id = $sessionId");
      bound["sessionId"] = sessionId;
    }
  }
  return { where, bound };
}

function filtered(scope: HistoryScope, filter: ExchangeFilter, range: KeyRange): Conditions {
  const base = indexed(scope, {}, range);
  const where = [...base.where];
  const bound: Bound = { ...base.bound };
  const add = (condition: string, name: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    where.push(condition);
    bound[name] = value;
  };
  add("session_id = $sessionId", "sessionId", filter.sessionId);
  add("surface = $surface", "surface", filter.surface);
  add("model = $model", "model", filter.model);
  add("upstream = $upstream", "upstream", filter.upstream);
  add("status = $status", "status", filter.status);
  add("outcome = $outcome", "outcome", filter.outcome);
  add("started_at_ms >= $sinceMs", "sinceMs", filter.sinceMs);
  add("started_at_ms < $untilMs", "untilMs", filter.untilMs);
  const terms = filter.terms ?? [];
  if (terms.length > 0) {
    bound["firstWord"] = range.firstKey * mostWordPieces;
    bound["lastWord"] = range.lastKey * mostWordPieces + mostWordPieces - 1;
  }
  // Each term for itself: they may stand in different pieces of what was said.
  for (const [index, term] of terms.entries()) {
    const found = `SELECT rowid / ${mostWordPieces} FROM exchange_words
      WHERE exchange_words MATCH $term${index} AND rowid BETWEEN $firstWord AND $lastWord`;
    add(`exchange_key IN (${found})`, `term${index}`, match(scope, term));
  }
  return { where, bound };
}

/** FTS5 joins the caller to the words and never looks at what others have. */
function match(scope: HistoryScope, term: SearchTerm): string {
  const words = `words : ${phrase(term)}`;
  return scope === undefined ? words : `scope : "${historyScope(scope)}" AND ${words}`;
}

/** What stands in the column `scope`. */
export function historyScope(caller: string): string {
  return callerWord(caller);
}

function exchangeOf({ stream, isEstimated, ...row }: Row): KeptExchange {
  return { ...row, stream: stream === 1, isEstimated: isEstimated === 1 };
}
