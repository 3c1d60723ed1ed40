// The doctor on a machine where all is well, and on machines where one thing is not.

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { descriptorLines } from "../../../src/cli/doctor-machine.ts";
import { runCommandLine } from "../../../src/cli/run-command-line.ts";
import { serveEmulator } from "../../../src/emulator/qwen-web-emulator.ts";

const served = serveEmulator({ hostname: "127.0.0.1", port: 0, seed: 1, tokenDelayMs: 0 });
const base = mkdtempSync(join(tmpdir(), "qwen-gateway-doctor-"));
afterAll(async () => {
  await served.stop();
  rmSync(base, { recursive: true, force: true });
});

let dataDir = base;
beforeEach(() => {
  served.emulator.reset();
  dataDir = mkdtempSync(join(base, "data-"));
});

interface Diagnosis {
  readonly exitCode: number;
  readonly text: string;
  /** By verdict and subject, such as "fail models". */
  line(start: string): string | undefined;
  /** What stands behind the arrow under it. */
  advice(start: string): string | undefined;
}

async function diagnose(
  environment: Readonly<Record<string, string>> = {},
  words: readonly string[] = [],
  hasColours = false,
): Promise<Diagnosis> {
  const lines: string[] = [];
  const own = { QWEN_TOKEN: "test-token", QWEN_BASE_URL: served.url, QWEN_AUTH_URL: served.url, DATA_DIR: dataDir };
  const exitCode = await runCommandLine(["doctor", ...words], {
    environment: { ...own, ...environment },
    print: (text) => lines.push(text),
    complain: (text) => lines.push(text),
    hasColours,
    readInput: async () => "",
  });
  const indexOf = (start: string): number => lines.findIndex((line) => line.replace(/ +/g, " ").startsWith(start));
  return {
    exitCode,
    text: lines.join("\n"),
    line: (start) => lines[indexOf(start)],
    advice: (start) => /^ +-> (.*)$/.exec(lines[indexOf(start) + 1] ?? "")?.[1],
  };
}

