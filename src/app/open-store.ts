// The store that the settings name: a file of the data directory, or a server that several gateways share.

import { ConfigError } from "../config/config-error.ts";
import type { Config } from "../config/config-schema.ts";
import { finishRestore } from "../store/pending-restore.ts";
import { databasePath, openSqliteStore } from "../store/sqlite/open-store.ts";
import type { SharedRooms } from "../store/redis/open-store.ts";
import type { Store } from "../store/store.ts";
import type { StoreOptions } from "../store/store-options.ts";

export interface ConfiguredStoreOptions extends Omit<StoreOptions, "sessionTimeoutMs"> {
  /** Asked again and again: the setting may change. */
  sessionTimeoutMs(): number;
}

export interface ConfiguredStore extends Store {
  /** Of a shared store: what else stands there. */
  readonly rooms?: SharedRooms;
}

/**
 * @throws {ConfigError} for a shared store without MASTER_KEY
 * @throws {GatewayError} when it cannot be opened
 */
export async function openConfiguredStore(
  { dataDir, storeUrl, masterKey }: Pick<Config, "dataDir" | "storeUrl" | "masterKey">,
  { sessionTimeoutMs, ...parts }: ConfiguredStoreOptions,
): Promise<ConfiguredStore> {
  if (storeUrl === undefined) {
    return openSqliteStore({
      ...parts,
      path: databasePath(dataDir),
      get sessionTimeoutMs() {
        return sessionTimeoutMs();
      },
    });
  }
  requireMasterKey(masterKey);
  // What stays with this gateway is restored as well.
  finishRestore(dataDir);
  // Nobody else loads its scripts.
  const { openRedisStore } = await import("../store/redis/open-store.ts");
  return openRedisStore({
    ...parts,
    url: storeUrl,
    get sessionTimeoutMs() {
      return sessionTimeoutMs();
    },
  });
}

/** A key file is known to one machine alone: the accounts that it seals would be lost to all others. */
export function requireMasterKey(masterKey: string | undefined): void {
  if (masterKey !== undefined) return;
  throw new ConfigError([
    "Cannot use the shared store of STORE_URL without MASTER_KEY: all its gateways open the same accounts; make one with " +
      '"openssl rand -hex 32" and give it to each of them',
  ]);
}
