// Stored keys: made once, known by their digests, and no more the moment that somebody takes one back.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { createIdentifyCaller } from "../../../../src/server/auth/api-keys.ts";
import { openKeyRing } from "../../../../src/server/auth/key-ring.ts";
import { createStoredKeys, type KeyToCreate } from "../../../../src/server/auth/stored-keys.ts";
import { createMemoryStore } from "../../../../src/store/memory-store.ts";
import type { Store } from "../../../../src/store/store.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { createTestClock } from "../../../support/test-store.ts";

function createWorld() {
  const clock = createTestClock();
  const store = createMemoryStore({ clock: clock.now, sessionTimeoutMs: 1000 });
  const keys = createStoredKeys(store, clock.now);
  const open = (own: Store = store) => openKeyRing({ store: own, clock: clock.now, log: silentLog, lookMs: 3_600_000 });
  const create = async (wanted: Partial<KeyToCreate> = {}) => keys.create({ name: "ann", ...wanted });
  return { clock, store, keys, open, create };
}

async function outcome(work: () => unknown): Promise<string> {
  try {
    return JSON.stringify(await work()) ?? "undefined";
  } catch (error) {
    if (error instanceof GatewayError) return `${error.kind}: ${error.message}`;
    throw error;
  }
}

describe("stored keys", () => {
  test("a key is told once, and neither it nor its secret is kept [R2-084]", async () => {
    const { store, create, keys } = createWorld();
    const { key, view } = await create();

    expect(key).toMatch(/^qg-[a-z2-9]{8}-[\w-]{43}$/);
    expect(key.startsWith(`${view.prefix}-`)).toBe(true);
    const kept = JSON.stringify([await store.listKeys(), await keys.list()]);
    expect(kept).toContain(view.prefix);
    expect(kept).not.toContain(key.slice(view.prefix.length + 1));
    expect([...((await store.listKeys())[0]?.digest ?? [])]).toEqual([...Bun.CryptoHasher.hash("sha256", key)]);
    expect(view).not.toContainKey("digest");
  });

  test.each<[string, Partial<KeyToCreate>, string]>([
    ["no name", { name: "" }, "name"],
    ["a name of control signs", { name: "a\nb" }, "name"],
    ["a model with a space", { models: ["a b"] }, "models"],
    ["no model at all", { models: [] }, "models"],
    ["an unknown surface", { surfaces: ["chat"] }, "surfaces"],
    ["an empty upstream", { upstreams: [""] }, "upstreams"],
    ["half a request", { limits: { requestsPerMinute: 0.5 } }, "requestsPerMinute"],
    ["no dollars", { limits: { spendPerDay: 0 } }, "spendPerDay"],
    ["no life", { lifetimeMs: 0 }, "lifetimeMs"],
  ])("%s is refused by the name of its field", async (_what, wanted, param) => {
    const { create } = createWorld();
    const error = await create(wanted).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ kind: "invalid-request", param });
  });

  test("revoke takes a prefix, a name or the key, remove only what counts no more", async () => {
    const { create, keys } = createWorld();
    const first = await create({ name: "one" });
    const second = await create({ name: "two" });
    const third = await create({ name: "three" });
    expect(await outcome(() => create({ name: "one" }))).toStartWith("invalid-request");
    expect(await outcome(() => keys.remove("one"))).toStartWith("invalid-request");

    expect((await keys.revoke("one")).state).toBe("revoked");
    expect((await keys.revoke(second.view.prefix)).name).toBe("two");
    expect((await keys.revoke(third.key)).name).toBe("three");
    expect(await outcome(() => keys.revoke(`${first.key.slice(0, -1)}x-no`))).not.toContain(first.key.slice(12, 30));
    expect(await outcome(() => keys.revoke("four"))).toStartWith("not-found");

    await create({ name: "one" });
    expect((await keys.remove(first.view.prefix)).state).toBe("revoked");
    expect((await keys.list()).map(({ name, state }) => `${name} ${state}`)).toEqual([
      "two revoked",
      "three revoked",
      "one active",
    ]);
  });
});

