// API keys of a gateway's data directory, made and taken back as another process would: by a store of its own.

import { createStoredKeys, type CreatedKey, type KeyToCreate } from "../../src/server/auth/stored-keys.ts";
import { databasePath, openSqliteStore } from "../../src/store/sqlite/open-store.ts";
import type { Harness } from "./harness.ts";

export interface KeysBeside {
  /** The key itself. */
  create(name: string, wanted?: Omit<KeyToCreate, "name">): Promise<string>;
  revoke(which: string): Promise<void>;
}

async function withKeys<T>(
  { dataDir }: Pick<Harness, "dataDir">,
  work: (keys: ReturnType<typeof createStoredKeys>) => Promise<T>,
): Promise<T> {
  const store = openSqliteStore({ path: databasePath(dataDir), clock: Date.now, sessionTimeoutMs: 1e10 });
  try {
    return await work(createStoredKeys(store, Date.now));
  } finally {
    await store.close();
  }
}

export function keysBeside(harness: Pick<Harness, "dataDir">): KeysBeside {
  return {
    create: (name, wanted = {}) =>
      withKeys(harness, async (keys): Promise<CreatedKey> => keys.create({ name, ...wanted })).then(({ key }) => key),
    revoke: (which) => withKeys(harness, async (keys) => void (await keys.revoke(which))),
  };
}

export const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
