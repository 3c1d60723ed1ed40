// Limits by the admin routes: what callers, keys and sessions have used of what they may, and letting one begin anew.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { callerOfKey } from "../../src/server/auth/api-keys.ts";
import { adminKey, apiKey, ask, changesOf, findOpenDoors, findOpenLoopback, guarded } from "../support/admin-client.ts";
import { startHarness } from "../support/harness.ts";
import { bearer, keysBeside } from "../support/keys-beside.ts";
import { createTestClock } from "../support/test-store.ts";
import { user } from "./client.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

const hello = { model: "qwen3-max", messages: [user("Hello")] };
/** The beginning of a minute, and of a day in UTC. */
const midnightMs = 1_790_035_200_000;
const routes = [
  ["GET", "limits"],
  ["POST", "limits/reset"],
] as const;

interface Subject {
  readonly subject: string;
  readonly caller: string;
  readonly session: string | null;
  readonly key: { readonly name: string } | null;
  readonly amounts: Readonly<Record<string, { readonly used: number; readonly limit: number | null }>>;
}

interface Page {
  readonly data: readonly Subject[];
  readonly last: string | null;
  readonly has_more: boolean;
  readonly limits: object;
}

async function startLimited() {
  const clock = createTestClock(midnightMs);
  const harness = await startHarness({
    environment: {
      ...guarded,
      LIMIT_REQUESTS_PER_MINUTE: "3",
      LIMIT_TOKENS_PER_DAY: "100000",
      SESSION_REQUESTS_PER_MINUTE: "2",
    },
    clock: clock.now,
  });
  const send = async (key: string, session?: string): Promise<number> => {
    const headers = { ...bearer(key), ...(session === undefined ? {} : { "x-session-id": session }) };
    const answer = await harness.chat(hello, { headers });
    await answer.text();
    return answer.status;
  };
  return { clock, harness, send };
}

