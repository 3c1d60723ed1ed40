import { expect, test } from "bun:test";
import { maskWords, secretFlags, unmaskWords } from "../../../src/cli/hidden-words.ts";
import { listSettings } from "../../../src/config/config-names.ts";

const words = ["serve", "--api-key", "k1,k2", "--port", "0", "--qwen-token=abc=def", "--insecure"];
const shown = ["serve", "--api-key", "****", "--port", "0", "--qwen-token=****", "--insecure"];

test("maskWords hides the values of secret flags in either form, and nothing else", () => {
  expect(maskWords(words)).toEqual(shown);
  expect(maskWords(shown)).toEqual(shown);
});

test("maskWords leaves the words of another command, and a flag without its value", () => {
  expect(maskWords(["mcp", "add", "a", "--env", "A=b", "--", "run", "--token", "x"])).toEqual([
    "mcp",
    "add",
    "a",
    "--env",
    "****",
    "--",
    "run",
    "--token",
    "x",
  ]);
  expect(maskWords(["serve", "--api-key", "--port", "0"])).toEqual(["serve", "--api-key", "--port", "0"]);
});

test("maskWords hides a stored key wherever it stands, but for its prefix", () => {
  const key = `qg-k3v9x2mp-${"aB-_".repeat(11)}`;
  const masked = ["keys", "revoke", "qg-k3v9x2mp-****", "--key=qg-k3v9x2mp-****"];

  expect(maskWords(["keys", "revoke", key, `--key=${key}`])).toEqual(masked);
  expect(maskWords(masked)).toEqual(masked);
  expect(maskWords(["keys", "revoke", "qg-k3v9x2mp"])).toEqual(["keys", "revoke", "qg-k3v9x2mp"]);
});

test("unmaskWords gives back what was hidden, and not the words of another process", () => {
  const hidden = JSON.stringify(words);

  expect(unmaskWords(shown, hidden)).toEqual(words);
  expect(unmaskWords(["read-pdf", "5"], hidden)).toBeUndefined();
  expect(unmaskWords(shown.slice(0, 3), hidden)).toBeUndefined();
});

test.each([undefined, "", "no JSON", "{}", '["serve", 5]'])("unmaskWords takes no words from %p", (hidden) => {
  expect(unmaskWords(shown, hidden)).toBeUndefined();
});

test("secretFlags has every setting that is a secret", () => {
  const settings = listSettings().filter(({ schema }) => schema.writeOnly === true);

  expect(settings.length).toBeGreaterThan(10);
  for (const { flagName } of settings) expect([...secretFlags]).toContain(flagName.replace(/^--/, ""));
});
