// Responses in SQLite: a row a response, a row a tree of them.

import type { Database } from "bun:sqlite";
import type { Clock } from "../../contract/clock.ts";
import { parseExact, stringifyExact } from "../../contract/exact-json.ts";
import type { JsonObject } from "../../contract/json.ts";
import { retryWhileBusy } from "../busy-retry.ts";
import { createByteBudget } from "./byte-budget.ts";
import { erasureOf } from "./erasure.ts";
import { isDead, type LeaseOwner, thisProcess } from "../lease-owner.ts";
import {
  defaultResponseBytes,
  type FoundResponse,
  type NewResponse,
  type ResponseStep,
  type ResponseStore,
} from "../response-store.ts";
import { createSharedInputs, itemsOf, type ResponseKey, type ResponseThread } from "./shared-inputs.ts";

export interface SqliteResponsesOptions {
  readonly clock: Clock;
  /** Trees that were last gone on from longer ago are expired. */
  readonly sessionTimeoutMs: number;
  /** Of all that is kept. Beyond it a sweep deletes the trees that were last gone on from first. @defaultValue 536_870_912 */
  readonly maxBytes?: number;
  /** Who runs what begins here. @defaultValue this process */
  readonly owner?: LeaseOwner;
}

interface ResponseRow {
  readonly id: string;
  readonly previousId: string | null;
  readonly response: string;
  readonly input: string;
  readonly output: string;
  /** 1: its input begins with items that another row holds. */
  readonly isShared: number;
  readonly owner: string | null;
}

type StepRow = Omit<ResponseRow, "response" | "owner">;

/** Trees of one deleting transaction: it must stay short beside answers that end. */
const sweptThreads = 50;

/** Of another machine nobody can tell whether it lives; no answer takes so long. */
const longestRunMs = 60 * 60 * 1000;

const stepColumns =
  "r.response_id AS id, r.previous_id AS previousId, r.input, r.output, s.shares_id IS NOT NULL AS isShared";
const withShares = "LEFT JOIN response_shares s ON s.caller = r.caller AND s.response_id = r.response_id";
const withThread = "JOIN response_threads t ON t.caller = r.caller AND t.thread_id = r.thread_id";

