// Signing in at a tool server on the executable: a gateway that runs uses it at once, renews it, and loses it with it.

import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentCapabilities } from "../../src/agent/engine.ts";
import { createPlace, runBinary } from "../support/binary.ts";
import { startFakeSignIn } from "../support/fake-sign-in.ts";
import { login } from "../support/mcp-login.ts";
import { startStage } from "./stage.ts";

// Far beyond what the test needs, for machines that are busy with something else.
setDefaultTimeout(60_000);

const script = { tools: [{ name: "read_note", annotations: { readOnlyHint: true }, text: "milk" }] };
const wanted = 'Cannot use tool server "notes": it needs a sign-in; run qwen-gateway mcp login notes';

function freePort(): number {
  const server = Bun.serve({ port: 0, fetch: () => new Response() });
  const { port = 0 } = server;
  void server.stop(true);
  return port;
}

test("mcp login: the link, the callback, and a gateway that needs no restart [R4-057]", async () => {
  await using fake = await startFakeSignIn(script);
  const MCP_SERVERS = JSON.stringify({ notes: { url: fake.url } });
  await using stage = await startStage({ environment: { MCP_SERVERS } });
  const { place } = stage;
  const token = /^Token of the agent, shown once: (\S+)/m.exec(stage.gateway.output.join("\n"))?.[1] ?? "";
  const headers = { authorization: `Bearer ${token}` };
  const services = async () =>
    ((await (await stage.get("/api/agent/capabilities", headers)).json()) as AgentCapabilities).services;
  const ask = async () => {
    const call = { reply: { text: "", calls: [{ name: "read_note", arguments: {} }] } };
    await stage.emulator.script(call, { reply: { text: "You need milk." } });
    const answer = await stage.post("/api/agent/stream", { query: "What do I need?" }, { headers });
    return await answer.text();
  };
  const command = (...words: string[]) => runBinary(["mcp", ...words], { MCP_SERVERS }, place);

  expect(await services()).toMatchObject([{ state: "failed", error: wanted, needsSignIn: true }]);
  const refused = await stage.post("/api/agent/stream", { query: "What do I need?" }, { headers });
  const frames = await refused.text();
  expect(frames).toContain("event: error");
  expect(frames).toContain(JSON.stringify(wanted));
  expect((await command("list")).output).toContain("needs a sign-in: qwen-gateway mcp login notes");
  expect((await command("test")).output).toContain(wanted);

  const { exitCode, printed } = await login("notes", MCP_SERVERS, place, fake.visit);
  expect(exitCode).toBe(0);
  expect(printed).toMatch(/Signed in to tool server "notes" at \S+: token \*{4}\w{4} for 60 min, renews itself\n$/);
  expect((await command("list")).output).toMatch(/token \*{4}\w{4} for \d+ min, renews itself/);

  expect(await services()).toMatchObject([{ state: "ready", tools: 1 }]);
  expect(await ask()).toContain("You need milk.");
  fake.endTokens();
  expect(await ask()).toContain("You need milk.");
  expect(fake.asked.filter((one) => one === "POST /token refresh_token")).toHaveLength(1);
  const written = [...stage.gateway.output, ...stage.gateway.errors, printed].join("\n");
  const dataDir = join(place.home, ".local/share/qwen-gateway");
  const kept = readdirSync(dataDir, { withFileTypes: true }).filter((entry) => entry.isFile());
  const files = kept.map(({ name }) => readFileSync(join(dataDir, name), "latin1")).join("\n");
  for (const secret of fake.secrets) {
    expect(written).not.toContain(secret);
    expect(files).not.toContain(secret);
  }

  expect((await command("logout", "notes")).output).toContain("Signed out");
  const gone = await ask();
  expect(gone).toContain("run qwen-gateway mcp login notes");
});

test("mcp login works with the SDK's own example of a server that wants a sign-in, which checks the resource", async () => {
  using place = createPlace();
  const [port, authPort] = [freePort(), freePort()];
  const example = "node_modules/@modelcontextprotocol/sdk/dist/esm/examples/server/simpleStreamableHttp.js";
  const server = Bun.spawn([process.execPath, example, "--oauth", "--oauth-strict"], {
    cwd: join(import.meta.dir, "../.."),
    env: { PATH: process.env["PATH"] ?? "", MCP_PORT: String(port), MCP_AUTH_PORT: String(authPort) },
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    let heard = "";
    for await (const chunk of server.stdout) {
      heard += Buffer.from(chunk).toString();
      if (heard.includes("MCP Streamable HTTP Server listening")) break;
    }
    const MCP_SERVERS = JSON.stringify({ demo: { url: `http://localhost:${port}/mcp` } });
    const tested = () => runBinary(["mcp", "test"], { MCP_SERVERS }, place);
    expect((await tested()).output).toContain("it needs a sign-in; run qwen-gateway mcp login demo");

    const { exitCode, printed } = await login("demo", MCP_SERVERS, place, async (link) => (await fetch(link)).text());

    expect([exitCode, printed]).toEqual([0, expect.stringContaining(`Signed in to tool server "demo" at localhost:`)]);
    expect((await tested()).output).toContain("greet");
  } finally {
    server.kill("SIGKILL");
    await server.exited;
  }
});
