// What a refusal means for the account that met it, and cookies that an answer changes.

import { expect, test } from "bun:test";
import { GatewayError } from "../../../../../src/contract/gateway-error.ts";
import { defaultAsideMs } from "../../../../../src/credentials/account-state.ts";
import { createFetchClient } from "../../../../../src/outbound/fetch-client.ts";
import { createMemoryStore } from "../../../../../src/store/memory-store.ts";
import { silentLog } from "../../../../../src/telemetry/log.ts";
import { createWebAccounts } from "../../../../../src/upstreams/qwen-web/accounts/accounts.ts";
import { classifyBody, classifyStreamError } from "../../../../../src/upstreams/qwen-web/errors.ts";
import { readRecording } from "../../../../support/recordings.ts";
import { accountOf, createClock, testBox } from "../../../credentials/test-accounts.ts";

async function createAccounts(asideMs = defaultAsideMs) {
  const clock = createClock();
  const accounts = createWebAccounts({
    configured: [accountOf("a", { cookies: "cna=1; acw_tc=x" }), accountOf("b")],
    store: createMemoryStore({ clock: clock.now, sessionTimeoutMs: 1 }),
    box: testBox,
    http: createFetchClient(() => Promise.reject(new Error("asks nobody"))),
    authUrl: "https://auth.example",
    baseUrl: "https://chat.example",
    userAgent: "gateway",
    asideMs,
    maxAsideMs: undefined,
    clock: clock.now,
    log: silentLog,
  });
  await accounts.load();
  return { accounts, clock };
}

const refusalIn = (recording: string, type: string, status: number) =>
  classifyBody(new TextDecoder().decode(readRecording(recording)), type, { status, retryAfterMs: undefined });

test.each([
  ["err-01-ratelimited-daily.json", "application/json", 429, "set-aside", "cooling-down"],
  ["err-02-unauthorized.json", "application/json", 401, "set-aside", "needs-sign-in"],
  ["err-03-token-expired.json", "application/json", 401, "set-aside", "needs-sign-in"],
  ["err-11-waf-punish.json", "application/json", 200, "halt", "challenged"],
  ["err-12-waf-challenge.html", "text/html", 200, "halt", "challenged"],
  ["err-04-chat-in-progress.json", "application/json", 400, "unconcerned", "ready"],
  ["err-06-chat-not-exist.json", "application/json", 404, "unconcerned", "ready"],
  ["err-08-model-not-found.json", "application/json", 404, "unconcerned", "ready"],
  ["err-13-gateway-504.html", "text/html", 504, "unconcerned", "ready"],
] as const)("judge of %s (%s, %d) is %s, and the account is %s", async (recording, type, status, verdict, state) => {
  const { accounts } = await createAccounts();
  expect(accounts.judge(accountOf("a"), refusalIn(recording, type, status))).toBe(verdict);
  expect(accounts.pool.views().map((view) => [view.id, view.state])).toEqual([
    ["a", state],
    ["b", "ready"],
  ]);
});

test("judge has others preferred to an account under high demand for as long as the setting says", async () => {
  const { accounts, clock } = await createAccounts({ ...defaultAsideMs, busy: 10_000 });
  accounts.judge(accountOf("a"), classifyStreamError({ code: "quota_limit", details: "high demand" }));
  expect(accounts.pool.views()[0]).toMatchObject({ state: "cooling-down", untilMs: clock.now() + 10_000 });
});

test("judge leaves accounts alone when the gateway itself is full", async () => {
  const { accounts } = await createAccounts();
  expect(accounts.judge(accountOf("a"), new GatewayError("overloaded", "full", { retryable: true }))).toBe(
    "unconcerned",
  );
});

test("judge has an account whose credentials changed meanwhile tried again, not set aside", async () => {
  const { accounts } = await createAccounts();
  const refusal = refusalIn("err-03-token-expired.json", "application/json", 401);
  expect(accounts.judge(accountOf("a", { token: "an older one" }), refusal)).toBe("renewable");
  expect(accounts.pool.views()[0]?.state).toBe("ready");
});

test("mayMove sends nobody back to an account that was asked before, though that is ready again", async () => {
  const { accounts } = await createAccounts();
  const busy = classifyStreamError({ code: "quota_limit", details: "high demand" });
  accounts.judge(accountOf("b"), busy);
  expect(accounts.mayMove(busy, "b")).toBe(true);
  expect(accounts.mayMove(busy, "b", new Set(["a"]))).toBe(false);
});

test("noteCookies keeps what an answer changed, for accounts that have cookies", async () => {
  const { accounts } = await createAccounts();
  for (const id of ["a", "b"]) accounts.noteCookies(accountOf(id), ["acw_tc=y; Path=/", "ssid=1"]);
  await accounts.settled();
  expect(accounts.known().map((known) => known.account?.cookies)).toEqual(["cna=1; acw_tc=y; ssid=1", undefined]);
});

test("noteCookies keeps what answers change at the same time", async () => {
  const { accounts } = await createAccounts();
  for (const name of ["one", "two", "three"]) accounts.noteCookies(accountOf("a"), [`${name}=1; Path=/`]);
  for (let round = 0; round < 20; round++) await Bun.sleep(0);
  expect(accounts.known()[0]?.account?.cookies).toBe("cna=1; acw_tc=x; one=1; two=1; three=1");
});
