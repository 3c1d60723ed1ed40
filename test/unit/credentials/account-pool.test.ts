// Which account serves a request, and what is said when none can.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { AccountUse, PickRequest } from "../../../src/credentials/account-pool.ts";
import type { AsideKind } from "../../../src/credentials/account-state.ts";
import { createMemoryStore } from "../../../src/store/memory-store.ts";
import { accountOf, createClock, startProcess } from "./test-accounts.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

async function startPool(ids: readonly string[], changes: { maxAsideMs?: number } = {}) {
  const clock = createClock();
  const process = await startProcess({ clock, configured: ids.map((id) => accountOf(id)), ...changes });
  const pick = (request: Partial<PickRequest> = {}): Promise<AccountUse> =>
    process.pool.pick({
      conversationOf: undefined,
      mustStay: false,
      except: new Set(),
      signal: new AbortController().signal,
      deadlineMs: clock.now() + minuteMs,
      ...request,
    });
  return { ...process, clock, pick };
}

describe("pick", () => {
  test("takes the account with the fewest open replies, the longest idle of equals", async () => {
    const { pick } = await startPool(["a", "b", "c"]);
    const uses = [await pick(), await pick(), await pick(), await pick()];
    expect(uses.map(({ id }) => id)).toEqual(["a", "b", "c", "a"]);
    uses[1]?.end();
    uses[1]?.end();
    expect((await pick()).id).toBe("b");
    expect((await pick()).id).toBe("c");
  });

  test("keeps a conversation with its account, however busy that is", async () => {
    const { pick } = await startPool(["a", "b"]);
    for (let index = 0; index < 3; index++) expect((await pick({ conversationOf: "b" })).id).toBe("b");
    expect((await pick({ conversationOf: "gone" })).id).toBe("a");
  });

  test("waits for a conversation's own account when it is back within 15 s, and moves when it is not", async () => {
    const { pick, pool, waits } = await startPool(["a", "b"]);
    pool.setAside("a", "limit", { durationMs: 15_000, reason: "" });
    expect((await pick({ conversationOf: "a" })).id).toBe("a");
    expect(waits).toEqual([15_000]);
    pool.setAside("a", "limit", { durationMs: 15_001, reason: "" });
    expect((await pick({ conversationOf: "a" })).id).toBe("b");
    expect(waits).toHaveLength(1);
  });

  test("waits no longer than the request has time", async () => {
    const { pick, pool, clock, waits } = await startPool(["a"]);
    pool.setAside("a", "limit", { durationMs: 10_000, reason: "" });
    await expect(pick({ deadlineMs: clock.now() + 9999 })).rejects.toMatchObject({ retryAfterMs: 10_000 });
    expect(waits).toEqual([]);
  });

  test("does not move a conversation that must stay, unless its account is gone", async () => {
    const { pick, pool } = await startPool(["a", "b"]);
    pool.setAside("a", "limit", { durationMs: hourMs, reason: "full" });
    await expect(pick({ conversationOf: "a", mustStay: true })).rejects.toThrow('account "a" for another 60 min: full');
    expect((await pick({ conversationOf: "gone", mustStay: true })).id).toBe("b");
  });

  test("leaves out who has refused the request already", async () => {
    const { pick } = await startPool(["a", "b"]);
    expect((await pick({ except: new Set(["a"]), conversationOf: "a" })).id).toBe("b");
    await expect(pick({ except: new Set(["a", "b"]) })).rejects.toMatchObject({ kind: "overloaded", retryable: true });
  });

  test("prefers ready accounts to busy ones, and busy ones to none", async () => {
    const { pick, pool } = await startPool(["a", "b"]);
    pool.setAside("a", "busy", { reason: "" });
    for (let index = 0; index < 3; index++) expect((await pick()).id).toBe("b");
    pool.setAside("b", "limit", { reason: "" });
    expect((await pick()).id).toBe("a");
    expect(pool.hasReady(new Set())).toBe(false);
  });

  test.each([
    ["limit", "upstream-quota", 24 * hourMs],
    ["sign-in", "upstream-auth", 5 * minuteMs],
    ["challenge", "upstream-challenge", 10 * minuteMs],
  ] as const)(
    "answers for an account set aside by %s with %s, until %d ms are over",
    async (kind, errorKind, durationMs) => {
      const { pick, pool, clock } = await startPool(["a"]);
      pool.setAside("a", kind, { reason: "so it is" });
      clock.advance(durationMs - 16_000);
      await expect(pick()).rejects.toMatchObject({
        kind: errorKind,
        retryAfterMs: 16_000,
        retryable: false,
        message: 'Cannot use account "a" for another 16 s: so it is',
      });
      clock.advance(16_000);
      expect((await pick()).id).toBe("a");
    },
  );

  test("stops sending accounts into a challenge after the second one", async () => {
    const { pick, pool } = await startPool(["a", "b", "c"]);
    pool.setAside("a", "challenge", { reason: "" });
    expect((await pick()).id).toBe("b");
    pool.setAside("b", "challenge", { reason: "" });
    await expect(pick()).rejects.toMatchObject({ kind: "upstream-challenge" });
    // A conversation that has an account of its own is no walk through the pool.
    expect((await pick({ conversationOf: "c" })).id).toBe("c");
  });
});