describe("key ring", () => {
  test("knows a key with its scopes, and another one with the same prefix not [R2-084]", async () => {
    const { create, open } = createWorld();
    const { key, view } = await create({ models: ["qwen*"], limits: { streams: 2 } });
    const ring = await open();

    expect(ring.isWanted).toBe(true);
    const identity = await ring.find(key);
    expect(identity).toMatchObject({ scopes: { models: ["qwen*"], admin: false }, limits: { streams: 2 } });
    expect(identity?.caller).toMatch(/^key:[0-9a-f]{16}$/);
    expect(ring.namesOf(identity?.caller ?? "")).toEqual({ prefix: view.prefix, name: "ann" });
    const wrong = `${key.slice(0, -1)}${key.endsWith("A") ? "B" : "A"}`;
    for (const other of [wrong, view.prefix, `${view.prefix}-`, "qg-", ""]) {
      expect([other, await ring.find(other)]).toEqual([other, undefined]);
    }
    ring.close();
  });

  test("a key that somebody revokes is refused by the very next request, and one that was just made is taken [R2-084]", async () => {
    const { create, keys, open } = createWorld();
    const first = await create({ name: "one" });
    const ring = await open();
    expect((await ring.find(first.key))?.caller).toBeString();

    const second = await create({ name: "two" });
    expect((await ring.find(second.key))?.caller).toBeString();
    await keys.revoke("one");
    expect(await outcome(() => ring.find(first.key))).toContain("was revoked");
    await keys.remove(first.view.prefix);
    expect(await ring.find(first.key)).toBeUndefined();
    ring.close();
  });

  test("a key that is revoked while the keys are being read is not taken", async () => {
    const { create, keys, open, store } = createWorld();
    const { key } = await create({ name: "one" });
    const gate = Promise.withResolvers<void>();
    let isSlow = false;
    const slow: Store = Object.create(store, {
      listKeys: {
        value: async () => {
          const listed = await store.listKeys();
          if (isSlow) await gate.promise;
          return listed;
        },
      },
    });
    const ring = await open(slow);
    await create({ name: "two" });
    isSlow = true;
    const early = ring.find(key);
    await Promise.resolve();
    await Promise.resolve();
    await keys.revoke("one");
    const later = outcome(() => ring.find(key));
    gate.resolve();

    expect((await early)?.caller).toBeString();
    expect(await later).toContain("was revoked");
    ring.close();
  });

  test("a key ends when its time is over", async () => {
    const { clock, create, open } = createWorld();
    const { key } = await create({ lifetimeMs: 1000 });
    const ring = await open();
    clock.advance(999);
    expect((await ring.find(key))?.caller).toBeString();
    clock.advance(1);
    expect(await outcome(() => ring.find(key))).toContain("has expired");
    ring.close();
  });

  test("a store that cannot be read lets nobody in", async () => {
    const { create, open, store } = createWorld();
    const { key } = await create();
    let isBroken = false;
    const broken: Store = Object.create(store, {
      keysRevision: { value: () => (isBroken ? Promise.reject(new Error("disk")) : store.keysRevision()) },
    });
    const ring = await open(broken);
    isBroken = true;
    expect(await outcome(() => ring.find(key))).toStartWith("overloaded");
    ring.close();
  });

  test("without keys nothing is wanted until there is one, and then for good", async () => {
    const { create, keys, open } = createWorld();
    const ring = await open();
    const identify = createIdentifyCaller({ apiKeys: [], keyRing: ring });
    expect(identify(new Headers())).toEqual({ caller: "local" });

    const { key, view } = await create();
    await ring.refresh();
    expect(ring.isWanted).toBe(true);
    expect(await outcome(() => identify(new Headers()))).toStartWith("unauthenticated");
    expect(await identify(new Headers({ "api-key": key }))).toMatchObject({ scopes: { admin: false } });
    await keys.revoke(view.prefix);
    await keys.remove(view.prefix);
    await ring.refresh();
    expect(await outcome(() => identify(new Headers()))).toStartWith("unauthenticated");
    ring.close();
  });
});

test("whoever comes with a key of the settings, or without any where none is wanted, is not looked up [R2-081]", async () => {
  const { create, open, store } = createWorld();
  let asked = 0;
  const counting: Store = Object.create(store, {
    keysRevision: {
      value: () => {
        asked++;
        return store.keysRevision();
      },
    },
  });
  const keyless = await open(counting);
  const before = asked;
  const identifyLocal = createIdentifyCaller({ apiKeys: [], keyRing: keyless });
  for (let index = 0; index < 10; index++) identifyLocal(new Headers({ authorization: "Bearer qg-aaaaaaaa-b" }));
  const identify = createIdentifyCaller({ apiKeys: ["of-the-settings"], keyRing: keyless });
  for (let index = 0; index < 10; index++) identify(new Headers({ authorization: "Bearer of-the-settings" }));
  expect(asked).toBe(before);

  const { key } = await create();
  for (let index = 0; index < 10; index++) await identify(new Headers({ "x-api-key": key }));
  expect(asked).toBeLessThanOrEqual(before + 11);
  keyless.close();
});
