// The accounts of the Qwen web backend for whoever looks after a gateway that serves: listed without secrets, added,
// paused, tested, removed.

import type { Clock } from "../../../contract/clock.ts";
import { GatewayError } from "../../../contract/gateway-error.ts";
import type { AccountView } from "../../../contract/upstream.ts";
import { anonymousId } from "../../../credentials/account.ts";
import { type AccountVault, createAccountVault } from "../../../credentials/account-vault.ts";
import { CredentialsError, parseCredentials } from "../../../credentials/parse-credentials.ts";
import { describeCredentials } from "../../../credentials/describe-credentials.ts";
import type { SecretBox } from "../../../credentials/secret-box.ts";
import type { AccountStore } from "../../../store/store.ts";
import type { WebAccounts } from "./accounts.ts";
import { addAccount, type AddRefusal } from "./add-account.ts";
import type { QwenWebClient } from "../client.ts";
import { upstreamName } from "../errors.ts";
import { testAccount, type TestStep } from "./test-account.ts";

export interface ManagedAccount extends AccountView {
  /** Whether it was added, or stands in the settings, which alone can remove it then. */
  readonly source: "added" | "settings";
  /** In words, without secrets but the last signs of the token. */
  readonly credentials: string;
}

export interface AccountManager {
  list(): Promise<readonly ManagedAccount[]>;
  /**
   * @param credentials a token, a Cookie header, a request copied as cURL or fetch, headers, or a HAR file
   * @throws {GatewayError} `invalid-request`
   */
  add(
    credentials: string,
    alias: string | undefined,
  ): Promise<{ readonly account: ManagedAccount; readonly isNew: boolean; readonly advice: readonly string[] }>;
  /** @throws {GatewayError} `not-found`; `invalid-request` for one of the settings */
  remove(id: string): Promise<void>;
  /** Also after a restart, until it is resumed. What runs goes on. @throws {GatewayError} `not-found` */
  pause(id: string): Promise<ManagedAccount>;
  /** @throws {GatewayError} `not-found` */
  resume(id: string): Promise<ManagedAccount>;
  /** @throws {GatewayError} `not-found` */
  test(id: string, message: string | undefined): Promise<readonly TestStep[]>;
}

export interface ManageOptions {
  readonly accounts: WebAccounts;
  readonly client: QwenWebClient;
  readonly store: AccountStore;
  readonly box: SecretBox;
  /** Of the backend: what a HAR file holds of others is left out. */
  readonly host: string;
  readonly defaultModel: string;
  readonly clock: Clock;
}

export function createAccountManager(options: ManageOptions): AccountManager {
  const { accounts, client, defaultModel, clock } = options;
  const vault: AccountVault = createAccountVault(upstreamName, options.store, options.box);

  function listed(): readonly ManagedAccount[] {
    const views = new Map(accounts.pool.views().map((view) => [view.id, view]));
    const nowMs = clock();
    return accounts.known().flatMap(({ id, account, added }) => {
      const view = views.get(id);
      if (view === undefined || id === anonymousId) return [];
      return [{ ...view, source: added ? "added" : "settings", credentials: describeCredentials(account, nowMs) }];
    });
  }

  async function find(id: string): Promise<ManagedAccount> {
    await accounts.look();
    const found = listed().find((account) => account.id === id);
    if (found === undefined)
      throw new GatewayError("not-found", "Cannot find this account: it was removed, or never was");
    return found;
  }

  return {
    async list() {
      await accounts.look();
      return listed();
    },
    async add(credentials, alias) {
      const given = readCredentials(credentials, options.host);
      const outcome = await addAccount({ accounts, vault }, given, alias);
      if ("reason" in outcome) throw refuse(outcome);
      const { isNew, advice } = outcome;
      return { account: await find(outcome.account.id), isNew, advice };
    },
    async remove(id) {
      const { source } = await find(id);
      if (source === "settings") {
        throw new GatewayError(
          "invalid-request",
          "Cannot remove this account: it comes from the settings, remove it there",
        );
      }
      await vault.remove(id);
      await accounts.load();
    },
    async pause(id) {
      await find(id);
      accounts.pool.pause(id);
      await accounts.settled();
      return find(id);
    },
    async resume(id) {
      await find(id);
      accounts.pool.resume(id);
      await accounts.settled();
      return find(id);
    },
    async test(id, message) {
      await find(id);
      return Array.fromAsync(testAccount(id, { accounts, client, defaultModel, message }));
    },
  };
}

/** @throws {GatewayError} `invalid-request` */
function readCredentials(text: string, host: string) {
  try {
    return parseCredentials(text, { host });
  } catch (cause) {
    if (!(cause instanceof CredentialsError)) throw cause;
    throw new GatewayError("invalid-request", cause.message, { param: "credentials", cause });
  }
}

function refuse(refusal: AddRefusal): GatewayError {
  switch (refusal.reason) {
    case "alias-form":
      return new GatewayError("invalid-request", 'Cannot use "alias": it must be a text of 1 to 64 characters', {
        param: "alias",
      });
    case "alias-taken":
      return new GatewayError("invalid-request", 'Cannot use this "alias": another account has it', { param: "alias" });
    case "locked":
      return new GatewayError(
        "invalid-request",
        "Cannot add an account: a stored one was sealed with another key; restore MASTER_KEY, or remove that account",
      );
    default:
      return refusal satisfies never;
  }
}
