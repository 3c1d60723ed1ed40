// The accounts that are known now: those of the environment and the file, those of the store, and what became of both.
// Other processes may change the store at any time, so it is looked at again and again.

import type { Log } from "../telemetry/log.ts";
import { createOutageLog } from "../telemetry/outage-log.ts";
import { type Account, anonymousId, credentialsDigest, isAccessToken, tokenExpiresAtMs } from "./account.ts";
import { type Aside, concerns } from "./account-state.ts";
import type { AccountVault, KeptAccount, VaultEntry } from "./account-vault.ts";

/** An account as this process knows it. One object an account, as long as it is there. */
export interface KnownAccount {
  readonly id: string;
  alias: string;
  /** Undefined: it is kept, but sealed with another key. */
  account: Account | undefined;
  readonly added: boolean;
  readonly configured: string | undefined;
  revision: number;
  aside: Aside | undefined;
  /** States on their way into the store: what it holds is older. */
  unsaved: number;
  /** The store could not take the newest credentials: what it holds is older. */
  isUnwritten: boolean;
  openReplies: number;
  lastPick: number;
}

export interface AccountRegistry {
  /** Looks at the store, unless it did a moment ago. */
  load(): Promise<void>;
  /** It did a moment ago: what it knows counts. */
  readonly isFresh: boolean;
  reload(): Promise<void>;
  /** Those that can be used, and those that are locked. */
  all(): readonly KnownAccount[];
  find(id: string): KnownAccount | undefined;
  /**
   * Writes changed credentials, and only then lets anybody use them.
   * @returns false when the store holds something newer, which counts then.
   */
  saveAccount(known: KnownAccount, account: Account): Promise<boolean>;
  /** Counts at once; written in the background. */
  setAside(known: KnownAccount, aside: Aside | undefined): void;
  /** Resolves when everything is written. */
  settled(): Promise<void>;
}

export interface RegistryOptions {
  readonly vault: AccountVault;
  /** Of the environment and the file; the first of equal ids counts. */
  readonly configured: readonly Account[];
  /** Serves as long as there is no other. */
  readonly anonymous: Account;
  readonly clock: () => number;
  readonly log: Log;
  /** Told of every account before it is used, also when its credentials have changed. */
  readonly onCredentials?: ((account: Account) => void) | undefined;
}

const lookAgainMs = 1000;
const nothingToDo = Promise.resolve();

export function createAccountRegistry(options: RegistryOptions): AccountRegistry {
  const { vault, clock, log } = options;
  let known = new Map<string, KnownAccount>();
  /** The same in order, for whoever looks through all of them with each request. */
  let all: readonly KnownAccount[] = [];
  let loadedAtMs = Number.NEGATIVE_INFINITY;
  let loading: Promise<void> | undefined;
  const writes = new Set<Promise<void>>();
  const lockedTold = new Set<string>();
  /** Digests by account: it is looked at every second. */
  const credentialsTold = new Map<string, string>();

  async function look(): Promise<void> {
    const entries = new Map((await vault.list()).map((entry) => [entry.id, entry]));
    const next = new Map<string, KnownAccount>();
    for (const account of options.configured) {
      if (account.id === anonymousId || next.has(account.id)) continue;
      next.set(account.id, mergeKnown(known.get(account.id), chooseConfigured(account, entries.get(account.id))));
    }
    for (const entry of entries.values()) {
      if (next.has(entry.id) || entry.kept === undefined) continue;
      if (entry.kept === "locked") tellLocked(entry.alias);
      else if (!entry.kept.added) continue;
      next.set(entry.id, mergeKnown(known.get(entry.id), chooseKept(entry, entry.kept)));
    }
    if (next.size === 0) {
      const { anonymous } = options;
      next.set(
        anonymous.id,
        mergeKnown(known.get(anonymous.id), chooseConfigured(anonymous, entries.get(anonymous.id))),
      );
    }
    for (const { account } of next.values()) if (account !== undefined) tellCredentials(account);
    known = next;
    all = [...next.values()];
    loadedAtMs = clock();
  }

  function tellCredentials(account: Account): void {
    const digest = credentialsDigest(account);
    if (credentialsTold.get(account.id) === digest) return;
    credentialsTold.set(account.id, digest);
    options.onCredentials?.(account);
  }

  function tellLocked(alias: string): void {
    if (lockedTold.has(alias)) return;
    lockedTold.add(alias);
    log.error(
      "A stored account cannot be opened: it was sealed with another key. Restore it, or add the account anew",
      {
        account: alias,
      },
    );
  }

  function lookOnce(): Promise<void> {
    loading ??= look().finally(() => {
      loading = undefined;
    });
    return loading;
  }

  function isFresh(): boolean {
    const ageMs = clock() - loadedAtMs;
    return ageMs < lookAgainMs && ageMs >= 0;
  }

  const outage = createOutageLog(log, "Cannot look for changed accounts");

  async function loadAgain(): Promise<void> {
    try {
      await lookOnce();
      outage.worked();
    } catch (error) {
      // What is known still serves: only the changes of others are missed until the store answers again.
      if (known.size === 0) throw error;
      outage.failed(error);
    }
  }

  async function reload(): Promise<void> {
    // What is under way may have read before the change that the caller wants to see.
    await loading;
    await lookOnce();
  }

  function track(write: Promise<void>): void {
    writes.add(write);
    void write.finally(() => writes.delete(write));
  }

  function setAside(entry: KnownAccount, aside: Aside | undefined): void {
    entry.aside = aside;
    entry.unsaved++;
    const write = vault
      .saveAside(entry.id, aside)
      .catch((error: unknown) => log.error("Cannot note the state of an account", { account: entry.alias }, error))
      .finally(() => {
        entry.unsaved--;
      });
    track(write);
  }

  return {
    load: () => (isFresh() ? nothingToDo : loadAgain()),
    get isFresh() {
      return isFresh();
    },
    reload,
    all: () => all,
    find: (id) => known.get(id),
    async saveAccount(entry, account) {
      tellCredentials(account);
      const credentials = credentialsDigest(account);
      const before = entry.aside;
      const aside = before === undefined ? undefined : { ...before, credentials };
      const kept: KeptAccount = { account, added: entry.added, configured: entry.configured };
      const revision = await vault.put(kept, aside, entry.revision);
      if (revision === undefined) {
        await reload();
        return false;
      }
      const noted = entry.aside;
      Object.assign(entry, { account, aside, revision, isUnwritten: false });
      // What was noted while this was written is about these credentials as well.
      if (noted !== before) setAside(entry, noted === undefined ? undefined : { ...noted, credentials });
      return true;
    },
    setAside,
    async settled() {
      await Promise.all(writes);
    },
  };
}

