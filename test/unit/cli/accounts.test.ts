// qwen-gateway accounts: what is taken, shown, forgotten and tested, over an emulator.

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommandLine } from "../../../src/cli/run-command-line.ts";
import { serveEmulator } from "../../../src/emulator/qwen-web-emulator.ts";
import { accessToken, cookiesOf, longToken, refreshTokenOf } from "../../support/tokens.ts";

const served = serveEmulator({ hostname: "127.0.0.1", port: 0, seed: 1, tokenDelayMs: 0, rotateRefreshTokens: true });
const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-accounts-"));
let dataDir = "";
let count = 0;

beforeEach(() => {
  dataDir = join(folder, `${count++}`);
  served.emulator.reset();
});
afterAll(async () => {
  await served.stop();
  rmSync(folder, { recursive: true });
});

async function run(words: string, input = "", environment: Readonly<Record<string, string>> = {}) {
  const printed: string[] = [];
  const complaints: string[] = [];
  const exitCode = await runCommandLine(["accounts", ...words.split(" ").filter((word) => word !== "")], {
    environment: { DATA_DIR: dataDir, QWEN_BASE_URL: served.url, QWEN_AUTH_URL: served.url, ...environment },
    print: (text) => printed.push(text),
    complain: (text) => complaints.push(text),
    readInput: async () => input,
  });
  return { exitCode, printed: printed.join("\n"), complaints: complaints.join("\n") };
}

const annsCookies = cookiesOf("ann", longToken("ann"));
const annsCurl = `curl '${served.url}/api/v2/chat/completions' -H 'bx-umidtoken: T2gA-secret' -b '${annsCookies}'`;

describe("accounts add", () => {
  test("takes what stands on standard input, encrypts it, and shows no secret", async () => {
    const added = await run("add --alias work", annsCurl);
    expect(added).toMatchObject({ exitCode: 0, complaints: "" });
    expect(added.printed).toMatch(/^Added account "work" \(b7b15a392649eaf5\): token \*{4}\S{4}/);
    const listed = await run("list");
    expect(listed.printed).toMatch(
      /^ALIAS +ID +FROM +CREDENTIALS +STATE\nwork +b7b15a392649eaf5 +added +token \*{4}\S{4}.*renews itself +ready$/,
    );
    const kept = readdirSync(dataDir).map((name) => readFileSync(join(dataDir, name), "latin1"));
    const told = [added.printed, listed.printed, ...kept].join("\n");
    for (const secret of [longToken("ann"), refreshTokenOf("ann"), "T2gA-secret", "cna=abc123"])
      expect(told).not.toContain(secret);
  });

  test("replaces the credentials of an account that is there, under its name", async () => {
    await run("add --alias work", annsCurl);
    const { printed } = await run(`add --token ${accessToken("ann", 600_000)}`);
    expect(printed).toMatch(/^Replaced account "work" .* for (10 min|9 min)\n/);
    expect(printed).toContain("without the cookie refresh_token it cannot be renewed");
    expect((await run("list")).printed.split("\n")).toHaveLength(2);
  });

  test("reads a file, a cookie flag, and both flags together", async () => {
    const path = join(folder, "request.txt");
    writeFileSync(path, annsCurl);
    expect((await run(`add --file ${path}`)).printed).toContain('account "account-b7b15a"');
    const { exitCode } = await run(`add --alias bob --cookie cna=1;refresh_token=r --token ${longToken("bob")}`);
    expect(exitCode).toBe(0);
    expect((await run("list")).printed).toMatch(/bob .*renews itself/);
  });

  test("reads a file of UTF-16, as PowerShell on Windows writes it", async () => {
    const path = join(folder, "utf-16.txt");
    writeFileSync(path, `\uFEFF${annsCurl}\r\n`, "utf16le");
    expect(await run(`add --file ${path}`)).toMatchObject({ exitCode: 0, complaints: "" });
  });

  test("refuses what it cannot use with exit code 2, and quotes nothing of it", async () => {
    await run("add --alias work", annsCurl);
    const refused = [
      await run("add", "some words that are my secret"),
      await run("add", ""),
      await run("add --file /nowhere/request.txt"),
      await run(`add --file x --token ${longToken("ann")}`),
      await run(`add --alias work --token ${longToken("bob")}`),
    ];
    expect(refused.map(({ exitCode }) => exitCode)).toEqual([2, 2, 2, 2, 2]);
    const sentences = refused.map(({ complaints }) => complaints.split("\n")[0] ?? "");
    for (const sentence of sentences) expect(sentence).toMatch(/^Cannot (read|use) /);
    expect(sentences.join("\n")).not.toContain("secret");
    expect(sentences.at(-1)).toContain("another account has it");
  });
});

test("accounts add does not mix keys: a running gateway could open one half only", async () => {
  await run("add --alias work", annsCurl);
  const otherKey = { MASTER_KEY: "ab".repeat(32) };
  const refused = await run("add --alias bob", longToken("bob"), otherKey);
  expect(refused).toMatchObject({ exitCode: 1, printed: "" });
  expect(refused.complaints).toContain('"work" was sealed with another key');
  expect((await run("add --alias work", annsCurl, otherKey)).exitCode).toBe(0);
});

