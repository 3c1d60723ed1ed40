// The library in a Bun program of somebody else, as docs/embedding.md has it: it runs, and a compiler takes it.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// A compiler reads all of the source, on machines that are busy with something else.
setDefaultTimeout(120_000);

const root = join(import.meta.dir, "..", "..");
const project = mkdtempSync(join(tmpdir(), "embedding-user-"));
afterAll(() => rmSync(project, { recursive: true, force: true }));

mkdirSync(join(project, "src"));
mkdirSync(join(project, "node_modules"));
symlinkSync(root, join(project, "node_modules", "qwen-gateway"));
// What @types/bun brings.
symlinkSync(join(root, "node_modules", "bun-types"), join(project, "node_modules", "bun-types"));
writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
writeFileSync(
  join(project, "src", "use.ts"),
  `import { embed, generateSessionId } from "qwen-gateway";
import { streamSSE } from "qwen-gateway/client";

const gateway = await embed({ environment: { DATA_DIR: "data", LOG_LEVEL: "error" } });
const body = JSON.stringify({ model: "qwen3-max", messages: [{ role: "user", content: "Say hi" }] });
const response = await gateway.chatCompletions(new Request("http://localhost/", { method: "POST", body }));
const { choices } = (await response.json()) as { choices: readonly { message: { content: string } }[] };
await gateway.shutdown();
console.log(choices[0]?.message.content, generateSessionId("Hello"), typeof streamSSE);
`,
);

async function run(...command: string[]): Promise<{ readonly output: string; readonly exitCode: number }> {
  const child = Bun.spawn(command, { cwd: project, stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { output: output + errors, exitCode: await child.exited };
}

test("the library answers in a program that has it as a package", async () => {
  const { output } = await run(process.execPath, "src/use.ts");

  expect(output.trim()).toEndWith("hi 8b1a9953c4611296a827abf8c47804d7 function");
});

test("the settings of a compiler that docs/embedding.md shows take the library", async () => {
  const [, settings] = /```json\n(.+?)```/s.exec(readFileSync(join(root, "docs/embedding.md"), "utf8")) ?? [];
  writeFileSync(join(project, "tsconfig.json"), settings ?? "");

  const compiled = await run(join(root, "node_modules/.bin/tsc"), "--project", "tsconfig.json");

  expect(compiled).toEqual({ output: "", exitCode: 0 });
});
