// The examples whose packages are installed here: copied beside them, compiled, and run against the compiled executable.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ClientStage, startClientStage } from "../support/client-stage.ts";

setDefaultTimeout(60_000);

const examples = join(import.meta.dir, "..", "..", "examples");
/** Those that say that they need packages. */
const names = readdirSync(examples).filter(
  (name) => name.endsWith(".ts") && readFileSync(join(examples, name), "utf8").includes("Needs: bun add"),
);

let folder: string;
let stage: ClientStage;
beforeAll(async () => {
  // Packages are looked for in the folders above a file.
  folder = mkdtempSync(join(import.meta.dir, ".examples-"));
  for (const name of names) copyFileSync(join(examples, name), join(folder, name));
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: "../../../tsconfig.json", files: names }));
  stage = await startClientStage("vllm");
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await stage[Symbol.asyncDispose]();
});

async function run(...words: string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, ...words], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", GATEWAY_URL: stage.baseUrl, MODEL: stage.model },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect([exitCode, exitCode === 0 ? "" : output + errors]).toEqual([0, ""]);
  return output;
}

describe("the examples with packages of their own", () => {
  test("are these", () => expect(names.sort()).toEqual(["ai-sdk.ts", "langchain.ts"]));

  test("compile as strictly as the project", async () => {
    await run("check", "--no-script", "--no-pretty", "-p", folder);
  });

  test("ai-sdk.ts streams, and gives an object", async () => {
    const output = await run("ai-sdk.ts");

    expect(output).toStartWith("1 2 3 4 5\n");
    expect(output).toMatch(/\{\s*city: "/);
  });

  test("langchain.ts streams, and has a tool called", async () => {
    const output = await run("langchain.ts");

    expect(output).toStartWith("1 2 3 4 5\n");
    expect(output).toContain("rain in Riga");
  });
});