describe("accounts list", () => {
  test("says what to do when there is none, and where an account comes from", async () => {
    expect((await run("list")).printed).toBe("No account yet. Add one: qwen-gateway accounts add");
    const { printed } = await run("list", "", { QWEN_TOKEN: accessToken("ann", -60_000) });
    expect(printed).toMatch(
      /account-b7b15a +b7b15a392649eaf5 +settings +token \*{4}\S{4}, over since \d{4}-\d\d-\d\d \d\d:\d\d UTC +ready/,
    );
  });

  test("says of accounts of another key that they cannot be opened", async () => {
    await run("add --alias work", annsCurl);
    const { printed } = await run("list", "", { MASTER_KEY: "ab".repeat(32) });
    expect(printed).toMatch(/work .* cannot be opened +needs sign-in: it was sealed with another key/);
  });
});

describe("accounts remove", () => {
  test("forgets by alias, id, or the beginning of an id", async () => {
    for (const name of ["work", "b7b15a392649eaf5", "b7b15a"]) {
      await run("add --alias work", annsCurl);
      expect((await run(`remove ${name}`)).printed).toBe('Removed account "work" (b7b15a392649eaf5)');
      expect((await run("list")).printed).toStartWith("No account yet");
    }
  });

  test("names the accounts when it does not find one, and leaves those of the settings", async () => {
    await run("add --alias work", annsCurl);
    const unknown = await run("remove wrk");
    expect([unknown.exitCode, unknown.complaints.split("\n")[0]]).toEqual([
      2,
      "Cannot find this account: the accounts are work",
    ]);
    expect((await run("remove")).exitCode).toBe(2);
    const configured = await run("remove account-b7b15a", "", {
      DATA_DIR: join(folder, "other"),
      QWEN_TOKEN: longToken("ann"),
    });
    expect(configured).toMatchObject({ exitCode: 1 });
    expect(configured.complaints).toContain("comes from the settings");
  });
});

describe("accounts test", () => {
  test("goes step by step, and leaves no chat behind", async () => {
    await run("add --alias work", annsCurl);
    const { exitCode, printed } = await run("test work --message Hello");
    expect(printed).toMatch(
      /^Account "work" .*\n {2}ok {6}token: .*\n {2}ok {6}models: \d+ offered\n {2}ok {6}sign-in: accepted\n {2}ok {6}message: qwen3-max answers: \S/,
    );
    expect(exitCode).toBe(0);
    expect(served.emulator.chats()).toEqual([]);
    expect(served.emulator.requests.find(({ on }) => on === "completions")?.headers["bx-umidtoken"]).toBe(
      "T2gA-secret",
    );
  });

  test("renews a token that is over, and keeps what came back", async () => {
    await run("add --alias work", cookiesOf("ann", accessToken("ann", -60_000)));
    expect((await run("test work")).exitCode).toBe(0);
    expect((await run("test work")).exitCode).toBe(0);
    expect(served.emulator.requests.filter(({ on }) => on === "refresh")).toHaveLength(1);
  });

  test("ends with 1 at a refusal, says what to do, and notes the state; passing it clears that", async () => {
    await run("add --alias work", `token=${longToken("ann")}`);
    served.emulator.script({ on: "chats", refuse: "unauthorized" });
    const failed = await run("test");
    expect(failed.exitCode).toBe(1);
    expect(failed.printed).toMatch(
      /failed {2}sign-in: Qwen refused the account's credentials: sign in at chat\.qwen\.ai/,
    );
    expect((await run("list")).printed).toMatch(
      /needs sign-in, tried again in [\d]+ (s|min): Qwen refused its credentials/,
    );
    expect((await run("test")).exitCode).toBe(0);
    expect((await run("list")).printed).toMatch(/ready$/);
  });

  test("ends with 1 when there is none", async () => {
    expect(await run("test")).toMatchObject({
      exitCode: 1,
      complaints: "No account yet. Add one: qwen-gateway accounts add",
    });
  });
});

describe("the group", () => {
  test("is explained without a command, and with a wrong one", async () => {
    expect(await run("--help")).toMatchObject({ exitCode: 0 });
    expect((await run("--help")).printed).toMatch(/accounts add .*\n +accounts list /);
    expect((await run("")).exitCode).toBe(2);
    expect((await run("lst")).complaints).toStartWith('Unknown command "accounts lst": did you mean "accounts list"?');
    for (const name of ["add", "list", "remove", "test"]) {
      expect((await run(`${name} --help`)).printed).toMatch(new RegExp(`Example:\n  qwen-gateway accounts ${name}`));
    }
    expect((await run("remove --help")).printed).toContain("Usage: qwen-gateway accounts remove [ACCOUNT] [flags]");
  });
});
