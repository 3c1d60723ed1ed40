// The prepared statements about keys and amounts: beside those of turns, since most gateways never ask them.

import type { Database, Statement } from "bun:sqlite";
import type { AddedAmount, AmountPart, AmountSpan } from "../amount-store.ts";
import type { LeaseOwner } from "../lease-owner.ts";

const callerQuestionTexts = {
  keysRevision: "SELECT revision FROM api_keys_revision WHERE id = 1",
  listKeys: `
    SELECT prefix, name, digest, scopes, limits, created_at_ms AS createdAtMs, expires_at_ms AS expiresAtMs,
      revoked_at_ms AS revokedAtMs
    FROM api_keys ORDER BY created_at_ms, prefix`,
  addKey: `
    INSERT INTO api_keys (prefix, name, digest, scopes, limits, created_at_ms, expires_at_ms)
    VALUES ($prefix, $name, $digest, $scopes, $limits, $nowMs, $expiresAtMs)
    ON CONFLICT DO NOTHING`,
  revokeKey: "UPDATE api_keys SET revoked_at_ms = $nowMs WHERE prefix = $prefix AND revoked_at_ms IS NULL",
  removeKey: "DELETE FROM api_keys WHERE prefix = $prefix",

  readAmounts: `
    SELECT start_ms AS startMs, amount, last_ms AS lastMs FROM amounts
    WHERE subject = $subject AND kind = $kind AND start_ms >= $sinceMs`,
  addAmount: `
    INSERT INTO amounts (subject, kind, start_ms, amount, last_ms) VALUES ($subject, $kind, $startMs, $amount, $lastMs)
    ON CONFLICT (subject, kind, start_ms) DO UPDATE SET amount = amount + $amount, last_ms = max(last_ms, $lastMs)
    RETURNING amount`,
  subjectsOfKind: `
    SELECT DISTINCT subject FROM amounts
    WHERE kind = $kind AND start_ms >= $sinceMs AND amount <> 0 AND subject > $after AND subject < $before
    ORDER BY subject LIMIT $limit`,
  forgetAmounts: "DELETE FROM amounts WHERE subject = $subject",
  dropAmounts: "DELETE FROM amounts WHERE kind = $kind AND start_ms < $beforeMs",
  dropHolders: "DELETE FROM running_replies WHERE until_ms < $nowMs",

  subjectsWithReplies: `
    SELECT DISTINCT subject FROM running_replies WHERE subject > $after AND subject < $before ORDER BY subject LIMIT $limit`,
  findHolders: `
    SELECT holder, owner_host AS ownerHost, owner_pid AS ownerPid, owner_started_ms AS ownerStartedMs, held, until_ms AS untilMs
    FROM running_replies WHERE subject = $subject`,
  holdReplies: `
    INSERT INTO running_replies (subject, holder, owner_host, owner_pid, owner_started_ms, held, until_ms)
    VALUES ($subject, $holder, $ownerHost, $ownerPid, $ownerStartedMs, $held, $untilMs)
    ON CONFLICT (subject, holder) DO UPDATE SET held = $held, until_ms = $untilMs`,
  dropHolder: "DELETE FROM running_replies WHERE subject = $subject AND holder = $holder",
  renewReplies: "UPDATE running_replies SET until_ms = $untilMs WHERE holder = $holder",
} as const;

/** As it stands in the table. Scopes and limits are JSON text. */
export interface KeyRow {
  readonly prefix: string;
  readonly name: string;
  readonly digest: Uint8Array;
  readonly scopes: string;
  readonly limits: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
}

type NewKey = Omit<KeyRow, "createdAtMs" | "revokedAtMs"> & { nowMs: number };
type Added = { [Field in keyof AddedAmount]: AddedAmount[Field] };
type Span = { [Field in keyof AmountSpan]: AmountSpan[Field] };
type Owner = { [Field in keyof LeaseOwner]: LeaseOwner[Field] };
type Range = { after: string; before: string; limit: number };
type Holder = LeaseOwner & { readonly holder: string; readonly held: number; readonly untilMs: number };

export function prepareCallerQuestions(database: Database) {
  const statements: Statement[] = [];
  function prepare<Row, Parameters extends Record<string, string | number | Uint8Array | null>>(
    name: keyof typeof callerQuestionTexts,
  ) {
    const statement = database.prepare<Row, [Parameters]>(callerQuestionTexts[name]);
    statements.push(statement);
    return statement;
  }
  return {
    keysRevision: prepare<{ revision: number }, Record<string, never>>("keysRevision"),
    listKeys: prepare<KeyRow, Record<string, never>>("listKeys"),
    addKey: prepare<never, NewKey>("addKey"),
    revokeKey: prepare<never, { prefix: string; nowMs: number }>("revokeKey"),
    removeKey: prepare<never, { prefix: string }>("removeKey"),
    readAmounts: prepare<AmountPart, Span>("readAmounts"),
    addAmount: prepare<{ amount: number }, Added>("addAmount"),
    subjectsOfKind: prepare<{ subject: string }, Range & { kind: string; sinceMs: number }>("subjectsOfKind"),
    subjectsWithReplies: prepare<{ subject: string }, Range>("subjectsWithReplies"),
    forgetAmounts: prepare<never, { subject: string }>("forgetAmounts"),
    dropAmounts: prepare<never, { kind: string; beforeMs: number }>("dropAmounts"),
    dropHolders: prepare<never, { nowMs: number }>("dropHolders"),
    findHolders: prepare<Holder, { subject: string }>("findHolders"),
    holdReplies: prepare<never, Owner & { subject: string; holder: string; held: number; untilMs: number }>(
      "holdReplies",
    ),
    dropHolder: prepare<never, { subject: string; holder: string }>("dropHolder"),
    renewReplies: prepare<never, { holder: string; untilMs: number }>("renewReplies"),
    finalizeAll() {
      for (const statement of statements) statement.finalize();
    },
  };
}

export type CallerQuestions = ReturnType<typeof prepareCallerQuestions>;
