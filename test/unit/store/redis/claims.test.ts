// The pulse of a gateway: said in time, listened to, and still when the gateway takes leave.

import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { Claims, type HeldClaim } from "../../../../src/store/redis/claims.ts";
import type { Run } from "../../../../src/store/redis/connection.ts";
import type { TurnClaim } from "../../../../src/store/store.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** A server that answers as it is told. */
function createStage() {
  const stage = {
    calls: [] as { script: string; ask: Record<string, unknown> }[],
    holds: 0,
    owners: [] as string[],
    isAway: false,
  };
  const run: Run = async (script, ask) => {
    stage.calls.push({ script, ask: { ...ask } });
    if (stage.isAway) throw new Error("away");
    return script === "beat" ? [stage.holds, stage.owners] : 1;
  };
  const claims = new Claims({ owner: "this", run, learnTime: async () => {}, clock: Date.now, log: silentLog });
  return Object.assign(stage, { claims, run });
}

async function pass(milliseconds: number): Promise<void> {
  jest.advanceTimersByTime(milliseconds);
  // What was begun by the timers is all answered at once.
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

const namesOf = (stage: ReturnType<typeof createStage>): string[] => stage.calls.map(({ script }) => script);

// Of a claim nothing but its id is asked here.
const held = (claimId: string) => ({ claim: { claimId } as TurnClaim }) as HeldClaim;

test("a gateway says every two seconds that it lives, also after an answer failed to come", async () => {
  const stage = createStage();
  await stage.claims.greet(stage.run);
  stage.isAway = true;
  await pass(2000);
  stage.isAway = false;
  await pass(4000);

  expect(namesOf(stage)).toEqual(["beat", "beat", "beat", "beat"]);
  await stage.claims.close();
  await pass(10_000);
  expect(namesOf(stage)).toEqual(["beat", "beat", "beat", "beat", "forgetOwners"]);
  expect(jest.getTimerCount()).toBe(0);
});

test("whether the server sees it is said at once, and expected anew after a new connection", async () => {
  const stage = createStage();
  await stage.claims.greet(stage.run);
  stage.claims.tellPresence(true);
  await pass(2000);
  stage.claims.tellPresence(false);
  stage.claims.tellPresence(true);
  await stage.claims.greet(stage.run);

  expect(stage.calls.map(({ ask }) => ask["presence"])).toEqual([
    ...["expected", "seen", "seen", "unseen", "seen", "expected"],
  ]);
  await stage.claims.close();
  stage.claims.tellPresence(true);
  expect(namesOf(stage).at(-1)).toBe("forgetOwners");
});

test("what the server holds for it, and it knows nothing of, is given back; what is on its way is not", async () => {
  const stage = createStage();
  stage.claims.hold(held("held"));
  stage.holds = 2;
  const { promise, resolve } = Promise.withResolvers<void>();
  const asking = stage.claims.whilePending("asked", () => promise);
  await stage.claims.greet(stage.run);
  expect(namesOf(stage)).toEqual(["beat"]);
  resolve();
  await asking;
  await pass(2000);

  expect(namesOf(stage)).toEqual(["beat", "beat", "freeUnknown"]);
  expect(stage.calls.at(-1)?.ask["known"]).toEqual(["held"]);
  await stage.claims.close();
});

test("owners are told dead at the first greeting alone, and only where their numbers were given", async () => {
  const stage = createStage();
  const dead = { ownerHost: "another machine", ownerPid: process.pid, ownerStartedMs: 1 };
  stage.owners = ["elsewhere", JSON.stringify(dead)];
  await stage.claims.greet(stage.run);
  await stage.claims.greet(stage.run);
  const own = JSON.parse(String(stage.calls[0]?.ask["process"])) as object;
  const next = createStage();
  next.owners = ["elsewhere", JSON.stringify(dead), "here", JSON.stringify({ ...own, ownerStartedMs: 1 })];
  await next.claims.greet(next.run);

  expect(stage.calls.map(({ script, ask }) => [script, ask["tellOwners"]])).toEqual([
    ["beat", true],
    ["beat", false],
  ]);
  expect(next.calls.at(-1)).toMatchObject({ script: "forgetOwners", ask: { owners: ["here"] } });
  await stage.claims.close();
  await next.claims.close();
});
