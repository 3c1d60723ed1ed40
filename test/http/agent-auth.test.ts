// Who may act, and as whom, over the whole gateway: the token of the agent, tokens of users, and what they keep apart.

import { describe, expect, spyOn, test } from "bun:test";
import fs, { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createApp } from "../../src/app.ts";
import { runCommandLine } from "../../src/cli/run-command-line.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { createLog } from "../../src/telemetry/create-log.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { createEc, keySetOf, sign } from "../unit/server/auth/jwt-world.ts";
import { acceptedTurns, allTurns, bodyOf, readError, user } from "./client.ts";
import { postMessage, readTyped } from "./typed-client.ts";

const JWT_SECRET = "a secret of tests that has enough bytes";
const MCP_SERVERS = JSON.stringify({ files: { url: "http://127.0.0.1:9/mcp" } });
/** Nothing will ever be there: who gets a 404 has been let in. */
const actingPaths = ["/api/agent/nothing-here", "/api/voice/nothing-here", "/mcp/nothing-here"];
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** From the command line, as a user would. */
async function mint(sub: string, words: readonly string[] = [], environment = {}): Promise<string> {
  const printed: string[] = [];
  await runCommandLine(["keys", "jwt", "--sub", sub, "--config", "/dev/null", ...words], {
    environment: { JWT_SECRET, ...environment },
    print: (text) => printed.push(text),
    complain: (text) => printed.push(text),
    readInput: async () => "",
  });
  return printed.join("\n");
}

async function statuses(harness: Harness, headers: Record<string, string> = {}): Promise<number[]> {
  const answers = await Promise.all(actingPaths.map((path) => harness.post(path, { query: "x" }, { headers })));
  return answers.map(({ status }) => status);
}

const asked = (status: number) => actingPaths.map(() => status);

/** What a start writes to standard output. */
async function listening<T>(work: () => Promise<T>): Promise<{ result: T; written: string }> {
  let written = "";
  const write = spyOn(fs, "writeSync").mockImplementation((descriptor, bytes) => {
    expect(descriptor).toBe(1);
    written += Buffer.from(bytes as Uint8Array).toString();
    return (bytes as Uint8Array).length;
  });
  try {
    return { result: await work(), written };
  } finally {
    write.mockRestore();
  }
}

describe("the token of the agent", () => {
  test("is made at the first start, printed once with a link, and wanted from then on [R4-036]", async () => {
    const { result, written } = await listening(() => startHarness({ environment: { MCP_SERVERS } }));
    await using harness = result;
    const path = join(harness.dataDir, "agent-token");
    const token = readFileSync(path, "utf8").trim();

    expect(written).toBe(
      `Token of the agent, shown once: ${token} (the chat page asks for it: ${harness.url}/chat#/agent)\n`,
    );
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await statuses(harness)).toEqual(asked(401));
    expect(await statuses(harness, bearer(`${token}x`))).toEqual(asked(401));
    expect(await statuses(harness, bearer(token))).toEqual(asked(404));
    expect(await statuses(harness, { "x-api-key": token })).toEqual(asked(404));
    expect((await harness.get("/v1/sessions")).status).toBe(200);

    const again = await listening(() => harness.restart());
    expect(again.written).toBe("");
    expect(await statuses(harness, bearer(token))).toEqual(asked(404));
    expect(await statuses(harness)).toEqual(asked(401));
    expect(harness.logLines.join("")).not.toContain(token);
  });

  test("is refused as JSON before any stream, and nothing is touched [R4-037] [R4-038] [R4-053]", async () => {
    const { result } = await listening(() => startHarness({ environment: { MCP_SERVERS } }));
    await using harness = result;

    const response = await harness.post("/api/agent/stream", { query: "x" }, { headers: bearer("wrong") });

    const { status, contentType, error } = await readError(response);
    expect([status, error.code]).toEqual([401, "invalid_api_key"]);
    expect(contentType).toStartWith("application/json");
    expect(allTurns(harness)).toEqual([]);
  });

  test("is not made where there are keys, or tokens, or where it is open", async () => {
    const environments: Record<string, string>[] = [
      { MCP_SERVERS, API_KEY: "k1" },
      { MCP_SERVERS, JWT_SECRET },
      { MCP_SERVERS, AGENT_OPEN: "true" },
    ];
    for (const environment of environments) {
      const { result, written } = await listening(() => startHarness({ environment }));
      await using harness = result;
      expect(written).toBe("");
      expect(existsSync(join(harness.dataDir, "agent-token"))).toBe(false);
      const { result: answered } = await listening(() => statuses(harness));
      expect(answered).toEqual(asked(environment["AGENT_OPEN"] === "true" ? 404 : 401));
    }
  });

  test("is made, too, where there are no tool servers: it opens /mcp, and the agent says what is missing [R4-036]", async () => {
    const { result, written } = await listening(() => startHarness());
    await using harness = result;
    const token = readFileSync(join(harness.dataDir, "agent-token"), "utf8").trim();
    const post = (headers: Record<string, string>) => harness.post("/mcp/nothing-here", {}, { headers });

    expect(written).toContain(
      `Token of the agent, shown once: ${token} (the chat page asks for it: ${harness.url}/chat`,
    );
    expect((await post({ origin: "https://evil.example" })).status).toBe(403);
    expect((await readError(await post({}))).error.message).toContain('"agent-token" of its data directory');
    expect((await post(bearer(token))).status).toBe(404);
    const agent = await harness.post("/api/agent", { query: "x" }, { headers: bearer(token) });
    expect(await agent.json()).toMatchObject({ success: false, error: { code: "no_tools" } });
  });
});

