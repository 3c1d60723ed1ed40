// A real nginx in front of the executable, with its own defaults and with the configuration that we publish: words come
// as they are made, heartbeats outlive its read timeout, the client's address and its hang-up arrive.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { findNginx, type Nginx, startNginx } from "../support/nginx.ts";
import { readSlowly } from "./slow-reader.ts";
import { startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const executable = findNginx();
if (executable === undefined) console.warn("nginx is not installed: its tests are skipped (Debian: nginx-light)");

const heartbeatMs = 150;
/** Shorter than nginx's 60 s, so that nobody waits for it. */
const readTimeoutMs = 600;

let stage: Stage;
beforeAll(async () => {
  if (executable === undefined) return;
  stage = await startStage({
    environment: {
      LOG_LEVEL: "debug",
      TRUSTED_PROXIES: "127.0.0.1",
      HOLD_HEADERS_MS: String(heartbeatMs),
      SSE_KEEPALIVE_MS: String(heartbeatMs),
    },
  });
});
afterAll(() => stage?.[Symbol.asyncDispose]());

/** Nothing but where to go: buffering, HTTP/1.0 towards the gateway, and all timeouts are nginx's own. */
const bare = (port: number): string =>
  `server { listen 127.0.0.1:${port}; location / { proxy_pass ${stage.gateway.url}; } }`;

/** The published file, with the addresses of this test. */
function published(port: number): string {
  const text = readFileSync(join(import.meta.dir, "../../deploy/nginx.conf"), "utf8");
  const parts = [
    ["listen 80;", `listen 127.0.0.1:${port};`],
    ["server 127.0.0.1:8787;", `server ${new URL(stage.gateway.url).host};`],
  ] as const;
  return parts.reduce((config, [from, to]) => {
    if (!config.includes(from)) throw new Error(`deploy/nginx.conf has no "${from}"`);
    return config.replace(from, to);
  }, text);
}

/** The same with a read timeout that a test can outwait. */
function impatient(port: number): string {
  const patient = "proxy_read_timeout 1860s;";
  const config = published(port);
  if (!config.includes(patient)) throw new Error(`deploy/nginx.conf has no "${patient}"`);
  return config.replace(patient, `proxy_read_timeout ${readTimeoutMs}ms;`);
}

function post(nginx: Nginx, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${nginx.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

const ask = (content: string, stream = true) => ({ stream, messages: [{ role: "user", content }] });

describe.skipIf(executable === undefined)("behind nginx", () => {
  test.each([
    ["its defaults", bare],
    ["deploy/nginx.conf", published],
  ])("with %s each word comes before the next one is made [R0-001, R0-002]", async (name, site) => {
    await using nginx = await startNginx(executable!, site);
    const content = `Lock-step with ${name}`;
    const words = ["one ", "two ", "three ", "four "];
    await stage.emulator.script({ match: content, gate: name, reply: { chunks: words } });
    // `response.created` and the first word: nothing else exists yet.
    await stage.emulator.release(name, 2);
    const response = await post(nginx, ask(content));
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const reader = await readSlowly(response);
    for (const word of words) {
      await reader.until(`"${word}"`);
      await stage.emulator.release(name);
    }
    await stage.emulator.release(name, "all");
    expect(await reader.rest()).toEndWith("data: [DONE]\n\n");
  });

  test("heartbeats outlive its read timeout, before the first word and between two", async () => {
    await using nginx = await startNginx(executable!, impatient);
    const content = "Slowly, please";
    await stage.emulator.script({ match: content, gate: "slow", reply: { chunks: ["one ", "two "] } });
    const reader = await readSlowly(await post(nginx, ask(content)));
    const beats = (count: number): string => ": keepalive\n\n".repeat(count);
    // So many heartbeats take twice the time after which nginx gives up a silent upstream.
    const enough = Math.ceil((2 * readTimeoutMs) / heartbeatMs);
    await reader.until(beats(enough));
    await stage.emulator.release("slow", 2);
    await reader.until('"one "');
    // A row that is longer than the first one: it stands behind the word.
    await reader.until(beats(2 * enough));
    await stage.emulator.release("slow", "all");
    const text = await reader.rest();
    expect(text).toContain('"two "');
    expect(text).toEndWith("data: [DONE]\n\n");
  });

  test("the published read timeout outlasts a whole answer that takes its time", () => {
    const seconds = /proxy_read_timeout (\d+)s;/.exec(published(1))?.[1];
    expect(Number(seconds)).toBeGreaterThan(30 * 60);
  });

  test("the client's address arrives, and nobody can make one up", async () => {
    await using nginx = await startNginx(executable!, published);
    // Another address of this machine, so that it differs from nginx's own.
    await get(nginx.port, "/health/live?who=plain", "127.0.0.2", "");
    await get(nginx.port, "/health/live?who=liar", "127.0.0.2", "X-Forwarded-For: 203.0.113.9\r\n");
    await get(stage.gateway.port, "/health/live?who=direct", "127.0.0.2", "X-Forwarded-For: 203.0.113.9\r\n");
    const clients = (): string[] =>
      stage.gateway.errors
        .filter((line) => line.includes('"path":"/health/live"'))
        .map((line) => (JSON.parse(line) as { client: string }).client);
    await stage.gateway.line(() => clients().length === 3);
    expect(clients()).toEqual(["127.0.0.2", "127.0.0.2", "127.0.0.2"]);
  });

  test("a hang-up goes through to Qwen", async () => {
    await using nginx = await startNginx(executable!, published);
    const content = "Leave in the middle";
    await stage.emulator.script({ match: content, gate: "leave", reply: { chunks: ["one ", "two "] } });
    await stage.emulator.release("leave", 2);
    const controller = new AbortController();
    const reader = await readSlowly(await post(nginx, ask(content), controller.signal));
    await reader.until('"one "');
    controller.abort();
    await stage.emulator.until((requests) => requests.some((request) => request.on === "stop"));
    await stage.emulator.release("leave", "all");
  });

  test("a history of several megabytes passes the published configuration", async () => {
    await using nginx = await startNginx(executable!, published);
    const long = "x".repeat(3 * 1024 * 1024);
    const messages = [
      { role: "user", content: long },
      { role: "assistant", content: "Noted." },
      { role: "user", content: "Say: still here" },
    ];
    const response = await post(nginx, { stream: false, messages });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("still here");
  });

  test("a refusal keeps its status and its headers", async () => {
    await using nginx = await startNginx(executable!, published);
    const content = "Refuse this one";
    await stage.emulator.script({ match: content, refuse: "waf-punish" });
    const response = await post(nginx, ask(content));
    expect(response.status).toBe(503);
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(await response.json()).toMatchObject({ error: { code: "upstream_challenge" } });
  });
});

/** A GET from a chosen address of this machine; resolves when it is answered. */
function get(port: number, path: string, localAddress: string, headers: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ host: "127.0.0.1", port, localAddress });
  socket.on("error", reject);
  socket.on("data", () => socket.end());
  socket.on("close", () => resolve());
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}Connection: close\r\n\r\n`);
  return promise;
}
