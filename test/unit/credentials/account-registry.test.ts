// Accounts of the settings and of the store: which of two states of one account counts, and what other processes change.

import { describe, expect, test } from "bun:test";
import { type Account, credentialsDigest } from "../../../src/credentials/account.ts";
import { createSecretBox } from "../../../src/credentials/secret-box.ts";
import { createMemoryStore } from "../../../src/store/memory-store.ts";
import { accessToken, longToken } from "../../support/tokens.ts";
import { accountOf, createClock, startProcess, upstream } from "./test-accounts.ts";

const minuteMs = 60_000;

function createStore() {
  const clock = createClock();
  return { clock, store: createMemoryStore({ clock: clock.now, sessionTimeoutMs: 1 }) };
}

describe("an account of the settings", () => {
  test("is used as it is written, the first of equal ids, and nothing of it is stored", async () => {
    const { clock, store } = createStore();
    const configured = [accountOf("a"), accountOf("a", { token: "second" }), accountOf("b")];
    const { registry } = await startProcess({ clock, store, configured });
    expect(registry.all().map(({ id, account }) => [id, account?.token])).toEqual([
      ["a", "token of a"],
      ["b", "token of b"],
    ]);
    expect(await store.listAccounts(upstream)).toEqual([]);
  });

  test("keeps its renewed credentials as long as the setting is the same", async () => {
    const { clock, store } = createStore();
    const before = accountOf("a", { alias: "old name" });
    const { registry } = await startProcess({ clock, store, configured: [before] });
    const known = registry.find("a")!;
    expect(await registry.saveAccount(known, { ...before, token: "renewed" })).toBe(true);
    const tokenWith = async (configured: Account): Promise<(string | undefined)[]> => {
      const { registry: next } = await startProcess({ clock, store, configured: [configured] });
      return [next.find("a")?.account?.token, next.find("a")?.alias];
    };
    expect(await tokenWith(accountOf("a", { alias: "new name" }))).toEqual(["renewed", "new name"]);
    expect(await tokenWith(accountOf("a", { token: "changed" }))).toEqual(["changed", "a"]);
    // Without the setting there is no such account any more.
    const { registry: without } = await startProcess({ clock, store });
    expect(without.all().map(({ id }) => id)).toEqual(["anonymous"]);
  });

  test("and one that was added by hand are one account, of which the longer life counts", async () => {
    const { clock, store } = createStore();
    const one = await startProcess({ clock, store });
    const nowMs = clock.now();
    const added = accountOf("a", { token: accessToken("a", 5 * minuteMs, nowMs) });
    await one.vault.put({ account: added, added: true, configured: undefined }, undefined);
    for (const [lifeMs, counts] of [
      [minuteMs, "added"],
      [9 * minuteMs, "configured"],
    ] as const) {
      const configured = accountOf("a", { token: accessToken("a", lifeMs, nowMs) });
      const { registry } = await startProcess({ clock, store, configured: [configured] });
      expect(registry.find("a")?.account?.token).toBe(counts === "added" ? added.token : configured.token);
      expect(registry.all()).toHaveLength(1);
    }
  });

  test("gives way to an added one with a short token, which says that it ends much sooner", async () => {
    const { clock, store } = createStore();
    const one = await startProcess({ clock, store });
    const short = accountOf("a", { token: accessToken("a", 5 * minuteMs, clock.now()) });
    const long = accountOf("a", { token: longToken("a", clock.now() + 30 * 24 * 60 * minuteMs) });
    for (const [added, configured] of [
      [short, long],
      [long, short],
    ] as const) {
      await one.vault.put({ account: added, added: true, configured: undefined }, undefined);
      const { registry } = await startProcess({ clock, store, configured: [configured] });
      expect(registry.find("a")?.account?.token).toBe(short.token);
    }
  });

  test.each(["challenge", "paused"] as const)(
    "keeps its state (%s) that comes while a cookie is written",
    async (kind) => {
      const { clock, store } = createStore();
      const { registry, pool } = await startProcess({ clock, store, configured: [accountOf("a", { cookies: "x=1" })] });
      const known = registry.find("a")!;
      const writing = registry.saveAccount(known, { ...known.account!, cookies: "x=2" });
      if (kind === "paused") pool.pause("a");
      else pool.setAside("a", kind, { reason: "a human check" });
      expect(await writing).toBe(true);
      const state = kind === "paused" ? "paused" : "challenged";
      expect(pool.views()[0]?.state).toBe(state);
      await registry.settled();
      await registry.reload();
      expect(pool.views()[0]?.state).toBe(state);
      expect(registry.find("a")?.account?.cookies).toBe("x=2");
    },
  );

  test("is not held against what was said of other credentials", async () => {
    const { clock, store } = createStore();
    const one = await startProcess({ clock, store, configured: [accountOf("a")] });
    one.pool.setAside("a", "sign-in", { reason: "refused" });
    await one.registry.settled();
    const stateWith = async (configured: Account) =>
      (await startProcess({ clock, store, configured: [configured] })).pool.views()[0]?.state;
    expect(await stateWith(accountOf("a"))).toBe("needs-sign-in");
    expect(await stateWith(accountOf("a", { token: "new" }))).toBe("ready");
  });
});

