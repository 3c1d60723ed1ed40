// qwen-gateway mcp login and logout, and what list and test say of sign-ins.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommandLine } from "../../../src/cli/run-command-line.ts";
import { startFakeSignIn } from "../../support/fake-sign-in.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(30_000);

const base = mkdtempSync(join(tmpdir(), "qwen-gateway-sign-in-"));
let count = 0;
afterAll(() => rmSync(base, { recursive: true }));

const script = { tools: [{ name: "read_note", annotations: { readOnlyHint: true } }] };

/** A user with a data directory of their own. */
function createUser(servers: Readonly<Record<string, object>>, more: Readonly<Record<string, string>> = {}) {
  const dataDir = join(base, `${count++}`);
  const environment = { HOME: base, DATA_DIR: dataDir, MCP_SERVERS: JSON.stringify(servers), ...more };
  async function run(words: readonly string[], onLine: (line: string) => void = () => {}) {
    const printed: string[] = [];
    const complaints: string[] = [];
    const exitCode = await runCommandLine(["mcp", ...words], {
      environment,
      print(text) {
        printed.push(text);
        for (const line of text.split("\n")) onLine(line);
      },
      complain: (text) => complaints.push(text),
      readInput: async () => "",
    });
    return { exitCode, printed: printed.join("\n"), complaints: complaints.join("\n") };
  }
  /** As somebody does who opens the printed link. */
  const login = (words: readonly string[], visit: (link: string) => Promise<unknown>) =>
    run(["login", "--no-browser", ...words], (line) => line.startsWith("http") && void visit(line));
  return { dataDir, run, login };
}

