// Accounts in the store: sealed on the way in, opened on the way out. What is read here holds secrets.

import { isJsonObject } from "../contract/json.ts";
import type { AccountStore } from "../store/store.ts";
import type { Account } from "./account.ts";
import { type Aside, formatAside, parseAside } from "./account-state.ts";
import type { SecretBox } from "./secret-box.ts";

export interface KeptAccount {
  readonly account: Account;
  /** True: added by its owner. False: a newer state of an account that the environment or the file names. */
  readonly added: boolean;
  /** Digest of the credentials that were configured when this was written: a changed setting goes before it. */
  readonly configured: string | undefined;
}

export interface VaultEntry {
  readonly id: string;
  readonly alias: string;
  readonly revision: number;
  readonly aside: Aside | undefined;
  /** Undefined: only the state is kept. "locked": sealed with another key. */
  readonly kept: KeptAccount | "locked" | undefined;
}

export interface AccountVault {
  list(): Promise<readonly VaultEntry[]>;
  /**
   * @param expectedRevision when given, nothing is written over another revision
   * @returns the new revision; undefined when somebody else was faster.
   */
  put(kept: KeptAccount, aside: Aside | undefined, expectedRevision?: number): Promise<number | undefined>;
  saveAside(id: string, aside: Aside | undefined): Promise<void>;
  remove(id: string): Promise<boolean>;
  /** Lets one process at a time renew an account. @returns false while another one does. */
  lease(id: string, holder: string, leaseMs: number): Promise<boolean>;
  release(id: string, holder: string): Promise<void>;
}

/** What an account is sealed for. */
export function accountContext(upstream: string, id: string): string {
  return `${upstream}\n${id}`;
}

export function createAccountVault(upstream: string, store: AccountStore, box: SecretBox): AccountVault {
  /** Opened once a revision. */
  let opened = new Map<string, { readonly revision: number; readonly kept: KeptAccount | "locked" }>();
  const contextOf = (id: string): string => accountContext(upstream, id);

  return {
    async list() {
      const rows = await store.listAccounts(upstream);
      const seen: typeof opened = new Map();
      const entries = rows.map(({ id, alias, sealed, revision, state }): VaultEntry => {
        const aside = parseAside(state);
        if (sealed === undefined) return { id, alias, revision, aside, kept: undefined };
        const before = opened.get(id);
        const kept =
          before?.revision === revision
            ? before.kept
            : (parseKept(box.open(sealed, contextOf(id)), id, alias) ?? "locked");
        seen.set(id, { revision, kept });
        return { id, alias, revision, aside, kept };
      });
      opened = seen;
      return entries;
    },
    put({ account, added, configured }, aside, expectedRevision) {
      const { id, alias, token, cookies, headers } = account;
      const sealed = box.seal(JSON.stringify({ token, cookies, headers, added, configured }), contextOf(id));
      return store.putAccount(upstream, { id, alias, sealed, state: formatAside(aside) }, expectedRevision);
    },
    saveAside: (id, aside) => store.saveAccountState(upstream, id, formatAside(aside)),
    remove: (id) => store.removeAccount(upstream, id),
    lease: (id, holder, leaseMs) => store.leaseAccount(upstream, id, holder, leaseMs),
    release: (id, holder) => store.releaseAccount(upstream, id, holder),
  };
}

/** Written by this program, so its form is as expected, unless a later version wrote it. */
function parseKept(text: string | undefined, id: string, alias: string): KeptAccount | undefined {
  if (text === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  if (!isJsonObject(value)) return undefined;
  const { token, cookies, headers, added, configured } = value;
  const account: Account = { id, alias, token: textOf(token), cookies: textOf(cookies), headers: textsOf(headers) };
  return { account, added: added === true, configured: textOf(configured) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function textsOf(value: unknown): Record<string, string> {
  const texts: Record<string, string> = {};
  if (!isJsonObject(value)) return texts;
  for (const [name, text] of Object.entries(value)) if (typeof text === "string") texts[name] = text;
  return texts;
}
