// The catalogue of refusals: each row's kind, what the chain does, and that nothing of the upstream's words gets out.

import { describe, expect, test } from "bun:test";
import { classifyBody, classifyStreamError } from "../../../../src/upstreams/qwen-web/errors.ts";
import { readRecording } from "../../../support/recordings.ts";

const json = "application/json";
const html = "text/html";

/** One row: recording, content type, x-actual-status-code, kind, what the chain does. */
const rows = [
  ["err-01-ratelimited-daily.json", json, 429, "upstream-quota", "none"],
  ["err-02-unauthorized.json", json, 401, "upstream-auth", "none"],
  ["err-03-token-expired.json", json, 401, "upstream-auth", "none"],
  ["err-04-chat-in-progress.json", json, 400, "overloaded", "wait"],
  ["err-05-parent-not-exist.json", json, 400, "upstream-failed", "restart"],
  ["err-06-chat-not-exist.json", json, 404, "upstream-failed", "restart"],
  ["err-07-too-many-messages.json", json, 400, "internal", "none"],
  ["err-08-model-not-found.json", json, 404, "model-not-found", "none"],
  ["err-09-validation-missing-chat_id.json", json, 400, "internal", "none"],
  ["err-10-bad-request-internal.json", json, 400, "upstream-failed", "none"],
  ["err-11-waf-punish.json", "application/json;charset=utf-8", 200, "upstream-challenge", "none"],
  ["err-12-waf-challenge.html", html, 200, "upstream-challenge", "none"],
  ["err-13-gateway-504.html", html, 504, "upstream-timeout", "none"],
  ["err-15-internal-error.json", json, 400, "upstream-failed", "none"],
] as const;

describe("classifyBody", () => {
  test.each([...rows])("takes %s (%s, %d) for %s, chain: %s", (recording, contentType, status, kind, chainAction) => {
    const body = new TextDecoder().decode(readRecording(recording));
    const error = classifyBody(body, contentType, { status, retryAfterMs: undefined });
    expect({ kind: error.kind, chainAction: error.chainAction }).toEqual({ kind, chainAction });
    expect(error.message).not.toContain("00000000-0000");
    expect(error.upstream).toBe("qwen-web");
  });

  test("tells the hours of a daily limit in the message and as the time to wait", () => {
    const body = new TextDecoder().decode(readRecording("err-01-ratelimited-daily.json"));
    const error = classifyBody(body, json, { status: 429, retryAfterMs: undefined });
    expect(error.retryAfterMs).toBe(10 * 3_600_000);
    expect(error.message).toContain("10 h");
  });

  test("understands the flat form with `detail`", () => {
    const body = '{"code":"RateLimited","detail":"limit","template":"…","num":4}';
    expect(classifyBody(body, json, { status: 200, retryAfterMs: undefined }).retryAfterMs).toBe(4 * 3_600_000);
  });

  test("tells a busy chat from a quota even under the code of a quota", () => {
    const body = '{"success":false,"data":{"code":"RateLimited","details":"The chat is in progress!"}}';
    expect(classifyBody(body, json, { status: 429, retryAfterMs: undefined }).chainAction).toBe("wait");
  });

  const statuses = [
    [401, "upstream-auth"],
    [403, "upstream-auth"],
    [404, "upstream-failed"],
    [429, "upstream-quota"],
    [500, "upstream-failed"],
    [502, "upstream-failed"],
    [503, "upstream-failed"],
    [504, "upstream-timeout"],
  ] as const;
  test.each([...statuses])("takes a bare status %d for %s [R2-054]", (status, kind) => {
    expect(classifyBody("", "text/plain", { status, retryAfterMs: undefined }).kind).toBe(kind);
  });

  test("repeats what may pass, never a challenge, a refused credential or an hour-long limit", () => {
    const retryable = (body: string, status: number): boolean =>
      classifyBody(body, json, { status, retryAfterMs: undefined }).retryable;
    expect([retryable("", 503), retryable("", 500)]).toEqual([true, true]);
    expect([
      retryable('{"ret":["FAIL_SYS_USER_VALIDATE"]}', 200),
      retryable("", 401),
      retryable('{"data":{"code":"RateLimited","num":3}}', 429),
    ]).toEqual([false, false, false]);
  });
});

test("classifyBody takes a page under 429 for a limit and one under 403 for the firewall", () => {
  const kind = (status: number) => classifyBody("<html></html>", html, { status, retryAfterMs: undefined }).kind;
  expect([kind(429), kind(403), kind(502)]).toEqual(["upstream-quota", "upstream-challenge", "upstream-failed"]);
});

describe("classifyStreamError", () => {
  test("matches on the code first, whatever language the text has", () => {
    expect(classifyStreamError({ code: "invalid_input", details: "输入或附件无效。请检查后重试。" }).kind).toBe(
      "invalid-request",
    );
    expect(classifyStreamError({ code: "quota_limit", details: "alta demanda" }).kind).toBe("overloaded");
  });

  test("takes a plain string", () => {
    expect(classifyStreamError("Internal error!").kind).toBe("upstream-failed");
  });

  test("does not take words of an answer for a challenge", () => {
    expect(classifyStreamError({ code: "x", details: "captcha" }).kind).toBe("upstream-failed");
  });
});
