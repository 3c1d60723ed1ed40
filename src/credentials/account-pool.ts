// Which account serves a request. A conversation stays with its account, a new one takes the ready account with the
// fewest open replies, and what is set aside is answered for from memory: its service is not asked.

import { GatewayError } from "../contract/gateway-error.ts";
import type { AccountView } from "../contract/upstream.ts";
import { sleep } from "../outbound/retry.ts";
import type { Log } from "../telemetry/log.ts";
import { credentialsDigest } from "./account.ts";
import type { AccountRegistry, KnownAccount } from "./account-registry.ts";
import {
  type Aside,
  type AsideDurations,
  type AsideKind,
  describeDuration,
  endOf,
  errorKindOf,
  viewStateOf,
} from "./account-state.ts";

export interface PickRequest {
  /** The account of the conversation that is continued. */
  readonly conversationOf: string | undefined;
  /** The conversation cannot move: as long as its account is there, no other will do. */
  readonly mustStay: boolean;
  /** Accounts that have refused this request already. */
  readonly except: ReadonlySet<string>;
  readonly signal: AbortSignal;
  /** Epoch milliseconds by which a short cool-down must be over to be waited for. */
  readonly deadlineMs: number;
}

/** An account in use by one reply. */
export interface AccountUse {
  readonly id: string;
  readonly alias: string;
  /** The reply is over. Only the first call counts. */
  end(): void;
}

export interface SetAsideOptions {
  /** @defaultValue the kind's own duration */
  readonly durationMs?: number | undefined;
  /** In words that follow "account x:". */
  readonly reason: string;
}

export interface AccountPool {
  /** @throws {GatewayError} when every account that would do is set aside; says for how long. */
  pick(request: PickRequest): Promise<AccountUse>;
  /** The same without a promise. Undefined when there is something to look up or to wait for first. */
  pickAtOnce(conversationOf: string | undefined, except: ReadonlySet<string>): AccountUse | undefined;
  /** An account to ask something that any may be asked. @throws {GatewayError} as `pick` */
  anyReady(): Promise<string>;
  /** Until the service, or this kind's duration, says that it is over. A longer one that runs already stays. */
  setAside(id: string, kind: AsideKind, options: SetAsideOptions): void;
  /** It was seen to work. A pause stays. */
  clear(id: string): void;
  /** No new requests for it until `resume`, also after a restart. @returns false when there is none, or it is paused already */
  pause(id: string): boolean;
  /** @returns false when it was not paused */
  resume(id: string): boolean;
  /** Whether an account besides these is ready now. */
  hasReady(except: ReadonlySet<string>): boolean;
  isSetAside(id: string): boolean;
  /** Not set aside, and not less welcome than others either. */
  isReady(id: string): boolean;
  /** Set aside for so short that a conversation of its own waits. */
  isBackSoon(id: string): boolean;
  /** What a request is told when none of these accounts will do. @param cause the refusal that led to it */
  unavailable(ids: readonly string[], cause?: unknown): GatewayError;
  views(): readonly AccountView[];
}

export interface PoolOptions {
  readonly registry: AccountRegistry;
  readonly upstream: string;
  readonly asideMs: AsideDurations;
  /** No setting-aside is longer. Undefined: as long as it takes. */
  readonly maxAsideMs: number | undefined;
  readonly clock: () => number;
  readonly log: Log;
  /** @defaultValue a timer */
  readonly wait?: (delayMs: number, signal: AbortSignal) => Promise<void>;
}

/** A cool-down this short is waited for. */
const shortMs = 15_000;
/**
 * The firewall looks at the address as much as at the account: when this many are challenged at once, no further one is
 * sent into the same trap.
 */
const challengedAtMost = 2;

/** No clock gets there. */
const pausedUntilMs = Number.MAX_SAFE_INTEGER;
const nobody: ReadonlySet<string> = new Set();

