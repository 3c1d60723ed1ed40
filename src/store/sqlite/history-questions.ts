// The prepared statements that write the history, one a question.

import type { Database } from "bun:sqlite";
import type { ContentState, ExchangeFacts } from "../history-store.ts";

type ByKey = { exchangeKey: number };
type ExchangeRow = { [Field in keyof Omit<ExchangeFacts, "stream" | "isEstimated">]: ExchangeFacts[Field] } & {
  caller: string;
  stream: number;
  isEstimated: number;
  contentState: ContentState;
};

export function prepareHistoryQuestions(database: Database) {
  return {
    insert: database.prepare<ByKey, ExchangeRow>(
      `INSERT INTO exchanges (exchange_id, caller, request_id, started_at_ms, ended_at_ms, surface, model, upstream,
         account, session_id, status, outcome, error_kind, stream, attempts, first_token_ms, total_ms, input_tokens,
         output_tokens, is_estimated, sent_bytes, content)
       VALUES ($exchangeId, $caller, $requestId, $startedAtMs, $endedAtMs, $surface, $model, $upstream, $account,
         $sessionId, $status, $outcome, $errorKind, $stream, $attempts, $firstTokenMs, $totalMs, $inputTokens,
         $outputTokens, $isEstimated, $sentBytes, $contentState)
       RETURNING exchange_key AS exchangeKey`,
    ),
    insertContent: database.prepare<unknown, ByKey & { request: string; reply: string }>(
      "INSERT INTO contents (exchange_key, request, reply) VALUES ($exchangeKey, $request, $reply)",
    ),
    insertWords: database.prepare<unknown, { rowid: number; scope: string; words: string }>(
      "INSERT INTO exchange_words (rowid, scope, words) VALUES ($rowid, $scope, $words)",
    ),
    oldestContents: database.prepare<ByKey, { limit: number }>(
      "SELECT exchange_key AS exchangeKey FROM contents ORDER BY exchange_key LIMIT $limit",
    ),
    // Of its length alone: what is long is not read for it.
    bytesOf: database.prepare<{ bytes: number }, ByKey>(
      `SELECT octet_length(request) + octet_length(reply) AS bytes FROM contents WHERE exchange_key = $exchangeKey`,
    ),
    noteDropped: database.prepare<unknown, ByKey>(
      "UPDATE exchanges SET content = 'dropped' WHERE exchange_key = $exchangeKey",
    ),
    oldest: database.prepare<ByKey, { limit: number }>(
      "SELECT exchange_key AS exchangeKey FROM exchanges ORDER BY exchange_key LIMIT $limit",
    ),
    endedBefore: database.prepare<ByKey, { endedBeforeMs: number; limit: number }>(
      `SELECT exchange_key AS exchangeKey FROM exchanges WHERE ended_at_ms < $endedBeforeMs
       ORDER BY ended_at_ms LIMIT $limit`,
    ),
    deleteExchange: database.prepare<unknown, ByKey>("DELETE FROM exchanges WHERE exchange_key = $exchangeKey"),
    deleteContent: database.prepare<unknown, ByKey>("DELETE FROM contents WHERE exchange_key = $exchangeKey"),
    hasContent: database.prepare<unknown, ByKey>("SELECT 1 FROM contents WHERE exchange_key = $exchangeKey"),
    deleteWords: database.prepare<unknown, { first: number; last: number }>(
      "DELETE FROM exchange_words WHERE rowid BETWEEN $first AND $last",
    ),
    mergeSegments: database.prepare<unknown, { pages: number }>(
      "INSERT INTO exchange_words (exchange_words, rank) VALUES ('merge', $pages)",
    ),
    totalChanges: database.prepare<{ count: number }, []>("SELECT total_changes() AS count"),
  };
}