describe("limits", () => {
  test("what keys, callers and sessions have used is told, with what they may", async () => {
    const { harness, send } = await startLimited();
    await using _ = harness;
    const key = await keysBeside(harness).create("ann", { limits: { requestsPerMinute: 10, spendPerDay: 1 } });
    expect([await send(key), await send(apiKey, "of-the-client"), await send(apiKey)]).toEqual([200, 200, 200]);

    const { status, body } = await ask<Page>(harness, "GET", "limits");

    expect([status, body.has_more]).toEqual([200, false]);
    expect(body.limits).toEqual({
      caller: { requests_per_minute: 3, tokens_per_day: 100_000 },
      session: { requests_per_minute: 2 },
    });
    const ofAnn = body.data.find((one) => one.key?.name === "ann")!;
    expect(ofAnn.amounts).toMatchObject({
      requests_per_minute: { used: 1, limit: 10, resets_at: new Date(midnightMs + 60_000).toISOString() },
      tokens_per_day: { limit: 100_000, resets_at: new Date(midnightMs + 86_400_000).toISOString() },
      spend_per_day: { limit: 1 },
    });
    expect(ofAnn.amounts["tokens_per_day"]!.used).toBeGreaterThan(0);
    expect(ofAnn.amounts["spend_per_day"]!.used).toBeLessThan(0.01);
    const caller = callerOfKey(apiKey);
    const [own, session] = body.data.filter((one) => one.caller === caller);
    expect(own).toMatchObject({ session: null, key: null, amounts: { requests_per_minute: { used: 2, limit: 3 } } });
    expect(session?.amounts).toMatchObject({ requests_per_minute: { used: 1, limit: 2 } });
    expect(JSON.stringify(body)).not.toContain("of-the-client");
  });

  test("one begins anew: a caller, or a session by its name", async () => {
    const { harness, send } = await startLimited();
    await using _ = harness;
    const caller = callerOfKey(apiKey);
    const reset = (body: object) => ask<object>(harness, "POST", "limits/reset", { body });
    expect([await send(apiKey, "s"), await send(apiKey, "s"), await send(apiKey, "s")]).toEqual([200, 200, 429]);
    // The caller's own three are used up as well.
    expect(await send(apiKey)).toBe(429);

    expect((await reset({ caller })).body).toEqual({ subject: caller, reset: true });
    expect([await send(apiKey), await send(apiKey, "s")]).toEqual([200, 429]);
    expect((await reset({ caller, session_id: "s" })).status).toBe(200);
    expect(await send(apiKey, "s")).toBe(200);

    const only = await ask<Page>(harness, "GET", `limits?caller=${caller}&session_id=s`);
    expect(only.body.data.map(({ amounts }) => amounts["requests_per_minute"]!.used)).toEqual([1]);
    expect((await reset({ caller, session: only.body.data[0]!.session })).status).toBe(200);
    expect((await reset({ caller, session_id: "s" })).status).toBe(404);
    expect(changesOf(harness).map(({ subject }) => subject)).toEqual([
      caller,
      only.body.data[0]!.subject,
      only.body.data[0]!.subject,
    ]);
  });

  test("callers are paged, and one of them told also when he has used nothing", async () => {
    const { harness, send } = await startLimited();
    await using _ = harness;
    const keys = keysBeside(harness);
    for (const name of ["a", "b", "c"]) expect(await send(await keys.create(name))).toBe(200);
    const names: string[] = [];
    let after = "";
    for (let more = true; more;) {
      const { body } = await ask<Page>(harness, "GET", `limits?limit=1${after}`);
      names.push(...body.data.map((one) => one.key?.name ?? one.caller));
      after = `&after=${encodeURIComponent(body.last ?? "")}`;
      more = body.has_more;
    }
    expect(names.toSorted()).toEqual(["a", "b", "c"]);

    const { body } = await ask<Page>(harness, "GET", `limits?caller=${callerOfKey(apiKey)}`);
    expect(body.data).toMatchObject([{ amounts: { requests_per_minute: { used: 0, limit: 3 } } }]);
  });

  test("without keys addresses are counted, and nothing is where nothing is limited", async () => {
    await using harness = await startHarness({ environment: { LIMIT_REQUESTS_PER_MINUTE: "5" } });
    await harness.chat(hello);
    const { body } = await ask<Page>(harness, "GET", "limits", { key: null });
    expect(body.data).toMatchObject([{ subject: "address:127.0.0.1", amounts: { requests_per_minute: { used: 1 } } }]);

    await using free = await startHarness();
    await free.chat(hello);
    expect((await ask<Page>(free, "GET", "limits", { key: null })).body.data).toEqual([]);
  });

  test.each([
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["limit=x", "limit"],
    ["session_id=s", "session_id"],
    [`caller=${"x".repeat(301)}`, "caller"],
  ])("the question %s is refused and names its field", async (question, param) => {
    await using harness = await startHarness({ environment: guarded });

    const { status, body } = await ask(harness, "GET", `limits?${question}`);

    expect([status, body.error.param]).toEqual([400, param]);
  });

  test.each([
    [{}, "caller"],
    [{ caller: "" }, "caller"],
    [{ caller: "a", session: "b" }, "session"],
    [{ caller: "a", session: "0".repeat(32), session_id: "s" }, "session"],
  ])("the order %j is refused and names its field", async (order, param) => {
    await using harness = await startHarness({ environment: guarded });

    const { status, body } = await ask(harness, "POST", "limits/reset", { body: order });

    expect([status, body.error.param]).toEqual([400, param]);
  });

  test("nobody else comes in, and no page of another site", async () => {
    await using harness = await startHarness({ environment: guarded });
    expect(await findOpenDoors(harness, routes)).toEqual([]);
    expect((await ask(harness, "GET", "limits", { key: adminKey })).status).toBe(200);

    await using open = await startHarness();
    expect(await findOpenLoopback(open, routes)).toEqual([]);
  });
});
