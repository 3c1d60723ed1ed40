// What the commands about sign-ins share: the store where they are kept, opened beside a running gateway, and how one is
// shown without its secrets.

import { existsSync } from "node:fs";
import {
  createSignInVault,
  type KeptSignIn,
  type SignInRecord,
  type SignInVault,
} from "../../agent/mcp/sign-in/sign-in-vault.ts";
import { takesSignIn } from "../../agent/mcp/sign-in/takes-sign-in.ts";
import { ConfigError } from "../../config/config-error.ts";
import type { Config } from "../../config/config-schema.ts";
import type { ToolServerSettings } from "../../config/mcp-servers.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { describeToken } from "../../credentials/describe-credentials.ts";
import { loadMasterKeys } from "../../credentials/master-key.ts";
import { createSecretBox } from "../../credentials/secret-box.ts";
import { callerOfSubject } from "../../server/auth/caller-of-subject.ts";
import { takesJwt } from "../../server/auth/jwt-settings.ts";
import { createMemoryStore } from "../../store/memory-store.ts";
import { openConfiguredStore } from "../../app/open-store.ts";
import { databasePath } from "../../store/sqlite/open-store.ts";
import type { Store } from "../../store/store.ts";
import { createLog } from "../../telemetry/create-log.ts";
import { type CommandContext, type ExitCode, type Flag, UsageError } from "../command.ts";
import { complainOf } from "../complain-of.ts";

export const userFlag: Flag = {
  name: "user",
  value: "USER",
  description: "Of a server that is not shared: whose sign-in it is, by the sub of their tokens or as key:...",
};

/** @returns what `work` returns; 1 when the store or the key cannot be opened */
export async function withSignIns(
  config: Config,
  context: CommandContext,
  work: (vault: SignInVault) => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    return await workOn(await openStore(config), config, work);
  } catch (error) {
    return complainOf(error, [GatewayError, ConfigError], config, context);
  }
}

/** The same for commands that have something to tell without it, as where the data directory may not be written. */
export async function withSignInsIfAny(
  config: Config,
  work: (vault: SignInVault) => Promise<ExitCode>,
): Promise<ExitCode> {
  let store: Store;
  try {
    store = await openStore(config);
  } catch {
    store = createMemoryStore({ clock: Date.now, sessionTimeoutMs: config.sessionTimeout });
  }
  return await workOn(store, config, work);
}

async function workOn(
  store: Store,
  config: Config,
  work: (vault: SignInVault) => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    const box = createSecretBox(() => loadMasterKeys(config));
    return await work(createSignInVault(store, box));
  } finally {
    await store.close();
  }
}

function openStore(config: Config): Promise<Store> {
  const log = createLog({ level: "error", format: config.logFormat });
  return openConfiguredStore(config, { clock: Date.now, log, sessionTimeoutMs: () => config.sessionTimeout });
}

/** Nobody has signed in where there is no store yet: none is made to find that out. */
export function hasSignIns(config: Config): boolean {
  return config.storeUrl !== undefined || existsSync(databasePath(config.dataDir));
}

/** @returns the caller whose connection it is; undefined: of a connection that all share. @throws {UsageError} */
export function readUser(
  { name, isShared }: ToolServerSettings,
  given: string | undefined,
  config: Config,
): string | undefined {
  if (isShared) {
    if (given === undefined) return undefined;
    throw new UsageError(`Cannot use --user: all users share the connection to "${name}"`);
  }
  if (given === undefined) {
    if (config.apiKey.length === 0 && !takesJwt(config)) return "local";
    throw new UsageError(
      `Cannot choose whose sign-in it is: "${name}" has a connection for each user; name one by --user`,
    );
  }
  if (given === "local" || /^(?:user|key):\S+$/.test(given)) return given;
  const caller = callerOfSubject(given);
  if (caller === undefined) throw new UsageError("Cannot use --user: it names nobody");
  return caller;
}

/** "token ****9f3c for 14 min, renews itself" */
export function describeSignIn({ accessToken, refreshToken, expiresAtMs }: SignInRecord, nowMs: number): string {
  const told = describeToken(accessToken, expiresAtMs, nowMs);
  return refreshToken === undefined ? told : `${told}, renews itself`;
}

/** One cell of a list. */
export function describeKept(server: ToolServerSettings, { record, isWanted }: KeptSignIn, nowMs: number): string {
  const { target, name } = server;
  if (target.kind === "stdio" || !takesSignIn(target)) return "";
  const command = `qwen-gateway mcp login ${name}`;
  if (record === "locked") return `sealed with another key: ${command}`;
  if (record !== undefined && record.serverUrl !== target.url) return `of another address: ${command}`;
  const isOver = record?.expiresAtMs !== undefined && record.expiresAtMs <= nowMs && record.refreshToken === undefined;
  const needsOne = isWanted || isOver || (record === undefined && target.signIn !== undefined);
  if (needsOne) return `needs a sign-in: ${command}`;
  return record === undefined ? "" : describeSignIn(record, nowMs);
}
