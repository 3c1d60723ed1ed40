// The part of the SQLite driver that keeps accounts: sealed bytes and states, which it cannot read.

import type { Connection } from "./connection.ts";
import { beingRenewed } from "../being-renewed.ts";
import type { AccountStore, Reseal, StoredAccount } from "../store.ts";

export class SqliteAccounts implements AccountStore {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async listAccounts(upstream: string): Promise<readonly StoredAccount[]> {
    const { questions } = this.#connection;
    const rows = await this.#connection.read(() => questions.listAccounts.all({ upstream }));
    return rows.map((row) => ({ ...row, sealed: row.sealed ?? undefined }));
  }

  putAccount(
    upstream: string,
    { id, alias, sealed, state }: Parameters<AccountStore["putAccount"]>[1],
    expectedRevision?: number,
  ): Promise<number | undefined> {
    const { questions } = this.#connection;
    return this.#connection.write(({ nowMs }) => {
      const found = questions.findAccountRevision.get({ upstream, id })?.revision ?? 0;
      if (expectedRevision !== undefined && found !== expectedRevision) return undefined;
      return questions.putAccount.get({ upstream, id, alias, sealed, state, nowMs })?.revision;
    });
  }

  async saveAccountState(upstream: string, id: string, state: string): Promise<void> {
    const { questions } = this.#connection;
    await this.#connection.write(({ nowMs }) => questions.saveAccountState.run({ upstream, id, state, nowMs }));
  }

  resealAccounts(reseal: Reseal): Promise<number> {
    const { questions } = this.#connection;
    return this.#connection.write(({ nowMs }) => {
      let changed = 0;
      for (const { upstream, leasedUntilMs, ...row } of questions.listSealedAccounts.all({})) {
        if (leasedUntilMs > nowMs) throw beingRenewed(row.alias);
        const sealed = reseal(upstream, row);
        if (sealed === undefined) continue;
        const { id, alias, state } = row;
        questions.putAccount.get({ upstream, id, alias, sealed, state, nowMs });
        changed++;
      }
      return changed;
    });
  }

  removeAccount(upstream: string, id: string): Promise<boolean> {
    const { questions } = this.#connection;
    return this.#connection.write(() => questions.removeAccount.run({ upstream, id }).changes > 0);
  }

  leaseAccount(upstream: string, id: string, holder: string, leaseMs: number): Promise<boolean> {
    const { questions } = this.#connection;
    return this.#connection.write(({ nowMs }) => {
      const untilMs = nowMs + leaseMs;
      return questions.leaseAccount.run({ upstream, id, holder, untilMs, nowMs }).changes > 0;
    });
  }

  async releaseAccount(upstream: string, id: string, holder: string): Promise<void> {
    const { questions } = this.#connection;
    await this.#connection.write(() => questions.releaseAccount.run({ upstream, id, holder }));
  }
}
