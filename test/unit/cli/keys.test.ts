// qwen-gateway keys jwt: what it mints, from which settings, and what it refuses.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { parseLifetime } from "../../../src/cli/keys/parse-lifetime.ts";
import { runCommandLine } from "../../../src/cli/run-command-line.ts";
import { createJwtVerifier } from "../../../src/server/auth/jwt.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

const JWT_SECRET = "a secret of tests that has enough bytes";
const options = { fetch: globalThis.fetch, clock: Date.now, log: silentLog };

async function run(words: readonly string[], environment: Readonly<Record<string, string>> = { JWT_SECRET }) {
  const printed: string[] = [];
  const complaints: string[] = [];
  const exitCode = await runCommandLine(["keys", "jwt", "--config", "/dev/null", ...words], {
    environment,
    print: (text) => printed.push(text),
    complain: (text) => complaints.push(text),
    readInput: async () => "",
  });
  return { exitCode, printed: printed.join("\n"), complaints: complaints.join("\n") };
}

describe("keys jwt", () => {
  test("prints a token for an hour and nothing else, and the gateway takes it [R4-036]", async () => {
    const { exitCode, printed, complaints } = await run(["--sub", "ann"]);

    expect([exitCode, complaints]).toEqual([0, ""]);
    expect(decodeProtectedHeader(printed)).toEqual({ alg: "HS256", typ: "JWT" });
    const { sub, iat = 0, exp = 0, ...others } = decodeJwt(printed);
    expect([sub, exp - iat, others]).toEqual(["ann", 3600, {}]);
    expect(Math.abs(iat * 1000 - Date.now())).toBeLessThan(60_000);
    expect(await createJwtVerifier({ jwtSecret: JWT_SECRET }, options)(printed)).toEqual({
      caller: "user:ann",
      scopes: { admin: false },
    });
  });

  test("writes the time, the scope, the issuer and the audience into it", async () => {
    const environment = { JWT_SECRET, JWT_ISSUER: "home", JWT_AUDIENCE: "gateway" };
    const { printed } = await run(["ann", "--expires-in", "7d", "--scope", "read write"], environment);

    const { iat = 0, exp = 0, ...claims } = decodeJwt(printed);
    expect(exp - iat).toBe(7 * 86_400);
    expect(claims).toEqual({ sub: "ann", scope: "read write", iss: "home", aud: "gateway" });
  });

  test("prints one JSON document when asked", async () => {
    const { printed } = await run(["--sub", "ann", "--json"]);

    const { token, ...others } = JSON.parse(printed) as Record<string, string>;
    const { exp = 0 } = decodeJwt(token ?? "");
    expect(others).toEqual({ sub: "ann", expires_at: new Date(exp * 1000).toISOString() });
  });

  test("reads the settings of the gateway, file included", async () => {
    const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-keys-"));
    const file = join(folder, "config.yaml");
    writeFileSync(file, `jwt_secret: ${JWT_SECRET}\njwt_issuer: home\nport: 9000\n`);
    const printed: string[] = [];
    const exitCode = await runCommandLine(["keys", "jwt", "ann", "--config", file], {
      environment: {},
      print: (text) => printed.push(text),
      complain: (text) => printed.push(text),
      readInput: async () => "",
    });

    expect(exitCode).toBe(0);
    expect(decodeJwt(printed.join(""))).toMatchObject({ sub: "ann", iss: "home" });
    rmSync(folder, { recursive: true });
  });

  test("says what to set where there is no secret", async () => {
    const { exitCode, printed, complaints } = await run(["--sub", "ann"], {});

    expect([exitCode, printed]).toEqual([2, ""]);
    expect(complaints).toContain("JWT_SECRET is not set");
    expect(complaints).toContain("at least 32 bytes");
  });

  test.each([
    [[], "say whom it is for with --sub NAME"],
    [["--sub="], "Cannot use --sub"],
    [["--sub", "x".repeat(256)], "Cannot use --sub"],
    [["--sub", "ann", "--expires-in", "soon"], "Cannot use --expires-in"],
  ])("refuses %j with exit code 2", async (words, sentence) => {
    const { exitCode, printed, complaints } = await run(words);

    expect([exitCode, printed]).toEqual([2, ""]);
    expect(complaints).toContain(sentence);
  });

  test("refuses a short secret without showing it", async () => {
    const { exitCode, complaints } = await run(["--sub", "ann"], { JWT_SECRET: "too-short" });

    expect(exitCode).toBe(2);
    expect(complaints).toContain("Cannot use JWT_SECRET");
    expect(complaints).not.toContain("too-short");
  });
});