export function createAccountPool(options: PoolOptions): AccountPool {
  const { registry, clock, log } = options;
  const wait = options.wait ?? sleep;
  let picks = 0;

  function asideOf(known: KnownAccount): Aside | undefined {
    const { aside } = known;
    if (aside === undefined) return undefined;
    const untilMs = endOf(aside, options.maxAsideMs);
    if (untilMs <= clock()) return undefined;
    return untilMs === aside.untilMs ? aside : { ...aside, untilMs };
  }

  /** Ready, or merely less welcome than others. */
  function isServing(known: KnownAccount): boolean {
    if (known.account === undefined) return false;
    const aside = asideOf(known);
    return aside === undefined || aside.kind === "busy";
  }

  function isReady(known: KnownAccount): boolean {
    return known.account !== undefined && asideOf(known) === undefined;
  }

  function isHalted(): boolean {
    let challenged = 0;
    for (const known of registry.all()) if (asideOf(known)?.kind === "challenge") challenged++;
    return challenged >= challengedAtMost;
  }

  function best(except: ReadonlySet<string>): KnownAccount | undefined {
    if (isHalted()) return undefined;
    let found: KnownAccount | undefined;
    for (const known of registry.all()) {
      if (!isServing(known) || except.has(known.id)) continue;
      if (found === undefined || isBetter(known, found)) found = known;
    }
    return found;
  }

  function isBetter(one: KnownAccount, other: KnownAccount): boolean {
    const isOneReady = isReady(one);
    if (isOneReady !== isReady(other)) return isOneReady;
    if (one.openReplies !== other.openReplies) return one.openReplies < other.openReplies;
    return one.lastPick < other.lastPick;
  }

  function use(known: KnownAccount): AccountUse {
    known.lastPick = ++picks;
    return new OpenUse(known);
  }

  /** @returns false when it takes too long to be waited for */
  async function waitFor(known: KnownAccount, { deadlineMs, signal }: PickRequest): Promise<boolean> {
    const nowMs = clock();
    const untilMs = asideOf(known)?.untilMs ?? nowMs;
    if (known.account === undefined || untilMs - nowMs > shortMs || untilMs > deadlineMs) return false;
    await wait(Math.max(untilMs - nowMs, 0), signal);
    return true;
  }

  /** The one that comes back first. */
  function firstBack(accounts: readonly KnownAccount[]): KnownAccount | undefined {
    const back = accounts.filter((known) => {
      const aside = known.account === undefined ? undefined : asideOf(known);
      return aside !== undefined && aside.kind !== "paused";
    });
    return back.toSorted((one, other) => (asideOf(one)?.untilMs ?? 0) - (asideOf(other)?.untilMs ?? 0))[0];
  }

  /** Who has just refused for a while may be back before all others. */
  function isBackByItself(known: KnownAccount): boolean {
    const kind = asideOf(known)?.kind;
    return kind === "limit" || kind === "busy";
  }

  /** The account of the conversation, unless it has refused this request. */
  function ownOf(conversationOf: string | undefined, except: ReadonlySet<string>): KnownAccount | undefined {
    return conversationOf === undefined || except.has(conversationOf) ? undefined : registry.find(conversationOf);
  }

  function pickAtOnce(conversationOf: string | undefined, except: ReadonlySet<string>): AccountUse | undefined {
    if (!registry.isFresh) return undefined;
    const own = ownOf(conversationOf, except);
    const chosen = own === undefined ? best(except) : isServing(own) ? own : undefined;
    return chosen === undefined ? undefined : use(chosen);
  }

  async function pick(request: PickRequest): Promise<AccountUse> {
    const { conversationOf, except, mustStay } = request;
    for (;;) {
      await registry.load();
      const own = ownOf(conversationOf, except);
      if (own !== undefined) {
        if (isServing(own)) return use(own);
        if (await waitFor(own, request)) continue;
        if (mustStay) throw unavailable([own.id]);
      }
      const chosen = best(except);
      if (chosen !== undefined) return use(chosen);
      const others = registry.all().filter((known) => !except.has(known.id));
      const next = isHalted() ? undefined : firstBack(others);
      if (next === undefined || !(await waitFor(next, request))) {
        const told = registry.all().filter((known) => !except.has(known.id) || isBackByItself(known));
        throw unavailable((told.length > 0 ? told : registry.all()).map((known) => known.id));
      }
    }
  }

  function unavailable(ids: readonly string[], cause?: unknown): GatewayError {
    const known = registry.all().filter((account) => ids.includes(account.id));
    const challenged = known.filter((account) => asideOf(account)?.kind === "challenge");
    const next = firstBack(isHalted() && challenged.length > 0 ? challenged : known);
    const aside = next === undefined ? undefined : asideOf(next);
    const origin = { upstream: options.upstream, ...(cause === undefined ? {} : { cause }) };
    if (aside === undefined && known.some((account) => asideOf(account)?.kind === "paused")) {
      const words = "Cannot use an account: those that would do are paused by whoever runs this gateway";
      return new GatewayError("overloaded", words, { ...origin, final: true });
    }
    if ((next === undefined || aside === undefined) && known.some((account) => account.account !== undefined)) {
      // Their times are over already, so short they were.
      const options = { ...origin, retryable: true };
      return new GatewayError("overloaded", "Cannot use an account: each has just refused this request", options);
    }
    if (next === undefined || aside === undefined) {
      const reason = "none can be opened: restore MASTER_KEY or the file master-key, or add them anew";
      return new GatewayError("upstream-auth", `Cannot use an account: ${reason}`, origin);
    }
    const remainingMs = aside.untilMs - clock();
    const remaining = describeDuration(remainingMs);
    const who = known.length === 1 ? `account "${next.alias}"` : `any of ${known.length} accounts`;
    const why = known.length === 1 ? aside.reason : `"${next.alias}" is the first to be back: ${aside.reason}`;
    const mayWait = remainingMs <= shortMs && (aside.kind === "limit" || aside.kind === "busy");
    return new GatewayError(errorKindOf[aside.kind], `Cannot use ${who} for another ${remaining}: ${why}`, {
      ...origin,
      retryAfterMs: remainingMs,
      retryable: mayWait,
    });
  }

  return {
    pick,
    pickAtOnce,
    unavailable,
    async anyReady() {
      await registry.load();
      const chosen = best(nobody);
      if (chosen === undefined) throw unavailable(registry.all().map((known) => known.id));
      return chosen.id;
    },
    setAside(id, kind, { durationMs, reason }) {
      const known = registry.find(id);
      if (known?.account === undefined) return;
      const lengthMs = Math.min(durationMs ?? options.asideMs[kind], options.maxAsideMs ?? Number.POSITIVE_INFINITY);
      const sinceMs = clock();
      const untilMs = Math.ceil(sinceMs + lengthMs);
      const running = asideOf(known);
      if (running?.kind === "paused") return;
      if (running !== undefined && running.kind !== "busy" && running.untilMs >= untilMs) return;
      registry.setAside(known, { kind, sinceMs, untilMs, reason, credentials: credentialsDigest(known.account) });
      log.warn("Set an account aside", { account: known.alias, state: viewStateOf[kind], forMs: lengthMs, reason });
    },
    clear(id) {
      const known = registry.find(id);
      if (known?.aside !== undefined && known.aside.kind !== "paused") registry.setAside(known, undefined);
    },
    pause(id) {
      const known = registry.find(id);
      if (known?.account === undefined || known.aside?.kind === "paused") return false;
      const credentials = credentialsDigest(known.account);
      registry.setAside(known, { kind: "paused", untilMs: pausedUntilMs, reason: "its owner paused it", credentials });
      return true;
    },
    resume(id) {
      const known = registry.find(id);
      if (known?.aside?.kind !== "paused") return false;
      registry.setAside(known, undefined);
      return true;
    },
    hasReady: (except) => !isHalted() && registry.all().some((known) => isReady(known) && !except.has(known.id)),
    isSetAside(id) {
      const known = registry.find(id);
      return known !== undefined && !isServing(known);
    },
    isReady(id) {
      const known = registry.find(id);
      return known !== undefined && isReady(known);
    },
    isBackSoon(id) {
      const known = registry.find(id);
      const aside = known === undefined || isServing(known) ? undefined : asideOf(known);
      return aside !== undefined && aside.untilMs - clock() <= shortMs;
    },
    views: () => registry.all().map((known) => viewOf(known, asideOf(known))),
  };
}

class OpenUse implements AccountUse {
  readonly id: string;
  readonly alias: string;
  readonly #known: KnownAccount;
  #isOver = false;

  constructor(known: KnownAccount) {
    known.openReplies++;
    this.id = known.id;
    this.alias = known.alias;
    this.#known = known;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#known.openReplies--;
  }
}

function viewOf(
  known: Pick<KnownAccount, "id" | "alias" | "account" | "openReplies">,
  aside: Aside | undefined,
): AccountView {
  const { id, alias, openReplies } = known;
  if (known.account === undefined) {
    return { id, alias, openReplies, state: "needs-sign-in", reason: "it was sealed with another key" };
  }
  if (aside === undefined) return { id, alias, openReplies, state: "ready" };
  if (aside.kind === "paused") return { id, alias, openReplies, state: "paused", reason: aside.reason };
  return { id, alias, openReplies, state: viewStateOf[aside.kind], untilMs: aside.untilMs, reason: aside.reason };
}