export function createSqliteResponses(database: Database, options: SqliteResponsesOptions): ResponseStore {
  const { clock, maxBytes = defaultResponseBytes, owner = thisProcess() } = options;
  const inputs = createSharedInputs(database);
  const rememberResponse = database.prepare(`
    INSERT INTO responses (caller, response_id, previous_id, thread_id, response, input, output, owner)
    VALUES ($caller, $id, $previousId, $threadId, $response, $input, $output, $owner)`);
  const changeResponse = database.prepare(
    "UPDATE responses SET response = $response, output = $output WHERE caller = $caller AND response_id = $id",
  );
  const touchThread = database.prepare(`
    INSERT INTO response_threads (caller, thread_id, updated_at_ms) VALUES ($caller, $threadId, $nowMs)
    ON CONFLICT DO UPDATE SET updated_at_ms = $nowMs`);
  const findThread = database.prepare<ResponseThread, [ResponseKey]>(
    "SELECT caller, thread_id AS threadId FROM responses WHERE caller = $caller AND response_id = $id",
  );
  const findLiveThread = database.prepare<ResponseThread, [ResponseKey & { oldestMs: number }]>(`
    SELECT r.caller, r.thread_id AS threadId FROM responses r ${withThread}
    WHERE r.caller = $caller AND r.response_id = $id AND t.updated_at_ms >= $oldestMs`);
  const find = database.prepare<ResponseRow, [ResponseKey & { oldestMs: number }]>(`
    SELECT ${stepColumns}, r.response, r.owner FROM responses r ${withThread} ${withShares}
    WHERE r.caller = $caller AND r.response_id = $id AND t.updated_at_ms >= $oldestMs`);
  // A response names only one that was there before it, so that there are no circles to be walked for ever.
  const findPath = database.prepare<StepRow, [ResponseKey]>(`
    WITH RECURSIVE path (response_id, previous_id, depth) AS (
      SELECT response_id, previous_id, 0 FROM responses WHERE caller = $caller AND response_id = $id
      UNION ALL
      SELECT before.response_id, before.previous_id, path.depth + 1
      FROM path JOIN responses before ON before.caller = $caller AND before.response_id = path.previous_id)
    SELECT ${stepColumns} FROM path CROSS JOIN responses r ON r.caller = $caller AND r.response_id = path.response_id
    ${withShares}
    ORDER BY path.depth DESC`);
  const forgetResponse = database.prepare("DELETE FROM responses WHERE caller = $caller AND response_id = $id");
  const forgetEmptyThread = database.prepare(`
    DELETE FROM response_threads WHERE caller = $caller AND thread_id = $threadId
      AND NOT EXISTS (SELECT 1 FROM responses WHERE caller = $caller AND thread_id = $threadId)`);
  const findExpired = database.prepare<ResponseThread, [{ oldestMs: number; limit: number }]>(`
    SELECT caller, thread_id AS threadId FROM response_threads WHERE updated_at_ms < $oldestMs LIMIT $limit`);
  const forgetThread = database.prepare("DELETE FROM responses WHERE caller = $caller AND thread_id = $threadId");

  const linkSession = database.prepare(`
    INSERT INTO response_sessions (caller, session_id, response_id, created_at_ms)
    VALUES ($caller, $sessionId, $id, $nowMs) ON CONFLICT DO NOTHING`);
  const takeSession = database.prepare<{ id: string }, [{ caller: string; sessionId: string }]>(`
    DELETE FROM response_sessions WHERE caller = $caller AND session_id = $sessionId RETURNING response_id AS id`);
  const forgetLinks = database.prepare<unknown, [{ oldestMs: number }]>(`
    DELETE FROM response_sessions AS s WHERE created_at_ms < $oldestMs AND NOT EXISTS
      (SELECT 1 FROM responses r WHERE r.caller = s.caller AND r.response_id = s.response_id)`);

  const bytesOf = "ifnull(sum(octet_length(response) + octet_length(input) + octet_length(output)), 0) AS bytes";
  const countBytes = database.prepare<{ bytes: number }, []>(`SELECT ${bytesOf} FROM responses`);
  const countThread = database.prepare<{ bytes: number }, [ResponseThread]>(
    `SELECT ${bytesOf} FROM responses WHERE caller = $caller AND thread_id = $threadId`,
  );
  const findOldest = database.prepare<ResponseThread, [{ limit: number }]>(
    "SELECT caller, thread_id AS threadId FROM response_threads ORDER BY updated_at_ms LIMIT $limit",
  );

  const erasure = erasureOf(database);
  const oldestMs = (): number => clock() - options.sessionTimeoutMs;
  /** The tree of what it shares; null where that is gone, and all is to be written. */
  const threadOfShared = (caller: string, { previousId, shared }: NewResponse): ResponseThread | null =>
    previousId !== null || shared === undefined
      ? null
      : findLiveThread.get({ caller, id: shared.id, oldestMs: oldestMs() });
  const isLive = (key: ResponseKey): boolean => findLiveThread.get({ ...key, oldestMs: oldestMs() }) !== null;
  const remember = database.transaction((caller: string, added: NewResponse) => {
    const { id, previousId, response, shared } = added;
    const sharedThread = threadOfShared(caller, added);
    const before = previousId === null ? sharedThread : findThread.get({ caller, id: previousId });
    const threadId = before?.threadId ?? id;
    const isShared = shared !== undefined && sharedThread !== null;
    rememberResponse.run({
      caller,
      id,
      previousId,
      threadId,
      ...textsOf(response),
      input: stringifyExact(added.inputFrom(isShared ? shared.count : 0)),
      owner: response["status"] === "in_progress" ? JSON.stringify(owner) : null,
    });
    if (isShared) inputs.note({ caller, id }, shared);
    touchThread.run({ caller, threadId, nowMs: clock() });
  });
  const forget = database.transaction((key: ResponseKey) => {
    // One that has expired and was not swept yet is gone all the same.
    const isThere = isLive(key);
    const thread = findThread.get(key);
    inputs.handOn(key);
    forgetResponse.run(key);
    if (thread !== null) forgetEmptyThread.run(thread);
    return isThere;
  });
  const sweep = database.transaction((limitMs: number) => {
    const expired = findExpired.all({ oldestMs: limitMs, limit: sweptThreads });
    for (const thread of expired) forgetAll(thread);
    if (expired.length > 0) erasure.note("rows");
    return expired.length;
  });
  const forgetAll = (thread: ResponseThread): void => {
    inputs.forgetThread(thread);
    forgetThread.run(thread);
    forgetEmptyThread.run(thread);
  };
  const keepWithinBudget = createByteBudget<ResponseThread>(database, {
    maxBytes,
    countAll: () => countBytes.get()?.bytes ?? 0,
    findOldest: () => findOldest.all({ limit: sweptThreads }),
    bytesOf: (thread) => countThread.get(thread)?.bytes ?? 0,
    forget: forgetAll,
  });

  const stepOf = (caller: string, { id, previousId, input, output, isShared }: StepRow): ResponseStep => ({
    id,
    previousId,
    input: isShared === 1 ? inputs.read({ caller, id }) : itemsOf(input),
    output: itemsOf(output),
  });
  /** The casts are of values that this file has written. */
  const responseOf = (caller: string, row: ResponseRow): FoundResponse => {
    const { output, ...step } = stepOf(caller, row);
    const response: JsonObject = { ...(parseExact(row.response) as JsonObject), output };
    const kept = { ...step, response };
    if (row.owner === null || response["status"] !== "in_progress") return kept;
    const runner = JSON.parse(row.owner) as LeaseOwner;
    return mayRun(runner, response) ? { ...kept, runsElsewhere: runner } : kept;
  };
  const mayRun = (runner: LeaseOwner, { created_at: createdAt }: JsonObject): boolean => {
    if (runner.ownerHost !== owner.ownerHost) return clock() - Number(createdAt) * 1000 < longestRunMs;
    return runner.ownerPid !== owner.ownerPid && !isDead(runner, owner);
  };

  // In transactions: a row and what it shares must be of one moment.
  const readOne = database.transaction((key: ResponseKey) => {
    const row = find.get({ ...key, oldestMs: oldestMs() });
    return row === null ? undefined : responseOf(key.caller, row);
  });
  const readPath = database.transaction((key: ResponseKey) =>
    isLive(key) ? findPath.all(key).map((row) => stepOf(key.caller, row)) : [],
  );

  return {
    remember: (caller, response) => retryWhileBusy(() => remember.immediate(caller, response)),
    async change(caller, id, response) {
      await retryWhileBusy(() => changeResponse.run({ caller, id, ...textsOf(response) }));
    },
    find: (caller, id) => retryWhileBusy(() => readOne({ caller, id })),
    findPath: (caller, id) => retryWhileBusy(() => readPath({ caller, id })),
    async forget(caller, id) {
      const wasThere = await retryWhileBusy(() => forget.immediate({ caller, id }));
      erasure.note("rows");
      return wasThere;
    },
    async linkSession(caller, id, sessionId) {
      await retryWhileBusy(() => linkSession.run({ caller, id, sessionId, nowMs: clock() }));
      // All processes on a file are workers of one gateway, which tell one another.
      return true;
    },
    takeSession: (caller, sessionId) =>
      retryWhileBusy(() => takeSession.all({ caller, sessionId }).map(({ id }) => id)),
    async sweep() {
      // Of one that is not there yet: it may still run.
      await retryWhileBusy(() => forgetLinks.run({ oldestMs: clock() - longestRunMs }));
      while ((await retryWhileBusy(() => sweep.immediate(oldestMs()))) === sweptThreads);
      await keepWithinBudget();
    },
  };
}

function textsOf({ output, ...response }: JsonObject): { readonly response: string; readonly output: string } {
  return { response: stringifyExact(response), output: stringifyExact(output ?? []) };
}
