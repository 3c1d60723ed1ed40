// After a run over every fault of the emulator on every surface, nothing that is secret stands in any place that somebody
// else may read: logs, errors, metrics, the live log, health, what a crash prints, and the list of processes.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { runBinary } from "../support/binary.ts";
import { fakeProcess } from "../support/fake-mcp.ts";
import { chunks, endings, oddities, refusalRows } from "../support/fault-tables.ts";
import { secretPattern, secrets, stackPattern } from "../support/hostile/app-under-attack.ts";
import { surfaceBodies } from "../support/hostile/surface-bodies.ts";
import { startStage, type Stage } from "./stage.ts";

setDefaultTimeout(180_000);

const prompt = "kFuzzedPromptOfSomebody7307";
const unseen = new RegExp(`${secretPattern.source}|kFuzzedCallerHeader7308`);

let stage: Stage;
/** A server of one's own that repeats the key it was sent, as some do. */
let telltale: ReturnType<typeof Bun.serve>;
const told: string[] = [];
beforeAll(async () => {
  telltale = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    reusePort: false,
    fetch({ url, headers }) {
      if (url.endsWith("/models"))
        return Response.json({ object: "list", data: [{ id: "telltale", object: "model" }] });
      const message = `Incorrect API key provided: ${headers.get("authorization")}. Find yours at \u001b[31mus`;
      return Response.json(
        { error: { message, type: "invalid_request_error" } },
        { status: 401, headers: { "x-key": secrets.upstreamKey } },
      );
    },
  });
  const { target } = fakeProcess({ tools: [{ name: "read_note" }] });
  const notes = target.kind === "stdio" ? { command: target.command, args: target.args } : {};
  stage = await startStage({
    environment: {
      API_KEY: secrets.apiKey,
      QWEN_TOKEN: secrets.qwenToken,
      QWEN_COOKIES: `sid=${secrets.qwenCookie}`,
      JWT_SECRET: secrets.jwtSecret,
      MASTER_KEY: secrets.masterKey,
      UPSTREAM_BASE_URL: `${telltale.url.origin}/v1`,
      UPSTREAM_DIALECT: "vllm",
      UPSTREAM_API_KEY: secrets.upstreamKey,
      MCP_SERVERS: JSON.stringify({ notes: { ...notes, env: { NOTES_TOKEN: secrets.toolServerWord } } }),
      LOG_LEVEL: "debug",
      LOG_FORMAT: "json",
      RETRY_BASE_DELAY_MS: "1",
      RETRY_MAX_DELAY_MS: "2",
      ACCOUNT_COOLDOWN_MAX_MS: "1",
      STALL_TIMEOUT_MS: "200",
      REPLY_TIMEOUT_MS: "400",
      MAX_LINE_BYTES: "10000",
    },
  });
});
afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  await telltale.stop(true);
});

const ownHeaders = { authorization: `Bearer ${secrets.apiKey}`, cookie: "session=kFuzzedCallerHeader7308" };

/** Asks, and keeps all that is told. */
async function ask(path: string, fields: object): Promise<void> {
  const body = { ...surfaceBodies[path]?.(prompt), ...fields };
  const response = await stage.post(path, body, { headers: ownHeaders });
  told.push(JSON.stringify([...response.headers]), await response.text());
}

async function read(path: string): Promise<string> {
  return (await stage.get(path, ownHeaders)).text();
}

const faults = [
  ...refusalRows.map(({ name, script }) => ({ name, script })),
  ...endings.map(({ name, fault }) => ({ name, script: { reply: { chunks, faults: [fault] } } })),
  ...oddities.map(({ name, reply }) => ({ name, script: { reply } })),
];

describe.each(Object.keys(surfaceBodies))("over every fault, %s", (path) => {
  test("tells no secret and no stack", async () => {
    const before = told.length;
    for (const { script } of faults) {
      await stage.emulator.script({ times: "always", ...script });
      for (const stream of [true, false]) await ask(path, { stream });
      await stage.emulator.reset();
    }
    await ask(path, { model: "telltale" });
    await ask(path, { model: 7, messages: secrets.apiKey.length, input: 7, prompt: 7, message: 7 });

    expect(told.length - before).toBeGreaterThan(faults.length * 4);
    expect(told.slice(before).join("\n")).toMatch(/usage limit/);
    for (const text of told.slice(before)) {
      expect(text).not.toMatch(unseen);
      expect(text).not.toMatch(stackPattern);
    }
  });
});

