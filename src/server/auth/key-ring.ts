// The stored keys as a running gateway knows them: all of them in memory, and read again as soon as one has changed,
// whichever process changed it.

import type { Identity } from "../../contract/access.ts";
import type { Clock } from "../../contract/clock.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { KeyStore, StoredKey } from "../../store/key-store.ts";
import type { Log } from "../../telemetry/log.ts";
import { createOutageLog } from "../../telemetry/outage-log.ts";
import { callerOfDigest, digestOf, prefixOf } from "./stored-keys.ts";

/** How a key is called, for rules that name it. */
export interface KeyNames {
  readonly prefix: string;
  readonly name: string;
}

export interface KeyRing {
  /** There are stored keys, or were: requests want one. Stays so until the gateway ends. */
  readonly isWanted: boolean;
  /**
   * Reads the revision of the keys, and the keys where it has changed.
   * @returns undefined for a key that is none
   * @throws {GatewayError} `unauthenticated` for one that counts no more, `overloaded` when the store cannot be read
   */
  find(key: string): Promise<Identity | undefined>;
  /** Of a caller that has come in. */
  namesOf(caller: string): KeyNames | undefined;
  /** Of all of them, revoked ones included. */
  allNames(): readonly KeyNames[];
  /** Looks whether keys have come up. Never rejects. */
  refresh(): Promise<void>;
  close(): void;
}

export interface KeyRingOptions {
  readonly store: KeyStore;
  readonly clock: Clock;
  readonly log: Log;
  /** How often a gateway without keys looks whether there is one. @defaultValue 2000 */
  readonly lookMs?: number;
}

interface Known {
  readonly key: StoredKey;
  readonly digest: Buffer;
  readonly identity: Identity;
}

/** Compared where there is no such prefix, so that the time tells nothing. */
const noDigest = Buffer.alloc(32);

/** Reads the keys once before it resolves. @throws what the store throws */
export async function openKeyRing({ store, clock, log, lookMs = 2000 }: KeyRingOptions): Promise<KeyRing> {
  let byPrefix = new Map<string, Known>();
  let byCaller = new Map<string, KeyNames>();
  let revision = -1;
  let isWanted = false;
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    // First: keys that change meanwhile are read again with the next request.
    const found = await store.keysRevision();
    const keys = await store.listKeys();
    byPrefix = new Map(keys.map((key) => [key.prefix, knownOf(key)]));
    byCaller = new Map(keys.map(({ prefix, name, digest }) => [callerOfDigest(digest), { prefix, name }]));
    revision = found;
    if (keys.length > 0) isWanted = true;
  }

  async function refresh(): Promise<void> {
    const found = await store.keysRevision();
    // A reading under way may have begun before the change: the one after it has not.
    for (let attempt = 0; revision !== found && attempt < 2; attempt++) {
      reading ??= read().finally(() => (reading = undefined));
      await reading;
    }
  }

  await read();
  let timer: ReturnType<typeof setInterval> | undefined;
  const outage = createOutageLog(log, "Cannot read the stored API keys");
  /** Where no request asks for keys, nothing else would notice the first one. */
  async function look(): Promise<void> {
    try {
      await refresh();
      outage.worked();
    } catch (error) {
      outage.failed(error);
    }
    if (!isWanted || timer === undefined) return;
    clearInterval(timer);
    timer = undefined;
    log.info("There are API keys now: requests need one");
  }
  if (!isWanted) timer = setInterval(() => void look(), lookMs).unref();

  return {
    get isWanted() {
      return isWanted;
    },
    async find(key) {
      const prefix = prefixOf(key);
      if (prefix === undefined) return undefined;
      try {
        await refresh();
      } catch (error) {
        // Whether it was revoked meanwhile cannot be known.
        throw new GatewayError("overloaded", "Cannot check this API key right now: send the request again", {
          cause: error,
          retryAfterMs: 1000,
        });
      }
      const known = byPrefix.get(prefix);
      const isSame = crypto.timingSafeEqual(digestOf(key), known?.digest ?? noDigest);
      if (!isSame || known === undefined) return undefined;
      const { revokedAtMs, expiresAtMs } = known.key;
      if (revokedAtMs !== undefined) throw over("was revoked");
      if (expiresAtMs !== undefined && expiresAtMs <= clock()) throw over("has expired");
      return known.identity;
    },
    namesOf: (caller) => byCaller.get(caller),
    allNames: () => [...byPrefix.values()].map(({ key: { prefix, name } }) => ({ prefix, name })),
    refresh: look,
    close() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}

function knownOf(key: StoredKey): Known {
  const { scopes, limits } = key;
  const digest = Buffer.from(key.digest);
  return { key, digest, identity: { caller: callerOfDigest(digest), scopes, limits } };
}

function over(reason: string): GatewayError {
  return new GatewayError("unauthenticated", `Cannot serve this request: the API key ${reason}`);
}