describe("AGENT_OPEN", () => {
  test("opens a keyless loopback for this machine, and for nobody else [R4-038]", async () => {
    await using harness = await startHarness({
      environment: { AGENT_OPEN: "true", CORS_ORIGIN: "https://app.example" },
    });

    expect(await statuses(harness)).toEqual(asked(404));
    expect(await statuses(harness, { origin: harness.url })).toEqual(asked(404));
    expect(await statuses(harness, { origin: "https://app.example" })).toEqual(asked(403));
    expect(await statuses(harness, { "sec-fetch-site": "cross-site" })).toEqual(asked(403));
    expect(await statuses(harness, { host: "evil.example" })).toEqual(asked(403));
  });

  test("has no effect with keys, and the log says so", async () => {
    await using harness = await startHarness({ environment: { AGENT_OPEN: "true", API_KEY: "k1" } });

    expect(await statuses(harness)).toEqual(asked(401));
    expect(await statuses(harness, bearer("k1"))).toEqual(asked(404));
    expect(harness.logLines.join("")).toContain("AGENT_OPEN has no effect");
  });
});

describe("a token of a user", () => {
  const environment = { JWT_SECRET, API_KEY: "k1" };

  test("counts beside keys, on what acts and on what does not [R4-036] [R4-053]", async () => {
    await using harness = await startHarness({ environment });
    const token = await mint("ann");
    const [header, payload, signature] = token.split(".");
    const none = Buffer.from('{"alg":"none"}').toString("base64url");
    const soon = await sign(new TextEncoder().encode(JWT_SECRET), "HS256", { exp: Math.floor(Date.now() / 1000) - 5 });

    expect(await statuses(harness, bearer(token))).toEqual(asked(404));
    expect(await statuses(harness, { "x-api-key": token })).toEqual(asked(404));
    expect(await statuses(harness, bearer("k1"))).toEqual(asked(404));
    const wrong = [
      `${token}x`,
      `${header}.${payload}.`,
      `${none}.${payload}.`,
      `${none}.${payload}.${signature}`,
      soon,
    ];
    for (const bad of wrong) {
      expect(await statuses(harness, bearer(bad))).toEqual(asked(401));
      const refused = await fetch(`${harness.url}/v1/sessions`, { headers: bearer(bad) });
      expect(refused.status).toBe(401);
    }
    const lines = harness.logLines.join("");
    for (const secret of [token, signature ?? "", soon, JWT_SECRET]) expect(lines).not.toContain(secret);
  });

  test("has sessions of its own [R4-025]", async () => {
    await using harness = await startHarness({ environment });
    const [ann, bob] = [bearer(await mint("ann")), bearer(await mint("bob"))];
    for (const headers of [ann, bob]) await bodyOf(await harness.chat({ messages: [user("Hello")] }, { headers }));

    const [one, two] = acceptedTurns(harness);
    expect(two?.chatId).not.toBe(one?.chatId ?? "");
    const list = async (headers: Record<string, string>) =>
      (await (await fetch(`${harness.url}/v1/sessions`, { headers })).json()) as { data: { chatId: string }[] };
    expect((await list(ann)).data.map(({ chatId }) => chatId)).toEqual([one?.chatId ?? ""]);
    expect((await list(bob)).data.map(({ chatId }) => chatId)).toEqual([two?.chatId ?? ""]);
    expect((await list(bearer("k1"))).data).toEqual([]);
    // A token minted later is the same user.
    expect((await list(bearer(await mint("ann", ["--expires-in", "7d"])))).data).toHaveLength(1);
  });

  test("has typed chats of its own [R4-025]", async () => {
    await using harness = await startHarness({ environment });
    const [ann, bob] = [bearer(await mint("ann")), bearer(await mint("bob"))];
    const told = await readTyped(
      await postMessage(harness, { message: "My name is Ada", session_id: "s1" }, { headers: ann }),
    );
    expect(told.isDone).toBe(true);

    const read = (headers: Record<string, string>) => fetch(`${harness.url}/api/chat/sessions/s1`, { headers });
    expect((await read(ann)).status).toBe(200);
    for (const other of [bob, bearer("k1")]) expect((await read(other)).status).toBe(404);
    const removed = await fetch(`${harness.url}/api/chat/sessions/s1`, { method: "DELETE", headers: bob });
    expect(removed.status).toBe(404);
    expect((await read(ann)).status).toBe(200);
  });

  test("has documents of its own [R4-025]", async () => {
    await using harness = await startHarness({ environment });
    const [ann, bob] = [bearer(await mint("ann")), bearer(await mint("安娜"))];
    const body = { name: "lease.txt", text: "The rent is due." };
    await bodyOf(await harness.post("/api/documents", body, { headers: ann }));

    const list = async (headers: Record<string, string>) =>
      ((await (await fetch(`${harness.url}/api/documents`, { headers })).json()) as { data: unknown[] }).data.length;
    expect([await list(ann), await list(bob), await list(bearer("k1"))]).toEqual([1, 0, 0]);
  });

  test("has limits of its own, which hold on every route that acts [R4-025] [R4-039]", async () => {
    await using harness = await startHarness({
      environment: { ...environment, MCP_SERVERS, LIMIT_REQUESTS_PER_MINUTE: "1" },
    });
    const [ann, bob] = [bearer(await mint("ann")), bearer(await mint("bob"))];
    const act = (path: string, headers: Record<string, string>) =>
      harness.post(path, { query: "Hello", confirmation_id: "c1", decision: "approve" }, { headers });

    const first = await act("/api/voice/llm/stream", ann);
    expect([first.status, first.headers.get("x-ratelimit-remaining-requests")]).toEqual([200, "0"]);
    await bodyOf(first);
    for (const path of ["/llm/stream", "/llm", "/confirm", ""].map((rest) => `/api/voice${rest}`)) {
      const refused = await act(path, ann);
      expect([path, refused.status]).toEqual([path, 429]);
      expect(refused.headers.get("content-type")).toStartWith("application/json");
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      expect((await readError(refused)).error.type).toBe("rate_limit_error");
    }
    const other = await act("/api/voice/llm/stream", bob);
    expect(other.status).toBe(200);
    await bodyOf(other);
  });

  test("carries the issuer and the audience that the gateway wants", async () => {
    const names = { JWT_ISSUER: "home", JWT_AUDIENCE: "gateway" };
    await using harness = await startHarness({ environment: { ...environment, ...names } });

    expect(await statuses(harness, bearer(await mint("ann", [], names)))).toEqual(asked(404));
    expect(await statuses(harness, bearer(await mint("ann")))).toEqual(asked(401));
  });

  test("is checked with a key set that is fetched, rotated, and then down [R4-036]", async () => {
    const [first, second] = [createEc(), createEc()];
    let answer = keySetOf({ ...first.jwk, kid: "1" });
    const issuer = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => answer() });
    const claims = { iat: undefined, exp: Math.floor(Date.now() / 1000) + 600 };
    const tokenOf = ({ privateKey }: typeof first, kid: string) => sign(privateKey, "ES256", claims, { kid });
    await using harness = await startHarness({ environment: { JWT_JWKS_URL: `${issuer.url.origin}/keys` } });

    expect(await statuses(harness, bearer(await tokenOf(first, "1")))).toEqual(asked(404));
    answer = keySetOf({ ...second.jwk, kid: "2" });
    expect(await statuses(harness, bearer(await tokenOf(second, "2")))).toEqual(asked(404));
    expect(await statuses(harness, bearer(await tokenOf(first, "1")))).toEqual(asked(401));
    await issuer.stop(true);
    expect(await statuses(harness, bearer(await tokenOf(second, "2")))).toEqual(asked(404));
    expect(await statuses(harness)).toEqual(asked(401));
  });

  test("makes a generated key needless: others may reach the gateway, and none is printed", async () => {
    const open = { JWT_SECRET, HOST: "0.0.0.0", GENERATE_API_KEY: "true" };
    const { result, written } = await listening(() => startHarness({ environment: open }));
    await using harness = result;

    expect(written).toBe("");
    expect(existsSync(join(harness.dataDir, "api-key"))).toBe(false);
    expect((await harness.get("/v1/sessions")).status).toBe(401);
    const headers = bearer(await mint("ann"));
    expect((await fetch(`${harness.url}/v1/sessions`, { headers })).status).toBe(200);
  });

  test("wants a key that can be used, or the gateway does not start", async () => {
    const log = createLog({ level: "silent", format: "json" });
    const privatePem = String(createEc().privateKey.export({ type: "pkcs8", format: "pem" }));
    for (const wrong of [
      { JWT_SECRET: "short" },
      { JWT_ISSUER: "home" },
      { JWT_PUBLIC_KEY: "/nowhere/key.pem" },
      { JWT_PUBLIC_KEY: privatePem },
    ]) {
      const start = async () => createApp(loadConfig({ environment: wrong, flags: {} }).config, { log });
      await expect(start()).rejects.toThrow(ConfigError);
    }
  });
});
