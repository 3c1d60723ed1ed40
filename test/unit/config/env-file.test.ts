// A file of environment variables: what it adds, what it may not change, how it is refused.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../../src/config/config-error.ts";
import { withEnvFile } from "../../../src/config/env-file.ts";

const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-env-file-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(text: string): string {
  const path = join(folder, "settings.env");
  writeFileSync(path, text);
  return path;
}

test("withEnvFile reads comments, quotes and export as shells do", () => {
  const path = write(`# keys\nAPI_KEY='a b#c'\r\n\nexport QWEN_TOKEN="t"\nLOG_LEVEL=debug # why not\n`);

  expect(withEnvFile({}, path)).toEqual({ API_KEY: "a b#c", QWEN_TOKEN: "t", LOG_LEVEL: "debug" });
});

test.each([
  { line: "API_KEY=ab#cd", value: "ab#cd" },
  { line: "API_KEY=#cd # of ann", value: "#cd" },
  { line: "export API_KEY = ab#cd'e\"f`\t# of ann\r", value: "ab#cd'e\"f`" },
  { line: "API_KEY= # none", value: "" },
  { line: "API_KEY=a=b;c=d e", value: "a=b;c=d e" },
  { line: `QWEN_HEADERS={"a": "b#c"}`, value: `{"a": "b#c"}` },
])("withEnvFile takes a # for a comment behind a space alone, as shells do: $line", ({ line, value }) => {
  expect(Object.values(withEnvFile({}, write(`${line}\n`)))).toEqual([value]);
});

test("withEnvFile leaves what is set, and fills what is set to nothing", () => {
  const path = write("API_KEY=file\nQWEN_TOKEN=file\n");

  expect(withEnvFile({ API_KEY: "own", QWEN_TOKEN: " ", HOME: "/home/ann" }, path)).toEqual({
    API_KEY: "own",
    QWEN_TOKEN: "file",
    HOME: "/home/ann",
  });
});

test.each([
  { text: "API_KEY=one\nsk-secret-in-the-wrong-place\n", says: "line 2" },
  { text: "API KEY=sk-secret\n", says: "line 1" },
])("withEnvFile names the line that is none, and not what stands there: $says", ({ text, says }) => {
  const path = write(text);
  let message = "";
  try {
    withEnvFile({}, path);
  } catch (error) {
    if (error instanceof ConfigError) ({ message } = error);
  }

  expect(message).toContain(says);
  expect(message).not.toContain("secret");
});

test("withEnvFile says why it cannot read a file", () => {
  expect(() => withEnvFile({}, join(folder, "none"))).toThrow("there is no such file");
  expect(() => withEnvFile({}, folder)).toThrow("it is a folder");
});
