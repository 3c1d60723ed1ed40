// qwen-gateway mcp: what is listed, tested and written.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommandLine } from "../../../src/cli/run-command-line.ts";
import { fakeProcess, type FakeScript } from "../../support/fake-mcp.ts";
import { startFakeHttp } from "../../support/fake-mcp-http.ts";

// Far beyond what the tests need, for machines that are busy with something else: they start processes.
setDefaultTimeout(30_000);

const base = mkdtempSync(join(tmpdir(), "qwen-gateway-mcp-"));
let count = 0;
afterAll(() => rmSync(base, { recursive: true }));

/** A file in a folder of its own. */
function place(text?: string): string {
  const folder = join(base, `${count++}`);
  const path = join(folder, "config.yaml");
  if (text !== undefined) mkdirSync(folder);
  if (text !== undefined) writeFileSync(path, text);
  return path;
}

async function run(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const printed: string[] = [];
  const complaints: string[] = [];
  const exitCode = await runCommandLine(["mcp", ...words], {
    environment: { HOME: base, PATH: process.env["PATH"], ...environment },
    print: (text) => printed.push(text),
    complain: (text) => complaints.push(text),
    readInput: async () => "",
  });
  return { exitCode, printed: printed.join("\n"), complaints: complaints.join("\n") };
}

function servers(entries: Readonly<Record<string, FakeScript | object>>): Readonly<Record<string, string>> {
  return { MCP_SERVERS: JSON.stringify(entries) };
}

function processOf(script: FakeScript): object {
  const { target } = fakeProcess(script);
  return target.kind === "stdio" ? { command: target.command, args: target.args } : {};
}

describe("mcp list", () => {
  test("shows the servers and none of their secrets", async () => {
    const environment = servers({
      files: { command: "/usr/bin/mcp-files", args: ["--token=s3cret"], env: { A: "s3cret" } },
      web: { url: "https://ann:s3cret@a.example/mcp?key=s3cret", headers: { a: "s3cret" }, shared: false },
      old: { url: "http://b/sse", type: "sse", disabled: true },
    });

    const { exitCode, printed } = await run(["list"], environment);

    expect(exitCode).toBe(0);
    expect(printed.split("\n")).toEqual([
      "NAME   TRANSPORT  TARGET                 USE",
      "files  stdio      mcp-files              for all users",
      "web    http       https://a.example/mcp  one for each user",
      "old    sse        http://b/sse           disabled",
    ]);
  });

  test("says how to add the first", async () => {
    expect((await run(["list"])).printed).toStartWith("No tool server yet. Add one: qwen-gateway mcp add ");
  });

  test("tells what is wrong with a server", async () => {
    const { exitCode, complaints } = await run(
      ["list"],
      servers({ web: { url: "http://a", headers: { a: `\${TOKEN}` } } }),
    );

    expect(exitCode).toBe(2);
    expect(complaints).toStartWith('Cannot use tool server "web": "headers" needs the environment variable TOKEN\n');
  });
});

describe("mcp test", () => {
  const script: FakeScript = {
    tools: [
      { name: "read_note", description: "Reads\na note", annotations: { readOnlyHint: true } },
      { name: "add_note", annotations: { destructiveHint: false } },
      { name: "drop", annotations: { destructiveHint: true } },
      { name: "plain" },
    ],
  };

  test("shows the tools of a server with what it says of them", async () => {
    const { exitCode, printed } = await run(
      ["test", "notes"],
      servers({ notes: processOf(script), other: processOf({}) }),
    );

    expect(exitCode).toBe(0);
    expect(printed.replaceAll(/\d+ ms/g, "N ms").split("\n")).toEqual([
      expect.stringMatching(/^Tool server "notes" \(\S+\)$/),
      "  ok      connected over stdio in N ms",
      "  ok      4 tools in N ms",
      "          read_note  reads       Reads a note",
      "          add_note   adds",
      "          drop       overwrites",
      "          plain      says none",
    ]);
  });

  test("tries all, over HTTP too, and fails when one fails", async () => {
    await using http = await startFakeHttp(script);
    const environment = servers({
      web: { url: http.url },
      broken: processOf({ start: "exit" }),
      off: { command: "no-such-command", disabled: true },
    });

    const { exitCode, printed } = await run(["test"], environment);

    expect(exitCode).toBe(1);
    expect(printed).toContain("  ok      connected over http in ");
    expect(printed).toContain(
      '  failed  Cannot start tool server "broken": its process ended with code 7\n          | cannot start: no database',
    );
    expect(printed).not.toContain('"off"');
  });

  test("names the servers when it knows none of that name", async () => {
    const { exitCode, complaints } = await run(["test", "nots"], servers({ notes: processOf(script) }));

    expect(exitCode).toBe(2);
    expect(complaints).toStartWith("Cannot find this tool server: the servers are notes\n");
  });
});

