// Renewals: one at a time for each account, in this process and in all others, written before they are used.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import type { Account } from "../../../src/credentials/account.ts";
import { type AccountRenewal, createAccountRenewal, type Renew } from "../../../src/credentials/account-renewal.ts";
import { createMemoryStore } from "../../../src/store/memory-store.ts";
import type { AccountStore } from "../../../src/store/store.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { accessToken, cookiesOf, refreshTokenOf } from "../../support/tokens.ts";
import { accountOf, createClock, startProcess, type TestClock, type TestProcess } from "./test-accounts.ts";

const minuteMs = 60_000;
const signal = new AbortController().signal;

interface RenewingProcess extends TestProcess {
  readonly renewal: AccountRenewal;
  readonly refused: string[];
  readonly unavailable: string[];
}

async function start(
  clock: TestClock,
  store: AccountStore,
  configured: readonly Account[],
  renew: Renew,
): Promise<RenewingProcess> {
  const process = await startProcess({ clock, store, configured });
  const refused: string[] = [];
  const unavailable: string[] = [];
  const renewal = createAccountRenewal({
    registry: process.registry,
    vault: process.vault,
    renew,
    onRefused: ({ id }) => void refused.push(id),
    onUnavailable: ({ id }) => void unavailable.push(id),
    clock: clock.now,
    log: silentLog,
  });
  return { ...process, renewal, refused, unavailable };
}

function createAuth(clock: TestClock, lifeMs = 15 * minuteMs) {
  let count = 0;
  let isOpen: Promise<void> = Promise.resolve();
  const asked = Promise.withResolvers<void>();
  const renew: Renew = async (account) => {
    count++;
    asked.resolve();
    await isOpen;
    const token = accessToken(account.id, lifeMs + count * 1000, clock.now());
    return { ...account, token, cookies: `token=${token}; refresh_token=rotated-${count}` };
  };
  return {
    renew,
    get count() {
      return count;
    },
    /** Resolves with the first renewal. */
    asked: () => asked.promise,
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      isOpen = promise;
      return resolve;
    },
  };
}

const storeOf = (clock: TestClock) => createMemoryStore({ clock: clock.now, sessionTimeoutMs: 1 });

function dying(clock: TestClock, lifeMs: number): Account {
  const token = accessToken("a", lifeMs, clock.now());
  return accountOf("a", { token, cookies: cookiesOf("a", token) });
}

