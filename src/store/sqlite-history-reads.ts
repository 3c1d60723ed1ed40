// The history as it is looked at: lists by what is known of exchanges or by their words, and one of them whole.

import type { Database } from "bun:sqlite";
import { callerWord, phrase } from "./document-match.ts";
import type { SearchTerm } from "./document-store.ts";
import {
  type ContentState,
  type ExchangeFacts,
  type ExchangeFilter,
  type HistoryStore,
  type KeptExchange,
  mostWordPieces,
} from "./history-store.ts";

type Row = Omit<ExchangeFacts, "stream" | "isEstimated"> & {
  readonly stream: number;
  readonly isEstimated: number;
  readonly exchangeKey: number;
  readonly contentState: ContentState;
};
type Bound = Record<string, string | number>;

const columns = `exchange_key AS exchangeKey, exchange_id AS exchangeId, request_id AS requestId, started_at_ms AS startedAtMs,
  ended_at_ms AS endedAtMs, surface, model, upstream, account, session_id AS sessionId, status, outcome,
  error_kind AS errorKind, stream, attempts, first_token_ms AS firstTokenMs, total_ms AS totalMs,
  input_tokens AS inputTokens, output_tokens AS outputTokens, is_estimated AS isEstimated, sent_bytes AS sentBytes,
  content AS contentState`;

export interface HistoryReads extends Pick<HistoryStore, "list" | "find"> {
  findKeys(caller: string, filter: ExchangeFilter, limit: number): { exchangeKey: number }[];
}

export function prepareHistoryReads(database: Database): HistoryReads {
  const findRow = database.prepare<Row, { caller: string; exchangeId: string }>(
    `SELECT ${columns} FROM exchanges WHERE exchange_id = $exchangeId AND caller = $caller`,
  );
  const findContent = database.prepare<{ request: string; reply: string }, { exchangeKey: number }>(
    "SELECT request, reply FROM contents WHERE exchange_key = $exchangeKey",
  );

  /** Only which conditions stand in it depends on the client; what they compare with is bound. */
  function select<Found>(what: string, { where, bound }: Conditions, order: "ASC" | "DESC", limit: number): Found[] {
    using statement = database.prepare<Found, Bound>(
      `SELECT ${what} FROM exchanges WHERE ${where} ORDER BY exchange_key ${order} LIMIT $limit`,
    );
    return statement.all({ ...bound, limit });
  }

  return {
    list(caller, filter, { order, after, afterKey, limit }) {
      const start = after === undefined ? afterKey : findRow.get({ caller, exchangeId: after })?.exchangeKey;
      // Behind one that is gone there is nothing: a list from its beginning would never end.
      if (after !== undefined && start === undefined) return { exchanges: [], hasMore: false };
      const sign = order === "asc" ? ">" : "<";
      const rows = select<Row>(
        columns,
        conditions(caller, filter, start === undefined ? undefined : { sign, key: start }),
        order === "asc" ? "ASC" : "DESC",
        limit + 1,
      );
      return { exchanges: rows.slice(0, limit).map(exchangeOf), hasMore: rows.length > limit };
    },
    find(caller, exchangeId) {
      const found = findRow.get({ caller, exchangeId });
      if (found === null) return undefined;
      const { exchangeKey } = found;
      return { ...exchangeOf(found), content: findContent.get({ exchangeKey }) ?? undefined };
    },
    findKeys: (caller, filter, limit) =>
      select("exchange_key AS exchangeKey", conditions(caller, filter), "ASC", limit),
  };
}

interface Conditions {
  readonly where: string;
  readonly bound: Bound;
}

function conditions(caller: string, filter: ExchangeFilter, start?: { sign: "<" | ">"; key: number }): Conditions {
  const where = ["caller = $caller"];
  const bound: Bound = { caller };
  const add = (condition: string, name: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    where.push(condition);
    bound[name] = value;
  };
  if (start !== undefined) add(`exchange_key ${start.sign} $startKey`, "startKey", start.key);
  add("session_id = $sessionId", "sessionId", filter.sessionId);
  add("surface = $surface", "surface", filter.surface);
  add("model = $model", "model", filter.model);
  add("upstream = $upstream", "upstream", filter.upstream);
  add("status = $status", "status", filter.status);
  add("outcome = $outcome", "outcome", filter.outcome);
  add("started_at_ms >= $sinceMs", "sinceMs", filter.sinceMs);
  add("started_at_ms < $untilMs", "untilMs", filter.untilMs);
  // Each term for itself: they may stand in different pieces of what was said.
  for (const [index, term] of (filter.terms ?? []).entries()) {
    const found = `SELECT rowid / ${mostWordPieces} FROM exchange_words WHERE exchange_words MATCH $term${index}`;
    add(`exchange_key IN (${found})`, `term${index}`, match(caller, term));
  }
  return { where: where.join(" AND "), bound };
}

/** FTS5 joins the caller to the words and never looks at what others have. */
function match(caller: string, term: SearchTerm): string {
  return `scope : "${historyScope(caller)}" AND words : ${phrase(term)}`;
}

/** What stands in the column `scope`. */
export function historyScope(caller: string): string {
  return callerWord(caller);
}

function exchangeOf({ stream, isEstimated, ...row }: Row): KeptExchange {
  return { ...row, stream: stream === 1, isEstimated: isEstimated === 1 };
}
