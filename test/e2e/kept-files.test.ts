// Everything is used once on the compiled executable, and then its data directory is held against docs/security.md: every file
// and every table is named there, each has its mode, and words and secrets stand only where the document says so.

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readTyped } from "../http/typed-client.ts";
import { type BinaryResult, eventually, runBinary, startBinary } from "../support/binary.ts";
import { type EmulatorProcess, startEmulatorProcess } from "../support/emulator-process.ts";
import { type FakeSignIn, startFakeSignIn } from "../support/fake-sign-in.ts";
import { isNamedBy, readKeptTable } from "../support/kept-table.ts";
import { login } from "../support/mcp-login.ts";
import { cookiesOf, longToken } from "../support/tokens.ts";
import { startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

const said = "kkeptword7401";
const secrets = { qwen: longToken("ann"), upstream: "kKeptUpstreamKey7402" };
const table = readKeptTable();

let compatible: EmulatorProcess;
let fake: FakeSignIn;
let stage: Stage;
let apiKey = "";
/** What stood in the data directory while the gateway ran, and at the end, by name. */
const kept = new Map<string, string>();

const dataDir = (): string => join(stage.place.home, ".local/share/qwen-gateway");
const settings = (): Record<string, string> => ({
  MCP_SERVERS: JSON.stringify({ notes: { url: fake.url } }),
  UPSTREAM_BASE_URL: compatible.url,
  UPSTREAM_DIALECT: "vllm",
  UPSTREAM_API_KEY: secrets.upstream,
});

beforeAll(async () => {
  compatible = await startEmulatorProcess(["--dialect", "vllm"]);
  fake = await startFakeSignIn({
    tools: [{ name: "read_note", annotations: { readOnlyHint: true }, text: said }, { name: "delete_note" }],
  });
  stage = await startStage({
    environment: { ...settings(), HISTORY: "content", LIMIT_REQUESTS_PER_MINUTE: "10000", LOG_LEVEL: "debug" },
  });
  await command("accounts", "add", "--alias", "ann", "--file", copiedRequest());
  expect((await login("notes", settings()["MCP_SERVERS"] ?? "", stage.place, fake.visit)).exitCode).toBe(0);
  await useEverything();
  const running = await beginAnswer();
  keep("while it ran");
  await running.cancel();
  await changeGateways();
  keep("at the end");
});
afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  await compatible[Symbol.asyncDispose]();
  await fake[Symbol.asyncDispose]();
});

async function command(...words: string[]): Promise<BinaryResult> {
  const urls = { QWEN_BASE_URL: stage.emulator.url, QWEN_AUTH_URL: stage.emulator.url };
  const result = await runBinary(words, { ...settings(), ...urls }, stage.place);
  expect([words.join(" "), result.exitCode, result.exitCode === 0 ? "" : result.errors]).toEqual([
    words.join(" "),
    0,
    "",
  ]);
  return result;
}

function copiedRequest(): string {
  const path = join(stage.place.folder, "ann.txt");
  writeFileSync(path, `curl '${stage.emulator.url}/api/v2/chats/' -b '${cookiesOf("ann", secrets.qwen)}'\n`);
  return path;
}

async function post(path: string, body: object, headers: Record<string, string> = {}): Promise<string> {
  const isForm = body instanceof FormData;
  const response = await fetch(stage.gateway.url + path, {
    method: "POST",
    headers: { ...(isForm ? {} : { "content-type": "application/json" }), ...headers },
    body: isForm ? body : JSON.stringify(body),
  });
  const text = await response.text();
  expect([path, response.status, text.slice(0, response.status === 200 ? 0 : 500)]).toEqual([path, 200, ""]);
  return text;
}

