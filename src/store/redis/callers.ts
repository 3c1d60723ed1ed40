// The part of the shared store that keeps API keys and counts what callers use, over all gateways.

import {
  type AddedAmount,
  type AmountPart,
  type AmountSpan,
  type AmountStore,
  firstSubjects,
  type Reservation,
  type Reserved,
  type SubjectsQuestion,
} from "../amount-store.ts";
import type { KeyStore, NewKey, StoredKey } from "../key-store.ts";
import { pairsOf } from "./accounts.ts";
import type { Session } from "./session.ts";

/** Nothing that is counted is longer than a day. */
const keepAmountsMs = 3 * 24 * 3600_000;

type KeyText = Omit<StoredKey, "digest" | "revokedAtMs"> & { readonly digest: string };

export class RedisCallers implements KeyStore, AmountStore {
  readonly #session: Session;
  readonly #owner: string;
  /** Of whom replies are held here. */
  readonly #subjects = new Set<string>();

  constructor(session: Session, owner: string) {
    this.#session = session;
    this.#owner = owner;
  }

  async keysRevision(): Promise<number> {
    return Number(await this.#session.ask("keysRevision", {}));
  }

  async listKeys(): Promise<readonly StoredKey[]> {
    const [keys, revoked] = (await this.#session.ask("listKeys", {})) as [string[], string[]];
    const revokedAt = new Map(pairsOf(revoked));
    return pairsOf(keys)
      .map(([prefix, text]) => keyOf(text, revokedAt.get(prefix)))
      .sort((one, other) => one.createdAtMs - other.createdAtMs || (one.prefix < other.prefix ? -1 : 1));
  }

  async addKey(key: NewKey): Promise<boolean> {
    const { prefix, name, scopes, limits, lifetimeMs } = key;
    const createdAtMs = this.#session.nowMs();
    const expiresAtMs = lifetimeMs === undefined ? undefined : createdAtMs + lifetimeMs;
    const digest = Buffer.from(key.digest).toString("hex");
    const text: KeyText = { prefix, name, digest, scopes, limits, expiresAtMs, createdAtMs };
    return (await this.#session.ask("addKey", { prefix, name }, [JSON.stringify(text)])) === 1;
  }

  async revokeKey(prefix: string): Promise<boolean> {
    return (await this.#session.ask("revokeKey", { prefix })) === 1;
  }

  async removeKey(prefix: string): Promise<boolean> {
    return (await this.#session.ask("removeKey", { prefix })) === 1;
  }

  async reserveAmount(reservation: Reservation): Promise<Reserved> {
    const { subject, kind, startMs, wanted, limit, atMs, sinceMs, afterMs } = reservation;
    const asked = { subject, kind, start: startMs, wanted, limit, at: atMs, since: sinceMs, after: afterMs };
    const [granted, parts] = (await this.#session.ask("reserveAmount", { ...asked, keep: keepAmountsMs })) as [
      string,
      string[],
    ];
    return { granted: Number(granted), parts: partsOf(parts) };
  }

  async addAmounts(amounts: readonly AddedAmount[]): Promise<readonly number[]> {
    if (amounts.length === 0) return [];
    const asked = amounts.map(({ startMs, lastMs, ...one }) => ({ ...one, start: startMs, last: lastMs }));
    const sums = (await this.#session.ask("addAmounts", { amounts: asked, keep: keepAmountsMs })) as string[];
    return sums.map(Number);
  }

  async readAmounts(spans: readonly AmountSpan[]): Promise<readonly (readonly AmountPart[])[]> {
    if (spans.length === 0) return [];
    const asked = spans.map(({ subject, kind, sinceMs }) => ({ subject, kind, since: sinceMs }));
    return ((await this.#session.ask("readAmounts", { spans: asked })) as string[][]).map(partsOf);
  }

  async listSubjects({ after = "", before, limit, kinds }: SubjectsQuestion): Promise<readonly string[]> {
    const asked = kinds.map(({ kind, sinceMs }) => ({ kind, since: sinceMs }));
    const found = (await this.#session.ask("listSubjects", { after, before, kinds: asked })) as string[];
    return firstSubjects(
      found.map((subject) => ({ subject })),
      limit,
    );
  }

  async forgetAmounts(subject: string): Promise<boolean> {
    return Number(await this.#session.ask("forgetAmounts", { subject })) > 0;
  }

  async dropAmounts(kinds: Parameters<AmountStore["dropAmounts"]>[0]): Promise<void> {
    const asked = kinds.map(({ kind, beforeMs }) => ({ kind, before: beforeMs }));
    await this.#session.ask("dropAmounts", { kinds: asked });
  }

  async holdReplies(subject: string, wanted: number, limit: number, untilMs: number): Promise<number> {
    const ask = { owner: this.#owner, subject, wanted, limit, until: untilMs };
    const held = Number(await this.#session.ask("holdReplies", ask));
    if (held > 0) this.#subjects.add(subject);
    else this.#subjects.delete(subject);
    return held;
  }

  async countReplies(subjects: readonly string[]): Promise<readonly number[]> {
    if (subjects.length === 0) return [];
    return (await this.#session.ask("countReplies", { owner: this.#owner, subjects })) as number[];
  }

  async renewReplies(untilMs: number): Promise<void> {
    if (this.#subjects.size === 0) return;
    await this.#session.ask("renewReplies", { owner: this.#owner, subjects: [...this.#subjects], until: untilMs });
  }
}

/** Beginning, amount and the time of the last of it, one behind the other. */
function partsOf(values: readonly string[]): AmountPart[] {
  const parts: AmountPart[] = [];
  for (let index = 0; index < values.length; index += 3) {
    const [startMs, amount, lastMs] = values.slice(index, index + 3).map(Number);
    parts.push({ startMs: startMs ?? 0, amount: amount ?? 0, lastMs: lastMs ?? 0 });
  }
  return parts;
}

/** Written by `addKey`. */
function keyOf(text: string, revokedAt: string | undefined): StoredKey {
  const { digest, expiresAtMs, ...key } = JSON.parse(text) as KeyText;
  return {
    ...key,
    digest: new Uint8Array(Buffer.from(digest, "hex")),
    expiresAtMs,
    revokedAtMs: revokedAt === undefined ? undefined : Number(revokedAt),
  };
}
