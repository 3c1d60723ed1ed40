// Keeps tokens alive: one renewal at a time for each account, in this process and in all others on the same store. How
// an upstream renews is its own business; what came back is written before anybody uses it.

import { GatewayError } from "../contract/gateway-error.ts";
import { settledWithin } from "../contract/settled-within.ts";
import { reasonOf } from "../contract/thrown.ts";
import { orAborted } from "../outbound/or-aborted.ts";
import type { Log } from "../telemetry/log.ts";
import { type Account, canRefresh, isAccessToken, tokenExpiresAtMs } from "./account.ts";
import type { AccountRegistry, KnownAccount } from "./account-registry.ts";
import type { AccountVault } from "./account-vault.ts";
import { carryChanges } from "./cookies.ts";
import { renewAlone, renewTimeoutMs } from "./renew-alone.ts";

/** Asks the upstream for new credentials. @throws {GatewayError} classified; a definite refusal is not retryable. */
export type Renew = (account: Account, signal: AbortSignal) => Promise<Account>;

export interface AccountRenewal {
  /**
   * The account with a token that lives for a while, renewed first where it has to be.
   * @throws {GatewayError} when it could not be renewed and the token at hand is dead.
   */
  fresh(id: string, signal: AbortSignal): Promise<Account>;
  /** The same without a promise. Undefined when its token has to be renewed first, or it is not there. */
  freshAtOnce(id: string): Account | undefined;
  /** The account as long as its token lives, be it for a second: for calls that nobody can wait with. Undefined: it is dead. */
  living(id: string): Account | undefined;
  /** The upstream refused this token. @returns whether there is hope: a renewal, or a token that was renewed meanwhile. */
  reject(id: string, token: string | undefined): boolean;
  /** Renews whatever the token says of itself. @throws {GatewayError} when it fails */
  force(id: string, signal: AbortSignal): Promise<Account>;
  /** Resolves when no renewal runs, whatever came of it, at the latest after `limitMs`. */
  settled(limitMs: number): Promise<void>;
}

export interface RenewalOptions {
  readonly registry: AccountRegistry;
  readonly vault: AccountVault;
  readonly renew: Renew;
  /** The renewal was refused for good. */
  readonly onRefused: (known: KnownAccount, error: GatewayError) => void;
  /** Its token is dead, and for the moment there is no other. @param againMs when it is worth another try */
  readonly onUnavailable: (known: KnownAccount, againMs: number) => void;
  readonly clock: () => number;
  readonly log: Log;
}

/** Less life than this, and the token is renewed before it is used. */
const minLifeMs = 3 * 60_000;
/** After a failure that may pass. */
const retryMs = 30_000;
/** A token that is refused this soon after it was issued is not renewed once more. */
const sureMs = 60_000;

interface Renewing {
  promise: Promise<void> | undefined;
  rejectedToken: string | undefined;
  issuedToken: string | undefined;
  issuedAtMs: number;
  notBeforeMs: number;
  /** What the account's credentials say of themselves: they are read once, and not with each request. */
  terms: Terms | undefined;
}

interface Terms {
  readonly account: Account;
  readonly canRefresh: boolean;
  /** Epoch milliseconds; of tokens that do not die on time as late as any. */
  readonly diesAtMs: number;
}

