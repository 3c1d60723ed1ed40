// The agent's tab out of the compiled executable, with real tool servers and the emulated model, which is told what to call.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Stage, startStage } from "../e2e/stage.ts";
import { textOf } from "./acting.ts";
import { agentPath as path, order } from "./agent-acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";

const scriptOf = (name: string) =>
  join(import.meta.dir, "..", "..", "node_modules", "@modelcontextprotocol", name, "dist", "index.js");

interface AgentStage extends AsyncDisposable {
  readonly stage: Stage;
  /** The folder that the tool server may see. */
  readonly folder: string;
}

async function startAgentStage(environment: Record<string, string> = {}): Promise<AgentStage> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "qwen-gateway-page-agent-")));
  const servers = {
    files: { command: process.execPath, args: [scriptOf("server-filesystem"), folder] },
    everything: { command: process.execPath, args: [scriptOf("server-everything"), "stdio"] },
  };
  const stage = await startStage({ environment: { MCP_SERVERS: JSON.stringify(servers), ...environment } });
  return {
    stage,
    folder,
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const calling = (name: string, input: object) => ({ reply: { text: "", calls: [{ name, arguments: input }] } });
const saying = (text: string) => ({ reply: { text } });

function freePort(): number {
  const server = Bun.serve({ port: 0, fetch: () => new Response() });
  const { port = 0 } = server;
  void server.stop(true);
  return port;
}

useBrowser();

describe.skipIf(!hasBrowser)("the executable's agent tab", () => {
  test("wants the token that was printed, and shows the real services with their risks", async () => {
    await using agent = await startAgentStage();
    const { gateway } = agent.stage;
    const line = await gateway.line((text) => text.startsWith("Token of the agent"));
    const token = /shown once: (\S+)/.exec(line)?.[1] ?? "";
    expect(line).toContain(`${gateway.url}${path})`);
    await using chat = await openChat(gateway.url, { path, expected: /status of 401/ });
    const { page } = chat;
    await page.getByLabel("The agent needs its token").fill("not-this-one");
    await page.keyboard.press("Enter");
    await page.getByText("This is not the token of the agent.").waitFor();
    await page.getByLabel("The agent needs its token").fill(token);
    await page.keyboard.press("Enter");

    const services = page.getByRole("list", { name: "Services" });
    await services.locator("summary", { hasText: "files" }).click();
    await services.locator("summary", { hasText: "everything" }).getByText("commands").waitFor();
    const commands = page.getByRole("list", { name: "Commands of files" });
    expect(await textOf(commands.locator("li", { hasText: /^read_text_file / }).locator(".risk"))).toBe("reads");
    expect(await textOf(commands.locator("li", { hasText: /^write_file / }).locator(".risk"))).toBe("destructive");
    expect(await page.getByRole("list", { name: "Examples" }).locator("li").count()).toBeGreaterThan(3);
    await page.reload();
    await services.waitFor();
    expect(chat.complaints).toEqual([]);
  });

  test("reads at once, and overwrites when it was confirmed, after a reload and a crash", async () => {
    // The same one after the restart: what the page keeps hangs on its address.
    await using agent = await startAgentStage({ AGENT_OPEN: "true", PORT: String(freePort()) });
    const { stage, folder } = agent;
    const file = join(folder, "rivers.txt");
    writeFileSync(file, "Daugava");
    await stage.emulator.script(
      calling("read_text_file", { path: file }),
      saying("The file says **Daugava**."),
      calling("write_file", { path: file, content: "Gauja" }),
      saying("It is written."),
    );
    await using chat = await openChat(stage.gateway.url, { path, expected: /ERR_/ });
    const { page } = chat;

    await order(page, "What is in rivers.txt?");
    await page.locator(".run .prose strong", { hasText: "Daugava" }).waitFor();
    expect(await page.locator(".step .step-words").allTextContents()).toContain("Executing: read_text_file (1/1)");
    await page.locator(".call summary").click();
    expect(JSON.parse(await textOf(page.getByRole("region", { name: "Arguments of read_text_file" })))).toEqual({
      path: file,
    });
    expect(await textOf(page.getByRole("region", { name: "Result of read_text_file" }))).toContain("Daugava");
    await order(page, "Write Gauja into rivers.txt");
    const asked = page.getByRole("form", { name: "Waits for your confirmation" });
    await asked.waitFor();
    expect(readFileSync(file, "utf8")).toBe("Daugava");
    // What waits outlives the page, and the gateway too.
    await stage.crashAndRestart();
    await page.reload();
    await asked.getByRole("button", { name: "Confirm", exact: true }).click();
    await page.locator(".run .prose", { hasText: "It is written." }).waitFor();
    expect(readFileSync(file, "utf8")).toBe("Gauja");
    expect(chat.complaints).toEqual([]);
  });

  test("asks once more when changed arguments do not fit, does what was changed, and leaves what was rejected", async () => {
    await using agent = await startAgentStage({ AGENT_OPEN: "true" });
    const { stage, folder } = agent;
    const file = join(folder, "rivers.txt");
    await stage.emulator.script(
      calling("write_file", { path: file, content: "Gauja" }),
      saying("It is written."),
      calling("write_file", { path: file, content: "Salaca" }),
    );
    await using chat = await openChat(stage.gateway.url, { path, expected: /status of 400/ });
    const { page } = chat;
    await order(page, "Write Gauja into rivers.txt");
    const asked = page.getByRole("form", { name: "Waits for your confirmation" });
    await asked.getByText("Expires in").waitFor();
    const field = asked.getByLabel(/^Arguments/);
    await field.fill(JSON.stringify({ path: file }));
    await asked.getByRole("button", { name: "Confirm with changes" }).click();
    await asked.getByRole("alert").getByText("content").waitFor();
    expect(existsSync(file)).toBe(false);
    await page.reload();
    await field.fill(JSON.stringify({ path: file, content: "Venta" }));
    await asked.getByRole("button", { name: "Confirm with changes" }).click();
    await page.locator(".run .prose", { hasText: "It is written." }).waitFor();
    expect(readFileSync(file, "utf8")).toBe("Venta");

    await order(page, "Write Salaca into rivers.txt");
    await asked.getByRole("button", { name: "Reject" }).click();
    await page.locator(".run .prose", { hasText: "Not done, as you wished" }).waitFor();
    expect(readFileSync(file, "utf8")).toBe("Venta");
    expect(chat.complaints).toEqual([]);
  });

  test("shows the progress of a long call, and stops it", async () => {
    await using agent = await startAgentStage({ AGENT_OPEN: "true" });
    const { emulator, gateway } = agent.stage;
    await emulator.script(calling("trigger-long-running-operation", { duration: 30, steps: 60 }));
    await using chat = await openChat(gateway.url, { path });
    const { page } = chat;
    await order(page, "Take your time");
    await page.locator(".step.is-current", { hasText: "Executing: trigger-long-running-operation (1/1)" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("You stopped this command.").waitFor();

    expect(await textOf(page.locator(".call"))).toContain("trigger-long-running-operation");
    await emulator.script(calling("get-sum", { a: 19, b: 23 }), saying("It is 42."));
    await order(page, "Add 19 and 23");
    await page.locator(".run .prose", { hasText: "It is 42." }).waitFor();
    await page.locator(".call summary", { hasText: "get-sum" }).click();
    expect(await textOf(page.getByRole("region", { name: "Result of get-sum" }))).toContain("42");
    expect(chat.complaints).toEqual([]);
  });

  test("hands a service's question on, and its answer back", async () => {
    await using agent = await startAgentStage({ AGENT_OPEN: "true" });
    const { emulator, gateway } = agent.stage;
    await emulator.script(calling("trigger-elicitation-request", {}), saying("Mira was noted."));
    await using chat = await openChat(gateway.url, { path });
    const { page } = chat;
    await order(page, "Ask me something");
    const asked = page.getByRole("form", { name: "A service asks" });
    await asked.getByText("Please provide inputs for the following fields").waitFor();
    await asked.getByLabel("Your data (JSON)").fill('{ "name": "Mira" }');
    await asked.getByRole("button", { name: "Send" }).click();
    await page.locator(".run .prose", { hasText: "Mira was noted." }).waitFor();
    await page.locator(".call summary").click();
    expect(await textOf(page.getByRole("region", { name: /^Result of/ }))).toContain("Mira");
    expect(chat.complaints).toEqual([]);
  });

  test("says how a tool server is configured where there is none", async () => {
    await using stage = await startStage();
    await using chat = await openChat(stage.gateway.url, { path, expected: /status of 401/ });
    const line = await stage.gateway.line((text) => text.startsWith("Token of the agent"));
    const token = /shown once: (\S+)/.exec(line)?.[1] ?? "";
    await chat.page.getByLabel("The agent needs its token").fill(token);
    await chat.page.keyboard.press("Enter");
    await chat.page.getByRole("heading", { name: "No tool server is configured" }).waitFor();
    expect(chat.complaints).toEqual([]);
  });
});