describe("an account of the store", () => {
  test("appears in a running process within a second, changes, and goes again", async () => {
    const { clock, store } = createStore();
    const running = await startProcess({ clock, store });
    const owner = await startProcess({ clock, store });
    const tokens = async () => {
      clock.advance(1000);
      await running.registry.load();
      return running.registry.all().map(({ id, account }) => `${id}: ${account?.token}`);
    };
    expect(await tokens()).toEqual(["anonymous: undefined"]);
    await owner.vault.put({ account: accountOf("a"), added: true, configured: undefined }, undefined);
    expect(await tokens()).toEqual(["a: token of a"]);
    await owner.vault.put(
      { account: accountOf("a", { token: "newer" }), added: true, configured: undefined },
      undefined,
    );
    expect(await tokens()).toEqual(["a: newer"]);
    await owner.vault.remove("a");
    expect(await tokens()).toEqual(["anonymous: undefined"]);
  });

  test("keeps its counts and its unsaved state while it is looked at again", async () => {
    const { clock, store } = createStore();
    const { registry, pool } = await startProcess({ clock, store, configured: [accountOf("a")] });
    registry.find("a")!.openReplies = 3;
    pool.setAside("a", "limit", { reason: "full" });
    await registry.reload();
    expect(pool.views()).toMatchObject([{ openReplies: 3, state: "cooling-down" }]);
    await registry.settled();
    await registry.reload();
    expect(pool.views()).toMatchObject([{ openReplies: 3, state: "cooling-down" }]);
  });

  test("that was sealed with another key needs its owner, and nobody is sent in its name", async () => {
    const { clock, store } = createStore();
    const owner = await startProcess({ clock, store, box: createSecretBox(() => [new Uint8Array(32)]) });
    await owner.vault.put({ account: accountOf("a"), added: true, configured: undefined }, undefined);
    const { pool, registry } = await startProcess({ clock, store });
    expect(registry.all()).toHaveLength(1);
    expect(pool.views()).toMatchObject([{ id: "a", state: "needs-sign-in", reason: "it was sealed with another key" }]);
    await expect(pool.anyReady()).rejects.toMatchObject({ kind: "upstream-auth" });
    const request = { conversationOf: "a", mustStay: false, except: new Set<string>(), deadlineMs: clock.now() };
    await expect(pool.pick({ ...request, signal: new AbortController().signal })).rejects.toThrow("MASTER_KEY");
  });

  test("saveAccount gives way to what somebody else has written meanwhile", async () => {
    const { clock, store } = createStore();
    const one = await startProcess({ clock, store, configured: [accountOf("a")] });
    const other = await startProcess({ clock, store, configured: [accountOf("a")] });
    const known = one.registry.find("a")!;
    await other.registry.saveAccount(other.registry.find("a")!, accountOf("a", { token: "theirs" }));
    expect(await one.registry.saveAccount(known, accountOf("a", { token: "ours" }))).toBe(false);
    expect(known.account?.token).toBe("theirs");
  });
});

test("credentialsDigest depends on all credentials, and not on the order of headers", () => {
  const base = accountOf("a", { cookies: "a=b", headers: { x: "1", y: "2" } });
  const same = credentialsDigest(base);
  expect(credentialsDigest({ ...base, headers: { y: "2", x: "1" } })).toBe(same);
  for (const change of [{ token: "other" }, { cookies: "a=c" }, { headers: { x: "1" } }]) {
    expect(credentialsDigest({ ...base, ...change })).not.toBe(same);
  }
});
