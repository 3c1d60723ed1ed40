// What looks like a credential, and what must stay readable.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { redact, redactField } from "../../../src/telemetry/redact.ts";

const JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6IjEyMyJ9.c2lnbmF0dXJlc2lnbmF0dXJl";

const secrets: [string, string][] = [
  [`refused ${JWT} here`, "refused [redacted] here"],
  [`cut off ${JWT.slice(0, 30)}`, "cut off [redacted]"],
  ["authorization was Bearer abc.def-ghi_jkl", "authorization was Bearer [redacted]"],
  ["bearer AAAABBBBCCCC, then", "bearer [redacted], then"],
  ["Cookie: ssxmod_itna=1; token=2", "Cookie: [redacted]"],
  ['"set-cookie": "a=b; Path=/"', '"set-cookie": [redacted]'],
  ["x-api-key: 12", "x-api-key: [redacted]"],
  ["Authorization: Bearer <key>x 12", "Authorization: [redacted]"],
  ["acw_tc=0123456789abcdef; cna=xyz and more", "[redacted] and more"],
  ["https://host/path?access_token=abcdef123&x=1", "https://host/path?access_token=[redacted]&x=1"],
  ['{"qwen_token":"abcdef123"}', '{"qwen_token":"[redacted]"}'],
  ["API_KEY=abcdef123 given", "API_KEY=[redacted] given"],
  ["key sk-0123456789abcdefghij used", "key [redacted] used"],
  ["Generated API key qg-0123456789abcdefghijABCDEFGHIJ_-", "Generated API key [redacted]"],
  ["refused qg-k3v9x2mp-0123456789abcdefghijABCDEFGHIJ_-0123456789", "refused [redacted]"],
];
for (const [text, safe] of secrets) {
  test(`redact hides the secret of ${JSON.stringify(text.slice(0, 40))}`, () => {
    expect(redact(text)).toBe(safe);
  });
}

test("redact leaves ordinary lines as they are", () => {
  const lines = [
    'Account "a1" is cooling down for 40 s',
    "The token has expired; sign in again",
    "usage: 12 tokens in, 34 tokens out",
    "GET /v1/models 200 in 3 ms",
    "Cannot use MASTER_KEY: it must be 64 hexadecimal characters",
    'Revoked key "ann" (qg-k3v9x2mp)',
    'send it as "Authorization: Bearer <key>" or "X-API-Key: <key>"',
    'send it as "Authorization: Bearer <token>"; it was shown once',
  ];
  for (const line of lines) expect(redact(line)).toBe(line);
});

test("redactField hides texts whose name says secret, and no others", () => {
  for (const name of ["token", "qwenToken", "cookies", "api_key", "apiKey", "authorization", "masterSecret"]) {
    expect(redactField(name, "ab")).toBe("[redacted]");
  }
  for (const name of ["tokens", "outputTokens", "keyName", "model"]) expect(redactField(name, "ab")).toBe("ab");
});

test("redact finds a web token wherever it stands between other words", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (before, after) => {
      expect(redact(`${before} ${JWT} ${after}`)).not.toContain("c2lnbmF0dXJl");
    }),
  );
});
