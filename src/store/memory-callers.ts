// API keys and amounts of the driver in memory. Nobody shares it: what runs, runs here.

import {
  type AddedAmount,
  type AmountPart,
  type AmountSpan,
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

interface Counted {
  readonly subject: string;
  readonly kind: string;
  readonly parts: Map<number, AmountPart>;
}

export class MemoryCallers implements KeyStore, AmountStore {
  readonly #options: StoreOptions;
  readonly #keys = new Map<string, StoredKey>();
  /** By subject and kind, then by the beginning. */
  readonly #amounts = new Map<string, Counted>();
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
    const { subject, kind, startMs, atMs } = reservation;
    const granted = grantOf(reservation, this.#read(reservation));
    if (granted > 0) this.#add({ subject, kind, startMs, amount: granted, lastMs: atMs });
    return { granted, parts: this.#read(reservation) };
  }

  async addAmounts(amounts: readonly AddedAmount[]): Promise<readonly number[]> {
    return amounts.map((one) => this.#add(one));
  }

  async readAmounts(spans: readonly AmountSpan[]): Promise<readonly (readonly AmountPart[])[]> {
    return spans.map((span) => this.#read(span));
  }

  async listSubjects({ after = "", before, limit, kinds }: SubjectsQuestion): Promise<readonly string[]> {
    const sinceOf = new Map(kinds.map(({ kind, sinceMs }) => [kind, sinceMs]));
    const counted = [...this.#amounts.values()].filter(({ kind, parts }) => {
      const sinceMs = sinceOf.get(kind) ?? Number.POSITIVE_INFINITY;
      return [...parts.values()].some(({ startMs, amount }) => amount !== 0 && startMs >= sinceMs);
    });
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
    for (const [key, { kind, parts }] of this.#amounts) {
      const beforeMs = endOf.get(kind) ?? Number.NEGATIVE_INFINITY;
      for (const startMs of parts.keys()) if (startMs < beforeMs) parts.delete(startMs);
      if (parts.size === 0) this.#amounts.delete(key);
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

  #read({ subject, kind, sinceMs }: AmountSpan): AmountPart[] {
    const parts = this.#amounts.get(keyOf(subject, kind))?.parts.values() ?? [];
    return [...parts].filter(({ startMs }) => startMs >= sinceMs);
  }

  #add({ subject, kind, startMs, amount, lastMs }: AddedAmount): number {
    const name = keyOf(subject, kind);
    const counted = this.#amounts.get(name) ?? { subject, kind, parts: new Map<number, AmountPart>() };
    this.#amounts.set(name, counted);
    const before = counted.parts.get(startMs) ?? { amount: 0, lastMs: 0 };
    const sum = before.amount + amount;
    counted.parts.set(startMs, { startMs, amount: sum, lastMs: Math.max(before.lastMs, lastMs) });
    return sum;
  }
}