describe("mcp add", () => {
  test("says where it cannot write", async () => {
    const { exitCode, complaints } = await run([
      "add",
      "files",
      "--config",
      "/dev/null/config.yaml",
      "--",
      "mcp-files",
    ]);

    expect(exitCode).toBe(1);
    expect(complaints).toMatch(/^Cannot write "\/dev\/null": .*; choose a folder that you may write with --config$/);
  });

  test("takes a name that every object has for a new one", async () => {
    const path = place();

    const { printed } = await run(["add", "constructor", "--config", path, "--", "mcp-files"]);

    expect(printed).toStartWith(`Added tool server "constructor" in ${path}`);
  });

  const added = (path: string): unknown => Bun.YAML.parse(readFileSync(path, "utf8"));

  test("writes a command with its words as they are, readable by its owner alone", async () => {
    const path = place();

    const result = await run([
      "add",
      "files",
      "--config",
      path,
      "--env",
      "A=b=c",
      "--",
      "npx",
      "-y",
      "mcp-files",
      "--root",
      "/data",
    ]);

    expect(result).toEqual({
      exitCode: 0,
      printed: `Added tool server "files" in ${path}\nTry it: qwen-gateway mcp test files --config ${path}`,
      complaints: "",
    });
    expect(added(path)).toEqual({
      mcp_servers: { files: { command: "npx", args: ["-y", "mcp-files", "--root", "/data"], env: { A: "b=c" } } },
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("writes an address with its headers, whose variables stay variables", async () => {
    const path = place();
    const headers = ["--header", `Authorization: Bearer \${TOKEN}`, "--header", "X-Team: blue"];

    await run(["add", "web", "--config", path, "--url", "https://a.example/mcp", ...headers, "--per-user"]);

    expect(added(path)).toEqual({
      mcp_servers: {
        web: {
          url: "https://a.example/mcp",
          headers: { Authorization: `Bearer \${TOKEN}`, "X-Team": "blue" },
          shared: false,
        },
      },
    });
  });

  test("leaves what stands in the file, and replaces a server of that name with a copy of the file", async () => {
    const path = place("# mine\nport: 9000\nmcpServers:\n  a: # first\n    command: a\n");

    await run(["add", "b", "--config", path, "--", "b"]);
    expect(readFileSync(path, "utf8")).toBe(
      "# mine\nport: 9000\nmcpServers:\n  a: # first\n    command: a\n  b:\n    command: b\n",
    );
    const again = await run(["add", "b", "--config", path, "--", "b"]);
    expect(again.printed).toBe(`${path} has these settings already`);
    const replaced = await run(["add", "b", "--config", path, "--", "c"]);

    expect(replaced.printed).toContain('Replaced tool server "b"');
    expect(readdirSync(join(path, ".."))).toHaveLength(2);
    expect(added(path)).toEqual({ port: 9000, mcpServers: { a: { command: "a" }, b: { command: "c" } } });
  });

  test.each([
    [["--", "npx"], "name it first"],
    [["a b", "--", "npx"], "name it first"],
    [["a"], "give its command behind --, or its address by --url"],
    [["a", "--url", "http://a", "--", "npx"], "Cannot use --url together with a command"],
    [["a", "--header", "A: s3cret", "--", "npx"], "Cannot use --header without --url"],
    [["a", "--url", "http://a", "--header", "s3cret"], 'Cannot use --header: it must be a name, ":" and a text'],
    [["a", "--url", "http://a", "--type", "ws"], "Cannot use --type: it must be http or sse"],
    [["a", "--url", "s3cret"], 'wrong "url" in "a"'],
  ])("refuses %j in a sentence, and writes nothing", async (words, sentence) => {
    const path = place();
    const [name, ...rest] = words;
    const at = rest.indexOf("--");
    const flags = ["--config", path];
    const ordered =
      name === "--"
        ? [...flags, ...words]
        : [name!, ...rest.slice(0, at < 0 ? undefined : at), ...flags, ...(at < 0 ? [] : rest.slice(at))];

    const { exitCode, complaints } = await run(["add", ...ordered]);

    expect(exitCode).toBe(2);
    expect(complaints).toContain(sentence);
    expect(complaints).not.toContain("s3cret");
    expect(await Bun.file(path).exists()).toBe(false);
  });
});
