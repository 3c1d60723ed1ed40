// The index of replays in the database of the typed chat. A stream costs it three statements, an event none. Frames of short
// streams stand beside their rows.

import type { Database } from "bun:sqlite";
import type { Clock } from "../../contract/clock.ts";
import { othersFirst } from "../../contract/others-first.ts";
import { retryWhileBusy } from "../busy-retry.ts";
import { isDead, type LeaseOwner, thisProcess } from "../lease-owner.ts";
import { erasureOf } from "./erasure.ts";
import type { ReplayEnd, ReplayIndex, ReplayRecord, ReplayState } from "../replay-index.ts";
import { transactionsOf } from "./shared-transactions.ts";

/** A process of another machine that has not renewed its streams for so long is dead: three times it was due. */
const silentMs = 60_000;
/** Beside running answers a list must take short steps: a thousand rows are half a millisecond. */
const listedAtOnce = 1000;

interface Row extends LeaseOwner {
  readonly streamId: string;
  readonly caller: string;
  readonly state: ReplayState;
  readonly isInterrupted: number;
  readonly renewedAtMs: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly bytes: number;
}

const columns = `stream_id AS streamId, caller, state, owner_host AS ownerHost, owner_pid AS ownerPid,
  owner_started_ms AS ownerStartedMs, renewed_at_ms AS renewedAtMs, interrupted AS isInterrupted, created_at_ms AS createdAtMs,
  expires_at_ms AS expiresAtMs, bytes`;
const named = "stream_id IN (SELECT value FROM json_each($streamIds))";

export interface SqliteReplayIndexOptions {
  /** @defaultValue the system's */
  readonly clock?: Clock;
  /** Whose streams those are that begin here. @defaultValue this process */
  readonly owner?: LeaseOwner;
}

export function createSqliteReplayIndex(database: Database, options: SqliteReplayIndexOptions = {}): ReplayIndex {
  const { clock = Date.now, owner = thisProcess() } = options;
  const questions = prepareQuestions(database);
  const transactions = transactionsOf(database);
  const erasure = erasureOf(database);

  function toRecord(row: Row): ReplayRecord {
    const { streamId, caller, state, createdAtMs, bytes } = row;
    return {
      streamId,
      caller,
      state,
      owner: ownerOf(row),
      runner: { ownerHost: row.ownerHost, ownerPid: row.ownerPid, ownerStartedMs: row.ownerStartedMs },
      isInterrupted: row.isInterrupted === 1,
      createdAtMs,
      expiresAtMs: row.expiresAtMs ?? undefined,
      bytes,
    };
  }

  function ownerOf(row: Row): ReplayRecord["owner"] {
    if (isSame(row, owner)) return "this process";
    // Of another machine, or of a container that was replaced, nothing can be asked.
    const isSilent = row.ownerHost !== owner.ownerHost && clock() - row.renewedAtMs > silentMs;
    return isSilent || isDead(row, owner) ? "dead" : "another process";
  }

  return {
    async begin(stream) {
      await transactions.write(() => questions.begin.run({ ...stream, ...owner, nowMs: clock() }));
    },
    async giveUp(streamId, state) {
      await retryWhileBusy(() => questions.giveUp.run({ streamId, state }));
    },
    async end(streamId, { isInterrupted, frames, ...end }: ReplayEnd) {
      await transactions.write(() => {
        questions.end.run({ streamId, ...end, interrupted: isInterrupted ? 1 : 0 });
        if (frames !== undefined) questions.keepFrames.run({ streamId, frames });
      });
    },
    async renew() {
      await retryWhileBusy(() => questions.renew.run({ ...owner, nowMs: clock() }));
    },
    async find(streamId) {
      const row = await retryWhileBusy(() => questions.find.get({ streamId }));
      return row === null ? undefined : toRecord(row);
    },
    async listRunning() {
      const rows = await retryWhileBusy(() => questions.listRunning.all());
      return rows.map(toRecord);
    },
    async listOldestEnded(limit) {
      const rows = await retryWhileBusy(() => questions.listOldestEnded.all({ limit }));
      return rows.map(toRecord);
    },
    async expire(streamIds) {
      await retryWhileBusy(() => questions.expire.run({ streamIds: JSON.stringify(streamIds) }));
      erasure.note("rows");
    },
    async sweep(nowMs, forgetBeforeMs) {
      await retryWhileBusy(() => questions.forget.run({ forgetBeforeMs }));
      const rows = await retryWhileBusy(() => questions.expireDue.all({ nowMs }));
      if (rows.length > 0) erasure.note("rows");
      return rows.map(({ streamId }) => streamId);
    },
    async findKept(streamIds) {
      const rows = await retryWhileBusy(() => questions.findKept.all({ streamIds: JSON.stringify(streamIds) }));
      return new Set(rows.map(({ streamId }) => streamId));
    },
    frames: {
      find: (streamId) => retryWhileBusy(() => questions.findFrames.get({ streamId })?.frames),
      async list() {
        const all: { streamId: string; bytes: number }[] = [];
        for (;;) {
          const after = all.at(-1)?.streamId ?? "";
          const some = await retryWhileBusy(() => questions.listFrames.all({ after, limit: listedAtOnce }));
          all.push(...some);
          if (some.length < listedAtOnce) return all;
          await othersFirst();
        }
      },
    },
  };
}

