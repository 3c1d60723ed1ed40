// Which question a dialect is asked about its health, and how the answer is read.

import { describe, expect, test } from "bun:test";
import { createFetchClient } from "../../../../../src/outbound/fetch-client.ts";
import { silentLog } from "../../../../../src/telemetry/log.ts";
import { createDetectedUpstream } from "../../../../../src/upstreams/openai-compatible/servers/detected-upstream.ts";
import type { Dialect } from "../../../../../src/upstreams/openai-compatible/dialect.ts";
import { dialects } from "../../../../../src/upstreams/openai-compatible/dialects/index.ts";
import { type Routes, serveCompatible } from "../../../../support/fake-compatible-server.ts";
import { createTestUpstream, modelsPlay, testKey } from "../../../../support/test-dialect.ts";

const never = new AbortController().signal;

async function ask(dialect: Dialect, routes: Routes, basePath = "/v1") {
  await using server = serveCompatible([], routes);
  const upstream = createTestUpstream(server, { dialect, baseUrl: server.url.replace(/\/v1$/, basePath) });
  const isReady = await upstream.checkHealth?.(never).catch((error: unknown) => error);
  return { isReady, asked: server.requests.map(({ method, path }) => `${method} ${path}`), requests: server.requests };
}

describe("checkHealth", () => {
  test.each([
    [dialects.vllm, "/health"],
    [dialects["llama-cpp"], "/health"],
    [dialects.ollama, "/api/version"],
    [dialects.sglang, "/v1/models"],
    [dialects["lm-studio"], "/v1/models"],
    [dialects.generic, "/v1/models"],
  ] as const)("checkHealth asks $name once, with its key and nothing else", async (dialect, path) => {
    const { isReady, asked, requests } = await ask(dialect, { [path]: { body: "{}" } });

    expect(isReady).toBe(true);
    expect(asked).toEqual([`GET ${path}`]);
    expect(requests[0]?.headers.get("authorization")).toBe(`Bearer ${testKey}`);
    expect(requests[0]?.bytes.length).toBe(0);
  });

  test("checkHealth keeps to the folder of a server that stands behind a proxy", async () => {
    expect((await ask(dialects.vllm, {}, "/gpu/v1")).asked).toEqual(["GET /gpu/health"]);
    expect((await ask(dialects.generic, {}, "/gpu/api")).asked).toEqual(["GET /gpu/api/models"]);
  });

  test.each([
    [200, true],
    [401, true],
    [404, true],
    [429, true],
    [500, false],
    [502, false],
    [503, false],
  ])("checkHealth takes %p for ready: %p", async (status, expected) => {
    const { isReady } = await ask(dialects["llama-cpp"], {
      "/health": { status, body: '{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}' },
    });

    expect(isReady).toBe(expected);
  });

  test("checkHealth rejects when nothing answers, and ends with its signal", async () => {
    await using silent = serveCompatible([], { "/health": { body: "", after: "silent" } });
    const gone = createTestUpstream(silent, { dialect: dialects.vllm, baseUrl: "http://127.0.0.1:1/v1" });
    const slow = createTestUpstream(silent, { dialect: dialects.vllm });
    const limit = new AbortController();

    const refused = await gone.checkHealth?.(never).catch((error: unknown) => error);
    const waiting = slow.checkHealth?.(limit.signal).catch((error: unknown) => error);
    limit.abort("too late");

    expect(refused).toMatchObject({ kind: "upstream-failed" });
    expect(await waiting).toBe("too late");
  });

  test.each([
    ["a hosted service", dialects.dashscope, "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"],
    ["a hosted dialect wherever it stands", dialects.modelscope, "http://127.0.0.1:9/v1"],
    ["somebody else's server in public", dialects.generic, "https://llm.example.com/v1"],
    ["a public address", dialects.vllm, "http://8.8.8.8:8000/v1"],
  ])("checkHealth is not there for %s", async (_, dialect, baseUrl) => {
    await using server = serveCompatible([]);

    expect(createTestUpstream(server, { dialect, baseUrl }).checkHealth).toBeUndefined();
  });

  test("checkHealth asks a server of an unknown kind as any, and its own question once it is known", async () => {
    await using server = serveCompatible([], {
      "/v1/models": { body: modelsPlay.body.toString().replace('"x"', '"vllm"') },
      "/health": { body: "" },
    });
    const upstream = createDetectedUpstream({
      name: "mine",
      baseUrl: server.url,
      keys: [],
      defaultModel: undefined,
      http: createFetchClient((request, options) => fetch(request, options)),
      maxLineBytes: 1_000_000,
      maxCooldownMs: undefined,
      userAgent: "qwen-gateway/test",
      clock: Date.now,
      log: silentLog,
    });

    await upstream.checkHealth?.(never);
    const before = server.requests.map(({ path }) => path);
    await upstream.listModels(never);
    await upstream.checkHealth?.(never);

    expect(before).toEqual(["/v1/models"]);
    expect(server.requests.at(-1)?.path).toBe("/health");
  });
});
