// The model list: as each server tells it, filled in from what is known, kept, and served when the server is down.

import { describe, expect, test } from "bun:test";
import type { Upstream } from "../../../../../src/contract/upstream.ts";
import { silentLog } from "../../../../../src/telemetry/log.ts";
import type { DialectName } from "../../../../../src/upstreams/openai-compatible/dialect.ts";
import { dialects } from "../../../../../src/upstreams/openai-compatible/dialects/index.ts";
import { knownModel } from "../../../../../src/upstreams/openai-compatible/servers/known-models.ts";
import { createModelList } from "../../../../../src/upstreams/openai-compatible/servers/models.ts";
import { type Play, type Routes, serveCompatible } from "../../../../support/fake-compatible-server.ts";
import { createTestUpstream } from "../../../../support/test-dialect.ts";
import { createClock } from "../../../credentials/test-accounts.ts";

const json = (value: object): Play => ({ body: JSON.stringify(value) });
const list = (...models: readonly object[]): Play => json({ object: "list", data: models });
const listOf = (upstream: Upstream) => upstream.listModels(AbortSignal.timeout(5000));

async function firstModel(dialect: DialectName, routes: Routes) {
  await using server = serveCompatible([], routes);
  const [model] = await listOf(createTestUpstream(server, { dialect: dialects[dialect] }));
  return model;
}