async function useEverything(): Promise<void> {
  const hello = { messages: [{ role: "user", content: `Say ${said}` }] };
  await post("/admin/api/captures", { session_id: "captured", minutes: 5 });
  await post("/v1/chat/completions", hello, { "x-session-id": "captured" });
  // A thin client, and an upstream that remembers nothing.
  await post("/v1/chat/completions", { ...hello, model: "Qwen/Qwen3.6-27B", session_id: "thin" });
  await post("/v1/responses", { input: `Say ${said}` });
  const { id } = JSON.parse(await post("/v1/conversations", {})) as { id: string };
  await post(`/v1/conversations/${id}/items`, { items: [{ type: "message", role: "user", content: said }] });
  await post("/api/documents", { name: "a.txt", text: `A document about ${said}` });
  const form = new FormData();
  form.set("purpose", "user_data");
  form.set("file", new File([said], "a.txt"));
  await post("/v1/files", form);
  const typed = { message: `Say ${said}`, session_id: "typed", resumable: true, options: { follow_ups: false } };
  expect((await readTyped(await stage.post("/api/chat/stream", typed))).isDone).toBe(true);
  // Too long to stand with its row.
  await stage.emulator.script({ reply: { text: `${said} `.repeat(4000) } });
  expect((await readTyped(await stage.post("/api/chat/stream", typed))).isDone).toBe(true);
  await useAgent();
  mkdirSync(join(stage.place.home, ".codex"));
  writeFileSync(join(stage.place.home, ".codex/config.toml"), 'model = "other"\n');
  await command("connect", "codex");
  // From now on the gateway wants one.
  apiKey = (await command("keys", "create", "ann")).output.trim();
  await post("/v1/chat/completions", hello, { authorization: `Bearer ${apiKey}` });
  await eventually(
    async () =>
      existsSync(join(dataDir(), "captures")) && namesBelow(join(dataDir(), "captures")).length > 0 ? true : undefined,
    () => "a capture",
  );
}

/** One that has said something, and goes on. */
async function beginAnswer(): Promise<{ cancel(): Promise<void> }> {
  await stage.emulator.script({
    reply: { chunks: [said, " and more"], faults: [{ kind: "stall", after: 2 }] },
  });
  const typed = { message: `Go on about ${said}`, session_id: "running", options: { follow_ups: false } };
  const response = await stage.post("/api/chat/stream", typed, { headers: { authorization: `Bearer ${apiKey}` } });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; !text.includes(said);) text += (await reader.read()).value ?? "";
  return reader;
}

async function useAgent(): Promise<void> {
  const token = /^Token of the agent, shown once: (\S+)/m.exec(stage.gateway.output.join("\n"))?.[1] ?? "";
  const call = (name: string) => ({ reply: { text: "", calls: [{ name, arguments: { text: said } }] } });
  await stage.emulator.script(call("read_note"), { reply: { text: `It says ${said}` } }, call("delete_note"));
  for (const query of [`Read ${said}`, `Delete ${said}`]) {
    const body = { query, session_id: "agent" };
    await post("/api/agent", body, { authorization: `Bearer ${token}` });
  }
}

/** A backup, a restore, and a gateway that makes its own key. */
async function changeGateways(): Promise<void> {
  const backup = join(stage.place.folder, "backup.tar");
  await command("backup", backup);
  expect(statSync(backup).mode & 0o777).toBe(0o600);
  // So that what belongs to the databases stays beside them.
  stage.gateway.kill("SIGKILL");
  await stage.gateway.exited;
  await command("restore", backup);
  // On loopback it makes none.
  const more = { HOST: "0.0.0.0", PORT: "0", GENERATE_API_KEY: "true", QWEN_BASE_URL: stage.emulator.url };
  await using other = await startBinary([], { ...settings(), ...more }, stage.place);
  expect((await fetch(`http://127.0.0.1:${other.port}/health`)).status).toBe(200);
}

function keep(when: string): void {
  for (const name of namesBelow(dataDir())) kept.set(`${when}: ${name}`, readFileSync(join(dataDir(), name), "latin1"));
}

function nameOf(key: string): string {
  return key.slice(key.indexOf(": ") + 2);
}

function namesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(folder, name), { throwIfNoEntry: false })?.isFile(),
  );
}

describe("the data directory after everything was used", () => {
  test("each file of it is named in docs/security.md, and each that is named was there", () => {
    const names = [...kept.keys()].map(nameOf);

    expect(names.filter((name) => !table.some((row) => isNamedBy(name, row)))).toEqual([]);
    expect(table.filter((row) => !names.some((name) => isNamedBy(name, row))).map(({ file }) => file)).toEqual([]);
  });

  test("files are 0600, and folders 0700", () => {
    const entries = readdirSync(dataDir(), { recursive: true, encoding: "utf8" }).map((name) => join(dataDir(), name));

    for (const path of [dataDir(), ...entries]) {
      const entry = statSync(path);
      expect([path, (entry.mode & 0o777).toString(8)]).toEqual([path, entry.isDirectory() ? "700" : "600"]);
    }
  });

  const databases = [...new Set(table.filter(({ tables }) => tables.length > 0).map(({ file }) => file))];
  test.each(databases)("%s has the tables that are named, and words in those that say so", (file) => {
    using database = new Database(join(dataDir(), file));
    const rows = table.filter((row) => row.file === file);
    const named = rows.flatMap(({ tables }) => tables);
    const found = database
      .query<{ name: string }, []>("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map(({ name }) => name)
      .filter((name) => !name.startsWith("sqlite_"));
    const ownsShadow = (name: string): boolean =>
      named.some(
        (one) => /^_(?:data|idx|content|docsize|config)$/.test(name.slice(one.length)) && name.startsWith(one),
      );
    const saysWords = (name: string): boolean =>
      JSON.stringify(database.query(`SELECT * FROM "${name}"`).all(), (_, held: unknown) =>
        held instanceof Uint8Array ? Buffer.from(held).toString("latin1") : held,
      ).includes(said);

    expect(found.filter((name) => !named.includes(name) && !ownsShadow(name))).toEqual([]);
    expect(named.filter((name) => !found.includes(name))).toEqual([]);
    for (const { tables, hasWords } of rows) expect([tables, tables.some(saysWords)]).toEqual([tables, hasWords]);
  });

  test("what was said stands in files that say so alone", () => {
    for (const row of table) {
      if (row.tables.length > 0) continue;
      const files = [...kept].filter(([key]) => isNamedBy(nameOf(key), row));
      expect([row.file, files.some(([, text]) => text.includes(said))]).toEqual([row.file, row.hasWords]);
    }
  });

  test("no token and no key stands there as it is, but in files that say so", () => {
    const plain = [secrets.qwen, secrets.upstream, apiKey, ...fake.secrets];
    expect(apiKey).toStartWith("qg-");

    for (const [key, text] of kept) {
      const row = table.find((one) => isNamedBy(nameOf(key), one));
      if (row?.secrets === "as they are") continue;
      for (const secret of plain) expect([key, text.includes(secret)]).toEqual([key, false]);
    }
  });
});

describe("readKeptTable", () => {
  test("carries a file on over its rows", () => {
    const chat = table.filter(({ file }) => file === "chat.db");

    expect(chat.length).toBeGreaterThan(5);
    expect(chat.flatMap(({ tables }) => tables)).toContain("agent_calls");
    expect(table.find(({ file }) => file === "master-key")).toMatchObject({ hasWords: false, secrets: "as they are" });
  });

  test("finds a file by its pattern, with what belongs to a database", () => {
    const of = (name: string): string[] => table.filter((row) => isNamedBy(name, row)).map(({ file }) => file);

    expect(new Set(of("history.db-wal"))).toEqual(new Set(["history.db"]));
    expect(of("replay/a.sse")).toEqual(["replay/*.sse"]);
    expect(of("replay/a/b.sse")).toEqual([]);
    expect(of("other.db")).toEqual([]);
  });
});
