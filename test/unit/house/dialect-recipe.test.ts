// docs/extending.md tells how a dialect is added. Its steps are followed to the letter, in a copy of the project: the files are
// written, the lines put in, the test is run, and all of it compiles.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readBlocks } from "../../support/docs/read-markdown.ts";
import { readProjectFile, root } from "./source-files.ts";

// Far beyond what they need, for machines that are busy with something else.
setDefaultTimeout(60_000);

const steps = readBlocks(readProjectFile("docs/extending.md")).filter(({ file, edit }) => file ?? edit);
let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "qwen-gateway-recipe-"));
  for (const name of ["src", "test/support", "test/fixtures", "bunfig.toml", "package.json", "tsconfig.json"]) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

test("the recipe of a dialect leads to one that passes its contract", async () => {
  for (const { file, edit, text } of steps) {
    if (file !== undefined) {
      mkdirSync(dirname(join(copy, file)), { recursive: true });
      writeFileSync(join(copy, file), `${text}\n`);
    }
    if (edit !== undefined) putIn(join(copy, edit), text);
  }
  const files = steps.flatMap(({ file }) => file ?? []);
  const tests = files.filter((file) => file.endsWith(".test.ts"));
  const [tested, types] = await Promise.all([
    run("test", ...tests.map((file) => `./${file}`)),
    run("check", "--no-script", "--no-pretty", "src/upstreams", "src/config", ...tests),
  ]);

  expect(files).toHaveLength(3);
  expect(tests).toHaveLength(1);
  expect([tested.exitCode, tested.exitCode === 0 ? "" : tested.output]).toEqual([0, ""]);
  expect(tested.output).toMatch(/^ *[1-9]\d* pass$/m);

  expect([types.exitCode, types.exitCode === 0 ? "" : types.output]).toEqual([0, ""]);
});

/** Lines with a plus go between the others, which must stand in the file one after the other, once. */
function putIn(path: string, diff: string): void {
  const lines = diff.split("\n");
  const known = lines.filter((line) => !line.startsWith("+")).map((line) => line.slice(1));
  const before = readFileSync(path, "utf8");
  const parts = before.split(`\n${known.join("\n")}\n`);
  if (parts.length !== 2)
    throw new Error(`Cannot put lines into "${path}": ${JSON.stringify(known)} stands there no longer`);
  writeFileSync(path, parts.join(`\n${lines.map((line) => line.slice(1)).join("\n")}\n`));
}

async function run(...words: string[]): Promise<{ readonly exitCode: number; readonly output: string }> {
  const child = Bun.spawn([process.execPath, ...words], {
    cwd: copy,
    env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode, output: output + errors };
}
