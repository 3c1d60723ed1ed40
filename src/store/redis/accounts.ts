// The part of the shared store that keeps accounts: sealed bytes and states, which it cannot read.

import { beingRenewed } from "../being-renewed.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { AccountStore, Reseal, StoredAccount } from "../store.ts";
import type { Session } from "./session.ts";

/** As the scripts write it. */
interface AccountText {
  readonly alias: string;
  /** Base64. */
  readonly sealed?: string;
  readonly state?: string;
  readonly revision: number;
  readonly created: number;
  readonly order: number;
}

/** How often sealing anew is begun once more when accounts change meanwhile. */
const mostAttempts = 5;

export class RedisAccounts implements AccountStore {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async listAccounts(upstream: string): Promise<readonly StoredAccount[]> {
    const texts = (await this.#session.ask("listAccounts", { upstream })) as string[];
    return pairsOf(texts)
      .map(([id, text]) => ({ id, account: parseAccount(text) }))
      .sort((one, other) => one.account.created - other.account.created || one.account.order - other.account.order)
      .map(({ id, account }) => storedOf(id, account));
  }

  async putAccount(
    upstream: string,
    { id, alias, sealed, state }: Parameters<AccountStore["putAccount"]>[1],
    expectedRevision?: number,
  ): Promise<number | undefined> {
    const ask = {
      upstream,
      id,
      alias,
      sealed: Buffer.from(sealed).toString("base64"),
      state,
      expected: expectedRevision,
    };
    return Number(await this.#session.ask("putAccount", ask)) || undefined;
  }

  async saveAccountState(upstream: string, id: string, state: string): Promise<void> {
    await this.#session.ask("saveAccountState", { upstream, id, state });
  }

  async resealAccounts(reseal: Reseal): Promise<number> {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const rows = (await this.#session.ask("readSealed", {})) as [string, string, string, string][];
      const seen: { upstream: string; id: string; revision: number }[] = [];
      const changes: { upstream: string; id: string; sealed: string }[] = [];
      for (const [upstream, id, text, untilMs] of rows) {
        const { sealed, ...account } = storedOf(id, parseAccount(text));
        if (Number(untilMs) > this.#session.nowMs()) throw beingRenewed(account.alias);
        if (sealed === undefined) continue;
        seen.push({ upstream, id, revision: account.revision });
        const next = reseal(upstream, { ...account, sealed });
        if (next !== undefined) changes.push({ upstream, id, sealed: Buffer.from(next).toString("base64") });
      }
      if (changes.length === 0) return 0;
      if ((await this.#session.ask("resealAccounts", { seen, changes })) === "resealed") return changes.length;
    }
    throw new GatewayError(
      "overloaded",
      "Cannot seal the accounts anew: they change all the time. Try again in a minute",
      {
        retryable: true,
      },
    );
  }

  async removeAccount(upstream: string, id: string): Promise<boolean> {
    return (await this.#session.ask("removeAccount", { upstream, id })) === 1;
  }

  async leaseAccount(upstream: string, id: string, holder: string, leaseMs: number): Promise<boolean> {
    return (await this.#session.ask("leaseAccount", { upstream, id, holder, lease: leaseMs })) === 1;
  }

  async releaseAccount(upstream: string, id: string, holder: string): Promise<void> {
    await this.#session.ask("releaseAccount", { upstream, id, holder });
  }
}

/** Written by the scripts alone. */
function parseAccount(text: string): AccountText {
  return JSON.parse(text) as AccountText;
}

function storedOf(id: string, { alias, sealed, revision, state = "" }: AccountText): StoredAccount {
  return {
    id,
    alias,
    sealed: sealed === undefined ? undefined : new Uint8Array(Buffer.from(sealed, "base64")),
    revision,
    state,
  };
}

/** A server's hash. RESP3 makes an object of one, but not within what a script returns. */
export function pairsOf(values: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < values.length; index += 2) pairs.push([values[index] ?? "", values[index + 1] ?? ""]);
  return pairs;
}