describe("setAside", () => {
  test("lets a longer one stand, and never exceeds the cap", async () => {
    const { pool } = await startPool(["a", "b"], { maxAsideMs: hourMs });
    pool.setAside("a", "limit", { durationMs: 9 * hourMs, reason: "first" });
    pool.setAside("a", "sign-in", { reason: "second" });
    const [view] = pool.views();
    expect(view).toMatchObject({ state: "cooling-down", reason: "first" });
    expect((view?.untilMs ?? 0) - 1_790_000_000_000).toBe(hourMs);
  });

  test("outlives the process, and clear ends it for all processes", async () => {
    const clock = createClock();
    const store = createMemoryStore({ clock: clock.now, sessionTimeoutMs: 1 });
    const configured = [accountOf("a")];
    const one = await startProcess({ clock, store, configured });
    one.pool.setAside("a", "limit", { reason: "full" });
    await one.registry.settled();
    const other = await startProcess({ clock, store, configured });
    expect(other.pool.views()).toMatchObject([{ id: "a", state: "cooling-down", reason: "full" }]);
    other.pool.clear("a");
    await other.registry.settled();
    await one.registry.reload();
    expect(one.pool.views()).toMatchObject([{ id: "a", state: "ready" }]);
  });
});

describe("pause", () => {
  test("keeps an account from all requests, whatever else befalls it, until it is resumed", async () => {
    const { pick, pool, clock } = await startPool(["a", "b"], { maxAsideMs: 1000 });
    expect(pool.pause("a")).toBe(true);
    expect(pool.pause("a")).toBe(false);
    pool.setAside("a", "busy", { durationMs: 1, reason: "" });
    pool.clear("a");
    clock.advance(1000 * hourMs);

    expect((await pick({ conversationOf: "a" })).id).toBe("b");
    expect(pool.views()[0]).toMatchObject({ id: "a", state: "paused", reason: "its owner paused it" });
    expect(pool.views()[0]).not.toHaveProperty("untilMs");
    expect(pool.resume("a")).toBe(true);
    expect(pool.resume("a")).toBe(false);
    expect((await pick({ conversationOf: "a" })).id).toBe("a");
  });

  test("of all accounts is told, and that waiting does not help", async () => {
    const { pick, pool } = await startPool(["a", "b"]);
    pool.pause("a");
    pool.pause("b");

    await expect(pick()).rejects.toMatchObject({ kind: "overloaded", final: true, retryAfterMs: undefined });
    expect(pool.pause("nobody")).toBe(false);
  });

  test("of one account leaves the others their times", async () => {
    const { pick, pool } = await startPool(["a", "b"]);
    pool.pause("a");
    pool.setAside("b", "limit", { durationMs: hourMs, reason: "it is used up" });

    await expect(pick()).rejects.toMatchObject({ kind: "upstream-quota", retryAfterMs: hourMs });
  });
});

test("views hold no credential", async () => {
  const { pool, pick } = await startPool(["a"]);
  await pick();
  expect(pool.views()).toEqual([{ id: "a", alias: "a", openReplies: 1, state: "ready" }]);
});

type Step =
  | { readonly do: "pick"; readonly of: string | undefined }
  | { readonly do: "end"; readonly which: number }
  | { readonly do: "aside"; readonly id: string; readonly kind: AsideKind; readonly ms: number }
  | { readonly do: "advance"; readonly ms: number };

const id = fc.constantFrom("a", "b", "c");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("pick" as const), of: fc.option(id, { nil: undefined }) }),
  fc.record({ do: fc.constant("end" as const), which: fc.nat(20) }),
  fc.record({
    do: fc.constant("aside" as const),
    id,
    kind: fc.constantFrom<AsideKind>("limit", "busy", "sign-in", "challenge"),
    ms: fc.integer({ min: 1, max: hourMs }),
  }),
  fc.record({ do: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: hourMs }) }),
);

test("whatever happens, nobody is picked who is set aside, the least open of the ready is, and counts are true", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { pool, pick, clock } = await startPool(["a", "b", "c"]);
      const open: AccountUse[] = [];
      for (const one of steps) {
        if (one.do === "advance") clock.advance(one.ms);
        else if (one.do === "aside") pool.setAside(one.id, one.kind, { durationMs: one.ms, reason: "" });
        else if (one.do === "end") open.splice(one.which, 1)[0]?.end();
        else {
          const use = await pick({ conversationOf: one.of, deadlineMs: clock.now() }).catch(() => undefined);
          const views = pool.views();
          const ready = views.filter((view) => view.state === "ready");
          if (use === undefined) {
            // None is ready, or so many are challenged that nobody else is sent.
            const challenged = views.filter((view) => view.state === "challenged").length;
            expect(ready.length === 0 || challenged >= 2).toBe(true);
            continue;
          }
          open.push(use);
          const picked = views.find((view) => view.id === use.id);
          expect(["needs-sign-in", "challenged"]).not.toContain(picked?.state ?? "");
          if (use.id !== one.of && picked?.state === "ready") {
            const least = Math.min(...ready.map((view) => view.openReplies - Number(view.id === use.id)));
            expect((picked.openReplies ?? 0) - 1).toBe(least);
          }
        }
        for (const view of pool.views()) {
          expect(view.openReplies).toBe(open.filter((use) => use.id === view.id).length);
        }
      }
    }),
  );
});
