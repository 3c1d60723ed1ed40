// The index of replays on a shared store, and what was sent of each stream, so that another gateway can read it on.

import type { ReplayEnd, ReplayIndex, ReplayRecord, ReplayState } from "../replay-index.ts";
import type { SharedWishes } from "../stop-wishes.ts";
import { parseOwner } from "./claims.ts";
import type { Session } from "./session.ts";

/** Streams of one script: it must stay short beside running turns. */
const sweptAtOnce = 200;

/** As the script returns it: see `recordOf` there. */
type Row = readonly (string | null)[];

export function createRedisReplayIndex(session: Session, owner: string): ReplayIndex {
  const ask = (operation: string, more: object = {}): Promise<unknown> =>
    session.ask("replays", { operation, owner, ...more });

  return {
    async begin({ streamId, caller, createdAtMs }) {
      if ((await ask("begin", { id: streamId, caller, created: createdAtMs })) === 1) return;
      throw new Error(`Cannot begin a stream: there is one "${streamId}" already`);
    },
    async giveUp(streamId, state) {
      await ask("giveUp", { id: streamId, state });
    },
    async end(streamId, { state, isInterrupted, endedAtMs, expiresAtMs, bytes }: ReplayEnd) {
      const interrupted = isInterrupted ? 1 : 0;
      await ask("finish", { id: streamId, state, interrupted, ended: endedAtMs, expires: expiresAtMs, bytes });
    },
    async renew() {
      // The pulse of the leases says that this process lives.
    },
    async find(streamId) {
      const row = (await ask("find", { id: streamId })) as Row;
      return row.length === 0 ? undefined : recordOf(row);
    },
    listRunning: async () => ((await ask("listRunning")) as Row[]).map(recordOf),
    listOldestEnded: async (limit) => ((await ask("listOldestEnded", { limit })) as Row[]).map(recordOf),
    async expire(streamIds) {
      if (streamIds.length > 0) await ask("expire", { ids: streamIds });
    },
    async sweep(nowMs, forgetBeforeMs) {
      const expired: string[] = [];
      for (;;) {
        const asked = { at: nowMs, forgetBefore: forgetBeforeMs, limit: sweptAtOnce };
        const due = (await ask("sweep", asked)) as string[];
        expired.push(...due);
        if (due.length < sweptAtOnce) return expired;
      }
    },
    async findKept(streamIds) {
      if (streamIds.length === 0) return new Set();
      return new Set((await ask("findKept", { ids: streamIds })) as string[]);
    },
  };
}

/** The casts are of values that this file has written. */
function recordOf(row: Row): ReplayRecord {
  const [streamId, caller, state, owner, interrupted, created, expires, bytes, runner] = row.map(
    (value) => value ?? "",
  );
  return {
    streamId: streamId ?? "",
    caller: caller ?? "",
    state: state as ReplayState,
    owner: owner as ReplayRecord["owner"],
    runner: parseOwner(runner),
    isInterrupted: interrupted === "1",
    createdAtMs: Number(created),
    expiresAtMs: expires === "" ? undefined : Number(expires),
    bytes: Number(bytes),
  };
}

export function createRedisWishes(session: Session): SharedWishes {
  return {
    async wish(id) {
      await session.ask("replays", { operation: "wish", id });
    },
    async take(ids) {
      return ids.length === 0 ? [] : ((await session.ask("replays", { operation: "takeWishes", ids })) as string[]);
    },
  };
}

/** `torn`: not all that was sent is there, and nothing more comes. */
type FollowedState = "running" | "whole" | "interrupted" | "torn";

/** Texts of streams, which only grow. */
export interface SharedSpools {
  append(streamId: string, text: string): Promise<void>;
  /** Undefined: there is none. */
  read(streamId: string): Promise<string | undefined>;
  remove(streamId: string): Promise<void>;
  /** From this byte on, with how the stream is at that moment. */
  follow(streamId: string, fromByte: number): Promise<{ text: string; state: FollowedState }>;
}

export function createRedisSpools(session: Session): SharedSpools {
  const ask = (operation: string, id: string, texts?: readonly string[]): Promise<unknown> =>
    session.ask("replays", { operation, id }, texts);
  return {
    async append(streamId, text) {
      await ask("append", streamId, [text]);
    },
    read: async (streamId) => ((await ask("read", streamId)) as string | null) ?? undefined,
    async remove(streamId) {
      await ask("remove", streamId);
    },
    async follow(id, from) {
      const answer = await session.ask("replays", { operation: "follow", id, from });
      // The words of the script.
      const [text, state] = answer as [string, FollowedState];
      return { text, state };
    },
  };
}