/** What the sources say of one account. */
type Told = Pick<KnownAccount, "id" | "alias" | "account" | "added" | "configured" | "revision" | "aside">;

function chooseKept({ id, alias, revision, aside }: VaultEntry, kept: KeptAccount | "locked"): Told {
  const told = { id, alias, revision, aside };
  if (kept === "locked") return { ...told, account: undefined, added: true, configured: undefined };
  return { ...told, account: kept.account, added: kept.added, configured: kept.configured };
}

/** What was renewed since goes before the setting that it came from; a setting that was changed goes before both. */
function chooseConfigured(account: Account, entry: VaultEntry | undefined): Told {
  const configured = credentialsDigest(account);
  const { id, alias } = account;
  const told = { id, alias, configured, revision: entry?.revision ?? 0, aside: entry?.aside };
  const kept = entry?.kept;
  if (kept === undefined || kept === "locked") return { ...told, account, added: false };
  const isNewer = kept.configured === undefined ? !supersedes(account, kept.account) : kept.configured === configured;
  return { ...told, account: isNewer ? { ...kept.account, alias } : account, added: kept.added };
}

/** Of two states of one account that nobody has compared yet. */
function supersedes(one: Account, other: Account): boolean {
  const [isShort, isOtherShort] = [hasShortToken(one), hasShortToken(other)];
  // Short tokens took the place of those that say that they live for weeks.
  if (isShort !== isOtherShort) return isShort;
  return (tokenExpiresAtMs(one.token) ?? 0) > (tokenExpiresAtMs(other.token) ?? 0);
}

function hasShortToken({ token }: Account): boolean {
  return token !== undefined && isAccessToken(token);
}

/** Keeps the object, so that counts and states that are not yet written outlive a look at the store. */
function mergeKnown(before: KnownAccount | undefined, told: Told): KnownAccount {
  const { account } = told;
  const isOurs = told.aside !== undefined && account !== undefined && concerns(told.aside, credentialsDigest(account));
  const aside = isOurs ? told.aside : undefined;
  if (before === undefined) return { ...told, aside, unsaved: 0, isUnwritten: false, openReplies: 0, lastPick: 0 };
  const isUnwritten = before.isUnwritten && before.revision === told.revision;
  return Object.assign(before, told, {
    isUnwritten,
    account: isUnwritten ? before.account : account,
    aside: before.unsaved > 0 ? before.aside : aside,
  });
}