const tokenThatEnds = (afterSeconds: number, type?: string): string => {
  const claims = { id: "ann", exp: Math.floor(Date.now() / 1000) + afterSeconds, type };
  return `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;
};

describe("qwen-gateway doctor", () => {
  test("says which keys check tokens of users, and what is wrong with them", async () => {
    const secret = "a secret of tests that has enough bytes";
    const good = await diagnose({ JWT_SECRET: secret, HOST: "0.0.0.0" }, ["--offline"]);
    expect(good.line("ok user tokens")).toContain("checked with JWT_SECRET");
    expect(good.line("fail configuration")).toBeUndefined();
    expect(good.text).not.toContain(secret);
    const shared = await diagnose({ JWT_JWKS_URL: "https://issuer.example/keys" }, ["--offline"]);
    expect(shared.advice("warn user tokens")).toContain("set JWT_AUDIENCE");
    const wrong = await diagnose({ JWT_PUBLIC_KEY: "/nowhere/key.pem" }, ["--offline"]);
    expect(wrong.line("fail configuration")).toContain("Cannot use JWT_PUBLIC_KEY");
    expect((await diagnose({}, ["--offline"])).text).not.toContain("user tokens");
  });

  test("where all is well each line says so, and the exit code is 0", async () => {
    const { exitCode, text, line } = await diagnose();

    expect([exitCode, text]).toEqual([0, expect.stringContaining("Nothing failed")]);
    const subjects = ["configuration", "data directory", "database", "account", "chat host", "clock", "sign-in host"];
    for (const subject of [...subjects, "models", "exchange"]) expect(line(`ok ${subject}`)).toBeDefined();
    expect(text).not.toContain("test-token");
    expect(text).not.toContain("\u001b");
  });

  test("leaves no chat behind, and no file of its own", async () => {
    await diagnose();

    expect(served.emulator.chats()).toEqual([]);
    expect(served.emulator.requests.filter(({ on }) => on === "completions")).toHaveLength(1);
    expect(readdirSync(dataDir).filter((name) => !name.startsWith("qwen-gateway.sqlite"))).toEqual([]);
  });

  test("--offline asks nobody", async () => {
    const { exitCode, line } = await diagnose({}, ["--offline"]);

    expect(exitCode).toBe(0);
    expect(line("ok account")).toBeDefined();
    expect(line("ok chat host")).toBeUndefined();
    expect(served.emulator.requests).toEqual([]);
  });

  test("shows colours where it is told that they can be seen", async () => {
    const { text } = await diagnose({}, ["--offline"], true);

    expect(text).toContain("\u001b[32mok");
  });

  test("lists all settings that cannot be used, and goes no further", async () => {
    const { exitCode, text, line } = await diagnose({ PORT: "many", LOG_LEVEL: "loud" });

    expect(exitCode).toBe(1);
    expect(text).toContain("Cannot use PORT");
    expect(text).toContain("Cannot use LOG_LEVEL");
    expect(line("ok data directory")).toBeUndefined();
  });

  test("leaves whole what a sentence quotes with its colons", async () => {
    const file = join(dataDir, "config.yaml");
    writeFileSync(file, "only text");
    const { line, advice } = await diagnose({}, ["--offline", "--config", file]);

    expect(line("fail configuration")).toEndWith(`Cannot read config file "${file}"`);
    expect(advice("fail configuration")).toBe('it must hold lines such as "port: 8787"');
  });

  test("fails for tool servers that the start would refuse, and tells of the others", async () => {
    const calendar = { url: "http://127.0.0.1:9/mcp", headers: { Authorization: `Bearer \${NO_SUCH_TOKEN}` } };
    const refused = await diagnose({ MCP_SERVERS: JSON.stringify({ calendar }) }, ["--offline"]);
    const missing = await diagnose({ MCP_CONFIG: join(base, "none.json") }, ["--offline"]);
    const sound = await diagnose({ MCP_SERVERS: JSON.stringify({ files: { command: "files" } }) }, ["--offline"]);

    expect(refused.exitCode).toBe(1);
    expect(refused.line('fail tool servers Cannot use tool server "calendar"')).toBeDefined();
    expect(refused.advice("fail tool servers")).toBe('"headers" needs the environment variable NO_SUCH_TOKEN');
    expect(refused.line("ok data directory")).toBeDefined();
    expect(missing.advice("fail tool servers")).toBe("there is no such file");
    expect(sound.line("ok tool servers 1 of the settings; try it: qwen-gateway mcp test")).toBeDefined();
    expect((await diagnose({}, ["--offline"])).line("ok tool servers")).toBeUndefined();
  });

  test("fails for an address that everybody reaches without a key", async () => {
    const { exitCode, line } = await diagnose({ HOST: "0.0.0.0" }, ["--offline"]);

    expect(exitCode).toBe(1);
    expect(line("fail configuration")).toContain("without an API key");
  });

  test("knows that stored keys protect such an address", async () => {
    await runCommandLine(["keys", "create", "ann", "--config", "/dev/null"], {
      environment: { DATA_DIR: dataDir },
      print() {},
      complain() {},
      readInput: async () => "",
    });
    const { line } = await diagnose({ HOST: "0.0.0.0" }, ["--offline"]);

    expect(line("ok configuration")).toBeDefined();
    expect(line("fail configuration")).toBeUndefined();
  });

  test("fails for a data directory that is a file", async () => {
    const path = join(dataDir, "file");
    writeFileSync(path, "");
    const { exitCode, line, advice } = await diagnose({ DATA_DIR: path }, ["--offline"]);

    expect(exitCode).toBe(1);
    expect(line("fail data directory")).toContain("it is a file");
    expect(advice("fail data directory")).toContain("DATA_DIR");
  });

  test("does not mind a data directory that is not there yet", async () => {
    const path = join(dataDir, "not", "yet");
    const { exitCode, line } = await diagnose({ DATA_DIR: path }, ["--offline"]);

    expect(exitCode).toBe(0);
    expect(line("ok data directory")).toContain("is made at the first start");
  });

  test("warns of secrets that others may read", async () => {
    writeFileSync(join(dataDir, "api-key"), "key");
    chmodSync(join(dataDir, "api-key"), 0o644);
    const { exitCode, line, advice } = await diagnose({}, ["--offline"]);

    expect(exitCode).toBe(0);
    expect(line("warn data directory")).toContain("api-key");
    expect(advice("warn data directory")).toStartWith("chmod 600");
  });

  test("fails for a database that is none", async () => {
    writeFileSync(
      join(dataDir, "qwen-gateway.sqlite"),
      "this is no database at all, but long enough for a header".repeat(99),
    );
    const { exitCode, line } = await diagnose({}, ["--offline"]);

    expect(exitCode).toBe(1);
    expect(line("fail database")).toBeDefined();
  });

  test("fails for a token that is over, and says how to get another one", async () => {
    const { exitCode, line, advice } = await diagnose({ QWEN_TOKEN: tokenThatEnds(-7200) }, ["--offline"]);

    expect(exitCode).toBe(1);
    expect(line("fail account")).toMatch(/its token expired 2 h( 1 min)? ago/);
    expect(advice("fail account")).toContain("qwen-gateway accounts add");
  });

  test("warns of a short token that nothing renews", async () => {
    const { line, advice } = await diagnose({ QWEN_TOKEN: tokenThatEnds(600, "access_token") }, ["--offline"]);

    expect(line("warn account")).toContain("cannot be renewed");
    expect(advice("warn account")).toContain("Cookie header");
  });

  test("without an account it says who answers, and nothing fails", async () => {
    const { exitCode, line } = await diagnose({ QWEN_TOKEN: "", QWEN_BASE_URL: "https://chat.qwen.ai" }, ["--offline"]);

    expect(exitCode).toBe(0);
    expect(line("warn account")).toContain("the built-in emulator answers");
  });

  test("fails for a host that does not answer, and names the setting", async () => {
    const free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const url = `http://127.0.0.1:${free.port}`;
    free.stop(true);
    const { exitCode, line, advice } = await diagnose({ QWEN_BASE_URL: url, QWEN_AUTH_URL: url });

    expect(exitCode).toBe(1);
    expect(line("fail chat host")).toContain("cannot be reached");
    expect(advice("fail chat host")).toContain("QWEN_BASE_URL");
    expect(advice("fail sign-in host")).toContain("QWEN_AUTH_URL");
    expect(line("fail models")).toBeUndefined();
  });

  test("fails when Qwen refuses the account, with what to do", async () => {
    served.emulator.setTokenState("test-token", "revoked");
    const { exitCode, line, advice } = await diagnose();

    expect(exitCode).toBe(1);
    expect(line("fail exchange")).toContain("credentials");
    expect(advice("fail exchange")).toContain("accounts add");
  });

  test("fails on a firewall challenge, and never says to get around it", async () => {
    served.emulator.script({ refuse: "waf-html" });
    const { exitCode, line, advice } = await diagnose();

    expect(exitCode).toBe(1);
    expect(line("fail exchange")).toContain("human check");
    expect(advice("fail exchange")).toContain("in the browser of this account");
  });

  test("warns when the default model is not offered, and asks the flagship", async () => {
    const { exitCode, line } = await diagnose({ DEFAULT_MODEL: "qwen0" });

    expect(exitCode).toBe(0);
    expect(line("warn models")).toContain("qwen0, the default, is not among them");
    expect(line("ok exchange")).toBeDefined();
  });

  test("warns of an empty answer", async () => {
    served.emulator.script({ reply: { text: "" } });
    const { exitCode, line } = await diagnose();

    expect(exitCode).toBe(0);
    expect(line("warn exchange")).toContain("answered with nothing");
  });

  test("uses the accounts of the store", async () => {
    await runCommandLine(
      ["accounts", "add", "--alias", "work", "--data-dir", dataDir, "--token", tokenThatEnds(864_000)],
      {
        environment: {},
        print() {},
        complain() {},
        readInput: async () => "",
      },
    );
    const { exitCode, line } = await diagnose({ QWEN_TOKEN: "" });

    expect(exitCode).toBe(0);
    expect(line("ok account work")).toContain("9 days");
    expect(existsSync(join(dataDir, "master-key"))).toBe(true);
  });
});

describe("descriptorLines", () => {
  test("tells a high limit from a low one and from one that is too low", () => {
    const verdicts = [undefined, 20_000, 256, 64].map(
      (limit) => descriptorLines(limit, { maxStreams: 1000 })[0]?.verdict,
    );

    expect(verdicts).toEqual([undefined, "ok", "warn", "fail"]);
  });
});
