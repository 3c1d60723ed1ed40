// Commands, help texts and exit codes, without starting a process.

import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import packageFile from "../../../package.json";
import { runCommandLine } from "../../../src/cli/run-command-line.ts";
import type { Environment } from "../../../src/config/load-config.ts";

async function run(words: readonly string[], environment: Environment = { HOME: "/home/ann" }, input = "") {
  const printed: string[] = [];
  const complaints: string[] = [];
  const exitCode = await runCommandLine(words, {
    environment,
    print: (text) => printed.push(text),
    complain: (text) => complaints.push(text),
    readInput: async () => input,
  });
  return { exitCode, printed: printed.join("\n"), complaints: complaints.join("\n") };
}

describe("runCommandLine", () => {
  test("runCommandLine prints the version of package.json", async () => {
    for (const words of [["version"], ["--version"]]) {
      expect(await run(words)).toEqual({ exitCode: 0, printed: packageFile.version, complaints: "" });
    }
  });

  test("runCommandLine --help lists every command and an example", async () => {
    const { exitCode, printed } = await run(["--help"]);

    expect(exitCode).toBe(0);
    for (const text of ["serve", "emulate", "healthcheck", "version", "Example:"]) expect(printed).toContain(text);
  });

  for (const command of ["serve", "emulate", "healthcheck", "version"]) {
    test(`runCommandLine ${command} --help shows an example of it`, async () => {
      const { exitCode, printed } = await run([command, "--help"]);

      expect(exitCode).toBe(0);
      expect(printed).toMatch(new RegExp(`Example:\n  .*qwen-gateway ${command}`));
    });
  }

  test("runCommandLine serve --help names every setting with its default", async () => {
    const { printed } = await run(["serve", "--help"]);

    expect(printed).toContain("A LIST is separated by commas");

    for (const text of ["--port NUMBER", "default 8787", "--session-match", "history | first-message", "--insecure"]) {
      expect(printed).toContain(text);
    }
  });

  test("runCommandLine refuses an unknown command with the nearest one", async () => {
    const { exitCode, complaints } = await run(["sevre"]);

    expect(exitCode).toBe(2);
    expect(complaints).toStartWith('Unknown command "sevre": did you mean "serve"?\n\nUsage:');
  });

  test("runCommandLine takes flags without a command as those of serve", async () => {
    const { exitCode, complaints } = await run(["--prot", "1"]);

    expect(exitCode).toBe(2);
    expect(complaints).toContain("Unknown flag --prot: did you mean --port?");
    expect(complaints).toContain("qwen-gateway serve --help");
  });

  test("runCommandLine ends with 2 on a wrong setting of any source and names it", async () => {
    const fromFlag = await run(["serve", "--port", "99999"]);
    const fromEnvironment = await run([], { LOG_LEVEL: "loud" });
    const ofEmulate = await run(["emulate", "--busy-ms", "soon"]);

    expect([fromFlag.exitCode, fromEnvironment.exitCode, ofEmulate.exitCode]).toEqual([2, 2, 2]);
    expect(fromFlag.complaints).toContain('Cannot use --port "99999": it must be a whole number from 0 to 65535');
    expect(fromEnvironment.complaints).toContain('Cannot use LOG_LEVEL "loud": it must be one of "debug"');
    expect(ofEmulate.complaints).toContain('Cannot use --busy-ms "soon": it must be a whole number from 0 to 3600000');
  });
});

describe("runCommandLine --config", () => {
  test("runCommandLine ends with 2 when the file cannot be read, and says why", async () => {
    const missing = await run(["serve", "--config", "/nowhere/gateway.yaml"]);
    const folder = await run(["serve", "--config", tmpdir()]);

    expect([missing.exitCode, folder.exitCode]).toEqual([2, 2]);
    expect(missing.complaints).toStartWith('Cannot read config file "/nowhere/gateway.yaml": there is no such file');
    expect(folder.complaints).toStartWith(`Cannot read config file "${tmpdir()}": it is a folder`);
  });

  test("runCommandLine ends with 2 on an unknown key of the file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "run-command-line-"));
    const path = join(folder, "gateway.yaml");
    writeFileSync(path, "prot: 1\n");
    const { exitCode, complaints } = await run(["--config", path]);
    rmSync(folder, { recursive: true });

    expect(exitCode).toBe(2);
    expect(complaints).toStartWith(`Unknown key "prot" in config file "${path}": did you mean port?`);
  });
});

