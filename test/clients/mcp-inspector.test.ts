// The command line of the MCP inspector against the compiled executable: at /mcp, and as the server that it starts itself.
// It lists the tools, looks whether their schemas are what every client can read, and calls one.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type Stage, startStage } from "../e2e/stage.ts";

// Far beyond what the tests need, for machines that are busy with something else: each starts processes.
setDefaultTimeout(60_000);

const inspector = join(import.meta.dir, "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js");

let stage: Stage;
let token: string;
beforeAll(async () => {
  const servers = { nowhere: { url: "http://127.0.0.1:9/mcp" } };
  stage = await startStage({ environment: { MCP_SERVERS: JSON.stringify(servers) } });
  token = /^Token of the agent, shown once: (\S+)/m.exec(stage.gateway.output.join("\n"))?.[1] ?? "";
});
afterAll(() => stage[Symbol.asyncDispose]());

async function inspect(words: readonly string[]) {
  const child = Bun.spawn([process.execPath, inspector, "--cli", ...words], {
    cwd: stage.place.folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: stage.place.home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { output, errors, exitCode };
}

const forms: Readonly<Record<string, () => string[]>> = {
  "at /mcp": () => [`${stage.gateway.url}/mcp`, "--header", `Authorization: Bearer ${token}`],
  "by mcp serve": () => {
    const environment = {
      DATA_DIR: join(stage.place.home, "of-inspector"),
      QWEN_TOKEN: "test-token",
      QWEN_BASE_URL: stage.emulator.url,
      QWEN_AUTH_URL: stage.emulator.url,
    };
    const settings = Object.entries(environment).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    return [stage.place.executable, "mcp", "serve", ...settings];
  },
};

describe.each(Object.entries(forms))("the inspector's command line %s", (_name, wordsOf) => {
  test("lists the tools, and finds nothing about their schemas that a client could not read", async () => {
    const { output, errors, exitCode } = await inspect([...wordsOf(), "--method", "tools/list", "--strict"]);

    expect([exitCode, errors.includes("error")]).toEqual([0, false]);
    // Its own form.
    const { tools } = JSON.parse(output) as { tools: { name: string; inputSchema: { type: string } }[] };
    expect(tools.map(({ name }) => name).toSorted()).toEqual([
      "ask_qwen",
      "continue_session",
      "list_sessions",
      "run_agent",
      "search_documents",
    ]);
  });

  test("calls a tool, and is told what is wrong with arguments", async () => {
    await stage.emulator.script({ reply: { text: "Because of Rayleigh." } });
    const calling = [...wordsOf(), "--method", "tools/call", "--tool-name", "ask_qwen", "--tool-arg"];

    const answered = await inspect([...calling, "prompt=Why is the sky blue?"]);
    const refused = await inspect([...calling, "question=Why?"]);

    expect(JSON.parse(answered.output)).toMatchObject({ content: [{ type: "text", text: "Because of Rayleigh." }] });
    expect(`${refused.output}${refused.errors}`).toContain("prompt");
  });
});

test("the inspector's command line at /mcp is let in with the token alone", async () => {
  const { exitCode, output, errors } = await inspect([`${stage.gateway.url}/mcp`, "--method", "tools/list"]);

  expect(exitCode).not.toBe(0);
  expect(output).not.toContain("ask_qwen");
  expect(errors).toMatch(/401|[Uu]nauthori[sz]ed|auth/);
});
