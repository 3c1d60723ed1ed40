// API keys that the gateway keeps: made, listed, revoked. Commands and routes call these; what is stored are digests.

import { accessSurfaces, type CallerLimits, type Scopes } from "../../contract/access.ts";
import type { Clock } from "../../contract/clock.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { KeyStore, StoredKey } from "../../store/key-store.ts";

export interface KeyToCreate {
  readonly name: string;
  /** Patterns; absent: all. */
  readonly models?: readonly string[] | undefined;
  readonly surfaces?: readonly string[] | undefined;
  readonly upstreams?: readonly string[] | undefined;
  /** @defaultValue false */
  readonly admin?: boolean | undefined;
  readonly limits?: CallerLimits | undefined;
  /** Undefined: it lives until it is revoked. */
  readonly lifetimeMs?: number | undefined;
}

/** A key without what opens the gateway. */
export interface KeyView extends Omit<StoredKey, "digest"> {
  readonly state: "active" | "expired" | "revoked";
  /** The name under which its holder is known inside, such as in rules of the agent and sign-ins at tool servers. */
  readonly caller: string;
}

export interface CreatedKey {
  /** The one time that anybody sees it. */
  readonly key: string;
  readonly view: KeyView;
}

export interface StoredKeys {
  /** @throws {GatewayError} `invalid-request` that names the field */
  create(wanted: KeyToCreate): Promise<CreatedKey>;
  /** Oldest first, revoked and expired ones included. */
  list(): Promise<readonly KeyView[]>;
  /**
   * Takes a key back: the next request with it is refused, in every process.
   * @param which its prefix, its name, or the key itself
   * @throws {GatewayError} `not-found`
   */
  revoke(which: string): Promise<KeyView>;
  /** Forgets one that counts no more. @throws {GatewayError} `not-found`, `invalid-request` for an active one */
  remove(which: string): Promise<KeyView>;
}

/** All of them stand in the memory of every process. */
const mostKeys = 10_000;
export const mostNames = 1000;
const nameForm = /^[\w.@+-][\w.@+ -]{0,62}[\w.@+-]$|^[\w.@+-]$/;
const keyStart = "qg-";
const prefixChars = 8;
const alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
const secretBytes = 32;
const prefixLength = keyStart.length + prefixChars;

export function digestOf(key: string): Buffer {
  return Bun.CryptoHasher.hash("sha256", key);
}

/** The name under which the holder of a key is known inside. */
export function callerOfDigest(digest: Uint8Array): string {
  return `key:${Buffer.from(digest).toString("hex").slice(0, 16)}`;
}

/** Undefined: no key that was ever made here begins so. */
export function prefixOf(key: string): string | undefined {
  return key.startsWith(keyStart) && key[prefixLength] === "-" ? key.slice(0, prefixLength) : undefined;
}

export function createStoredKeys(store: KeyStore, clock: Clock): StoredKeys {
  const list = async (): Promise<readonly KeyView[]> => (await store.listKeys()).map((key) => viewOf(key, clock()));

  async function find(which: string): Promise<KeyView> {
    const known = await list();
    const prefix = prefixOf(which) ?? which;
    const found =
      known.find((key) => key.prefix === prefix) ??
      known.find(({ name, state }) => name === which && state !== "revoked") ??
      known.findLast(({ name }) => name === which);
    if (found !== undefined) return found;
    throw new GatewayError(
      "not-found",
      `Cannot find a key ${JSON.stringify(prefix)}: "keys list" shows prefixes and names`,
    );
  }

  return {
    async create(wanted) {
      checkWanted(wanted);
      const { name, models, surfaces, upstreams, admin = false, limits = {}, lifetimeMs } = wanted;
      const known = await store.listKeys();
      if (known.length >= mostKeys) {
        throw invalid("name", `there are ${mostKeys} keys; "keys remove" forgets those that are revoked`);
      }
      const scopes: Scopes = {
        ...(models === undefined ? {} : { models }),
        ...(surfaces === undefined ? {} : { surfaces }),
        ...(upstreams === undefined ? {} : { upstreams }),
        admin,
      };
      const { key, prefix } = makeKey();
      const isAdded = await store.addKey({ prefix, name, digest: digestOf(key), scopes, limits, lifetimeMs });
      if (!isAdded)
        throw invalid(
          "name",
          `there is a key ${JSON.stringify(name)} already; revoke it first, or choose another name`,
        );
      return { key, view: await find(prefix) };
    },
    list,
    async revoke(which) {
      const { prefix } = await find(which);
      await store.revokeKey(prefix);
      return find(prefix);
    },
    async remove(which) {
      const view = await find(which);
      if (view.state === "active") throw invalid("name", "it is in use; revoke it first");
      await store.removeKey(view.prefix);
      return view;
    },
  };
}

function viewOf({ digest, ...key }: StoredKey, nowMs: number): KeyView {
  const { revokedAtMs, expiresAtMs } = key;
  const isOver = expiresAtMs !== undefined && expiresAtMs <= nowMs;
  const caller = callerOfDigest(digest);
  return { ...key, caller, state: revokedAtMs !== undefined ? "revoked" : isOver ? "expired" : "active" };
}

function makeKey(): { key: string; prefix: string } {
  const random = crypto.getRandomValues(new Uint8Array(prefixChars));
  // 32 letters: each byte gives one as likely as any other.
  const letters = Array.from(random, (byte) => alphabet[byte % alphabet.length]).join("");
  const secret = crypto.getRandomValues(Buffer.alloc(secretBytes)).toString("base64url");
  const prefix = keyStart + letters;
  return { key: `${prefix}-${secret}`, prefix };
}

function checkWanted({ name, models, surfaces, upstreams, limits = {}, lifetimeMs }: KeyToCreate): void {
  if (!nameForm.test(name)) throw invalid("name", "it must have 1 to 64 letters, digits, spaces and . _ @ + -");
  for (const [field, patterns] of Object.entries({ models, surfaces, upstreams })) checkPatterns(field, patterns);
  for (const surface of surfaces ?? []) {
    if (surface.includes("*") || accessSurfaces.some((known) => known === surface)) continue;
    throw invalid("surfaces", `each must be one of ${accessSurfaces.join(", ")}`);
  }
  for (const [field, amount] of Object.entries(limits)) {
    const isMoney = field === "spendPerDay";
    if (amount > 0 && Number.isFinite(amount) && (isMoney || Number.isInteger(amount))) continue;
    throw invalid(field, `it must be a ${isMoney ? "number of dollars" : "whole number"} above 0`);
  }
  if (lifetimeMs !== undefined && !(lifetimeMs > 0)) throw invalid("lifetimeMs", "it must be above 0");
}

function checkPatterns(field: string, patterns: readonly string[] | undefined): void {
  if (patterns === undefined) return;
  const isSound =
    patterns.length > 0 && patterns.length <= mostNames && patterns.every((one) => /^[!-~]{1,200}$/.test(one));
  if (!isSound) throw invalid(field, `it must hold 1 to ${mostNames} names or patterns without white space`);
}

function invalid(param: string, reason: string): GatewayError {
  return new GatewayError("invalid-request", `Cannot use "${param}" of this key: ${reason}`, { param });
}