describe("keys create, list, revoke, remove", () => {
  async function runIn(folder: string, ...words: string[]) {
    const printed: string[] = [];
    const complaints: string[] = [];
    const exitCode = await runCommandLine(["keys", ...words, "--config", "/dev/null"], {
      environment: { DATA_DIR: folder },
      print: (text) => printed.push(text),
      complain: (text) => complaints.push(text),
      readInput: async () => "",
    });
    return { exitCode, printed: printed.join("\n"), complaints: complaints.join("\n") };
  }

  function createFolder() {
    const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-keys-"));
    return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
  }

  test("a key is printed once, and told without its secret afterwards [R2-084]", async () => {
    using place = createFolder();
    const flags = [
      "--models",
      "qwen3*, other",
      "--surfaces",
      "messages",
      "--upstreams",
      "home",
      "--admin",
      "--rpm",
      "5",
    ];
    const more = [
      "--tpm",
      "10",
      "--streams",
      "2",
      "--daily-tokens",
      "7",
      "--daily-spend",
      "1.25",
      "--expires-in",
      "1h",
    ];
    const created = await runIn(place.folder, "create", "ann", "--json", ...flags, ...more);
    const { key, ...told } = JSON.parse(created.printed) as Record<string, unknown>;
    const listed = await runIn(place.folder, "list", "--json");

    expect(String(key)).toMatch(/^qg-/);
    expect(JSON.parse(listed.printed)).toEqual([told]);
    expect(told).toMatchObject({
      name: "ann",
      prefix: String(key).slice(0, 11),
      state: "active",
      scopes: { models: ["qwen3*", "other"], surfaces: ["messages"], upstreams: ["home"], admin: true },
      limits: {
        requests_per_minute: 5,
        tokens_per_minute: 10,
        tokens_per_day: 7,
        spend_per_day: 1.25,
        streams: 2,
      },
      revoked_at: null,
    });
    expect(Date.parse(String(told["expires_at"])) - Date.parse(String(told["created_at"]))).toBe(3_600_000);
    const table = await runIn(place.folder, "list");
    for (const shown of ["ann", "active until", "admin; models qwen3*,other", "5 requests/min", "$1.25/day"]) {
      expect(table.printed).toContain(shown);
    }
    expect(listed.printed + table.printed).not.toContain(String(key).slice(12));
  });

  test("one after the other: none, made, revoked, removed", async () => {
    using place = createFolder();
    expect((await runIn(place.folder, "list")).printed).toContain("No key yet");
    const { printed: key, complaints } = await runIn(place.folder, "create", "ann");
    expect(complaints).toContain(`keys revoke ${key.slice(0, 11)}`);
    expect(await runIn(place.folder, "remove", "ann")).toMatchObject({ exitCode: 2 });
    expect((await runIn(place.folder, "revoke", key)).printed).toBe(`Revoked key "ann" (${key.slice(0, 11)})`);
    expect((await runIn(place.folder, "list")).printed).toContain("revoked");
    expect(await runIn(place.folder, "remove", "ann")).toMatchObject({ exitCode: 0 });
    expect((await runIn(place.folder, "list")).printed).toContain("No key yet");
  });

  test("work on the data directory that the file of variables of the gateway names", async () => {
    using place = createFolder();
    using elsewhere = createFolder();
    const settings = join(elsewhere.folder, "settings.env");
    writeFileSync(settings, `DATA_DIR=${place.folder}\n`);
    const named = ["--env-file", settings, "--config", "/dev/null"];
    const run = (...words: string[]) =>
      runCommandLine(["keys", ...words, ...named], {
        environment: { HOME: elsewhere.folder },
        print: () => {},
        complain: () => {},
        readInput: async () => "",
      });

    expect(await run("create", "ann")).toBe(0);
    expect((await runIn(place.folder, "list")).printed).toContain("ann");
    expect([await run("list"), await run("revoke", "ann"), await run("remove", "ann")]).toEqual([0, 0, 0]);
  });

  test.each<[string[], 1 | 2, string]>([
    [["create"], 2, "give it a name"],
    [["create", "a\tb"], 2, '"name"'],
    [["create", "ann", "--rpm", "0"], 2, "--rpm"],
    [["create", "ann", "--tpm", "1.5"], 2, "--tpm"],
    [["create", "ann", "--daily-spend", "much"], 2, "--daily-spend"],
    [["create", "ann", "--surfaces", "chat"], 2, "chat-completions, completions"],
    [["create", "ann", "--models", ","], 2, '"models"'],
    [["create", "ann", "--expires-in", "soon"], 2, "--expires-in"],
    [["revoke"], 2, "name it by its prefix or name"],
    [["revoke", "nobody"], 1, "Cannot find a key"],
  ])("refuses %j", async (words, exitCode, sentence) => {
    using place = createFolder();
    const result = await runIn(place.folder, ...words);

    expect([result.exitCode, result.printed]).toEqual([exitCode, ""]);
    expect(result.complaints).toContain(sentence);
  });
});

describe("parseLifetime", () => {
  test.each([
    ["45s", 45_000],
    ["30m", 1_800_000],
    ["1h", 3_600_000],
    ["7d", 604_800_000],
    ["366d", 31_622_400_000],
  ])("%s is %d milliseconds", (text, expected) => expect(parseLifetime(text)).toBe(expected));

  test.each(["", "1", "h", "0h", "-1h", "1.5h", "1w", "1h30m", "1 h", "1H", "367d", "999999999d", "1e9s", "Infinity"])(
    "%p is no time",
    (text) => expect(() => parseLifetime(text)).toThrow("Cannot use --expires-in"),
  );
});
