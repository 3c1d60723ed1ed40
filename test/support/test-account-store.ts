// The part of the Store contract that keeps accounts; testStore calls it for every driver.

import { describe, expect, test } from "bun:test";
import type { OpenStore } from "./test-store.ts";

const sealed = (text: string): Uint8Array => new TextEncoder().encode(text);
const account = (id: string, text = "sealed") => ({ id, alias: `alias of ${id}`, sealed: sealed(text), state: "" });

export function testAccountStore(name: string, open: OpenStore): void {
  async function openWithClock() {
    let nowMs = 1_790_000_000_000;
    const opened = await open({ clock: () => nowMs, sessionTimeoutMs: 1000 });
    const advance = (milliseconds: number): void => {
      nowMs += milliseconds;
    };
    return { ...opened, advance };
  }

  describe(`${name} keeps accounts`, () => {
    test("putAccount is read back by listAccounts, oldest first, upstream by upstream, also after a restart", async () => {
      const { store: first, reopen, advance } = await openWithClock();
      await first.putAccount("qwen-web", account("b"));
      advance(1);
      await first.putAccount("qwen-web", account("a"));
      await first.putAccount("other", account("c"));
      await first.putAccount("qwen-web", account("b", "sealed anew"));
      const store = (await reopen?.()) ?? first;
      const listed = await store.listAccounts("qwen-web");
      expect(listed.map(({ id, alias }) => [id, alias])).toEqual([
        ["b", "alias of b"],
        ["a", "alias of a"],
      ]);
      expect(Buffer.from(listed[0]?.sealed ?? []).toString()).toBe("sealed anew");
      expect(await store.listAccounts("nobody")).toEqual([]);
      await store.close();
    });

    test("putAccount writes over the expected revision only", async () => {
      const { store } = await openWithClock();
      const first = await store.putAccount("qwen-web", account("a"), 0);
      expect(first).toBeGreaterThan(0);
      expect(await store.putAccount("qwen-web", account("a", "late"), 0)).toBeUndefined();
      const second = await store.putAccount("qwen-web", account("a", "second"), first);
      expect(second).not.toBe(first);
      expect(await store.putAccount("qwen-web", account("a", "late"), first)).toBeUndefined();
      const [kept] = await store.listAccounts("qwen-web");
      expect([Buffer.from(kept?.sealed ?? []).toString(), kept?.revision]).toEqual(["second", second]);
      await store.close();
    });

    test("saveAccountState keeps what is sealed, and makes a row that holds nothing else", async () => {
      const { store } = await openWithClock();
      const revision = await store.putAccount("qwen-web", account("a"));
      await store.saveAccountState("qwen-web", "a", '{"kind":"quota"}');
      await store.saveAccountState("qwen-web", "environment", "{}");
      const listed = await store.listAccounts("qwen-web");
      expect(listed.find(({ id }) => id === "a")).toMatchObject({ state: '{"kind":"quota"}', revision });
      expect(listed.find(({ id }) => id === "environment")).toMatchObject({
        sealed: undefined,
        revision: 0,
        state: "{}",
      });
      await store.close();
    });

    test("removeAccount forgets it, and one that comes back has another revision", async () => {
      const { store, advance } = await openWithClock();
      const before = await store.putAccount("qwen-web", account("a"));
      expect(await store.removeAccount("qwen-web", "a")).toBe(true);
      expect(await store.removeAccount("qwen-web", "a")).toBe(false);
      expect(await store.listAccounts("qwen-web")).toEqual([]);
      advance(1);
      expect(await store.putAccount("qwen-web", account("a"))).not.toBe(before);
      await store.close();
    });

    test("leaseAccount lets one holder in until it lets go or its time is over", async () => {
      const { store, advance } = await openWithClock();
      const lease = (holder: string) => store.leaseAccount("qwen-web", "a", holder, 1000);
      expect([await lease("one"), await lease("two"), await lease("one")]).toEqual([true, false, true]);
      await store.releaseAccount("qwen-web", "a", "two");
      expect(await lease("two")).toBe(false);
      await store.releaseAccount("qwen-web", "a", "one");
      expect([await lease("two"), await lease("one")]).toEqual([true, false]);
      advance(1001);
      expect(await lease("one")).toBe(true);
      await store.close();
    });

    test("resealAccounts changes those of all upstreams together, with another revision each", async () => {
      const { store } = await openWithClock();
      const revision = await store.putAccount("qwen-web", { ...account("a", "one"), state: '{"kind":"quota"}' });
      await store.putAccount("qwen-web", account("kept", "two"));
      await store.putAccount("other", account("b", "three"));
      await store.saveAccountState("qwen-web", "environment", "{}");
      const seen: string[] = [];
      const count = await store.resealAccounts((upstream, { id, alias, sealed: before }) => {
        const text = Buffer.from(before).toString();
        seen.push(`${upstream} ${alias} ${text}`);
        return id === "kept" ? undefined : sealed(`${text} anew`);
      });
      const listed = await store.listAccounts("qwen-web");
      const a = listed.find(({ id }) => id === "a");

      expect(count).toBe(2);
      expect(seen.sort()).toEqual(["other alias of b three", "qwen-web alias of a one", "qwen-web alias of kept two"]);
      expect(Buffer.from(a?.sealed ?? []).toString()).toBe("one anew");
      expect(a).toMatchObject({ alias: "alias of a", state: '{"kind":"quota"}' });
      expect(a?.revision).toBeGreaterThan(revision ?? 0);
      expect(Buffer.from(listed.find(({ id }) => id === "kept")?.sealed ?? []).toString()).toBe("two");
      await store.close();
    });

    test("resealAccounts changes all or none, and none while one is being renewed", async () => {
      const { store } = await openWithClock();
      for (const id of ["a", "b"]) await store.putAccount("qwen-web", account(id, id));
      const texts = async () =>
        (await store.listAccounts("qwen-web")).map(({ sealed: one }) => Buffer.from(one ?? []).toString());
      const failing = store.resealAccounts((_, { id }) => {
        if (id === "b") throw new Error("locked");
        return sealed("anew");
      });
      await expect(failing).rejects.toThrow("locked");
      await store.leaseAccount("qwen-web", "b", "holder", 1000);
      await expect(store.resealAccounts(() => sealed("anew"))).rejects.toMatchObject({ kind: "overloaded" });
      expect(await texts()).toEqual(["a", "b"]);
      await store.releaseAccount("qwen-web", "b", "holder");
      expect(await store.resealAccounts(() => sealed("anew"))).toBe(2);
      await store.close();
    });
  });
}
