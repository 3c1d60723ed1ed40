// Files of clients in SQLite, in a database of their own: writing one of 20 MB holds up nobody's turn.

import { join } from "node:path";
import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../telemetry/log.ts";
import { retryWhileBusy } from "../busy-retry.ts";
import files from "../file-migrations/001-files.sql" with { type: "text" };
import type { FileLimits, FilePage, FileQuestion, FileStore, KeptFile } from "../file-store.ts";
import { type LogCopying, openDatabase } from "../open-database.ts";

/** A type alias, not an interface, so that it can be bound. */
type Key = { readonly caller: string; readonly id: string };

const sweptAtOnce = 20;

export const fileMigrations: readonly string[] = [files];
export const fileDatabaseName = "files.db";

export function fileDatabasePath(dataDir: string): string {
  return join(dataDir, fileDatabaseName);
}

const columns = `file_id AS id, name, purpose, media_type AS mediaType, bytes, created_at_ms AS createdAtMs,
  expires_at_ms AS expiresAtMs`;

/**
 * @param path of the file, or `inMemory`
 * @throws {GatewayError} when the file cannot be opened, is no database, is damaged, or belongs to a newer version.
 */
export function openSqliteFiles(path: string, clock: Clock, log: Log, copying?: LogCopying): FileStore {
  const database = openDatabase(path, log, fileMigrations, copying);
  const insert = database.prepare(`
    INSERT INTO files (caller, file_id, name, purpose, media_type, bytes, created_at_ms, expires_at_ms, sequence)
    VALUES ($caller, $id, $name, $purpose, $mediaType, $bytes, $createdAtMs, $expiresAtMs,
      (SELECT ifnull(max(sequence), 0) + 1 FROM files WHERE caller = $caller))`);
  const insertContent = database.prepare(
    "INSERT INTO file_contents (caller, file_id, content) VALUES ($caller, $id, $content)",
  );
  const count = database.prepare<{ files: number; bytes: number }, [{ caller: string; nowMs: number }]>(`
    SELECT count(*) AS files, ifnull(sum(bytes), 0) AS bytes FROM files
    WHERE caller = $caller AND expires_at_ms > $nowMs`);
  const find = database.prepare<KeptFile, [Key & { nowMs: number }]>(
    `SELECT ${columns} FROM files WHERE caller = $caller AND file_id = $id AND expires_at_ms > $nowMs`,
  );
  const findContent = database.prepare<{ content: Uint8Array }, [Key]>(
    "SELECT content FROM file_contents WHERE caller = $caller AND file_id = $id",
  );
  const findSequence = database.prepare<{ sequence: number }, [Key]>(
    "SELECT sequence FROM files WHERE caller = $caller AND file_id = $id",
  );
  type PageKey = { caller: string; nowMs: number; purpose: string | null; sequence: number; limit: number };
  const ofPage = "caller = $caller AND expires_at_ms > $nowMs AND ($purpose IS NULL OR purpose = $purpose)";
  const pages = {
    asc: database.prepare<KeptFile, [PageKey]>(
      `SELECT ${columns} FROM files WHERE ${ofPage} AND sequence > $sequence ORDER BY sequence LIMIT $limit`,
    ),
    desc: database.prepare<KeptFile, [PageKey]>(
      `SELECT ${columns} FROM files WHERE ${ofPage} AND sequence < $sequence ORDER BY sequence DESC LIMIT $limit`,
    ),
  };
  const deleteFile = database.prepare("DELETE FROM files WHERE caller = $caller AND file_id = $id");
  const deleteContent = database.prepare("DELETE FROM file_contents WHERE caller = $caller AND file_id = $id");
  const findExpired = database.prepare<Key, [{ nowMs: number; limit: number }]>(
    "SELECT caller, file_id AS id FROM files WHERE expires_at_ms <= $nowMs LIMIT $limit",
  );

  const forgetAll = (key: Key): void => {
    deleteContent.run(key);
    deleteFile.run(key);
  };
  const add = database.transaction((caller: string, file: KeptFile, content: Uint8Array, limits: FileLimits) => {
    const kept = count.get({ caller, nowMs: clock() }) ?? { files: 0, bytes: 0 };
    if (kept.files >= limits.maxFiles) return "maxFiles" as const;
    if (kept.bytes + file.bytes > limits.maxBytes) return "maxBytes" as const;
    insert.run({ caller, ...file });
    insertContent.run({ caller, id: file.id, content });
    return undefined;
  });
  const forget = database.transaction((key: Key) => {
    const wasThere = find.get({ ...key, nowMs: clock() }) !== null;
    forgetAll(key);
    return wasThere;
  });
  const sweep = database.transaction(() => {
    const expired = findExpired.all({ nowMs: clock(), limit: sweptAtOnce });
    for (const key of expired) forgetAll(key);
    return expired.length;
  });

  function readPage(caller: string, { order, from, limit, purpose }: FileQuestion): FilePage | undefined {
    const start = from === undefined ? undefined : findSequence.get({ caller, id: from.id })?.sequence;
    if (from !== undefined && start === undefined) return undefined;
    const isBefore = from?.side === "before";
    // What stands before a file is behind it in the other order.
    const way = (order === "asc") === isBefore ? "desc" : "asc";
    const sequence = start ?? (way === "asc" ? 0 : Number.MAX_SAFE_INTEGER);
    const rows = pages[way].all({ caller, nowMs: clock(), purpose: purpose ?? null, sequence, limit: limit + 1 });
    const files = rows.slice(0, limit);
    return { files: isBefore ? files.reverse() : files, hasMore: rows.length > limit };
  }

  return {
    add: (caller, file, content, limits) => retryWhileBusy(() => add.immediate(caller, file, content, limits)),
    find: (caller, id) => retryWhileBusy(() => find.get({ caller, id, nowMs: clock() }) ?? undefined),
    readContent: (caller, id) =>
      retryWhileBusy(() => {
        if (find.get({ caller, id, nowMs: clock() }) === null) return undefined;
        return findContent.get({ caller, id })?.content;
      }),
    list: (caller, question) => retryWhileBusy(() => readPage(caller, question)),
    forget: (caller, id) => retryWhileBusy(() => forget.immediate({ caller, id })),
    async sweep() {
      while ((await retryWhileBusy(() => sweep.immediate())) === sweptAtOnce);
      // Some megabytes at a time: it holds up the rest while it runs.
      database.run("PRAGMA incremental_vacuum(4000)");
    },
    close: () => database.close(),
  };
}
