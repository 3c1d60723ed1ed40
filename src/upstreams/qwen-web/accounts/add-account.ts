// An account that its owner gives while the gateway serves, or replaces by newer credentials: kept sealed, known at once.

import { type Account, type GivenCredentials, canRefresh, isAccessToken } from "../../../credentials/account.ts";
import type { AccountVault, VaultEntry } from "../../../credentials/account-vault.ts";
import type { WebAccounts } from "./accounts.ts";
import { parseAccount } from "./parse-account.ts";

export interface AddedAccount {
  readonly account: Account;
  readonly isNew: boolean;
  /** What its owner should know of it. */
  readonly advice: readonly string[];
}

export type AddRefusal =
  | { readonly reason: "alias-form" }
  | { readonly reason: "alias-taken"; readonly alias: string }
  /** Another account was sealed with another key: what is added now could not be opened beside it. */
  | { readonly reason: "locked"; readonly alias: string };

/** @param alias undefined: as before, or by its id */
export async function addAccount(
  { accounts, vault }: { readonly accounts: Pick<WebAccounts, "known" | "load">; readonly vault: AccountVault },
  given: GivenCredentials,
  alias: string | undefined,
): Promise<AddedAccount | AddRefusal> {
  const unnamed = parseAccount(given);
  const entries = await vault.list();
  const before = entries.find(({ id }) => id === unnamed.id);
  const locked = entries.find(({ id, kept }) => kept === "locked" && id !== unnamed.id);
  if (locked !== undefined) return { reason: "locked", alias: locked.alias };
  const chosen = chooseAlias(alias, before, unnamed);
  if (chosen === undefined) return { reason: "alias-form" };
  if (accounts.known().some((known) => known.alias === chosen && known.id !== unnamed.id)) {
    return { reason: "alias-taken", alias: chosen };
  }
  const account = { ...unnamed, alias: chosen };
  const kept = before?.kept === "locked" ? undefined : before?.kept;
  // The setting of the same user, as it is now, is the older state.
  const configured = accounts.known().find(({ id }) => id === unnamed.id)?.configured ?? kept?.configured;
  await vault.put({ account, added: true, configured }, before?.aside);
  await accounts.load();
  return { account, isNew: before?.kept === undefined, advice: adviceFor(account) };
}

function chooseAlias(given: string | undefined, before: VaultEntry | undefined, account: Account): string | undefined {
  if (given === undefined) return before?.alias || account.alias;
  const alias = given.trim();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what must not be in it
  return alias !== "" && alias.length <= 64 && !/[\x00-\x1f\x7f]/.test(alias) ? alias : undefined;
}

function adviceFor(account: Account): readonly string[] {
  if (account.token === undefined || !isAccessToken(account.token) || canRefresh(account)) return [];
  return [
    "This token lives for minutes, and without the cookie refresh_token it cannot be renewed: copy the whole request or its Cookie header instead.",
  ];
}