describe("the list", () => {
  test("vLLM and SGLang tell the context window themselves", async () => {
    const entry = { id: "Qwen/Qwen3.6-27B", created: 7, owned_by: "vllm", max_model_len: 32_768 };

    expect(await firstModel("vllm", { "/v1/models": list(entry) })).toEqual({
      id: "Qwen/Qwen3.6-27B",
      displayName: "Qwen/Qwen3.6-27B",
      ownedBy: "vllm",
      createdAtSeconds: 7,
      contextTokens: 32_768,
      maxOutputTokens: 65_536,
      vision: true,
      thinking: true,
    });
  });

  test("a bare list is one: Together AI and Mistral put nothing around theirs", async () => {
    const bare = json([{ id: "Qwen/Qwen3.6-27B", organization: "Qwen", context_length: 131_072 }]);

    expect(await firstModel("generic", { "/v1/models": bare })).toMatchObject({
      id: "Qwen/Qwen3.6-27B",
      contextTokens: 131_072,
    });
  });

  test("Ollama is asked about each model", async () => {
    const show = json({ model_info: { "qwen3.context_length": 40_960 }, capabilities: ["tools", "thinking"] });
    const routes = { "/v1/models": list({ id: "mine:1b", owned_by: "library" }), "/api/show": show };

    expect(await firstModel("ollama", routes)).toMatchObject({ contextTokens: 40_960, thinking: true, vision: false });
  });

  test("llama.cpp tells the window of a slot in /props, which goes before that of the training", async () => {
    const props = json({ default_generation_settings: { n_ctx: 8192 }, modalities: { vision: true } });
    const routes = { "/v1/models": list({ id: "a.gguf", meta: { n_ctx_train: 262_144 } }), "/props": props };

    expect(await firstModel("llama-cpp", routes)).toMatchObject({ contextTokens: 8192, vision: true });
    expect(await firstModel("llama-cpp", { "/v1/models": routes["/v1/models"] })).toMatchObject({
      contextTokens: 262_144,
    });
  });

  test("llama.cpp's router tells the window of each model in its list, and none in /props", async () => {
    const listed = list({ id: "a.gguf", meta: { n_ctx: 32_768, n_ctx_train: 262_144 } });
    const props = json({ role: "router", default_generation_settings: { n_ctx: 0 } });

    expect(await firstModel("llama-cpp", { "/v1/models": listed, "/props": props })).toMatchObject({
      contextTokens: 32_768,
    });
  });

  test("LM Studio has a list of its own beside", async () => {
    const own = json({ data: [{ id: "a", type: "vlm", max_context_length: 9, loaded_context_length: 4096 }] });

    expect(await firstModel("lm-studio", { "/v1/models": list({ id: "a" }), "/api/v0/models": own })).toMatchObject({
      contextTokens: 4096,
      vision: true,
    });
  });

  test("LM Studio's own list is found also from its own base", async () => {
    const own = json({ data: [{ id: "a", type: "vlm", max_context_length: 9, loaded_context_length: 4096 }] });
    await using server = serveCompatible([], { "/api/v0/models": own });
    const baseUrl = server.url.replace(/v1$/, "api/v0");
    const [model] = await listOf(createTestUpstream(server, { dialect: dialects["lm-studio"], baseUrl }));

    expect(model).toMatchObject({ contextTokens: 4096, vision: true });
  });

  test("begins with a model that chats, where the server tells which do not", async () => {
    const listed = list({ id: "nomic-embed-text:latest" }, { id: "qwen3:8b" });
    // Both are asked at once, so that either may be the one that chats.
    const shown = [
      json({ capabilities: ["embedding"] }),
      json({ capabilities: ["completion"], model_info: { "qwen3.context_length": 4096 } }),
    ];
    const own = json({
      data: [
        { id: "nomic-embed-text:latest", type: "embeddings" },
        { id: "qwen3:8b", type: "llm" },
      ],
    });

    expect(await firstModel("ollama", { "/v1/models": listed, "/api/show": shown })).toMatchObject({
      contextTokens: 4096,
    });
    expect(await firstModel("lm-studio", { "/v1/models": listed, "/api/v0/models": own })).toMatchObject({
      id: "qwen3:8b",
    });
    expect(await firstModel("vllm", { "/v1/models": listed })).toMatchObject({ id: "nomic-embed-text:latest" });
  });

  test("a server beneath a prefix is asked for the windows there", async () => {
    const props = json({ n_ctx: 8192 });
    const routes = { "/llm/v1/models": list({ id: "a.gguf" }), "/llm/props": props };
    await using server = serveCompatible([], routes);
    const baseUrl = server.url.replace(/v1$/, "llm/v1");
    const [model] = await listOf(createTestUpstream(server, { dialect: dialects["llama-cpp"], baseUrl }));

    expect(model).toMatchObject({ contextTokens: 8192 });
  });

  test("is asked for with the next key where one is refused, and all that belongs to it with the same", async () => {
    const refused: Play = { status: 401, body: '{"error":{"message":"Incorrect API key provided"}}' };
    const models = [refused, list({ id: "a.gguf" })];
    await using server = serveCompatible([], { "/v1/models": models, "/props": json({ n_ctx: 8192 }) });
    const keys = ["sk-revoked", "sk-good"];
    const upstream = createTestUpstream(server, { dialect: dialects["llama-cpp"], keys });

    expect(await listOf(upstream)).toMatchObject([{ id: "a.gguf", contextTokens: 8192 }]);
    expect(server.requests.map(({ headers }) => headers.get("authorization"))).toEqual([
      "Bearer sk-revoked",
      "Bearer sk-good",
      "Bearer sk-good",
    ]);
  });

  test("is what the user wrote, where he wrote one: the server is not asked", async () => {
    await using server = serveCompatible([]);
    const models = ["qwen3.7-plus", "my-own"];
    const upstream = createTestUpstream(server, { dialect: dialects.dashscope, models });

    expect((await listOf(upstream)).map(({ id, contextTokens }) => [id, contextTokens])).toEqual([
      ["qwen3.7-plus", 1_000_000],
      ["my-own", undefined],
    ]);
    expect(server.requests).toHaveLength(0);
  });

  test("is cut where it is longer than anybody can use", async () => {
    const entries = Array.from({ length: 10_001 }, (_, index) => ({ id: `model-${index}` }));
    await using server = serveCompatible([], { "/v1/models": list(...entries) });
    const listed = await listOf(createTestUpstream(server, { dialect: dialects.vllm }));

    expect(listed.length).toBe(10_000);
    expect(listed[0]?.id).toBe("model-0");
  });

  test("is asked for once by all who wait, and kept for ten minutes", async () => {
    await using server = serveCompatible([], { "/v1/models": list({ id: "a" }) });
    const clock = createClock();
    const upstream = createTestUpstream(server, { dialect: dialects.vllm, clock: clock.now });
    await Promise.all([listOf(upstream), listOf(upstream)]);
    clock.advance(9 * 60_000);
    await listOf(upstream);

    expect(server.requests).toHaveLength(1);
  });

  test("is asked for anew as long as it is empty, and where somebody says that it is old, once in a while", async () => {
    const lists = [list(), list({ id: "a" }), list({ id: "b" }), list({ id: "c" })];
    await using server = serveCompatible([], { "/v1/models": lists });
    const clock = createClock();
    const upstream = createTestUpstream(server, { dialect: dialects.vllm, clock: clock.now });
    const told: (string | undefined)[] = [(await listOf(upstream))[0]?.id, (await listOf(upstream))[0]?.id];
    await upstream.renewModels?.();
    told.push((await listOf(upstream))[0]?.id);
    await upstream.renewModels?.();
    told.push((await listOf(upstream))[0]?.id);
    clock.advance(11_000);
    await upstream.renewModels?.();
    told.push((await listOf(upstream))[0]?.id);

    expect(told).toEqual([undefined, "a", "b", "b", "c"]);
  });

  test("of a server that says nothing is an error that may pass", async () => {
    const silent = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const models = createModelList({
      upstream: "mine",
      fetchList: silent,
      fetchDetails: async () => new Map(),
      configured: [],
      fallback: [],
      timeoutMs: 5,
      clock: Date.now,
      log: silentLog,
    });

    await expect(models.first()).rejects.toMatchObject({
      kind: "upstream-timeout",
      upstream: "mine",
      retryable: true,
    });
  });

  test("stays what it was when the server is down", async () => {
    const server = serveCompatible([], { "/v1/models": list({ id: "a" }) });
    const clock = createClock();
    const upstream = createTestUpstream(server, { dialect: dialects.vllm, clock: clock.now });
    await listOf(upstream);
    await server[Symbol.asyncDispose]();
    clock.advance(11 * 60_000);

    expect((await listOf(upstream)).map(({ id }) => id)).toEqual(["a"]);
  });

  test("is of known names where the host does not tell, and an error where none are known", async () => {
    await using server = serveCompatible([]);
    const hosted = await listOf(createTestUpstream(server, { dialect: dialects.dashscope }));

    expect(hosted.map(({ id }) => id)).toContain("qwen3.8-max");
    await expect(listOf(createTestUpstream(server, { dialect: dialects.vllm }))).rejects.toMatchObject({
      upstream: "mine",
    });
  });
});

describe("knownModel", () => {
  const rows = [
    ["qwen4-max", 1_000_000, true, false],
    ["qwen3.8-max-0902", 1_000_000, true, false],
    ["qwq-32b", 131_072, true, true],
    ["qwen3.7-max", 1_000_000, true, false],
    ["Qwen/Qwen3.6-35B-A3B", 262_144, true, false],
    ["qwen3.6:27b", 262_144, true, false],
    ["qwen3-coder-plus", 1_000_000, false, false],
    ["qwen-plus-latest", 1_000_000, true, false],
  ] as const;
  test.each([...rows])("%s has %d tokens, thinks: %p, always: %p", (id, contextTokens, thinking, alwaysThinks) => {
    expect(knownModel(id)).toMatchObject({ contextTokens, thinking, alwaysThinks });
  });

  test("knows nothing of others", () => {
    expect(["glm-5", "llama4", ""].map(knownModel)).toEqual([undefined, undefined, undefined]);
  });
});
