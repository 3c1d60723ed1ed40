import { expect, test } from "bun:test";
import { createKnownSecrets } from "../../../src/telemetry/known-secrets.ts";

test("hide blacks out what was learned, wherever it stands and whatever it looks like", () => {
  const secrets = createKnownSecrets();
  secrets.learn(["plain words as a key", 'with"quote\\s']);

  expect(secrets.hide("You sent plain words as a key, and plain words as a key.")).toBe(
    "You sent [redacted], and [redacted].",
  );
  expect(secrets.hide('with"quote\\s')).toBe("[redacted]");
  expect(secrets.hide(JSON.stringify({ reason: 'with"quote\\s' }))).toBe('{"reason":"[redacted]"}');
});

test("hide knows them in small letters, too", () => {
  const secrets = createKnownSecrets();
  secrets.learn(["AKeyInLetters"]);

  expect(secrets.hide("no such key: akeyinletters")).toBe("no such key: [redacted]");
});

test("hide leaves what is too short to be told from words", () => {
  const secrets = createKnownSecrets();
  secrets.learn(["short", ""]);

  expect(secrets.hide("a short line")).toBe("a short line");
});

test("learn forgets the oldest beyond two thousand, and not one that was said again", () => {
  const secrets = createKnownSecrets();
  secrets.learn(["the very first", "the second one"]);
  secrets.learn(Array.from({ length: 1998 }, (_, index) => `a renewed token ${index}`));
  secrets.learn(["the very first", "one too many"]);

  expect(secrets.hide("the very first")).toBe("[redacted]");
  expect(secrets.hide("the second one")).toBe("the second one");
});

test("learn forgets no key of the settings, nor another account's token, however often a token is renewed", () => {
  const secrets = createKnownSecrets();
  secrets.learn(["a-key-of-the-settings"]);
  secrets.learn(["token-of-ann"], "ann");
  for (let index = 0; index < 200; index++) secrets.learn([`Renewed-token-${index}-`], "ben");

  expect(secrets.hide("a-key-of-the-settings token-of-ann Renewed-token-199-")).toBe(
    "[redacted] [redacted] [redacted]",
  );
  expect(secrets.hide("Renewed-token-0-")).toBe("Renewed-token-0-");
});

test("learn forgets the owner that has learnt nothing for the longest time, beyond two thousand", () => {
  const secrets = createKnownSecrets();
  secrets.learn(["a-key-of-the-settings"]);
  for (let index = 0; index < 2000; index++) secrets.learn([`token-of-owner-${index}-`], `owner ${index}`);
  secrets.learn(["token-of-owner-0-", "renewed-of-owner-0-"], "owner 0");
  secrets.learn(["token-of-one-more"], "one more");

  expect(secrets.hide("a-key-of-the-settings token-of-owner-0- renewed-of-owner-0- token-of-one-more")).toBe(
    "[redacted] [redacted] [redacted] [redacted]",
  );
  expect(secrets.hide("token-of-owner-1- token-of-owner-2-")).toBe("token-of-owner-1- [redacted]");
});

test("learn keeps all that it is told at once", () => {
  const secrets = createKnownSecrets();
  secrets.learn(Array.from({ length: 3000 }, (_, index) => `key-of-client-${index}`));

  expect(secrets.hide("key-of-client-0")).toBe("[redacted]");
});
