// The accounts as the settings have them: those of the environment and the file, and the times for which they wait.

import type { Config } from "../../../config/config-schema.ts";
import { version } from "../../../config/version.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { Account } from "../../../credentials/account.ts";
import { defaultAsideMs } from "../../../credentials/account-state.ts";
import type { SecretBox } from "../../../credentials/secret-box.ts";
import type { HttpClient } from "../../../outbound/http-client.ts";
import type { AccountStore } from "../../../store/store.ts";
import type { Log } from "../../../telemetry/log.ts";
import { createWebAccounts, type WebAccounts } from "./accounts.ts";
import { parseAccount } from "./parse-account.ts";

export interface AccountSurroundings {
  readonly store: AccountStore;
  readonly box: SecretBox;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly onCredentials?: ((account: Account) => void) | undefined;
}

export function createConfiguredAccounts(config: Config, surroundings: AccountSurroundings): WebAccounts {
  return createWebAccounts({
    ...surroundings,
    configured: configuredAccounts(config),
    authUrl: config.qwenAuthUrl,
    baseUrl: config.qwenBaseUrl,
    userAgent: `qwen-gateway/${version}`,
    asideMs: {
      ...defaultAsideMs,
      busy: config.accountBusyMs,
      "sign-in": config.accountSignInMs,
      challenge: config.accountChallengeMs,
    },
    maxAsideMs: config.accountCooldownMaxMs,
  });
}

/** The account of QWEN_TOKEN and its fellows first; it is the anonymous one when nothing is set. */
export function environmentAccount(config: Config): Account {
  const { qwenToken: token, qwenCookies: cookies, qwenHeaders: headers } = config;
  return parseAccount({ token, cookies, ...(headers === undefined ? {} : { headers }) });
}

function configuredAccounts(config: Config): readonly Account[] {
  const further = (config.qwenAccounts ?? []).map(({ alias, token, cookies, headers }) =>
    parseAccount({ token, cookies, ...(headers === undefined ? {} : { headers }) }, alias),
  );
  return [environmentAccount(config), ...further];
}
