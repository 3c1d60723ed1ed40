// Everything that is sealed, sealed anew with another key. At every step, whatever dies there, what is stored opens with the keys
// that are stored or configured.

import { GatewayError } from "../contract/gateway-error.ts";
import type { AccountStore } from "../store/store.ts";
import { accountContext } from "./account-vault.ts";
import { createMasterKey, type KeySettings, loadMasterKeys, type MasterKeys, writeMasterKeys } from "./master-key.ts";
import { createSecretBox } from "./secret-box.ts";

export interface Rotation {
  /** Accounts that were sealed anew. */
  readonly accounts: number;
  /** A key of the settings was there before; one of the file is made here. */
  readonly key: "configured" | "new";
}

/**
 * The key file comes first, with the new key and those before it: a process that sees a new seal finds the key to it there, and
 * one that still seals with the former key makes nothing that cannot be opened.
 * @throws {GatewayError} when an account is sealed with an unknown key, or is being renewed: nothing has changed then.
 */
export async function rotateMasterKey(store: AccountStore, settings: KeySettings): Promise<Rotation> {
  const present = loadMasterKeys(settings);
  if (settings.masterKey !== undefined) {
    return { accounts: await resealOnly(store, present), key: "configured" };
  }
  await requireKnown(store, present);
  const fresh: MasterKeys = [createMasterKey(), ...present];
  writeMasterKeys(settings.dataDir, fresh);
  // Should it fail here: the file has both keys, and the next rotation begins with them.
  const accounts = await reseal(store, fresh, "all");
  writeMasterKeys(settings.dataDir, fresh.slice(0, 2));
  return { accounts, key: "new" };
}

/** What the first key opens stays as it is. */
function resealOnly(store: AccountStore, keys: MasterKeys): Promise<number> {
  return reseal(store, keys, "those of other keys");
}

async function requireKnown(store: AccountStore, keys: MasterKeys): Promise<void> {
  const box = createSecretBox(() => keys);
  await store.resealAccounts((upstream, { id, alias, sealed }) => {
    if (box.open(sealed, accountContext(upstream, id)) === undefined) throw locked(alias);
    return undefined;
  });
}

function reseal(store: AccountStore, keys: MasterKeys, which: "all" | "those of other keys"): Promise<number> {
  const any = createSecretBox(() => keys);
  const first = createSecretBox(() => [keys[0]]);
  return store.resealAccounts((upstream, { id, alias, sealed }) => {
    const context = accountContext(upstream, id);
    if (which === "those of other keys" && first.open(sealed, context) !== undefined) return undefined;
    const text = any.open(sealed, context);
    if (text === undefined) throw locked(alias);
    return first.seal(text, context);
  });
}

function locked(alias: string): GatewayError {
  return new GatewayError(
    "internal",
    `Cannot seal account "${alias}" anew: it was sealed with a key that is not known; name that in MASTER_KEY_PREVIOUS, or remove the account`,
  );
}
