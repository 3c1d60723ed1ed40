// The part of the SQLite driver that keeps API keys and counts what callers use.

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
} from "../amount-store.ts";
import type { CallerQuestions, KeyRow } from "./caller-questions.ts";
import type { Connection } from "./connection.ts";
import type { KeyStore, NewKey, StoredKey } from "../key-store.ts";
import { isDead, type LeaseOwner, thisProcess } from "../lease-owner.ts";

const nothing = {};
/** Behind every name of a subject, which are in ASCII. */
const lastSubject = "\u{10ffff}";

export class SqliteCallers implements KeyStore, AmountStore {
  readonly #connection: Connection;
  readonly #owner: LeaseOwner = thisProcess();
  readonly #holder = crypto.randomUUID();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get #questions(): CallerQuestions {
    return this.#connection.callerQuestions;
  }

  keysRevision(): Promise<number> {
    return this.#connection.read(() => this.#questions.keysRevision.get(nothing)?.revision ?? 0);
  }

  async listKeys(): Promise<readonly StoredKey[]> {
    return (await this.#connection.read(() => this.#questions.listKeys.all(nothing))).map(keyOfRow);
  }

  addKey(key: NewKey): Promise<boolean> {
    const { prefix, name, digest, lifetimeMs } = key;
    const [scopes, limits] = [JSON.stringify(key.scopes), JSON.stringify(key.limits)];
    return this.#connection.write(({ nowMs }) => {
      const expiresAtMs = lifetimeMs === undefined ? null : nowMs + lifetimeMs;
      const row = { prefix, name, digest, scopes, limits, expiresAtMs, nowMs };
      return this.#questions.addKey.run(row).changes > 0;
    });
  }

  revokeKey(prefix: string): Promise<boolean> {
    return this.#connection.write(({ nowMs }) => this.#questions.revokeKey.run({ prefix, nowMs }).changes > 0);
  }

  removeKey(prefix: string): Promise<boolean> {
    return this.#connection.write(() => this.#questions.removeKey.run({ prefix }).changes > 0);
  }

  reserveAmount(reservation: Reservation): Promise<Reserved> {
    const { subject, kind, startMs, atMs, sinceMs } = reservation;
    return this.#connection.write(() => {
      const granted = grantOf(reservation, this.#read({ subject, kind, sinceMs }));
      if (granted > 0) this.#add({ subject, kind, startMs, amount: granted, lastMs: atMs });
      return { granted, parts: this.#read({ subject, kind, sinceMs }) };
    });
  }

  addAmounts(amounts: readonly AddedAmount[]): Promise<readonly number[]> {
    return this.#connection.write(() => amounts.map((one) => this.#add(one)));
  }

  readAmounts(spans: readonly AmountSpan[]): Promise<readonly (readonly AmountPart[])[]> {
    return this.#connection.read(() => spans.map((span) => this.#read(span)));
  }

  listSubjects({ after = "", before = lastSubject, limit, kinds }: SubjectsQuestion): Promise<readonly string[]> {
    const range = { after, before, limit };
    return this.#connection.read(() => {
      const found = kinds.flatMap((kind) => this.#questions.subjectsOfKind.all({ ...kind, ...range }));
      return firstSubjects([...found, ...this.#questions.subjectsWithReplies.all(range)], limit);
    });
  }

  forgetAmounts(subject: string): Promise<boolean> {
    return this.#connection.write(() => this.#questions.forgetAmounts.run({ subject }).changes > 0);
  }

  async dropAmounts(kinds: Parameters<AmountStore["dropAmounts"]>[0]): Promise<void> {
    await this.#connection.write(({ nowMs }) => {
      for (const { kind, beforeMs } of kinds) this.#questions.dropAmounts.run({ kind, beforeMs });
      this.#questions.dropHolders.run({ nowMs });
    });
  }

  holdReplies(subject: string, wanted: number, limit: number, untilMs: number): Promise<number> {
    return this.#connection.write(({ nowMs }) => {
      const { own, others, dead } = this.#countHeld(subject, nowMs);
      for (const holder of dead) this.#questions.dropHolder.run({ subject, holder });
      const held = wanted <= own ? wanted : Math.max(own, Math.min(wanted, limit - others));
      const holder = this.#holder;
      if (held > 0) this.#questions.holdReplies.run({ subject, holder, ...this.#owner, held, untilMs });
      else this.#questions.dropHolder.run({ subject, holder });
      return held;
    });
  }

  countReplies(subjects: readonly string[]): Promise<readonly number[]> {
    return this.#connection.read(({ nowMs }) =>
      subjects.map((subject) => {
        const { own, others } = this.#countHeld(subject, nowMs);
        return own + others;
      }),
    );
  }

  async renewReplies(untilMs: number): Promise<void> {
    await this.#connection.write(() => this.#questions.renewReplies.run({ holder: this.#holder, untilMs }));
  }

  /** What the dead hold does not count. */
  #countHeld(subject: string, nowMs: number): { own: number; others: number; dead: readonly string[] } {
    let [own, others] = [0, 0];
    const dead: string[] = [];
    for (const { holder, held, untilMs, ...owner } of this.#questions.findHolders.all({ subject })) {
      if (holder === this.#holder) own = held;
      else if (untilMs <= nowMs || isDead(owner, this.#owner)) dead.push(holder);
      else others += held;
    }
    return { own, others, dead };
  }

  #read({ subject, kind, sinceMs }: AmountSpan): AmountPart[] {
    return this.#questions.readAmounts.all({ subject, kind, sinceMs });
  }

  #add({ subject, kind, startMs, amount, lastMs }: AddedAmount): number {
    return this.#questions.addAmount.get({ subject, kind, startMs, amount, lastMs })?.amount ?? 0;
  }
}

function keyOfRow({ scopes, limits, expiresAtMs, revokedAtMs, ...row }: KeyRow): StoredKey {
  return {
    ...row,
    // Casts: this driver alone writes the table.
    scopes: JSON.parse(scopes) as StoredKey["scopes"],
    limits: JSON.parse(limits) as StoredKey["limits"],
    expiresAtMs: expiresAtMs ?? undefined,
    revokedAtMs: revokedAtMs ?? undefined,
  };
}
