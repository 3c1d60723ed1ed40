// The Store in one SQLite file: survives kill -9, and several processes may share it. See turns.ts for the
// rules of turns and question-texts.ts for the SQL.

import { dirname, join } from "node:path";
import { Connection } from "./connection.ts";
import { HeldClaims } from "./held-claims.ts";
import { inMemory } from "../open-database.ts";
import { Openings } from "./openings.ts";
import { finishRestore } from "../pending-restore.ts";
import { SqliteAccounts } from "./accounts.ts";
import { SqliteCallers } from "./callers.ts";
import { SqliteSessions } from "./sessions.ts";
import { SqliteTurns } from "./turns.ts";
import type { Store } from "../store.ts";
import type { StoreOptions } from "../store-options.ts";
import { ofAccountsAndCallers, ofTurnsAndSessions } from "../store-parts.ts";

export const databaseName = "qwen-gateway.sqlite";

/** The database of the turns and accounts of a data directory. */
export function databasePath(dataDir: string): string {
  return join(dataDir, databaseName);
}

/**
 * Opens the file, creating it with its directory, readable by this user alone. Chats that a dead process of this
 * machine held are free again.
 * @throws {GatewayError} when it cannot be opened; the message says what to do.
 */
export function openSqliteStore(options: StoreOptions & { readonly path: string }): Store {
  if (options.path !== inMemory) finishRestore(dirname(options.path));
  const connection = new Connection(options);
  const claims = new HeldClaims(connection);
  const openings = new Openings(connection, claims);
  const turns = new SqliteTurns(connection, claims, openings);
  const sessions = new SqliteSessions(connection, openings);
  const accounts = new SqliteAccounts(connection);
  const callers = new SqliteCallers(connection);
  return {
    ...ofTurnsAndSessions(turns, sessions),
    forgetUnseen: (caller, sessionId, untilMs) => sessions.forgetUnseen(caller, sessionId, untilMs),
    async freeDead() {
      claims.abandonLeasesOfTheDead();
    },
    ...ofAccountsAndCallers(accounts, callers),
    probe: () => connection.probe(),
    async close() {
      if (connection.closed) return;
      await connection.flush();
      try {
        turns.abandonClaims();
      } catch (error) {
        // They run out by themselves, and the file must be closed in any case.
        connection.log.warn("Cannot free leases on close", { reason: String(error) });
      }
      connection.close();
    },
  };
}
