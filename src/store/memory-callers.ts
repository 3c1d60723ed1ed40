// API keys and amounts of the driver in memory. Nobody shares it: what runs, runs here.

import {
  type AmountKey,
  type AmountStore,
  firstSubjects,
  grantOf,
  type Reservation,
  type Reserved,
  type SubjectsQuestion,
} from "./amount-store.ts";
import type { KeyStore, NewKey, StoredKey } from "./key-store.ts";
import { keyOf } from "./memory-turns.ts";
import type { StoreOptions } from "./store-options.ts";

export class MemoryCallers implements KeyStore, AmountStore {
  readonly #options: StoreOptions;
  readonly #keys = new Map<string, StoredKey>();
  /** By subject, kind and beginning. */
  readonly #amounts = new Map<string, AmountKey & { amount: number }>();
  readonly #held = new Map<string, number>();
  #revision = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  async keysRevision(): Promise<number> {
    return this.#revision;
  }

  async listKeys(): Promise<readonly StoredKey[]> {
    return [...this.#keys.values()];
  }

  async addKey({ lifetimeMs, ...key }: NewKey): Promise<boolean> {
    const isTaken = [...this.#keys.values()].some(
      ({ prefix, name, revokedAtMs }) => prefix === key.prefix || (name === key.name && revokedAtMs === undefined),
    );
    if (isTaken) return false;
    this.#revision++;
    const createdAtMs = this.#options.clock();
    const expiresAtMs = lifetimeMs === undefined ? undefined : createdAtMs + lifetimeMs;
    this.#keys.set(key.prefix, { ...key, createdAtMs, expiresAtMs, revokedAtMs: undefined });
    return true;
  }

  async revokeKey(prefix: string): Promise<boolean> {
    const key = this.#keys.get(prefix);
    if (key === undefined || key.revokedAtMs !== undefined) return false;
    this.#revision++;
    this.#keys.set(prefix, { ...key, revokedAtMs: this.#options.clock() });
    return true;
  }

  async removeKey(prefix: string): Promise<boolean> {
    this.#revision++;
    return this.#keys.delete(prefix);
  }

  async reserveAmount(reservation: Reservation): Promise<Reserved> {
    const { startMs, windowMs } = reservation;
    const amount = this.#read(reservation);
    const previous = this.#read({ ...reservation, startMs: startMs - windowMs });
    const granted = grantOf(reservation, amount, previous);
    if (granted > 0) this.#add(reservation, granted);
    return { granted, amount: amount + granted, previous };
  }

  async addAmounts(amounts: readonly (AmountKey & { readonly amount: number })[]): Promise<readonly number[]> {
    return amounts.map((one) => this.#add(one, one.amount));
  }

  async readAmounts(keys: readonly AmountKey[]): Promise<readonly number[]> {
    return keys.map((key) => this.#read(key));
  }

  async listSubjects({ after = "", before, limit, kinds }: SubjectsQuestion): Promise<readonly string[]> {
    const sinceOf = new Map(kinds.map(({ kind, sinceMs }) => [kind, sinceMs]));
    const counted = [...this.#amounts.values()].filter(
      ({ kind, startMs, amount }) => amount !== 0 && startMs >= (sinceOf.get(kind) ?? Number.POSITIVE_INFINITY),
    );
    const found = [...counted, ...[...this.#held.keys()].map((subject) => ({ subject }))].filter(
      ({ subject }) => subject > after && (before === undefined || subject < before),
    );
    return firstSubjects(found, limit);
  }

  async forgetAmounts(subject: string): Promise<boolean> {
    let hasForgotten = false;
    for (const [key, one] of this.#amounts) {
      if (one.subject === subject) hasForgotten = this.#amounts.delete(key) || hasForgotten;
    }
    return hasForgotten;
  }

  async dropAmounts(kinds: Parameters<AmountStore["dropAmounts"]>[0]): Promise<void> {
    const endOf = new Map(kinds.map(({ kind, beforeMs }) => [kind, beforeMs]));
    for (const [key, { kind, startMs }] of this.#amounts) {
      if (startMs < (endOf.get(kind) ?? Number.NEGATIVE_INFINITY)) this.#amounts.delete(key);
    }
  }

  async holdReplies(subject: string, wanted: number, limit: number): Promise<number> {
    const own = this.#held.get(subject) ?? 0;
    const held = wanted <= own ? wanted : Math.max(own, Math.min(wanted, limit));
    if (held > 0) this.#held.set(subject, held);
    else this.#held.delete(subject);
    return held;
  }

  async countReplies(subjects: readonly string[]): Promise<readonly number[]> {
    return subjects.map((subject) => this.#held.get(subject) ?? 0);
  }

  async renewReplies(): Promise<void> {
    // Nothing runs out where nobody else looks.
  }

  #read(key: AmountKey): number {
    return this.#amounts.get(nameOf(key))?.amount ?? 0;
  }

  #add(key: AmountKey, amount: number): number {
    const sum = this.#read(key) + amount;
    this.#amounts.set(nameOf(key), { subject: key.subject, kind: key.kind, startMs: key.startMs, amount: sum });
    return sum;
  }
}

function nameOf({ subject, kind, startMs }: AmountKey): string {
  return keyOf(subject, `${kind} ${startMs}`);
}
