// The part of the Store contract that keeps API keys and counts what callers use; testStore calls it for every driver.

import { describe, expect, test } from "bun:test";
import type { AmountKey, AmountPart } from "../../src/store/amount-store.ts";
import type { NewKey } from "../../src/store/key-store.ts";
import type { Store } from "../../src/store/store.ts";
import type { OpenStore } from "./test-store.ts";

const minuteMs = 60_000;
const startMs = 1_790_000_040_000;

function key(prefix: string, changes: Partial<NewKey> = {}): NewKey {
  const digest = Bun.CryptoHasher.hash("sha256", `${prefix}-secret`);
  return {
    prefix,
    name: `name of ${prefix}`,
    digest,
    scopes: { admin: false },
    limits: {},
    lifetimeMs: undefined,
    ...changes,
  };
}

function inOrder(parts: readonly AmountPart[]): readonly AmountPart[] {
  return parts.toSorted((one, other) => one.startMs - other.startMs);
}

export function testCallerStore(name: string, open: OpenStore): void {
  async function openWithClock() {
    let nowMs = startMs;
    const opened = await open({ clock: () => nowMs, sessionTimeoutMs: 1000 });
    const advance = (milliseconds: number): void => {
      nowMs += milliseconds;
    };
    return { ...opened, advance };
  }

  describe(`${name} keeps API keys`, () => {
    test("addKey is read back by listKeys, oldest first, also after a restart [R2-084]", async () => {
      const { store: first, reopen, advance } = await openWithClock();
      const scopes = { models: ["qwen*"], surfaces: ["messages"], upstreams: ["home"], admin: true };
      const limits = { requestsPerMinute: 5, spendPerDay: 1.5 };
      expect(await first.addKey(key("qg-b", { scopes, limits, lifetimeMs: 5 }))).toBe(true);
      advance(1);
      expect(await first.addKey(key("qg-a"))).toBe(true);
      const store = (await reopen?.()) ?? first;

      const listed = await store.listKeys();
      expect(listed.map(({ prefix }) => prefix)).toEqual(["qg-b", "qg-a"]);
      expect(listed[0]).toMatchObject({
        name: "name of qg-b",
        scopes,
        limits,
        createdAtMs: startMs,
        expiresAtMs: startMs + 5,
      });
      expect(Buffer.from(listed[0]?.digest ?? []).equals(Bun.CryptoHasher.hash("sha256", "qg-b-secret"))).toBe(true);
      expect(listed[1]?.expiresAtMs).toBeUndefined();
      expect(listed[1]?.revokedAtMs).toBeUndefined();
      await store.close();
    });

    test("a name is free again when its key is revoked, a prefix never", async () => {
      const { store } = await openWithClock();
      await store.addKey(key("qg-a", { name: "ci" }));
      expect(await store.addKey(key("qg-b", { name: "ci" }))).toBe(false);
      expect(await store.addKey(key("qg-a", { name: "other" }))).toBe(false);

      expect(await store.revokeKey("qg-a")).toBe(true);
      expect(await store.revokeKey("qg-a")).toBe(false);
      expect(await store.revokeKey("qg-x")).toBe(false);

      expect(await store.addKey(key("qg-b", { name: "ci" }))).toBe(true);
      expect((await store.listKeys()).map(({ revokedAtMs }) => revokedAtMs)).toEqual([startMs, undefined]);
      expect([await store.removeKey("qg-a"), await store.removeKey("qg-a")]).toEqual([true, false]);
      expect((await store.listKeys()).map(({ prefix }) => prefix)).toEqual(["qg-b"]);
      await store.close();
    });

    test("keysRevision changes with each change of a key and with nothing else [R2-084]", async () => {
      const { store } = await openWithClock();
      const seen = [await store.keysRevision()];
      for (const change of [
        () => store.addKey(key("qg-a")),
        () => store.revokeKey("qg-a"),
        () => store.removeKey("qg-a"),
      ]) {
        await change();
        seen.push(await store.keysRevision());
      }
      expect(new Set(seen).size).toBe(4);
      await store.addAmounts([{ subject: "a", kind: "k", startMs, amount: 1, lastMs: startMs }]);
      expect(await store.keysRevision()).toBe(seen[3] ?? -1);
      await store.close();
    });
  });

  describe(`${name} counts what callers use`, () => {
    const window = { subject: "ann", kind: "requests/minute", startMs };
    const amountsOf = async (store: Store, keys: readonly AmountKey[]): Promise<readonly number[]> => {
      const found = await store.readAmounts(keys.map(({ subject, kind }) => ({ subject, kind, sinceMs: startMs })));
      return found.map((parts) => parts.reduce((sum, { amount }) => sum + amount, 0));
    };

    test("reserveAmount gives what the limit leaves of all that came less than a window ago [R2-080]", async () => {
      const { store } = await openWithClock();
      const span = { sinceMs: startMs - 60_000, afterMs: startMs - minuteMs };
      const reserve = (changes: object) =>
        store.reserveAmount({ ...window, ...span, atMs: startMs + 5, wanted: 4, limit: 10, ...changes });
      const part = (amount: number, start = startMs, lastMs = startMs + 5) => ({ startMs: start, amount, lastMs });
      const atEnd = { startMs: startMs + 1000, atMs: startMs + 1500 };
      expect(await reserve({})).toEqual({ granted: 4, parts: [part(4)] });
      const second = await reserve(atEnd);
      expect(second.granted).toBe(4);
      expect(inOrder(second.parts)).toEqual([part(4), part(4, atEnd.startMs, atEnd.atMs)]);
      expect((await reserve({})).granted).toBe(2);
      expect((await reserve({})).granted).toBe(0);
      expect(await reserve({ subject: "bob" })).toEqual({ granted: 4, parts: [part(4)] });

      // What came at the very end of a window ago counts no more, and what came a millisecond later does.
      const later = { startMs: startMs + minuteMs, atMs: startMs + minuteMs + 5 };
      expect((await reserve({ ...later, afterMs: startMs + 4 })).granted).toBe(0);
      expect((await reserve({ ...later, afterMs: startMs + 5 })).granted).toBe(4);
      expect((await reserve({ ...later, afterMs: startMs + 5 })).granted).toBe(2);
      // As of a clock that is behind: what lies ahead counts.
      expect((await reserve({})).granted).toBe(0);
      const sinceThen = await reserve({ ...later, sinceMs: startMs + 1000, afterMs: startMs + 1500, wanted: 9 });
      expect(sinceThen.granted).toBe(4);
      expect(inOrder(sinceThen.parts)).toEqual([
        part(4, atEnd.startMs, atEnd.atMs),
        part(10, later.startMs, later.atMs),
      ]);
      await store.close();
    });

    test("reserveAmount counts what lies a window ahead at most: what is beyond, a clock counted that was set back", async () => {
      const { store } = await openWithClock();
      const reserve = (atMs: number, wanted = 9) =>
        store.reserveAmount({
          ...{ ...window, startMs: atMs, atMs, sinceMs: atMs - minuteMs, afterMs: atMs - minuteMs },
          ...{ wanted, limit: 10 },
        });
      expect((await reserve(startMs + 3_600_000)).granted).toBe(9);
      expect((await reserve(startMs + 3_600_000 - minuteMs)).granted).toBe(1);

      expect((await reserve(startMs)).granted).toBe(9);
      expect((await reserve(startMs)).granted).toBe(1);
      await store.close();
    });

    test("the last of an amount is never set back, and is kept with it", async () => {
      const { store: first, reopen } = await openWithClock();
      const add = (amount: number, lastMs: number) => first.addAmounts([{ ...window, amount, lastMs }]);
      expect([await add(3, startMs + 20), await add(-1, startMs), await add(0, startMs + 30)]).toEqual([[3], [2], [2]]);
      const store = (await reopen?.()) ?? first;

      const found = await store.readAmounts([{ subject: "ann", kind: "requests/minute", sinceMs: startMs }]);

      expect(found).toEqual([[{ startMs, amount: 2, lastMs: startMs + 30 }]]);
      await store.close();
    });

    test("addAmounts adds, also less than nothing, and survives a restart", async () => {
      const { store: first, reopen } = await openWithClock();
      const amounts = (amount: number) => [
        { subject: "ann", kind: "tokens/day", startMs, amount, lastMs: startMs },
        { subject: "bob", kind: "tokens/day", startMs, amount: 1, lastMs: startMs },
      ];
      expect(await first.addAmounts(amounts(50))).toEqual([50, 1]);
      expect(await first.addAmounts(amounts(-20))).toEqual([30, 2]);
      const store = (await reopen?.()) ?? first;
      expect(await amountsOf(store, [...amounts(0), { ...window, kind: "nothing" }])).toEqual([30, 2, 0]);

      const drop = (beforeMs: number, kind = "tokens/day") => store.dropAmounts([{ kind, beforeMs }]);
      await drop(startMs);
      await drop(startMs + 1, "tokens/minute");
      expect(await amountsOf(store, amounts(0))).toEqual([30, 2]);
      await drop(startMs + 1);
      expect(await amountsOf(store, amounts(0))).toEqual([0, 0]);
      await store.close();
    });

    test("listSubjects are those of whom something counts still, in order, a page at a time", async () => {
      const { store } = await openWithClock();
      const tokens = (subject: string, at: number, amount: number) => ({
        subject,
        kind: "tokens/day",
        startMs: at,
        amount,
        lastMs: at,
      });
      await store.addAmounts([
        tokens("key:b", startMs, 5),
        tokens("key:a", startMs, 5),
        tokens("key:a session:1", startMs, 1),
        tokens("key:a session:2", startMs, 1),
        tokens("key:old", startMs - 1, 5),
        tokens("key:none", startMs, 0),
        { ...tokens("key:z", startMs, 5), kind: "other" },
      ]);
      await store.holdReplies("address:1", 2, 5, startMs + minuteMs);
      const list = (page: object) =>
        store.listSubjects({ limit: 10, kinds: [{ kind: "tokens/day", sinceMs: startMs }], ...page });

      expect(await list({})).toEqual(["address:1", "key:a", "key:a session:1", "key:a session:2", "key:b"]);
      expect(await list({ limit: 2 })).toEqual(["address:1", "key:a"]);
      expect(await list({ limit: 2, after: "key:a" })).toEqual(["key:a session:1", "key:a session:2"]);
      expect(await list({ after: "key:a", before: "key:b" })).toEqual(["key:a session:1", "key:a session:2"]);
      expect(await list({ kinds: [] })).toEqual(["address:1"]);
      expect(await store.countReplies(["key:a", "address:1"])).toEqual([0, 2]);
      await store.close();
    });

    test("forgetAmounts forgets those of one subject, and not what runs", async () => {
      const { store } = await openWithClock();
      const amounts = ["ann", "ann session:1"].map((subject) => ({ ...window, subject, amount: 3, lastMs: startMs }));
      await store.addAmounts(amounts);
      await store.holdReplies("ann", 1, 5, startMs + minuteMs);

      expect([await store.forgetAmounts("ann"), await store.forgetAmounts("ann")]).toEqual([true, false]);
      expect(await amountsOf(store, amounts)).toEqual([0, 3]);
      expect(await store.countReplies(["ann"])).toEqual([1]);
      await store.close();
    });

    test("holdReplies holds no more than the limit, and gives back [R0-065]", async () => {
      const { store } = await openWithClock();
      const hold = (wanted: number) => store.holdReplies("ann", wanted, 2, startMs + minuteMs);
      expect([await hold(1), await hold(2), await hold(3)]).toEqual([1, 2, 2]);
      expect([await hold(1), await hold(0), await hold(2)]).toEqual([1, 0, 2]);
      await store.renewReplies(startMs + 2 * minuteMs);
      expect(await store.holdReplies("bob", 1, 2, startMs + minuteMs)).toBe(1);
      await store.close();
    });
  });
}