export function createAccountRenewal(options: RenewalOptions): AccountRenewal {
  const { registry, vault, clock, log } = options;
  const states = new WeakMap<KnownAccount, Renewing>();
  const running = new Set<Promise<void>>();

  function stateOf(known: KnownAccount): Renewing {
    let state = states.get(known);
    if (state === undefined) {
      state = {
        promise: undefined,
        rejectedToken: undefined,
        issuedToken: undefined,
        issuedAtMs: 0,
        notBeforeMs: 0,
        terms: undefined,
      };
      states.set(known, state);
    }
    return state;
  }

  function mustRenew({ account }: KnownAccount, state: Renewing): boolean {
    if (account === undefined) return false;
    if (state.terms?.account !== account) state.terms = readTerms(account);
    if (!state.terms.canRefresh) return false;
    // Without a token a request would be a guest's.
    if (account.token === undefined || state.rejectedToken === account.token) return true;
    return state.terms.diesAtMs - clock() < minLifeMs && clock() >= state.notBeforeMs;
  }

  function lifeOf(account: Account): number {
    return diesAtMs(account) - clock();
  }

  async function renewNow(known: KnownAccount, state: Renewing): Promise<void> {
    const token = known.account?.token;
    await renewAlone(vault, known.id, {
      async isDone() {
        await registry.reload();
        return known.account?.token !== token;
      },
      renew: () => renewHere(known, state),
      busy() {
        const sentence = `Cannot renew the token of account "${known.alias}": another process has not finished doing so`;
        return new GatewayError("overloaded", sentence, { retryable: true });
      },
    });
  }

  async function renewHere(known: KnownAccount, state: Renewing): Promise<void> {
    const before = known.account;
    if (before === undefined) return;
    try {
      const renewed = await options.renew(before, AbortSignal.timeout(renewTimeoutMs));
      await keep(known, before, renewed);
      state.rejectedToken = undefined;
      state.issuedToken = known.account?.token;
      state.issuedAtMs = clock();
      const lifeMinutes = Math.round(lifeOf(known.account ?? renewed) / 60_000);
      log.info("Renewed the token of an account", { account: known.alias, lifeMinutes });
    } catch (error) {
      await registry.reload();
      // Somebody else, such as the owner with a new token, was faster.
      if (known.account?.token !== before.token) return;
      onFailure(known, state, error);
    }
  }

  async function keep(known: KnownAccount, before: Account, renewed: Account): Promise<void> {
    try {
      for (;;) {
        const current = registry.find(known.id) === known ? known.account : undefined;
        // A token of the owner's own goes before ours, and an account that was removed stays so.
        if (current === undefined || current.token !== before.token) return;
        // Another answer may have changed other cookies meanwhile.
        const cookies = carryChanges(before.cookies, renewed.cookies, current.cookies);
        if (await registry.saveAccount(known, { ...renewed, cookies })) return;
      }
    } catch (error) {
      // The old token may be dead already: going on without a copy is better than an account that is lost for sure.
      log.error("Cannot store a renewed token: it is lost when this process ends", { account: known.alias }, error);
      Object.assign(known, { account: renewed, isUnwritten: true });
    }
  }

  function onFailure(known: KnownAccount, state: Renewing, error: unknown): void {
    const isRefused = error instanceof GatewayError && !error.retryable;
    if (isRefused) {
      // When the account is tried again, its token gets a chance before the next renewal.
      state.rejectedToken = undefined;
      options.onRefused(known, error);
      throw error;
    }
    state.notBeforeMs = clock() + retryMs;
    const lives = known.account !== undefined && lifeOf(known.account) > 0;
    if (!lives || state.rejectedToken === known.account?.token) {
      options.onUnavailable(known, retryMs);
      throw passing(error, known.alias);
    }
    log.warn("Cannot renew the token of an account yet, the old one still lives", {
      account: known.alias,
      reason: reasonOf(error),
    });
  }

  function runOnce(known: KnownAccount, state: Renewing): Promise<void> {
    if (state.promise !== undefined) return state.promise;
    const renewing = renewNow(known, state).finally(() => {
      state.promise = undefined;
      running.delete(renewing);
    });
    state.promise = renewing;
    running.add(renewing);
    return renewing;
  }

  async function use(id: string, signal: AbortSignal, wants: (known: KnownAccount) => boolean): Promise<Account> {
    const known = registry.find(id);
    if (known !== undefined && wants(known)) await orAborted(runOnce(known, stateOf(known)), signal);
    // Asked again: a renewal takes its time.
    const account = registry.find(id)?.account;
    if (account !== undefined) return account;
    throw new GatewayError("upstream-auth", "Cannot use this account any more: it was removed or cannot be opened");
  }

  return {
    freshAtOnce(id) {
      const known = registry.find(id);
      return known === undefined || mustRenew(known, stateOf(known)) ? undefined : known.account;
    },
    living(id) {
      const known = registry.find(id);
      if (known?.account === undefined || stateOf(known).rejectedToken === known.account.token) return undefined;
      return lifeOf(known.account) > 0 ? known.account : undefined;
    },
    fresh: (id, signal) => use(id, signal, (known) => mustRenew(known, stateOf(known))),
    force: (id, signal) => use(id, signal, () => true),
    async settled(limitMs) {
      if (running.size > 0) await settledWithin(Promise.allSettled(running), limitMs);
    },
    reject(id, token) {
      const known = registry.find(id);
      if (known?.account === undefined || token === undefined) return false;
      if (known.account.token !== token) return true;
      const state = stateOf(known);
      const isNew = state.issuedToken === token && clock() - state.issuedAtMs < sureMs;
      if (isNew || !canRefresh(known.account)) return false;
      state.rejectedToken = token;
      return true;
    },
  };
}

function readTerms(account: Account): Terms {
  return { account, canRefresh: canRefresh(account), diesAtMs: diesAtMs(account) };
}

function diesAtMs({ token }: Account): number {
  if (token === undefined) return 0;
  if (!isAccessToken(token)) return Number.POSITIVE_INFINITY;
  return tokenExpiresAtMs(token) ?? Number.POSITIVE_INFINITY;
}

/** Whoever asked for something else is told what failed instead. */
function passing(error: unknown, alias: string): GatewayError {
  const known = error instanceof GatewayError ? error : undefined;
  const sentence = `Cannot renew the token of account "${alias}": ${known?.message ?? "no answer in time"}`;
  return new GatewayError(known?.kind ?? "upstream-timeout", sentence, {
    cause: error,
    retryable: true,
    ...(known?.retryAfterMs === undefined ? {} : { retryAfterMs: known.retryAfterMs }),
    ...(known?.upstream === undefined ? {} : { upstream: known.upstream }),
  });
}
