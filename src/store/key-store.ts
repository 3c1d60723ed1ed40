// What the store keeps of API keys: their digests and what they are good for, never the keys themselves.

import type { CallerLimits, Scopes } from "../contract/access.ts";

export interface StoredKey {
  /** The beginning of the key, by which it is recognised. */
  readonly prefix: string;
  readonly name: string;
  /** SHA-256 of the whole key. */
  readonly digest: Uint8Array;
  readonly scopes: Scopes;
  readonly limits: CallerLimits;
  readonly createdAtMs: number;
  /** Undefined: it does not end by itself. */
  readonly expiresAtMs: number | undefined;
  /** Undefined: it has not been revoked. */
  readonly revokedAtMs: number | undefined;
}

/** The store says when it was created, and from then on its time counts. */
export interface NewKey extends Omit<StoredKey, "createdAtMs" | "expiresAtMs" | "revokedAtMs"> {
  /** Undefined: it does not end by itself. */
  readonly lifetimeMs: number | undefined;
}

/** Several processes may share it. */
export interface KeyStore {
  /** Another number after each change of any key, whoever made it. Cheap: one row is read. */
  keysRevision(): Promise<number>;
  /** Oldest first, revoked ones included. */
  listKeys(): Promise<readonly StoredKey[]>;
  /** @returns false when a key that has not been revoked has this name, or any key this prefix */
  addKey(key: NewKey): Promise<boolean>;
  /** @returns false when there is none, or it was revoked before */
  revokeKey(prefix: string): Promise<boolean>;
  /** Forgets it. @returns false when there is none */
  removeKey(prefix: string): Promise<boolean>;
}
