// The compiled executable as a program: what it needs (nothing), what it reads, what it refuses, and how it says so.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../../package.json";
import { binaryPath, createPlace, runBinary, startBinary } from "../support/binary.ts";
import { ask, createClient, type ChatMessage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const user = (content: string): ChatMessage => ({ role: "user", content });

describe("the first start", () => {
  test("without an account the built-in emulator answers and says so, and only the home is written to [RC-007] [RC-008]", async () => {
    using place = createPlace();
    await using gateway = await startBinary([], { PORT: "0" }, place);
    const client = createClient(gateway.url);
    const hello = await ask(client, [user("Hello")], { stream: true });
    const conversation = [user("My hat is green.")];
    for (const stream of [true, false]) {
      const answer = await ask(client, conversation, { stream });
      conversation.push({ role: "assistant", content: answer }, user("What is my hat?"));
    }

    expect(hello).toContain("emulator");
    expect(await ask(client, conversation, { stream: true })).toContain("green");
    expect(gateway.errors.filter((line) => line.includes("QWEN_TOKEN"))).toHaveLength(1);
    expect(readdirSync(place.folder)).toEqual([]);
    expect(readdirSync(place.home, { recursive: true })).toContain(".local/share/qwen-gateway/qwen-gateway.sqlite");
    for (const path of [
      "/health",
      "/health/live",
      "/health/ready",
      "/v1/models",
      "/v1/models/qwen3-max",
      "/v1/sessions",
    ]) {
      expect([path, (await fetch(gateway.url + path)).status]).toEqual([path, 200]);
    }
  });

  test("the database and its folder are for their owner alone", async () => {
    using place = createPlace();
    await using gateway = await startBinary([], { PORT: "0" }, place);
    await fetch(`${gateway.url}/health`);
    const folder = join(place.home, ".local", "share", "qwen-gateway");

    for (const name of ["", ...readdirSync(folder)]) {
      expect([name, statSync(join(folder, name)).mode & 0o077]).toEqual([name, 0]);
    }
  });

  test("the executable is one file: a copy of it alone does the same [RC-007]", async () => {
    using place = createPlace();
    const executable = join(place.home, "copied");
    copyFileSync(binaryPath, executable);
    await using gateway = await startBinary([], { PORT: "0", PATH: "" }, { ...place, executable });

    expect(await ask(createClient(gateway.url), [user("Count from 1 to 3")], { stream: true })).toBe("1 2 3");
  });

  test("without a home the files lie in ./data", async () => {
    using place = createPlace();
    await using gateway = await startBinary([], { PORT: "0", HOME: "" }, place);
    await fetch(`${gateway.url}/health`);

    expect(readdirSync(place.folder)).toEqual(["data"]);
    expect(readdirSync(place.home)).toEqual([]);
  });

  test("the environment variable DATA_DIR says where the files lie", async () => {
    using place = createPlace();
    const folder = join(place.folder, "some", "where");
    await using gateway = await startBinary([], { PORT: "0", DATA_DIR: folder }, place);
    await fetch(`${gateway.url}/health`);

    expect(readdirSync(folder)).toContain("qwen-gateway.sqlite");
    expect(readdirSync(place.home)).toEqual([]);
  });
});

describe("settings", () => {
  test("a .env and a bunfig.toml in the working directory are not read", async () => {
    using place = createPlace();
    const proof = join(place.folder, "it-ran");
    writeFileSync(join(place.folder, ".env"), "PORT=99999\nAPI_KEY=from-the-folder\n");
    writeFileSync(join(place.folder, ".env.production"), "API_KEY=from-the-folder\n");
    writeFileSync(join(place.folder, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
    writeFileSync(
      join(place.folder, "preload.ts"),
      `require("node:fs").writeFileSync(${JSON.stringify(proof)}, "");\n`,
    );
    writeFileSync(join(place.folder, "package.json"), '{"type": "commonjs", "name": "other"}');
    writeFileSync(join(place.folder, "tsconfig.json"), "{ broken");
    mkdirSync(join(place.folder, "node_modules"));
    await using gateway = await startBinary([], { PORT: "0" }, place);

    expect((await fetch(`${gateway.url}/v1/models`)).status).toBe(200);
    expect(existsSync(proof)).toBe(false);
  });

  test("flags win over the environment, the environment over the file", async () => {
    using place = createPlace();
    const file = join(place.folder, "settings.yaml");
    writeFileSync(file, "port: 1\nlog_level: silent\ndefault_model: qwen3-coder-plus\nmax_body_bytes: 50\n");
    const environment = { PORT: "2", LOG_LEVEL: "debug", MAX_BODY_BYTES: "100" };
    await using gateway = await startBinary(["--config", file, "--port", "0"], environment, place);
    const answer = await fetch(`${gateway.url}/v1/completions`, { method: "POST", body: '{"prompt":"Hello"}' });
    const tooLarge = await fetch(`${gateway.url}/v1/completions`, { method: "POST", body: "x".repeat(101) });

    expect(await answer.json()).toMatchObject({ model: "qwen3-coder-plus" });
    expect(tooLarge.status).toBe(413);
    await gateway.line((line) => line.includes('"level":"debug"'));
  });

  test.each([
    { name: "a port out of range", words: [], environment: { PORT: "99999" }, says: ["PORT", "99999", "0 to 65535"] },
    {
      name: "no number",
      words: [],
      environment: { RETRY_MAX_ATTEMPTS: "many" },
      says: ["RETRY_MAX_ATTEMPTS", "1 to 100"],
    },
    {
      name: "an unknown choice",
      words: ["--log-level", "loud"],
      environment: {},
      says: ["--log-level", "debug", "silent"],
    },
    { name: "an unknown flag", words: ["--prot", "1"], environment: {}, says: ["--prot", "--port"] },
    { name: "an unknown command", words: ["serv"], environment: {}, says: ['"serv"', '"serve"'] },
    { name: "a missing file", words: ["--config", "no.yaml"], environment: {}, says: ["no.yaml", "no such file"] },
    { name: "a master key of wrong length", words: [], environment: { MASTER_KEY: "abc" }, says: ["MASTER_KEY", "64"] },
    {
      name: "another address without a key",
      words: [],
      environment: { HOST: "0.0.0.0", PORT: "0" },
      says: ["0.0.0.0", "API_KEY", "INSECURE"],
    },
    {
      name: "another IPv6 address without a key",
      words: ["--host", "::"],
      environment: { PORT: "0" },
      says: ["::", "API_KEY"],
    },
  ])("$name ends the start with 2 and is told in one sentence", async ({ words, environment, says }) => {
    using place = createPlace();
    const { exitCode, output, errors } = await runBinary(words, environment, place);

    expect(exitCode).toBe(2);
    for (const word of says) expect(errors).toContain(word);
    expect(errors).not.toMatch(/\bat \w+ \(|node_modules|\$bunfs/);
    expect(output).not.toContain("listens on");
  });

  test("a wrong secret is named and never shown", async () => {
    using place = createPlace();
    const { exitCode, errors, output } = await runBinary(
      [],
      { QWEN_TOKEN: "secret token", MASTER_KEY: "0123secret" },
      place,
    );

    expect(exitCode).toBe(2);
    expect(errors).toContain("QWEN_TOKEN");
    expect(errors + output).not.toMatch(/secret/);
  });

  test("a wrong file names every wrong key and the nearest right one", async () => {
    using place = createPlace();
    writeFileSync(join(place.folder, "settings.yaml"), "prot: 1\nretry_max_attempts: 0\n");
    const { exitCode, errors } = await runBinary(["--config", "settings.yaml"], {}, place);

    expect(exitCode).toBe(2);
    for (const word of ['"prot"', "port", "retry_max_attempts", "1 to 100"]) expect(errors).toContain(word);
  });

  test("a port that is taken, and a folder that cannot be, end the start with 1 and say what to do", async () => {
    using place = createPlace();
    await using first = await startBinary([], { PORT: "0" }, place);
    const taken = await runBinary([], { PORT: String(first.port) }, place);
    const file = join(place.folder, "a-file");
    writeFileSync(file, "");
    const noFolder = await runBinary([], { PORT: "0", DATA_DIR: join(file, "below") }, place);

    expect(taken).toMatchObject({ exitCode: 1, errors: expect.stringContaining(`:${first.port}: the port is in use`) });
    expect(noFolder).toMatchObject({ exitCode: 1, errors: expect.stringContaining("DATA_DIR") });
  });
});

describe("commands", () => {
  test("--help, --version and the help of every command end with 0 [RC-008]", async () => {
    using place = createPlace();
    const run = (...words: string[]) => runBinary(words, {}, place);
    const [help, versionFlag, versionCommand] = await Promise.all([run("--help"), run("--version"), run("version")]);

    expect(help).toMatchObject({ exitCode: 0, errors: "" });
    for (const command of ["serve", "emulate", "healthcheck", "version"]) {
      expect(help.output).toContain(`  ${command}`);
      const own = await run(command, "--help");
      expect(own).toMatchObject({ exitCode: 0, errors: "" });
      expect(own.output).toMatch(/Example:\n {2}\S/);
    }
    expect(versionFlag.output).toBe(`${version}\n`);
    expect(versionCommand.output).toBe(`${version}\n`);
    expect(readdirSync(place.home)).toEqual([]);
  });

  test("healthcheck ends with 0 for a gateway that is well and with 1 for none", async () => {
    using place = createPlace();
    const gateway = await startBinary([], { PORT: "0" }, place);
    const port = String(gateway.port);
    const well = await runBinary(["healthcheck"], { PORT: port }, place);
    const flagged = await runBinary(["healthcheck", "--port", port], { API_KEY: "needless" }, place);
    await gateway[Symbol.asyncDispose]();
    const gone = await runBinary(["healthcheck"], { PORT: port }, place);

    expect(well).toEqual({ exitCode: 0, output: "", errors: "" });
    expect(flagged.exitCode).toBe(0);
    expect(gone).toMatchObject({ exitCode: 1, errors: expect.stringContaining("nothing answers at its address") });
  });

  test("emulate serves what a gateway can use, and ends on SIGTERM with 0", async () => {
    using place = createPlace();
    const emulator = await startBinary(["emulate", "--port", "0"], {}, place);
    await using gateway = await startBinary([], { PORT: "0", QWEN_BASE_URL: emulator.url }, place);
    const answer = await ask(createClient(gateway.url), [user("Count from 1 to 3")], { stream: true });
    emulator.kill("SIGTERM");

    expect(answer).toBe("1 2 3");
    expect(await emulator.exited).toBe(0);
  });
});

describe("the log", () => {
  test("one line of JSON an exchange, without words of the conversation or secrets [R2-053] [R2-059]", async () => {
    using place = createPlace();
    await using gateway = await startBinary(
      [],
      { PORT: "0", QWEN_COOKIES: "token=cookie-secret", QWEN_BASE_URL: "http://127.0.0.1:9", RETRY_MAX_ATTEMPTS: "1" },
      place,
    );
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ messages: [user("words of the conversation")] }),
    });
    const line = await gateway.line((text) => text.includes("exchange failed"));
    const record: unknown = JSON.parse(line);

    expect(response.status).toBe(502);
    expect(record).toMatchObject({ level: "error", outcome: "failed", kind: "upstream-failed", attempts: 1 });
    for (const text of gateway.errors) expect(() => JSON.parse(text)).not.toThrow();
    expect(gateway.errors.join("\n")).not.toMatch(/words of the conversation|cookie-secret/);
  });
});
