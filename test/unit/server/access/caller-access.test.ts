// Scopes and limits as far as an address tells: patterns, surfaces, addresses, and what the headers say.

import { describe, expect, test } from "bun:test";
import { accessSurfaces, fitsPattern } from "../../../../src/contract/access.ts";
import { addressSubject } from "../../../../src/server/access/address-subject.ts";
import { scopesOfClaims } from "../../../../src/server/auth/token-scopes.ts";
import { needsAdminScope, surfaceOf } from "../../../../src/server/access/caller-access.ts";
import { anthropicRateHeaders, openaiRateHeaders } from "../../../../src/server/access/rate-headers.ts";
import { surfaces } from "../../../../src/surfaces/index.ts";

describe("fitsPattern", () => {
  test.each([
    ["qwen3-max", "qwen3-max", true],
    ["qwen3-max", "qwen3-max-preview", false],
    ["qwen3*", "qwen3-max", true],
    ["*", "", true],
    ["*max", "qwen3-max", true],
    ["q*3*x", "qwen3-max", true],
    ["q*x*x", "qx", false],
    ["a*a", "a", false],
    ["QWEN*", "qwen", false],
    ["qwen.", "qwen3", false],
    ["", "a", false],
  ])("%s and %s: %p", (pattern, text, fits) => expect(fitsPattern(pattern, text)).toBe(fits));

  test("takes no longer than the text is long, whatever the pattern", () => {
    const startedAtMs = performance.now();
    fitsPattern("*a".repeat(5000), "a".repeat(4999));
    expect(performance.now() - startedAtMs).toBeLessThan(1000);
  });
});

describe("surfaceOf", () => {
  test("every protocol has a name that a scope can say", () => {
    const names = surfaces.flatMap(({ routes }) => routes.map(({ path }) => surfaceOf(path)));
    expect(names).not.toContain(undefined);
    expect(new Set(names).size).toBe(surfaces.length);
    for (const name of names) expect(accessSurfaces.some((known) => known === name)).toBe(true);
  });

  test.each([
    ["/v1/responses/resp_1/cancel", "responses"],
    ["/v1/messages/count_tokens", "messages"],
    ["/v1/audio/speech", "audio"],
    ["/api/chat/sessions", "typed-chat"],
    ["/api/voice/llm", "agent"],
    ["/mcp", "mcp"],
    ["/v1/files", undefined],
    ["/v1/conversations/conv_1", undefined],
    ["/v1/models", undefined],
    ["/v1/sessions/a", undefined],
    ["/v1/messagesx", undefined],
  ] as const)("%s is %p", (path, surface) => expect(surfaceOf(path)).toBe(surface));

  test("the administration is what a scope has to hold by name", () => {
    expect(["/metrics", "/health/detailed", "/admin/api/log", "/admin"].every(needsAdminScope)).toBe(true);
    expect(["/health", "/metricsx", "/v1/models"].some(needsAdminScope)).toBe(false);
  });
});

test.each([
  [{}, { admin: false }],
  [{ scope: "openid profile" }, { admin: false }],
  [
    { scope: "admin model:qwen* model:a:b surface:messages" },
    { admin: true, models: ["qwen*", "a:b"], surfaces: ["messages"] },
  ],
  [{ scp: ["upstream:home", 1, "admin"] }, { admin: true, upstreams: ["home"] }],
  [{ scope: { admin: true }, scp: null }, { admin: false }],
  [{ scope: "constructor:x toString:y" }, { admin: false }],
])("claims %j allow %j", (claims, scopes) => expect(scopesOfClaims(claims)).toEqual(scopes));

test.each([
  ["192.0.2.7", "address:192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64"],
  ["2001:DB8:1:2::9", "address:2001:db8:1:2::/64"],
  ["2001:db8::1", "address:2001:db8:0:0::/64"],
  ["fe80::1%eth0", "address:fe80:0:0:0::/64"],
  ["::1", "address:0:0:0:0::/64"],
  [undefined, "address:none"],
])("%p counts as %s", (address, subject) => expect(addressSubject(address)).toBe(subject));

test("rate headers have the names and forms of each protocol", () => {
  const left = {
    requests: { limit: 10, remaining: 9, resetMs: 59_950 },
    tokens: { limit: 1000, remaining: 0, resetMs: 82_800_000 },
  };
  expect(openaiRateHeaders(left)).toEqual({
    "x-ratelimit-limit-requests": "10",
    "x-ratelimit-remaining-requests": "9",
    "x-ratelimit-reset-requests": "60s",
    "x-ratelimit-limit-tokens": "1000",
    "x-ratelimit-remaining-tokens": "0",
    "x-ratelimit-reset-tokens": "23h0m0s",
  });
  expect(anthropicRateHeaders({ requests: left.requests }, 1_790_000_000_000)).toEqual({
    "anthropic-ratelimit-requests-limit": "10",
    "anthropic-ratelimit-requests-remaining": "9",
    "anthropic-ratelimit-requests-reset": "2026-09-21T14:14:19.950Z",
  });
  expect(openaiRateHeaders({})).toEqual({});
});