describe("afterwards", () => {
  test("keys that are wrong are not repeated", async () => {
    for (const headers of [
      { authorization: "Bearer kFuzzedCallerHeader7308" },
      { "x-api-key": "kFuzzedCallerHeader7308" },
      {
        authorization:
          "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJrRnV6emVkQ2FsbGVySGVhZGVyNzMwOCJ9.kFuzzedCallerHeader7308",
      },
    ]) {
      const response = await stage.get("/v1/models", headers);

      expect(response.status).toBe(401);
      expect(await response.text()).not.toMatch(unseen);
    }
  });

  test.each(["/metrics", "/health", "/health/detailed", "/health/ready", "/v1/models", "/v1/sessions"])(
    "%s tells no secret and no prompt",
    async (path) => {
      const text = await read(path);

      expect(text.length).toBeGreaterThan(10);
      expect(text).not.toMatch(unseen);
      expect(text).not.toContain(prompt);
    },
  );

  test("the log holds no secret, no prompt and no control character", () => {
    const lines = [...stage.gateway.output, ...stage.gateway.errors];

    expect(lines.length).toBeGreaterThan(faults.length);
    for (const line of lines) {
      expect(line).not.toMatch(unseen);
      expect(line).not.toContain(prompt);
      expect(line).not.toContain("\u001b");
    }
  });

  test("the list of processes shows none, of the gateway and of its tool servers", async () => {
    await stage.post("/api/agent", { query: "Read the note" }, { headers: ownHeaders });
    const shown = commandLines();

    expect(shown.some(({ pid }) => pid === stage.gateway.pid)).toBe(true);
    expect(shown.some(({ line }) => line.includes("fake-mcp"))).toBe(true);
    for (const { line } of shown) expect(line).not.toMatch(unseen);
  });

  test("nothing in the data directory holds the account's token or a key as it is", () => {
    const files = readdirSync(stage.place.home, { recursive: true, withFileTypes: true }).filter((file) =>
      file.isFile(),
    );

    expect(files.some(({ name }) => name === "qwen-gateway.sqlite")).toBe(true);
    for (const name of files) {
      const text = readFileSync(join(name.parentPath, name.name), "latin1");
      for (const secret of Object.values(secrets))
        expect([name.name, text.includes(secret)]).toEqual([name.name, false]);
    }
  });

  // Last: nothing answers behind it.
  test("a crash prints no secret", async () => {
    stage.gateway.kill("SIGSEGV");
    await stage.gateway.exited;

    for (const line of [...stage.gateway.output, ...stage.gateway.errors]) expect(line).not.toMatch(unseen);
  });
});

test.each([
  ["a port", { PORT: "x" }],
  ["a list of tool servers", { MCP_SERVERS: `{"a":{"command":"x","env":{"A":"${secrets.toolServerWord}"}` }],
  ["a master key", { MASTER_KEY: `${secrets.masterKey}zz` }],
  ["a public key", { JWT_PUBLIC_KEY: `-----BEGIN PUBLIC KEY-----${secrets.jwtSecret}` }],
  ["a list of upstreams", { UPSTREAMS: `[{"name":"a","api_keys":["${secrets.upstreamKey}"],"base_url":7}]` }],
  ["a list of accounts", { QWEN_ACCOUNTS: `[{"token":"${secrets.qwenToken} x"}]` }],
])("a start that fails for %s prints no secret", async (_, wrong) => {
  const all = { API_KEY: secrets.apiKey, QWEN_TOKEN: secrets.qwenToken, JWT_SECRET: secrets.jwtSecret, ...wrong };
  const { exitCode, output, errors } = await runBinary(["serve"], { PORT: "0", ...all }, stage.place);

  expect(exitCode).not.toBe(0);
  expect(output + errors).not.toMatch(unseen);
  expect(output + errors).not.toMatch(stackPattern);
});

interface CommandLine {
  readonly pid: number;
  readonly line: string;
}

/** As `ps` shows them. */
function commandLines(): CommandLine[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [{ pid: Number(name), line: readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ") }];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}
