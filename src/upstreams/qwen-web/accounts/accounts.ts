// The accounts of the Qwen web backend: which serves, which wait, and what a refusal means for the one that met it.

import { GatewayError } from "../../../contract/gateway-error.ts";
import { type Account, anonymousId, canRefresh, isAccessToken } from "../../../credentials/account.ts";
import { type AccountPool, createAccountPool } from "../../../credentials/account-pool.ts";
import { createAccountRegistry, type KnownAccount } from "../../../credentials/account-registry.ts";
import { type AccountRenewal, createAccountRenewal } from "../../../credentials/account-renewal.ts";
import type { AsideDurations } from "../../../credentials/account-state.ts";
import { createAccountVault } from "../../../credentials/account-vault.ts";
import { applySetCookies, formatCookies, parseCookies } from "../../../credentials/cookies.ts";
import type { SecretBox } from "../../../credentials/secret-box.ts";
import type { AccountStore } from "../../../store/store.ts";
import type { Log } from "../../../telemetry/log.ts";
import { QwenRefusal, upstreamName } from "../errors.ts";
import { parseAccount } from "./parse-account.ts";
import { type RefreshOptions, refreshToken } from "./refresh-token.ts";

export interface WebAccountsOptions extends RefreshOptions {
  /** Those of the environment and the file. */
  readonly configured: readonly Account[];
  readonly store: AccountStore;
  readonly box: SecretBox;
  readonly asideMs: AsideDurations;
  /** Undefined: no cap. */
  readonly maxAsideMs: number | undefined;
  readonly log: Log;
  readonly onCredentials?: ((account: Account) => void) | undefined;
}

/** What a failed request means for its account. */
export type Verdict =
  /** Nothing. */
  | "unconcerned"
  /** Its token was refused and can be renewed: the same request once more. */
  | "renewable"
  /** It is set aside; another one may serve the request. */
  | "set-aside"
  /** It is set aside, and no other one must be sent after it. */
  | "halt";

export interface WebAccounts extends Pick<AccountRenewal, "fresh" | "force"> {
  readonly pool: AccountPool;
  /** Asks with this account, its token renewed where it has to be; once more when it was refused and could be renewed. */
  ask<T>(id: string, signal: AbortSignal, ask: (account: Account) => Promise<T>): Promise<T>;
  /** What may be asked of any account. @throws {GatewayError} when all are set aside */
  askAny<T>(signal: AbortSignal, ask: (account: Account) => Promise<T>): Promise<T>;
  /** The account as it is now, for calls that follow an older one; as it was when nothing better can be had. */
  current(account: Account, signal: AbortSignal): Promise<Account>;
  /** It failed for the sake of the account that was asked. Never so of a challenge, behind which nobody is asked. */
  isItsOwn(error: unknown): boolean;
  /**
   * The same, and another account may do better.
   * @param id the account that was asked
   * @param before those that were asked before it. @defaultValue none
   */
  mayMove(error: unknown, id: string, before?: ReadonlySet<string>): boolean;
  /** Looks at the store now. */
  load(): Promise<void>;
  /** Looks at the store, unless it did a moment ago. */
  look(): Promise<void>;
  /** It did a moment ago. */
  readonly isFresh: boolean;
  known(): readonly KnownAccount[];
  /** Sets aside what has to be. @param account as it was when it sent the request */
  judge(account: Account, error: unknown): Verdict;
  /** The answer changed cookies: a browser would send the new ones from now on. */
  noteCookies(account: Account, setCookies: readonly string[]): void;
  /** Nothing but requests without credentials. */
  readonly isAnonymous: boolean;
  /** Resolves when every state is written: whoever reads them now knows them all. */
  noted(): Promise<void>;
  /** Resolves when every state is written, and every renewal that does not take too long. */
  settled(): Promise<void>;
}

/** How long whoever ends the gateway waits for renewals. */
const mostSettleMs = 5000;
/** Longer than this it is a limit of the day and not of the moment. */
const longLimitMs = 10 * 60_000;