describe("fresh", () => {
  test("renews under three minutes of life, and not before", async () => {
    const clock = createClock();
    const auth = createAuth(clock);
    const { renewal } = await start(clock, storeOf(clock), [dying(clock, 4 * minuteMs)], auth.renew);
    await renewal.fresh("a", signal);
    expect(auth.count).toBe(0);
    clock.advance(minuteMs + 1000);
    await renewal.fresh("a", signal);
    await renewal.fresh("a", signal);
    expect(auth.count).toBe(1);
  });

  test("leaves tokens alone that do not die on time, and those that cannot be renewed", async () => {
    const clock = createClock();
    const auth = createAuth(clock);
    const token = accessToken("b", -minuteMs, clock.now());
    const old = accountOf("a", { token: "opaque", cookies: "refresh_token=r" });
    const { renewal } = await start(clock, storeOf(clock), [old, accountOf("b", { token })], auth.renew);
    expect((await renewal.fresh("a", signal)).token).toBe("opaque");
    expect((await renewal.fresh("b", signal)).token).toBe(token);
    expect(auth.count).toBe(0);
  });

  test("gets a token for cookies that can be renewed and have none, as often as it takes", async () => {
    const clock = createClock();
    const auth = createAuth(clock);
    let failures = 2;
    const renew: Renew = (...args) =>
      failures-- > 0
        ? Promise.reject(new GatewayError("upstream-failed", "down", { retryable: true }))
        : auth.renew(...args);
    const cookies = `cna=1; refresh_token=${refreshTokenOf("a")}`;
    const without = accountOf("b", { token: undefined, cookies: "cna=1" });
    const configured = [accountOf("a", { token: undefined, cookies }), without];
    const { renewal, unavailable } = await start(clock, storeOf(clock), configured, renew);
    for (const _ of [1, 2]) await expect(renewal.fresh("a", signal)).rejects.toMatchObject({ kind: "upstream-failed" });
    expect(unavailable).toEqual(["a", "a"]);
    expect((await renewal.fresh("a", signal)).token).toBeDefined();
    expect(renewal.freshAtOnce("a")?.token).toBeDefined();
    expect((await renewal.fresh("b", signal)).token).toBeUndefined();
    expect(auth.count).toBe(1);
  });

  test("renews once for all who ask, and whoever leaves does not end it", async () => {
    const clock = createClock();
    const auth = createAuth(clock);
    const release = auth.hold();
    const { renewal } = await start(clock, storeOf(clock), [dying(clock, minuteMs)], auth.renew);
    const leaving = new AbortController();
    const left = renewal.fresh("a", leaving.signal);
    const others = Array.from({ length: 20 }, () => renewal.fresh("a", signal));
    leaving.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    release();
    const tokens = new Set((await Promise.all(others)).map(({ token }) => token));
    expect([tokens.size, auth.count]).toEqual([1, 1]);
  });

  test("renews once for all processes on one store", async () => {
    const clock = createClock();
    const store = storeOf(clock);
    const auth = createAuth(clock);
    const account = dying(clock, minuteMs);
    const processes = await Promise.all([1, 2, 3].map(() => start(clock, store, [account], auth.renew)));
    const tokens = await Promise.all(processes.map(({ renewal }) => renewal.fresh("a", signal)));
    expect(new Set(tokens.map(({ cookies }) => cookies))).toEqual(new Set([tokens[0]?.cookies]));
    expect(auth.count).toBe(1);
  });

  test("writes what came back before anybody uses it", async () => {
    const clock = createClock();
    const auth = createAuth(clock);
    const store = storeOf(clock);
    const order: string[] = [];
    const watched: AccountStore = {
      listAccounts: (upstream) => store.listAccounts(upstream),
      putAccount: async (...put) => {
        const revision = await store.putAccount(...put);
        order.push("written");
        return revision;
      },
      saveAccountState: (...save) => store.saveAccountState(...save),
      resealAccounts: (reseal) => store.resealAccounts(reseal),
      removeAccount: (...key) => store.removeAccount(...key),
      leaseAccount: (...lease) => store.leaseAccount(...lease),
      releaseAccount: (...lease) => store.releaseAccount(...lease),
    };
    const { renewal } = await start(clock, watched, [dying(clock, minuteMs)], auth.renew);
    await renewal.fresh("a", signal).then(() => order.push("used"));
    expect(order).toEqual(["written", "used"]);
  });

  test("goes on with a renewed token that cannot be written: the old one may be dead", async () => {
    const clock = createClock();
    const auth = createAuth(clock);
    const store = storeOf(clock);
    const full: AccountStore = {
      listAccounts: (upstream) => store.listAccounts(upstream),
      putAccount: () => Promise.reject(new Error("disk full")),
      saveAccountState: (...save) => store.saveAccountState(...save),
      resealAccounts: (reseal) => store.resealAccounts(reseal),
      removeAccount: (...key) => store.removeAccount(...key),
      leaseAccount: (...lease) => store.leaseAccount(...lease),
      releaseAccount: (...lease) => store.releaseAccount(...lease),
    };
    const { renewal, registry } = await start(clock, full, [dying(clock, minuteMs)], auth.renew);
    expect((await renewal.fresh("a", signal)).cookies).toContain("rotated-1");
    await registry.reload();
    expect((await renewal.fresh("a", signal)).cookies).toContain("rotated-1");
  });

  test("keeps what its owner has given meanwhile", async () => {
    const clock = createClock();
    const store = storeOf(clock);
    const auth = createAuth(clock);
    const release = auth.hold();
    const process = await start(clock, store, [], auth.renew);
    await process.vault.put({ account: dying(clock, minuteMs), added: true, configured: undefined }, undefined);
    await process.registry.reload();
    const fresh = process.renewal.fresh("a", signal);
    const given = accountOf("a", { token: "given", cookies: "refresh_token=given" });
    await process.vault.put({ account: given, added: true, configured: undefined }, undefined);
    release();
    expect((await fresh).token).toBe("given");
  });

  test("keeps it also when it was seen before the renewal came back", async () => {
    const clock = createClock();
    const auth = createAuth(clock);
    const release = auth.hold();
    const { renewal, vault, registry } = await start(clock, storeOf(clock), [], auth.renew);
    await vault.put({ account: dying(clock, minuteMs), added: true, configured: undefined }, undefined);
    await registry.reload();
    const fresh = renewal.fresh("a", signal);
    await auth.asked();
    const given = accountOf("a", { token: "given", cookies: "refresh_token=given" });
    await vault.put({ account: given, added: true, configured: undefined }, undefined);
    await registry.reload();
    release();
    expect((await fresh).token).toBe("given");
    await registry.reload();
    expect(registry.find("a")?.account?.cookies).toBe("refresh_token=given");
  });

  test("ends when the account is removed meanwhile, and writes it nowhere", async () => {
    const clock = createClock();
    const auth = createAuth(clock);
    const release = auth.hold();
    const { renewal, vault, registry } = await start(clock, storeOf(clock), [], auth.renew);
    await vault.put({ account: dying(clock, minuteMs), added: true, configured: undefined }, undefined);
    await registry.reload();
    const fresh = renewal.fresh("a", signal);
    await auth.asked();
    await vault.remove("a");
    await registry.reload();
    release();
    await expect(fresh).rejects.toMatchObject({ kind: "upstream-auth" });
    expect((await vault.list()).filter(({ kept }) => kept !== undefined)).toEqual([]);
  });

  test("is not disturbed by a cookie that changes meanwhile, and keeps that", async () => {
    const clock = createClock();
    const store = storeOf(clock);
    const auth = createAuth(clock);
    const release = auth.hold();
    const account = dying(clock, minuteMs);
    const { renewal, registry } = await start(clock, store, [account], auth.renew);
    const fresh = renewal.fresh("a", signal);
    await auth.asked();
    await registry.saveAccount(registry.find("a")!, { ...account, cookies: `${account.cookies}; acw_tc=new` });
    release();
    expect((await fresh).cookies).toMatch(/rotated-1.*acw_tc=new/);
    expect(auth.count).toBe(1);
  });
});