/** The index's questions. What lists, expires or forgets is answered by an index of the table. */
export const replayQuestionTexts = {
  begin: `
    INSERT INTO replays (stream_id, caller, state, owner_host, owner_pid, owner_started_ms, renewed_at_ms, created_at_ms)
    VALUES ($streamId, $caller, 'running', $ownerHost, $ownerPid, $ownerStartedMs, $nowMs, $createdAtMs)`,
  giveUp: "UPDATE replays SET state = $state WHERE stream_id = $streamId AND ended_at_ms IS NULL",
  end: `
    UPDATE replays SET state = CASE state WHEN 'running' THEN $state ELSE state END, interrupted = $interrupted, ended_at_ms = $endedAtMs,
      expires_at_ms = $expiresAtMs, bytes = $bytes
    WHERE stream_id = $streamId AND ended_at_ms IS NULL`,
  renew: `
    UPDATE replays SET renewed_at_ms = $nowMs
    WHERE ended_at_ms IS NULL AND owner_host = $ownerHost AND owner_pid = $ownerPid AND owner_started_ms = $ownerStartedMs`,
  find: `SELECT ${columns} FROM replays WHERE stream_id = $streamId`,
  listRunning: `SELECT ${columns} FROM replays WHERE ended_at_ms IS NULL ORDER BY created_at_ms`,
  listOldestEnded: `SELECT ${columns} FROM replays WHERE state = 'ended' ORDER BY ended_at_ms LIMIT $limit`,
  expire: `UPDATE replays SET state = 'expired', bytes = 0 WHERE ${named}`,
  expireDue: `
    UPDATE replays SET state = 'expired', bytes = 0 WHERE expires_at_ms <= $nowMs AND state <> 'expired'
    RETURNING stream_id AS streamId`,
  forget: "DELETE FROM replays WHERE expires_at_ms <= $forgetBeforeMs",
  // Not of one that was given up, or had ended before.
  keepFrames: `
    INSERT OR IGNORE INTO replay_frames (stream_id, bytes, frames)
    SELECT stream_id, length($frames), $frames FROM replays WHERE stream_id = $streamId AND state = 'ended'`,
  findFrames: "SELECT frames FROM replay_frames WHERE stream_id = $streamId",
  listFrames: `
    SELECT stream_id AS streamId, bytes FROM replay_frames WHERE stream_id > $after ORDER BY stream_id LIMIT $limit`,
  findKept: `SELECT stream_id AS streamId FROM replays WHERE ${named} AND state IN ('running', 'ended')`,
} as const;

function prepareQuestions(database: Database) {
  const texts = replayQuestionTexts;
  const ask = <Answer, Question extends Record<string, string | number | Uint8Array>>(text: string) =>
    database.prepare<Answer, [Question]>(text);
  return {
    begin: ask<unknown, { streamId: string; caller: string; createdAtMs: number; nowMs: number } & Owner>(texts.begin),
    giveUp: ask<unknown, { streamId: string; state: string }>(texts.giveUp),
    end: ask<unknown, EndParameters>(texts.end),
    renew: ask<unknown, Owner & { nowMs: number }>(texts.renew),
    find: ask<Row, { streamId: string }>(texts.find),
    listRunning: database.prepare<Row, []>(texts.listRunning),
    listOldestEnded: ask<Row, { limit: number }>(texts.listOldestEnded),
    expire: ask<unknown, { streamIds: string }>(texts.expire),
    expireDue: ask<{ streamId: string }, { nowMs: number }>(texts.expireDue),
    forget: ask<unknown, { forgetBeforeMs: number }>(texts.forget),
    keepFrames: ask<unknown, { streamId: string; frames: Uint8Array }>(texts.keepFrames),
    findFrames: ask<{ frames: Uint8Array }, { streamId: string }>(texts.findFrames),
    listFrames: ask<{ streamId: string; bytes: number }, { after: string; limit: number }>(texts.listFrames),
    findKept: ask<{ streamId: string }, { streamIds: string }>(texts.findKept),
  };
}

type Owner = { [Field in keyof LeaseOwner]: LeaseOwner[Field] };
type EndParameters = Omit<ReplayEnd, "isInterrupted" | "frames"> & { streamId: string; interrupted: number };

function isSame(one: LeaseOwner, other: LeaseOwner): boolean {
  return (
    one.ownerHost === other.ownerHost && one.ownerPid === other.ownerPid && one.ownerStartedMs === other.ownerStartedMs
  );
}
