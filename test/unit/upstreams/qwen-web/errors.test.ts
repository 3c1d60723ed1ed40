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

test("classifyBody takes a page for the firewall's where it comes as an answer, or as its block", () => {
  const kind = (status: number) => classifyBody("<html></html>", html, { status, retryAfterMs: undefined }).kind;
  expect([200, 403, 405].map(kind)).toEqual(["upstream-challenge", "upstream-challenge", "upstream-challenge"]);
  // A proxy's own words: cookies too large, a request that came too slowly.
  expect([400, 431, 408].map(kind)).toEqual(["upstream-failed", "upstream-failed", "upstream-timeout"]);
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

/** The conditions of the catalogue that have no recording, in each envelope that the backend uses. */
const conditions: readonly (readonly [name: string, code: string, text: string, kind: string, chain: string])[] = [
  ["a daily limit", "RateLimited", "You've reached the upper limit for today's usage.", "upstream-quota", "none"],
  ["a guest's image limit", "RateLimited", "今日生图额度已用完，登录后可继续生图。", "upstream-quota", "none"],
  ["an allocation quota", "Bad_Request", "Allocated quota exceeded, please increase it.", "upstream-quota", "none"],
  ["a token limit", "Bad_Request", "token-limit reached", "upstream-quota", "none"],
  ["high demand", "quota_limit", "The service is currently experiencing high demand.", "overloaded", "none"],
  ["a rate that grew", "x", "Request rate increased too quickly.", "overloaded", "none"],
  ["too many requests", "Too_Many_Requests", "slow down", "upstream-quota", "none"],
  ["a refused token", "Unauthorized", "未授权", "upstream-auth", "none"],
  ["an expired token", "x", "Token has expired, please log in again.", "upstream-auth", "none"],
  ["a busy chat", "Bad_Request", "The chat is in progress!", "overloaded", "wait"],
  ["a busy chat under a quota's code", "RateLimited", "The chat is in progress!", "overloaded", "wait"],
  ["a lost node", "Bad_Request", "Invalid input chat parent_id abc is not exist.", "upstream-failed", "restart"],
  ["a lost chat", "Bad_Request", "Invalid input the chat abc is not exist.", "upstream-failed", "restart"],
  ["a lost chat under its code", "CHAT_NOT_FOUND", "没有", "upstream-failed", "restart"],
  ["a chat not found", "Not_Found", "Invalid input the chat abc is not exist.", "upstream-failed", "restart"],
  ["a broken chain", "Bad_Request", "first message must not assistant message", "upstream-failed", "restart"],
  ["a wrong chat type", "Bad_Request", "Internal error", "upstream-failed", "none"],
  ["an unknown code", "Something_New", "who knows", "upstream-failed", "none"],
  ["a model not offered", "Not_Found", "Model not found", "model-not-found", "none"],
  ["a bad attachment", "invalid_input", "Entrada inválida", "invalid-request", "none"],
  ["bad file information", "Bad_Request", "Invalid file information!", "invalid-request", "none"],
  ["moderation", "data_inspection_failed", "Content security warning", "content-filtered", "none"],
  ["moderation in words", "x", "Output data may contain inappropriate content!", "content-filtered", "none"],
  ["a context too long", "ContextLengthExceeded", "131073 of them", "context-too-long", "none"],
  ["several messages", "Bad_Request", "Invalid input too many messages.", "internal", "none"],
  ["a missing field", "RequestValidationError", "Field 'chat_id': Field required", "internal", "none"],
  ["missing headers", "Bad_Request", "Invalid request header", "upstream-failed", "none"],
];

/** How code and text are wrapped. */
const envelopes: readonly (readonly [name: string, wrap: (code: string, text: string) => unknown])[] = [
  ["the usual envelope", (code, details) => ({ success: false, request_id: "r", data: { code, details } })],
  ["an envelope with a message", (code, message) => ({ success: false, data: { code, message } })],
  ["the flat form", (code, details) => ({ success: false, code, details })],
  ["the flat form with detail", (code, detail) => ({ code, detail })],
  ["a gateway's error", (code, details) => ({ error: { code, details } })],
  ["a gateway's error with a message", (code, message) => ({ error: { code, message } })],
];

describe.each([...conditions])("%s", (_name, code, text, kind, chainAction) => {
  test.each([...envelopes])("is the same in %s", (_envelope, wrap) => {
    const error = classifyBody(JSON.stringify(wrap(code, text)), json, { status: 200, retryAfterMs: undefined });
    expect({ kind: error.kind, chainAction: error.chainAction }).toMatchObject({ kind, chainAction });
    // What Qwen said is for the log.
    expect(error.message).not.toContain(text);
    expect(String(error.cause)).toContain(text);
  });

  test("is the same as an event, whatever case its code has", () => {
    for (const spelled of [code, code.toLowerCase(), code.toUpperCase()]) {
      expect(classifyStreamError({ code: spelled, details: text }).kind as string).toBe(kind);
    }
  });
});

describe("classifyBody", () => {
  const facts = { status: 200, retryAfterMs: undefined };

  test("takes every answer of the firewall's own shape for a challenge", () => {
    expect(classifyBody('{"ret":["FAIL_SYS_TRAFFIC_LIMIT::x"],"data":{}}', json, facts).kind).toBe(
      "upstream-challenge",
    );
    expect(classifyBody("<!doctype html><title>Captcha</title>", html, { ...facts, status: 503 }).kind).toBe(
      "upstream-challenge",
    );
  });

  test("takes ordinary words in JSON for no challenge", () => {
    const body = JSON.stringify({ success: false, data: { code: "Bad_Request", details: "captcha and punish" } });
    expect(classifyBody(body, json, facts).kind).toBe("upstream-failed");
  });

  test("reads the first event of a stream under a refusing status", () => {
    const body = 'data: {"error": {"code": "quota_limit", "details": "high demand"}}\n\n';
    expect(classifyBody(body, "text/event-stream", { ...facts, status: 400 }).kind).toBe("overloaded");
  });

  test("knows the old error of version 1", () => {
    expect(classifyBody('{"detail":"Not authenticated"}', json, { ...facts, status: 401 }).kind).toBe("upstream-auth");
  });

  test("takes a body too large for a context too long, whoever said so", () => {
    expect(classifyBody("<html></html>", html, { ...facts, status: 413 }).kind).toBe("context-too-long");
  });

  test("keeps what the answer's header says of when to come back", () => {
    const asked = { status: 503, retryAfterMs: 7000 };
    expect(classifyBody("", json, asked)).toMatchObject({ retryable: true, retryAfterMs: 7000 });
    expect(classifyBody("", json, { ...asked, status: 504 })).toMatchObject({ retryAfterMs: 7000 });
    expect(classifyBody("", json, { ...asked, status: 429 })).toMatchObject({ retryAfterMs: 7000 });
  });

  test("reads hours as number or text, in any envelope, and none as a day", () => {
    const hours = (body: unknown): number | undefined =>
      (classifyBody(JSON.stringify(body), json, facts).retryAfterMs ?? 0) / 3_600_000;
    expect(hours({ success: false, data: { code: "RateLimited", num: 6 } })).toBe(6);
    expect(hours({ success: false, data: { code: "RateLimited", num: "6" } })).toBe(6);
    expect(hours({ code: "RateLimited", num: 4 })).toBe(4);
    expect(hours({ code: "RateLimited", num: { toString: "" } })).toBe(24);
    expect(hours({ error: { code: "RateLimited", num: 3 } })).toBe(3);
    for (const num of [undefined, 0, -1, null, "soon", 1_795_824_058_499, 1e300]) {
      expect(hours({ success: false, data: { code: "RateLimited", num } })).toBe(24);
    }
  });

  test("makes an error of any body at all", () => {
    for (const body of ["", "null", "[]", "7", '"text"', "{", '{"data":[]}', '{"data":null,"error":null}']) {
      expect(classifyBody(body, json, facts)).toMatchObject({ kind: "upstream-failed", retryable: true });
    }
  });
});
