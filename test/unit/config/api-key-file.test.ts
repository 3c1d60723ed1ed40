// The generated key: made once, kept, readable by its owner only.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../../src/config/config-error.ts";
import { loadOrCreateApiKey } from "../../../src/config/api-key-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "api-key-file-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("loadOrCreateApiKey makes a key in a new folder and finds it again", () => {
  const dataDir = join(folder, "new", "data");
  const first = loadOrCreateApiKey(dataDir);
  const second = loadOrCreateApiKey(dataDir);

  expect(first.created).toBe(true);
  expect(first.key).toMatch(/^qg-[\w-]{32}$/);
  expect(second).toEqual({ key: first.key, created: false });
  expect(readdirSync(dataDir)).toEqual(["api-key"]);
});

test("loadOrCreateApiKey writes a file that only its owner can read", () => {
  loadOrCreateApiKey(folder);

  expect(statSync(join(folder, "api-key")).mode & 0o777).toBe(0o600);
});

test("loadOrCreateApiKey makes a different key in each folder", () => {
  expect(loadOrCreateApiKey(join(folder, "a")).key).not.toBe(loadOrCreateApiKey(join(folder, "b")).key);
});

test("loadOrCreateApiKey takes a key that the operator wrote there", () => {
  writeFileSync(join(folder, "api-key"), "  my-own-key\n");

  expect(loadOrCreateApiKey(folder)).toEqual({ key: "my-own-key", created: false });
});

test("loadOrCreateApiKey refuses an empty file and leaves it", () => {
  const path = join(folder, "api-key");
  writeFileSync(path, "\n");

  expect(() => loadOrCreateApiKey(folder)).toThrow(
    new ConfigError([
      `Cannot use "${path}": the file is empty; restore it from a copy, or delete it to have a new one made`,
    ]),
  );
  expect(readFileSync(path, "utf8")).toBe("\n");
});

test("loadOrCreateApiKey refuses a folder in the file's place, as engines make one of a file that they cannot mount", () => {
  const path = join(folder, "api-key");
  mkdirSync(path);

  expect(() => loadOrCreateApiKey(folder)).toThrow(new ConfigError([`Cannot use "${path}": it is a folder`]));
});

test.each(["one-key\nother-key\n", "my key", "key # of ann"])(
  "loadOrCreateApiKey refuses what no client could send: %j",
  (text) => {
    const path = join(folder, "api-key");
    writeFileSync(path, text);

    expect(() => loadOrCreateApiKey(folder)).toThrow(
      new ConfigError([`Cannot use "${path}": it must hold one key without white space`]),
    );
  },
);

test("loadOrCreateApiKey throws when the folder cannot be made", () => {
  const file = join(folder, "a-file");
  writeFileSync(file, "");

  expect(() => loadOrCreateApiKey(join(file, "data"))).toThrow("ENOTDIR");
});