describe("runCommandLine without --config", () => {
  async function runWith(text: string | undefined, words: readonly string[], environment: Environment = {}) {
    const home = mkdtempSync(join(tmpdir(), "run-command-line-"));
    const path = join(home, ".config", "qwen-gateway", "config.yaml");
    mkdirSync(dirname(path), { recursive: true });
    if (text !== undefined) writeFileSync(path, text);
    const result = await run(words, { HOME: home, DATA_DIR: join(home, "data"), ...environment });
    rmSync(home, { recursive: true });
    return { ...result, path };
  }

  test("runCommandLine reads the file at the default place, and names it when it is wrong", async () => {
    const wrong = await runWith("prot: 1\n", ["healthcheck"]);
    const right = await runWith("port: 1\n", ["healthcheck"]);

    expect(wrong.exitCode).toBe(2);
    expect(wrong.complaints).toStartWith(`Unknown key "prot" in config file "${wrong.path}"`);
    expect(right.complaints).toContain("http://127.0.0.1:1/health");
  });

  test("runCommandLine takes the environment, flags and a named file before it, and needs none", async () => {
    const environment = await runWith("port: 1\n", ["healthcheck"], { PORT: "2" });
    const other = await runWith("prot: 1\n", ["healthcheck", "--config", "/dev/null", "--port", "3"]);
    const missing = await runWith(undefined, ["healthcheck", "--port", "4"]);

    for (const [result, port] of [[environment, 2] as const, [other, 3] as const, [missing, 4] as const]) {
      expect(result).toMatchObject({ exitCode: 1, complaints: expect.stringContaining(`:${port}/health`) });
    }
  });
});

describe("runCommandLine healthcheck", () => {
  async function check(status: number): Promise<{ exitCode: number; complaints: string; path: string }> {
    let path = "";
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        path = new URL(request.url).pathname;
        return new Response("{}", { status });
      },
    });
    // As in the container: the address to listen on is no address to call.
    const environment = { HOST: "0.0.0.0", PORT: String(server.port), HTTP_PROXY: "http://127.0.0.1:9" };
    const { exitCode, complaints } = await run(["healthcheck"], environment);
    await server.stop(true);
    return { exitCode, complaints, path };
  }

  test("runCommandLine healthcheck ends with 0 when /health answers 200", async () => {
    expect(await check(200)).toEqual({ exitCode: 0, complaints: "", path: "/health" });
  });

  test("runCommandLine healthcheck ends with 1 on any other answer", async () => {
    const { exitCode, complaints } = await check(503);

    expect(exitCode).toBe(1);
    expect(complaints).toEndWith("answered 503");
  });

  test("runCommandLine healthcheck ends with 1 when nobody listens", async () => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
    const port = String(server.port);
    await server.stop(true);
    const { exitCode, complaints } = await run(["healthcheck", "--port", port]);

    expect(exitCode).toBe(1);
    expect(complaints).toBe(`Not healthy: http://127.0.0.1:${port}/health: nothing answers at its address`);
  });
});

describe("runCommandLine emulate --dialect", () => {
  test("runCommandLine ends with 2 on a dialect, a variant or a flag that does not fit, and names what does", async () => {
    const dialect = await run(["emulate", "--dialect", "vlm"]);
    const variant = await run(["emulate", "--dialect", "vllm", "--variant", "9.9"]);
    const stray = await run(["emulate", "--keys", "a"]);
    const chats = await run(["emulate", "--dialect", "vllm", "--busy-ms", "1"]);

    expect([dialect, variant, stray, chats].map(({ exitCode }) => exitCode)).toEqual([2, 2, 2, 2]);
    expect(dialect.complaints).toContain(
      'Cannot use --dialect "vlm": it must be dashscope, dashscope-plans, modelscope',
    );
    expect(variant.complaints).toContain('Cannot use --variant "9.9": vllm has 0.16, 0.12, 0.11');
    expect(stray.complaints).toContain("Cannot use --keys: the web backend has none, give --dialect too");
    expect(chats.complaints).toContain("Cannot use --busy-ms with --dialect");
  });
});