describe("mcp login", () => {
  test("signs in, shows no secret, and is known to list and test; logout takes it all back [R4-057]", async () => {
    await using fake = await startFakeSignIn(script);
    const { run, login, dataDir } = createUser({ notes: { url: fake.url } });

    const before = await run(["test"]);
    expect(before.exitCode).toBe(1);
    expect(before.printed).toContain("it needs a sign-in; run qwen-gateway mcp login notes");
    expect((await run(["list"])).printed.split("\n")).toEqual([
      expect.stringMatching(/^NAME +TRANSPORT +TARGET +USE +SIGN-IN$/),
      expect.stringMatching(
        /^notes +http +http:\/\/\S+ +for all users +needs a sign-in: qwen-gateway mcp login notes$/,
      ),
    ]);

    const signed = await login(["notes"], fake.visit);

    expect(signed).toMatchObject({ exitCode: 0, complaints: "" });
    expect(signed.printed.split("\n").at(-1)).toMatch(
      /^Signed in to tool server "notes" at 127\.0\.0\.1:\d+: token \*{4}\w{4} for 60 min, renews itself$/,
    );
    const listed = (await run(["list"])).printed;
    expect(listed).toMatch(/token \*{4}\w{4} for \d+ (?:s|min), renews itself$/);
    const tested = await run(["test", "notes"]);
    expect(tested.exitCode).toBe(0);
    expect(tested.printed).toContain("read_note");
    for (const secret of fake.secrets) {
      expect(signed.printed + listed + tested.printed).not.toContain(secret);
      for (const name of readdirSync(dataDir))
        expect(readFileSync(join(dataDir, name), "latin1")).not.toContain(secret);
    }
    expect(statSync(join(dataDir, "master-key")).mode & 0o777).toBe(0o600);

    expect((await run(["logout", "notes"])).printed).toBe(
      'Signed out of tool server "notes"; its tokens were taken back',
    );
    expect(fake.asked.filter((one) => one === "POST /revoke")).toHaveLength(2);
    expect((await run(["test", "notes"])).printed).toContain("it needs a sign-in");
    expect((await run(["logout", "notes"])).printed).toBe('Nobody has signed in to tool server "notes"');
  });

  test("keeps it in the data directory that a flag names, as the gateway's own flag does", async () => {
    await using fake = await startFakeSignIn(script);
    const { run, login } = createUser({ notes: { url: fake.url } });
    const there = ["--data-dir", join(base, `${count++}`)];

    expect(await login(["notes", ...there], fake.visit)).toMatchObject({ exitCode: 0, complaints: "" });

    expect((await run(["test", "notes", ...there])).exitCode).toBe(0);
    expect((await run(["test", "notes"])).printed).toContain("it needs a sign-in");
    expect((await run(["list", ...there])).printed).toContain("renews itself");
    expect((await run(["logout", "notes", ...there])).printed).toContain("its tokens were taken back");
  });

  test("ends when nobody comes, with a sentence", async () => {
    await using fake = await startFakeSignIn(script);
    const { run } = createUser({ notes: { url: fake.url } });

    const { exitCode, complaints } = await run(["login", "notes", "--no-browser", "--wait", "1"]);

    expect([exitCode, complaints]).toEqual([1, 'Cannot sign in to tool server "notes": nobody did so within 1 s']);
  });

  test("says why it did not go well", async () => {
    await using fake = await startFakeSignIn(script, { registers: false });
    const { login } = createUser({ notes: { url: fake.url } });

    const { exitCode, complaints } = await login(["notes"], fake.visit);

    expect(exitCode).toBe(1);
    expect(complaints).toStartWith('Cannot sign in to tool server "notes": its authorization server registers nobody');
  });

  test.each([
    [["login"], "Cannot sign in: name the tool server"],
    [["login", "nothing"], "Cannot find this tool server: the servers are files, fixed, machine, own"],
    [["login", "files"], "it is a process of this machine"],
    [["login", "fixed"], "its settings have an Authorization header"],
    [["login", "machine"], "its settings have a secret by which tokens are fetched"],
    [["login", "own"], "name one by --user"],
    [["login", "fixed", "--port", "0"], "its settings have an Authorization header"],
    [
      ["login", "own", "--user", "ann", "--wait", "x"],
      'Cannot use --wait "x": it must be a whole number from 1 to 3600',
    ],
    [["logout", "machine", "--user", "ann"], 'Cannot use --user: all users share the connection to "machine"'],
  ])("refuses %p", async (words, reason) => {
    const url = "https://a.example/mcp";
    const oauth = { clientId: "i", clientSecret: "s", issuer: "https://login.example" };
    const { run, dataDir } = createUser(
      {
        files: { command: "mcp-files" },
        fixed: { url, headers: { authorization: "Bearer x" } },
        machine: { url, oauth },
        own: { url, shared: false },
      },
      { API_KEY: "k1" },
    );

    const { exitCode, complaints } = await run(words);

    expect(exitCode).toBe(2);
    expect(complaints).toContain(reason);
    expect(existsSync(dataDir)).toBe(false);
  });

  test("is each user's own where the connection is", async () => {
    await using fake = await startFakeSignIn(script);
    const { run, login } = createUser({ notes: { url: fake.url, shared: false } });

    expect((await login(["notes", "--user", "ann"], fake.visit)).exitCode).toBe(0);

    expect((await run(["test", "notes", "--user", "ann"])).exitCode).toBe(0);
    const other = await run(["test", "notes"]);
    expect(other.printed).toContain("run qwen-gateway mcp login notes --user local");
    expect((await run(["list"])).printed).toContain("1 signed in");
  });

  test("that was sealed with another key is told so", async () => {
    await using fake = await startFakeSignIn(script);
    const servers = { notes: { url: fake.url } };
    const { login, dataDir } = createUser(servers, { MASTER_KEY: "07".repeat(32) });
    await login(["notes"], fake.visit);
    const other = createUser(servers, { MASTER_KEY: "08".repeat(32), DATA_DIR: dataDir });

    expect((await other.run(["list"])).printed).toContain("sealed with another key: qwen-gateway mcp login notes");
    expect((await other.run(["test"])).printed).toContain("its sign-in was sealed with another key");
  });
});

test("mcp test goes on where the data directory cannot be made", async () => {
  await using fake = await startFakeSignIn(script);
  const { run } = createUser({ notes: { url: fake.url } }, { DATA_DIR: "/dev/null/nothing" });

  const { exitCode, printed, complaints } = await run(["test"]);

  expect([exitCode, complaints]).toEqual([1, ""]);
  expect(printed).toContain("it needs a sign-in; run qwen-gateway mcp login notes");
  expect((await run(["login", "notes", "--no-browser"])).complaints).toContain("/dev/null/nothing");
});

test("mcp list makes no store, and says of a server whose settings name a client that it needs a sign-in", async () => {
  const { run, dataDir } = createUser({ notes: { url: "https://a.example/mcp", oauth: { clientId: "i" } } });

  expect((await run(["list"])).printed).toContain("needs a sign-in: qwen-gateway mcp login notes");
  expect(existsSync(dataDir)).toBe(false);
});