export function createWebAccounts(options: WebAccountsOptions): WebAccounts {
  const { clock, log } = options;
  const vault = createAccountVault(upstreamName, options.store, options.box);
  const anonymous = parseAccount({});
  const registry = createAccountRegistry({
    vault,
    configured: options.configured,
    anonymous,
    clock,
    log,
    onCredentials: options.onCredentials,
  });
  const { asideMs, maxAsideMs } = options;
  const pool = createAccountPool({ registry, upstream: upstreamName, asideMs, maxAsideMs, clock, log });
  const renewal = createAccountRenewal({
    registry,
    vault,
    renew: (account, signal) => refreshToken(options, account, signal),
    onRefused: ({ id }, error) =>
      void setAside(id, error, error.kind === "upstream-auth" ? sessionOver : error.message),
    onUnavailable: ({ id }, againMs) => pool.setAside(id, "busy", { durationMs: againMs, reason: notRenewed }),
    clock,
    log,
  });

  function setAside(id: string, error: GatewayError, signInReason: string): void {
    const { retryAfterMs } = error;
    switch (error.kind) {
      case "upstream-quota":
        return pool.setAside(id, "limit", { durationMs: retryAfterMs, reason: limitReason(retryAfterMs) });
      case "overloaded":
        return pool.setAside(id, "busy", { reason: "Qwen is under high demand" });
      case "upstream-challenge":
        return pool.setAside(id, "challenge", { reason: challenged });
      default:
        return pool.setAside(id, "sign-in", { reason: signInReason });
    }
  }

  function judge(account: Account, error: unknown): Verdict {
    const refusal = accountRefusal(error);
    if (refusal === undefined) return "unconcerned";
    if (refusal.kind === "upstream-auth" && renewal.reject(account.id, account.token)) return "renewable";
    setAside(account.id, refusal, signInReason(account));
    return refusal.kind === "upstream-challenge" ? "halt" : "set-aside";
  }

  /** Why an account had no credentials to ask with. */
  const unusable = new WeakSet<object>();

  async function renew(id: string, signal: AbortSignal): Promise<Account> {
    try {
      return await renewal.fresh(id, signal);
    } catch (error) {
      if (error instanceof GatewayError && !signal.aborted) unusable.add(error);
      throw error;
    }
  }

  /** For whose sake nobody else need fail. */
  function ownFailure(error: unknown): GatewayError | undefined {
    const failure = error instanceof GatewayError && unusable.has(error) ? error : accountRefusal(error);
    return failure?.kind === "upstream-challenge" ? undefined : failure;
  }

  async function ask<T>(id: string, signal: AbortSignal, send: (account: Account) => Promise<T>): Promise<T> {
    for (;;) {
      const account = renewal.freshAtOnce(id) ?? (await renew(id, signal));
      try {
        return await send(account);
      } catch (error) {
        if (judge(account, error) !== "renewable") throw error;
      }
    }
  }

  /** Answers that come at once change one jar: whoever was slower changes what the other one has written. */
  async function keepCookies(known: KnownAccount, setCookies: readonly string[]): Promise<void> {
    while (registry.find(known.id) === known && known.account?.cookies !== undefined) {
      const jar = parseCookies(known.account.cookies);
      applySetCookies(jar, setCookies, clock());
      const cookies = formatCookies(jar);
      if (cookies === undefined || cookies === formatCookies(parseCookies(known.account.cookies))) return;
      if (await registry.saveAccount(known, { ...known.account, cookies })) return;
    }
  }

  return {
    pool,
    ask,
    judge,
    askAny: async (signal, send) => ask(await pool.anyReady(), signal, send),
    current: async (account, signal) =>
      renewal.living(account.id) ?? (await renewal.fresh(account.id, signal).catch(() => account)),
    isItsOwn: (error) => ownFailure(error) !== undefined,
    mayMove(error, id, before) {
      const failure = ownFailure(error);
      if (failure === undefined) return false;
      const isPassing = failure.kind === "overloaded" || (failure.retryable && unusable.has(failure));
      if (isPassing) return pool.hasReady(new Set(before).add(id));
      return registry.all().some((known) => known.id !== id && mayServe(known));
    },
    fresh: renewal.fresh,
    force: renewal.force,
    load: registry.reload,
    look: registry.load,
    known: registry.all,
    noted: registry.settled,
    async settled() {
      // What Qwen has exchanged is lost unless it is written: the old token is dead.
      await renewal.settled(mostSettleMs);
      await registry.settled();
    },
    get isFresh() {
      return registry.isFresh;
    },
    get isAnonymous() {
      return registry.all().every(isAnonymous);
    },
    noteCookies(account, setCookies) {
      const known = registry.find(account.id);
      if (known === undefined || setCookies.length === 0) return;
      keepCookies(known, setCookies).catch((error: unknown) =>
        log.error("Cannot store changed cookies", { account: known.alias }, error),
      );
    },
  };
}

/** Now or later, by itself. */
function mayServe({ account, aside }: KnownAccount): boolean {
  return account !== undefined && aside?.kind !== "paused";
}

function isAnonymous({ id }: KnownAccount): boolean {
  return id === anonymousId;
}

/** A refusal that is about the account and not about the request or its chat. */
export function accountRefusal(error: unknown): QwenRefusal | undefined {
  if (!(error instanceof QwenRefusal) || error.chainAction !== "none") return undefined;
  switch (error.kind) {
    case "upstream-quota":
    case "overloaded":
    case "upstream-auth":
    case "upstream-challenge":
      return error;
    default:
      return undefined;
  }
}

const challenged =
  "Qwen's firewall asks for a human check: open chat.qwen.ai in the browser of this account, solve it and copy the cookies anew";
const sessionOver =
  "Qwen has ended its session: sign in at chat.qwen.ai with this account and give the gateway the new cookies";
const notRenewed = "its token has ended, and there is no new one yet";

function limitReason(durationMs: number | undefined): string {
  return durationMs === undefined || durationMs > longLimitMs
    ? "it has reached its usage limit"
    : "Qwen takes no more of its requests right now";
}

function signInReason(account: Account): string {
  if (account.token !== undefined && isAccessToken(account.token) && !canRefresh(account)) {
    return "its token has expired, and without the cookie refresh_token there is no new one: give the gateway the whole Cookie header";
  }
  return "Qwen refused its credentials: sign in at chat.qwen.ai with this account and give the gateway the new ones";
}
