// What is blacked out of a capture, and what is not: whatever was said stays as it was said.

import { describe, expect, test } from "bun:test";
import { createCover } from "../../../src/capture/cover-secrets.ts";

const known = "a-key-of-the-settings";
const cover = createCover([known, "short"]);
const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl";

function covered(text: string): string {
  const bytes = Buffer.from(text);
  cover.bytes(bytes, 0, bytes.length);
  return bytes.toString();
}

describe("bytes", () => {
  test.each([
    ["a key of the settings", `{"a":"${known}"}`, known],
    ["a token", `{"said":"my token is ${token}!"}`, token],
    ["a bearer", "Authorization: Bearer abcdefghijklmnopqrstuv", "abcdefghijklmnopqrstuv"],
    ["a key of a service", "sk-0123456789abcdefABCDEF", "sk-0123456789abcdefABCDEF"],
    ["a stored key of this gateway", "qg-k3v9x2mp-0123456789abcdefABCDEF", "qg-k3v9x2mp-0123456789abcdefABCDEF"],
    ["a field that is a secret", '{"access_key_secret" : "abcdef12"}', "abcdef12"],
    ["a password, escapes in it", '{"password":"a\\"b"}', 'a\\"b'],
    ["a signed address", "https://a.example/f?x=1&x-oss-signature=abcdef%2F1&y=2", "abcdef%2F1"],
  ])("%s is written over, as long as it was", (_, text, secret) => {
    expect(covered(text)).toBe(text.replace(secret, "*".repeat(secret.length)));
  });

  test.each([
    '{"logprobs":{"content":[{"token":"Hello","logprob":-0.1}]}}',
    '{"usage":{"prompt_tokens":123456,"total_tokens":1234567}}',
    '{"content":"Basic understanding of cookies: a=12345678; b=2"}',
    '{"arguments":"{\\"password\\":\\"what the model wrote\\"}"}',
    '{"content":"short words, tokenization and Bearer of bad news"}',
  ])("%s stays", (text) => {
    expect(covered(text)).toBe(text);
  });

  test("a hostile text costs linear time", () => {
    const text = `${'"token":"'.repeat(20_000)}${"eyJ".repeat(40_000)}${"a=1; ".repeat(20_000)}`;
    const since = performance.now();

    covered(text);

    expect(performance.now() - since).toBeLessThan(2000);
  });
});

describe("heads", () => {
  test("secret headers lose their value, others what is secret in it", () => {
    const headers = [
      ["authorization", "Bearer x"],
      ["cookie", "a=b"],
      ["set-cookie", "a=b"],
      ["x-api-key", "x"],
      ["bx-ua", "231!abc"],
      ["x-forwarded-for", "10.0.0.1"],
      ["referer", `https://a.example/?t=${token}`],
      ["content-type", "text/plain"],
    ] as const;

    const safe = Object.fromEntries(cover.headers(headers));

    expect(safe).toEqual({
      authorization: "[redacted]",
      cookie: "[redacted]",
      "set-cookie": "[redacted]",
      "x-api-key": "[redacted]",
      "bx-ua": "[redacted]",
      "x-forwarded-for": "[redacted]",
      referer: "https://a.example/?t=[redacted]",
      "content-type": "text/plain",
    });
  });

  test("addresses lose their password, and the parameters that are secret", () => {
    expect(cover.url(`https://ann:pw@a.example/${known}/f?security-token=abc&chat_id=1&Signature=x&flag`)).toBe(
      "https://a.example/[redacted]/f?security-token=[redacted]&chat_id=1&Signature=[redacted]&flag",
    );
  });
});

test("what is learnt later is blacked out from then on, in bodies and elsewhere", () => {
  const later = createCover([]);
  const bytes = new TextEncoder().encode("a later-secret-text b");
  later.bytes(bytes, 0, bytes.length);
  expect(new TextDecoder().decode(bytes)).toBe("a later-secret-text b");

  later.learn(["later-secret-text", "short"]);
  later.bytes(bytes, 0, bytes.length);
  expect(new TextDecoder().decode(bytes)).toBe("a ***************** b");
  expect(later.text("later-secret-text, short")).not.toContain("later-secret-text");
  expect(later.text("later-secret-text, short")).toContain("short");
});

test("of what was learnt the newest is kept, and all that is learnt at once", () => {
  const later = createCover([]);
  const keys = Array.from({ length: 100 }, (_, index) => `key-of-client-${index}`);
  for (let index = 0; index < 3000; index++) later.learn([...keys, `renewed-token-${index}-`]);

  expect(later.text("key-of-client-0, renewed-token-2999-, renewed-token-0-")).toBe(
    "[redacted], [redacted], renewed-token-0-",
  );
});
