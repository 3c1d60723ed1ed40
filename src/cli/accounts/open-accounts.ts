// What the commands about accounts share: the accounts of the store and the settings, opened beside a running gateway.

import { ConfigError } from "../../config/config-error.ts";
import type { Config } from "../../config/config-schema.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { anonymousId } from "../../credentials/account.ts";
import type { KnownAccount } from "../../credentials/account-registry.ts";
import { type AccountVault, createAccountVault } from "../../credentials/account-vault.ts";
import { loadMasterKeys } from "../../credentials/master-key.ts";
import { createSecretBox } from "../../credentials/secret-box.ts";
import { createFetchClient } from "../../outbound/fetch-client.ts";
import type { HttpClient } from "../../outbound/http-client.ts";
import { openConfiguredStore } from "../../app/open-store.ts";
import { createLog } from "../../telemetry/create-log.ts";
import type { Log } from "../../telemetry/log.ts";
import type { WebAccounts } from "../../upstreams/qwen-web/accounts/accounts.ts";
import { createConfiguredAccounts } from "../../upstreams/qwen-web/accounts/configured-accounts.ts";
import { upstreamName } from "../../upstreams/qwen-web/errors.ts";
import { type CommandContext, type ExitCode, type Flag, type FlagValues, UsageError } from "../command.ts";
import { configFlags, loadCommandConfig, storeFlagNames } from "../config-flags.ts";
import { complainOf } from "../complain-of.ts";

export interface OpenedAccounts {
  readonly config: Config;
  readonly accounts: WebAccounts;
  readonly vault: AccountVault;
  readonly http: HttpClient;
  readonly log: Log;
  /** Those that have credentials. */
  list(): readonly KnownAccount[];
  /** By alias, id, or a beginning of the id that fits one only. @throws {UsageError} */
  find(name: string): KnownAccount;
  close(): Promise<void>;
}

/** The settings that decide where accounts are and whom they are tested against. */
const settings = new Set([...storeFlagNames, "qwen-base-url", "qwen-auth-url"]);

export function accountFlags(): readonly Flag[] {
  return configFlags().filter(({ name }) => settings.has(name));
}

/** @param flags all flags of the command; those that are no settings are left out */
export async function withAccounts(
  flags: FlagValues,
  context: CommandContext,
  work: (opened: OpenedAccounts) => Promise<ExitCode>,
): Promise<ExitCode> {
  const ofSettings = Object.entries(flags).filter(([name]) => settings.has(name));
  const { config } = loadCommandConfig(Object.fromEntries(ofSettings), context);
  try {
    return await open(config, work);
  } catch (error) {
    return complainOf(error, [GatewayError, ConfigError], config, context);
  }
}

async function open(config: Config, work: (opened: OpenedAccounts) => Promise<ExitCode>): Promise<ExitCode> {
  const opened = await openAccounts(config, createLog({ level: "error", format: config.logFormat }));
  try {
    const code = await work(opened);
    await opened.accounts.settled();
    return code;
  } finally {
    await opened.close();
  }
}

/** @throws what `describeStartError` knows, when the database or the key cannot be opened */
export async function openAccounts(config: Config, log: Log): Promise<OpenedAccounts> {
  const clock = Date.now;
  const store = await openConfiguredStore(config, { clock, log, sessionTimeoutMs: () => config.sessionTimeout });
  try {
    const box = createSecretBox(() => loadMasterKeys(config));
    const http = createFetchClient(fetch);
    const accounts = createConfiguredAccounts(config, { store, box, http, clock, log });
    await accounts.load();
    const list = (): readonly KnownAccount[] => accounts.known().filter(({ id }) => id !== anonymousId);
    const vault = createAccountVault(upstreamName, store, box);
    const find = (name: string): KnownAccount => findAccount(list(), name);
    return { config, accounts, vault, http, log, list, find, close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}

function findAccount(known: readonly KnownAccount[], name: string): KnownAccount {
  const exact = known.find(({ id, alias }) => id === name || alias === name);
  const beginning = name.length < 4 ? [] : known.filter(({ id }) => id.startsWith(name));
  const found = exact ?? (beginning.length === 1 ? beginning[0] : undefined);
  if (found !== undefined) return found;
  const names = known.map(({ alias }) => alias).join(", ");
  throw new UsageError(
    `Cannot find this account: ${names === "" ? "there is none yet, qwen-gateway accounts add makes one" : `the accounts are ${names}`}`,
  );
}
