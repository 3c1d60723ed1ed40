// The accounts of the driver in memory.

import { beingRenewed } from "./being-renewed.ts";
import { keyOf } from "./memory-turns.ts";
import type { AccountStore, Reseal, StoredAccount } from "./store.ts";
import type { StoreOptions } from "./store-options.ts";

interface Row {
  readonly upstream: string;
  account: StoredAccount;
  holder: string | undefined;
  heldUntilMs: number;
}

export class MemoryAccounts implements AccountStore {
  readonly #options: StoreOptions;
  /** By upstream and id. */
  readonly #rows = new Map<string, Row>();
  /** Never starts anew, so that an account that comes back has another revision. */
  #revision = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  async listAccounts(upstream: string): Promise<readonly StoredAccount[]> {
    return [...this.#rows.values()].filter((row) => row.upstream === upstream).map((row) => row.account);
  }

  async putAccount(
    upstream: string,
    { id, alias, sealed, state }: Parameters<AccountStore["putAccount"]>[1],
    expectedRevision?: number,
  ): Promise<number | undefined> {
    const found = this.#rows.get(keyOf(upstream, id))?.account.revision ?? 0;
    if (expectedRevision !== undefined && found !== expectedRevision) return undefined;
    const revision = ++this.#revision;
    this.#rowOf(upstream, id).account = { id, alias, sealed, state, revision };
    return revision;
  }

  async saveAccountState(upstream: string, id: string, state: string): Promise<void> {
    const row = this.#rowOf(upstream, id);
    row.account = { ...row.account, state };
  }

  async resealAccounts(reseal: Reseal): Promise<number> {
    const changes: (readonly [Row, Uint8Array])[] = [];
    for (const row of this.#rows.values()) {
      const { sealed } = row.account;
      if (sealed === undefined) continue;
      if (row.heldUntilMs > this.#options.clock()) throw beingRenewed(row.account.alias);
      const next = reseal(row.upstream, { ...row.account, sealed });
      if (next !== undefined) changes.push([row, next]);
    }
    for (const [row, sealed] of changes) row.account = { ...row.account, sealed, revision: ++this.#revision };
    return changes.length;
  }

  async removeAccount(upstream: string, id: string): Promise<boolean> {
    return this.#rows.delete(keyOf(upstream, id));
  }

  async leaseAccount(upstream: string, id: string, holder: string, leaseMs: number): Promise<boolean> {
    const row = this.#rowOf(upstream, id);
    const nowMs = this.#options.clock();
    if (row.heldUntilMs > nowMs && row.holder !== holder) return false;
    row.holder = holder;
    row.heldUntilMs = nowMs + leaseMs;
    return true;
  }

  async releaseAccount(upstream: string, id: string, holder: string): Promise<void> {
    const row = this.#rows.get(keyOf(upstream, id));
    if (row?.holder === holder) row.heldUntilMs = 0;
  }

  #rowOf(upstream: string, id: string): Row {
    const key = keyOf(upstream, id);
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const account = { id, alias: "", sealed: undefined, revision: 0, state: "" };
    const row = { upstream, account, holder: undefined, heldUntilMs: 0 };
    this.#rows.set(key, row);
    return row;
  }
}
