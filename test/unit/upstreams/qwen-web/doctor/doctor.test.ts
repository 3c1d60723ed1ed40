// The single judgements of the doctor about credentials, hosts and clocks.

import { describe, expect, test } from "bun:test";
import { parseAccount } from "../../../../../src/upstreams/qwen-web/accounts/parse-account.ts";
import { credentialsLine } from "../../../../../src/upstreams/qwen-web/doctor/doctor-accounts.ts";
import { clockLine, probeHost } from "../../../../../src/upstreams/qwen-web/doctor/doctor-hosts.ts";
import { createFetchClient } from "../../../../../src/outbound/fetch-client.ts";

const nowMs = 1_800_000_000_000;
const hour = 3600;

function token(lifeSeconds: number | undefined, type?: string): string {
  const exp = lifeSeconds === undefined ? undefined : nowMs / 1000 + lifeSeconds;
  return `e30.${Buffer.from(JSON.stringify({ id: "ann", exp, type })).toString("base64url")}.x`;
}

describe("credentialsLine", () => {
  const refreshing = "refresh_token=r";
  const rows: readonly (readonly [what: string, captured: Parameters<typeof parseAccount>[0], verdict: string])[] = [
    ["a token of 30 days", { token: token(720 * hour) }, "ok"],
    ["a token of its last day", { token: token(hour) }, "warn"],
    ["a token that is over", { token: token(-hour) }, "fail"],
    ["a token that does not say when it ends", { token: token(undefined) }, "ok"],
    ["a text that is no token of theirs", { token: "opaque" }, "ok"],
    ["a short token with the refresh cookie", { token: token(600, "access_token"), cookies: refreshing }, "ok"],
    ["a short token alone", { token: token(600, "access_token") }, "warn"],
    [
      "a short token that is over, with the refresh cookie",
      { token: token(-600, "access_token"), cookies: refreshing },
      "ok",
    ],
    ["a short token that is over, alone", { token: token(-600, "access_token") }, "fail"],
    ["the refresh cookie alone", { cookies: refreshing }, "ok"],
    ["cookies without either", { cookies: "cna=1" }, "warn"],
  ];
  test.each(rows)("judges %s", (_what, captured, verdict) => {
    const line = credentialsLine("ann", parseAccount(captured), nowMs);

    expect(line.verdict).toBe(verdict as typeof line.verdict);
    expect(line.advice === undefined).toBe(verdict === "ok");
  });

  test("judges an account that another key has sealed", () => {
    expect(credentialsLine("ann", undefined, nowMs)).toMatchObject({ verdict: "fail", subject: "account ann" });
  });
});

describe("clockLine", () => {
  test.each([
    [0, "ok"],
    [-29_000, "ok"],
    [31_000, "warn"],
    [-179_000, "warn"],
    [181_000, "fail"],
  ])("judges %d ms", (aheadMs, verdict) => {
    expect(clockLine(aheadMs).verdict).toBe(verdict as ReturnType<typeof clockLine>["verdict"]);
  });

  test("says in which direction", () => {
    expect(clockLine(60_000).finding).toContain("ahead of");
    expect(clockLine(-60_000).finding).toContain("behind");
  });
});

describe("probeHost", () => {
  const probe = (answer: () => Response | Promise<Response>) =>
    probeHost(
      { http: createFetchClient(async () => answer()), userAgent: "test" },
      "chat host",
      "http://qwen.invalid",
      "/",
      "QWEN_BASE_URL",
    );

  test("takes a refusal for an answer, and its date for the time", async () => {
    const date = "Fri, 20 Nov 2026 10:00:00 GMT";
    const { line, dateMs } = await probe(() => Response.json({ success: false }, { status: 401, headers: { date } }));

    expect(line.verdict).toBe("ok");
    expect(dateMs).toBe(Date.parse(date));
  });

  test("knows no time where none is told", async () => {
    expect((await probe(() => Response.json({}))).dateMs).toBeUndefined();
  });

  test("warns of a page of the firewall", async () => {
    const page = '<!doctypehtml><meta name="aliyun_waf_aa" content="x">';
    const { line } = await probe(() => new Response(page, { headers: { "content-type": "text/html" } }));

    expect(line.verdict).toBe("warn");
    expect(line.finding).toContain("firewall");
  });

  test("fails where a proxy answers for a host that is down", async () => {
    const { line } = await probe(
      () => new Response("<html>alibaba-ga</html>", { status: 504, headers: { "content-type": "text/html" } }),
    );

    expect(line.verdict).toBe("fail");
  });

  test.each([
    ["ENOTFOUND", "DNS"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "proxy"],
    ["ECONNREFUSED", "network"],
  ])("says what to look at for %s", async (code, hint) => {
    const { line, isReached } = await probe(() => Promise.reject(Object.assign(new TypeError("no"), { code })));

    expect(isReached).toBe(false);
    expect(line.verdict).toBe("fail");
    expect(line.advice).toContain(hint);
    expect(line.advice).toContain("QWEN_BASE_URL");
  });
});
