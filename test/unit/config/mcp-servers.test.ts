// Tool servers out of the settings and of files that other clients have written.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../../src/config/config-error.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { loadToolServers, type ToolServerSettings } from "../../../src/config/mcp-servers.ts";

const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-mcp-"));
let count = 0;
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: unknown): string {
  const path = join(folder, `${count++}.json`);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

type Environment = Readonly<Record<string, string>>;

function fromFile(content: unknown, environment: Environment = {}): readonly ToolServerSettings[] {
  return loadToolServers({ mcpConfig: file(content) }, environment);
}

function fromYaml(text: string, environment: Environment = {}): readonly ToolServerSettings[] {
  const { config } = loadConfig({
    environment: { HOME: "/home/ann" },
    flags: {},
    file: { path: "gateway.yaml", text },
  });
  return loadToolServers(config, environment);
}

function problemsOf(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => problem.replaceAll(folder, "FOLDER"));
    throw error;
  }
  return [];
}

const files = { command: "mcp-files", args: ["/data"] };
const read = {
  name: "files",
  target: { kind: "stdio", command: "mcp-files", args: ["/data"], env: {}, cwd: undefined },
  isDisabled: false,
  isShared: true,
  callTimeoutMs: undefined,
} as const;

describe("loadToolServers", () => {
  test("gives none where there are none", () => {
    expect(loadToolServers({}, {})).toEqual([]);
  });

  test.each([
    ["mcpServers", { mcpServers: { files } }],
    ["servers, as VS Code has them", { servers: { files: { type: "stdio", ...files } }, inputs: [] }],
    [
      "fields that only others know",
      { mcpServers: { files: { ...files, autoApprove: ["x"], icon: null } }, theme: "dark" },
    ],
  ])("reads a file with %s", (_form, content) => {
    expect(fromFile(content)).toEqual([read]);
  });

  test("reads comments, and an address under other clients' names", () => {
    const text = `{ // of the team
      "mcpServers": { "a": { "serverUrl": "http://a/mcp" }, /* mine */ "b": { "httpUrl": "http://b/mcp" }, } }`;

    expect(fromFile(text).map(({ target }) => "url" in target && target.url)).toEqual(["http://a/mcp", "http://b/mcp"]);
  });

  test.each(["mcp_servers", "mcpServers"])("reads %s of the YAML file", (key) => {
    expect(fromYaml(`${key}:\n  files: { command: mcp-files, args: [/data] }\n`)).toEqual([read]);
  });

  test("reads the environment's JSON", () => {
    const environment = { HOME: "/home/ann", MCP_SERVERS: JSON.stringify({ files }) };
    expect(loadToolServers(loadConfig({ environment, flags: {} }).config, {})).toEqual([read]);
  });

  test("merges both, and the settings have the last word", () => {
    const mcpConfig = file({ mcpServers: { files, web: { url: "http://a/mcp" } } });

    const servers = loadToolServers({ mcpConfig, mcpServers: { web: { url: "http://b/mcp" }, more: files } }, {});

    expect(servers.map(({ name }) => name)).toEqual(["files", "web", "more"]);
    expect(servers[1]?.target).toMatchObject({ url: "http://b/mcp" });
  });

  test.each([
    [undefined, "any-http"],
    ["http", "http"],
    ["streamable-http", "http"],
    ["streamableHttp", "http"],
    ["sse", "sse"],
  ])("reads an address of type %s as %s", (type, kind) => {
    const [server] = fromFile({ mcpServers: { web: { url: "http://a/mcp", headers: { "x-a": "b" }, type } } });

    expect(server?.target as object).toEqual({
      kind,
      url: "http://a/mcp",
      headers: { "x-a": "b" },
      oauth: undefined,
    });
  });

  test("reads client credentials in both spellings, and only with an issuer that gets them", () => {
    const web = { url: "http://a/mcp" };
    const oauth = { clientId: "i", clientSecret: "s3cret", issuer: "https://login.example", scope: "x" };
    const servers = fromFile(
      {
        mcpServers: {
          camel: { ...web, oauth: { ...oauth, clientSecret: `\${SECRET}` } },
          snake: {
            ...web,
            oauth: { client_id: "i", client_secret: "s3cret", issuer: "https://login.example", scope: "x" },
          },
          browser: { ...web, oauth: { clientId: "i", callbackPort: 1 } },
        },
      },
      { SECRET: "s3cret" },
    );
    const problems = problemsOf(() => fromFile({ mcpServers: { web: { ...web, oauth: { ...oauth, issuer: "" } } } }));

    expect(servers.map(({ target }) => "oauth" in target && target.oauth)).toEqual([oauth, oauth, undefined]);
    expect(problems[0]).toContain('"oauth" needs "issuer"');
    expect(problems[0]).not.toContain("s3cret");
  });

  test("reads what is said of a server's use", () => {
    const [server] = fromFile({ mcpServers: { files: { ...files, disabled: true, shared: false, timeout: 5000 } } });

    expect(server).toMatchObject({ isDisabled: true, isShared: false, callTimeoutMs: 5000 });
  });

  test("reads what a sign-in by a browser needs to know", () => {
    const web = { url: "http://a/mcp" };
    const issuer = "https://login.example";
    const read = fromFile({
      mcpServers: {
        plain: web,
        port: { ...web, oauth: { clientId: "i", callbackPort: 8123, scope: "x" } },
        secret: { ...web, oauth: { client_id: "i", client_secret: "s", issuer, grant: "authorization_code" } },
      },
    }).map(({ target }) => ("signIn" in target ? target.signIn : undefined));

    expect(read).toEqual([
      undefined,
      { clientId: "i", clientSecret: undefined, issuer: undefined, scope: "x", callbackPort: 8123 },
      { clientId: "i", clientSecret: "s", issuer, scope: undefined, callbackPort: undefined },
    ]);
    const problems = problemsOf(() => fromFile({ mcpServers: { web: { ...web, oauth: { grant: "password" } } } }));
    expect(problems[0]).toContain('"oauth" has a wrong "grant"');
  });

  test.each([
    [{ timeout: 60 }, 60_000],
    [{ timeout: 0.5 }, 500],
    [{ timeout: 3600 }, 3_600_000],
    [{ timeout: 3601 }, 3601],
    [{ timeout: 30_000 }, 30_000],
    [{ timeout_ms: 500 }, 500],
    [{ timeout_ms: 500, timeout: 60 }, 500],
    [{ tool_timeout_sec: 45 }, 45_000],
    [{ tool_timeout_sec: 7200 }, 7_200_000],
    [{}, undefined],
  ])("reads the timeout %j of whichever client has written it", (written, callTimeoutMs) => {
    expect(fromFile({ mcpServers: { files: { ...files, ...written } } })[0]?.callTimeoutMs).toBe(callTimeoutMs);
  });

  test("fills variables of the environment in", () => {
    const servers = fromFile(
      {
        mcpServers: {
          a: {
            command: `\${BIN:-npx}`,
            args: [`--root=\${ROOT}`, `\${EMPTY:-none}`],
            env: { T: `x\${env:TOKEN}y` },
            cwd: `\${ROOT}`,
          },
          b: { url: `\${BASE}/mcp`, headers: { authorization: `Bearer \${TOKEN}` } },
        },
      },
      { ROOT: "/data", TOKEN: "s3cret", BASE: "https://a.example", EMPTY: "" },
    );

    expect(servers.map(({ target }) => target as object)).toEqual([
      { kind: "stdio", command: "npx", args: ["--root=/data", "none"], env: { T: "xs3crety" }, cwd: "/data" },
      { kind: "any-http", url: "https://a.example/mcp", headers: { authorization: "Bearer s3cret" }, oauth: undefined },
    ]);
  });

  const wrong: [unknown, string][] = [
    [{ command: ["s3cret"] }, 'wrong "command"'],
    [{ command: "a", env: { TOKEN: { value: "s3cret" } } }, 'wrong "env"'],
    [{ url: "http://a", headers: "s3cret" }, 'wrong "headers"'],
    [{ url: "ftp://s3cret" }, 'wrong "url"'],
    [{ url: "https://" }, 'wrong "url"'],
    [{ type: "websocket", url: "http://a" }, 'wrong "type"'],
    [{ command: "a", timeout: -1 }, 'wrong "timeout"'],
    [{ type: "http" }, 'no "url"'],
    [{ type: "stdio", url: "http://a" }, 'no "command"'],
    [{}, 'no "command" or "url"'],
    [{ command: "a", url: "http://a" }, 'it has both "command" and "url"'],
    ["s3cret", "it must be an object"],
    [{ command: "a", env: { A: `s3cret\${MISSING}` } }, '"env" needs the environment variable MISSING'],
    [
      { url: "http://a", headers: { a: `\${input:key}` } },
      `"headers" asks for \${input:key}, which only an editor can fill in`,
    ],
  ];
  test.each(wrong)("tells of %j which server and which field is wrong, and no value", (entry, reason) => {
    const problems = problemsOf(() => fromFile({ mcpServers: { files, bad: entry } }));

    expect(problems).toEqual([expect.stringMatching(/^Cannot use tool server "bad" in "FOLDER\/\d+\.json": /)]);
    expect(problems[0]).toEndWith(`: ${reason}`);
    expect(problems.join()).not.toContain("s3cret");
  });

  test("takes names of other clients, and has the last word on the same", () => {
    const content = {
      mcpServers: { "Figma Desktop": files, "github.com/modelcontextprotocol/servers/tree/main/src/time": files },
    };

    expect(fromFile(content).map(({ name }) => name)).toEqual([
      "Figma-Desktop",
      "github.com-modelcontextprotocol-servers-tree-main-src-time",
    ]);
    const merged = loadToolServers(
      { mcpConfig: file(content), mcpServers: { "Figma-Desktop": { command: "other" } } },
      {},
    );
    expect(merged[0]).toMatchObject({ name: "Figma-Desktop", target: { command: "other" } });
    expect(problemsOf(() => fromFile({ mcpServers: { "a b": files, "a/b": files } }))).toEqual([
      'Cannot use tool servers "a b" and "a/b" in "FOLDER/0.json": both would be called "a-b" here'.replace(
        "0.json",
        `${count - 1}.json`,
      ),
    ]);
  });

  test.each([
    [{ includeTools: ["read"] }, { only: ["read"], without: [] }],
    [{ excludeTools: ["delete"] }, { only: undefined, without: ["delete"] }],
    [{ disabledTools: ["delete"] }, { only: undefined, without: ["delete"] }],
    [
      { enabled_tools: ["read", "delete"], disabled_tools: ["delete"] },
      { only: ["read", "delete"], without: ["delete"] },
    ],
  ])("leaves out the tools that %p leaves out elsewhere", (more, toolChoice) => {
    expect(fromFile({ mcpServers: { files: { ...files, ...more } } })).toEqual([{ ...read, toolChoice }]);
  });

  test("takes a server that is not enabled for a disabled one", () => {
    expect(fromFile({ mcpServers: { files: { ...files, enabled: false } } })).toEqual([{ ...read, isDisabled: true }]);
    expect(fromFile({ mcpServers: { files: { ...files, enabled: true } } })).toEqual([read]);
  });

  test("tells every wrong server at once, and a wrong name", () => {
    const servers = { 日历: files, c: {}, d: { command: 1 } };

    expect(problemsOf(() => fromFile({ mcpServers: servers }))).toHaveLength(3);
  });

  test("does not mind what a disabled server lacks of the environment", () => {
    expect(fromFile({ mcpServers: { files: { ...files, env: { A: `\${MISSING}` }, disabled: true } } })).toHaveLength(
      1,
    );
  });

  test.each([
    ["{", "Cannot read MCP_CONFIG", "it is not JSON"],
    ["[]", "Cannot use MCP_CONFIG", 'it has no object "mcpServers" or "servers"'],
    ["{}", "Cannot use MCP_CONFIG", 'it has no object "mcpServers" or "servers"'],
  ])("tells what is wrong with a file that holds %s", (content, what, reason) => {
    const [problem] = problemsOf(() => fromFile(content));

    expect(problem).toStartWith(what);
    expect(problem).toEndWith(reason);
  });

  test("tells nothing of what stands in the place of a path", () => {
    const mcpConfig = JSON.stringify({ mcpServers: { files: { ...files, env: { KEY: "s3cret" } } } });

    expect(problemsOf(() => loadToolServers({ mcpConfig }, {}))).toEqual([
      "Cannot use MCP_CONFIG: it holds JSON, and must be the path of a file; MCP_SERVERS takes an object of servers by name",
    ]);
  });

  test("tells that there is no such file", () => {
    expect(problemsOf(() => loadToolServers({ mcpConfig: "/no/such/file" }, {}))).toEqual([
      'Cannot read MCP_CONFIG "/no/such/file": there is no such file',
    ]);
  });
});