describe("a renewal that fails", () => {
  const passing: Renew = () =>
    Promise.reject(new GatewayError("upstream-failed", "no connection", { retryable: true }));
  const refusing: Renew = () => Promise.reject(new GatewayError("upstream-auth", "token revoked"));

  test("for the moment leaves a living token in use, and is tried again after 30 s", async () => {
    const clock = createClock();
    let attempts = 0;
    const account = dying(clock, 2 * minuteMs);
    const { renewal, refused, unavailable } = await start(clock, storeOf(clock), [account], (...args) => {
      attempts++;
      return passing(...args);
    });
    for (let index = 0; index < 3; index++) expect((await renewal.fresh("a", signal)).token).toBe(account.token);
    expect(attempts).toBe(1);
    clock.advance(30_000);
    await renewal.fresh("a", signal);
    expect(attempts).toBe(2);
    expect(unavailable).toEqual([]);
    clock.advance(2 * minuteMs);
    await expect(renewal.fresh("a", signal)).rejects.toMatchObject({ kind: "upstream-failed", retryable: true });
    expect([refused, unavailable]).toEqual([[], ["a"]]);
  });

  test("for good is told, once for all who wait", async () => {
    const clock = createClock();
    const { renewal, refused } = await start(clock, storeOf(clock), [dying(clock, minuteMs)], refusing);
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => renewal.fresh("a", signal)));
    expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
    expect(refused).toEqual(["a"]);
  });
});

test("living gives the account up to the end of its token, and not behind it or a refusal", async () => {
  const clock = createClock();
  const account = dying(clock, minuteMs);
  const old = accountOf("b", { token: "old", cookies: "refresh_token=r" });
  const auth = createAuth(clock);
  const { renewal } = await start(clock, storeOf(clock), [account, old, accountOf("c")], auth.renew);
  expect(["a", "b", "c", "d"].map((id) => renewal.living(id)?.token)).toEqual([
    account.token,
    "old",
    "token of c",
    undefined,
  ]);
  clock.advance(minuteMs);
  renewal.reject("b", "old");
  expect(["a", "b"].map((id) => renewal.living(id))).toEqual([undefined, undefined]);
  expect(auth.count).toBe(0);
});

describe("reject", () => {
  test("has hope for a token that can be renewed, or was renewed meanwhile, and none for a new one", async () => {
    const clock = createClock();
    const auth = createAuth(clock);
    const account = accountOf("a", { token: "old", cookies: `refresh_token=${refreshTokenOf("a")}` });
    const { renewal } = await start(clock, storeOf(clock), [account, accountOf("b")], auth.renew);
    expect(renewal.reject("b", "token of b")).toBe(false);
    expect(renewal.reject("a", "old")).toBe(true);
    const { token } = await renewal.fresh("a", signal);
    expect([auth.count, renewal.reject("a", "old"), renewal.reject("a", token)]).toEqual([1, true, false]);
    clock.advance(minuteMs);
    expect(renewal.reject("a", token)).toBe(true);
  });
});
