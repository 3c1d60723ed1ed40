// What the servers tell of themselves, keys and limits, and the endpoints beside chat.

import { describe, expect, test } from "bun:test";
import { at } from "../emulator-client.ts";
import { base, chat, emulate, get, models, names, post, stream } from "./client.ts";

describe("GET /v1/models", () => {
  test.each([
    ["dashscope", { id: "qwen3.8-max", object: "model", owned_by: "system" }],
    [
      "vllm",
      { id: "Qwen/Qwen3.6-27B", owned_by: "vllm", root: "Qwen/Qwen3.6-27B", parent: null, max_model_len: 262_144 },
    ],
    ["sglang", { id: "Qwen/Qwen3.6-27B", owned_by: "sglang", max_model_len: 262_144 }],
    ["ollama", { id: "qwen3.6:27b", owned_by: "library" }],
    ["llama-cpp", { id: "Qwen3.6-27B-Q4_0.gguf", owned_by: "llamacpp", meta: { n_ctx_train: 262_144 } }],
    ["lm-studio", { id: "qwen/qwen3.5-35b-a3b", object: "model", owned_by: "organization_owner" }],
    ["generic", { id: "qwen3.6-27b", owned_by: "qwen" }],
  ] as const)("of %s is in its own form", async (dialect, entry) => {
    const list: unknown = await (await get(emulate(dialect), "/v1/models")).json();

    expect(list).toMatchObject({ object: "list" });
    expect(at(list, "data", 0)).toMatchObject(entry);
  });

  test.each(names)("of %s tells of one model too, and of none by 404", async (dialect) => {
    const emulator = emulate(dialect);
    expect(at(await (await get(emulator, `/v1/models/${models[dialect]}`)).json(), "id")).toBe(models[dialect]);
    expect((await get(emulator, "/v1/models/nothing")).status).toBeGreaterThanOrEqual(400);
  });

  test("serves the models and the window that it was started with", async () => {
    const emulator = emulate("vllm", { models: ["my/qwen"], contextTokens: 4096 });

    expect(at(await (await get(emulator, "/v1/models")).json(), "data")).toMatchObject([
      { id: "my/qwen", max_model_len: 4096 },
    ]);
    expect((await chat(emulator, { model: "my/qwen" })).status).toBe(200);
  });
});

describe("the servers' own routes", () => {
  test("Ollama: version, tags, and what a model can do", async () => {
    const emulator = emulate("ollama");

    expect(await (await get(emulator, "/api/version")).json()).toHaveProperty("version");
    expect(at(await (await get(emulator, "/api/tags")).json(), "models", 0)).toMatchObject({ name: "qwen3.6:27b" });
    expect(await (await post(emulator, "/api/show", { model: "qwen3.6:27b" })).json()).toMatchObject({
      model_info: { "qwen35.context_length": 262_144 },
      capabilities: ["completion", "tools", "vision", "thinking"],
    });
    expect((await post(emulator, "/api/show", { model: "none" })).status).toBe(404);
  });

  test("llama.cpp: props with the real window, and health", async () => {
    const emulator = emulate("llama-cpp", { contextTokens: 8192 });

    expect(await (await get(emulator, "/props")).json()).toMatchObject({
      default_generation_settings: { n_ctx: 8192 },
    });
    expect(await (await get(emulator, "/health")).json()).toEqual({ status: "ok" });
  });

  test("LM Studio: the native list with both windows", async () => {
    const list: unknown = await (await get(emulate("lm-studio"), "/api/v0/models")).json();

    expect(at(list, "data", 0)).toMatchObject({
      type: "vlm",
      state: "loaded",
      max_context_length: 262_144,
      loaded_context_length: 32_768,
    });
  });

  test("vLLM: health and version", async () => {
    const emulator = emulate("vllm");

    expect([(await get(emulator, "/health")).status, (await get(emulator, "/version")).status]).toEqual([200, 200]);
  });

  test.each([
    ["dashscope", 404, ""],
    ["vllm", 404, '{"detail":"Not Found"}'],
    ["ollama", 404, "404 page not found"],
    ["llama-cpp", 404, '{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}'],
    ["lm-studio", 200, '{"error":"Unexpected endpoint or method. (GET /nowhere)"}'],
  ] as const)("%s answers a path that it does not have", async (dialect, status, body) => {
    const response = await get(emulate(dialect), "/nowhere");

    expect([response.status, await response.text()]).toEqual([status, body]);
  });

  test("DashScope's base URL holds, with rerank beside it", async () => {
    const emulator = emulate("dashscope");
    const paths = [
      "/compatible-mode/v1/chat/completions",
      "/compatible-mode/v1/embeddings",
      "/compatible-api/v1/reranks",
    ];
    const body = { input: "a", query: "a", documents: ["a"] };

    for (const path of paths) expect((await post(emulator, path, body)).status).toBe(200);
  });
});

describe("keys", () => {
  test.each([
    ["dashscope", 401],
    ["modelscope", 401],
    ["vllm", 200],
    ["ollama", 200],
  ] as const)("%s without a key is %d", async (dialect, status) => {
    const request = new Request(`${base}/v1/models`);

    expect((await emulate(dialect).fetch(request)).status).toBe(status);
  });

  test.each(names)("%s takes those that it was given and no other", async (dialect) => {
    const emulator = emulate(dialect, { keys: ["sk-sp-good"] });

    expect((await chat(emulator, {}, { key: "sk-sp-good" })).status).toBe(200);
    expect((await chat(emulator, {}, { key: "sk-sp-bad" })).status).toBe(401);
    expect(emulator.requests.map(({ account, refusal }) => [account, refusal])).toEqual([
      ["sk-sp-good", undefined],
      ["sk-sp-bad", "invalid-key"],
    ]);
  });
});

describe("limits of each key", () => {
  const clock = { nowMs: 1_000_000 };
  const options = { clock: () => clock.nowMs };

  test("requests a minute: 429 with Retry-After, and over when the minute is", async () => {
    const emulator = emulate("dashscope", { ...options, limits: { requestsPerMinute: 2 } });
    const ask = async (key: string) => chat(emulator, {}, { key });
    expect([(await ask("a")).status, (await ask("a")).status]).toEqual([200, 200]);
    clock.nowMs += 20_000;

    const refused = await ask("a");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "40"]);
    expect(at(await refused.json(), "error", "code")).toBe("limit_requests");
    expect((await ask("b")).status).toBe(200);
    clock.nowMs += 40_000;
    expect((await ask("a")).status).toBe(200);
  });

  test("tokens a minute, with those of the answers", async () => {
    const emulator = emulate("dashscope", { ...options, limits: { tokensPerMinute: 100 } });
    emulator.script({ reply: { text: "x ".repeat(200) } });
    expect((await chat(emulator, {})).status).toBe(200);

    const refused = await chat(emulator, {});
    expect([refused.status, at(await refused.json(), "error", "code")]).toEqual([429, "insufficient_quota"]);
  });

  test("parallel replies, until one has ended or its client has left", async () => {
    const emulator = emulate("generic", { limits: { concurrent: 1 } });
    emulator.script({ gate: "g", reply: { text: "x" } });
    const running = await chat(emulator, { stream: true });
    expect((await chat(emulator, {})).status).toBe(429);
    expect(emulator.requests.at(-1)?.refusal).toBe("concurrency-limited");

    await running.body?.cancel();
    expect((await chat(emulator, {})).status).toBe(200);
    await stream(emulator);
    expect((await chat(emulator, {})).status).toBe(200);
  });

  test("parallel replies, until one has ended that is sent whole, however it ends", async () => {
    const emulator = emulate("lm-studio", { limits: { concurrent: 1 } });
    emulator.script({ reply: { faults: [{ kind: "drop" }] } });
    await expect(chat(emulator, {})).rejects.toThrow("closed unexpectedly");
    expect((await chat(emulator, {})).status).toBe(200);

    emulator.script({ reply: { faults: [{ kind: "stall" }] } });
    const leaving = new AbortController();
    const left = chat(emulator, {}, { signal: leaving.signal });
    leaving.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    expect((await chat(emulator, {})).status).toBe(200);

    emulator.script({ reply: { text: "x", contentType: "text/event-stream" } });
    await chat(emulator, {});
    expect((await chat(emulator, {})).status).toBe(200);

    const refused = await chat(emulator, { stream: true, messages: [{ role: "user", content: "x ".repeat(300_000) }] });
    expect([refused.headers.get("content-type"), emulator.requests.at(-1)?.refusal]).toEqual([
      "text/event-stream",
      "context-too-long",
    ]);
    expect((await chat(emulator, {})).status).toBe(200);
  });

  test("parallel replies, until a stream has ended that is called something else", async () => {
    const emulator = emulate("generic", { limits: { concurrent: 1 } });
    emulator.script({ gate: "g", reply: { text: "x", contentType: "text/plain" } });
    const running = await chat(emulator, { stream: true });
    expect((await chat(emulator, {})).status).toBe(429);

    await running.body?.cancel();
    expect((await chat(emulator, {})).status).toBe(200);
  });

  test("are told by headers as the services do", async () => {
    const openai = emulate("generic", { ...options, limits: { requestsPerMinute: 5, tokensPerMinute: 1000 } });
    const told = await chat(openai, {});
    expect(told.headers.get("x-ratelimit-limit-requests")).toBe("5");
    expect(told.headers.get("x-ratelimit-remaining-requests")).toBe("4");
    expect(Number(told.headers.get("x-ratelimit-remaining-tokens"))).toBeLessThan(1000);
    expect(told.headers.get("x-ratelimit-reset-tokens")).toBe("60s");

    const modelscope = emulate("modelscope", { ...options, limits: { requestsPerMinute: 5 } });
    const other = await chat(modelscope, {});
    expect(other.headers.get("modelscope-ratelimit-requests-remaining")).toBe("4");

    const silent = await chat(emulate("dashscope", { ...options, limits: { requestsPerMinute: 5 } }), {});
    expect([...silent.headers.keys()].filter((name) => name.includes("ratelimit"))).toEqual([]);
  });
});

describe("a body that is too large", () => {
  test("is refused by hosted services: 16 MiB, or 64 with base64", async () => {
    const emulator = emulate("dashscope");
    const content = "x".repeat(17 * 1024 * 1024);

    expect((await chat(emulator, { messages: [{ role: "user", content }] })).status).toBe(413);
    const image = { type: "image_url", image_url: { url: `data:image/png;base64,${content}` } };
    expect((await chat(emulator, { messages: [{ role: "user", content: [image] }] })).status).toBe(200);
  });
});

describe("POST /v1/embeddings", () => {
  const embed = async (dialect: "dashscope" | "vllm", body: object) => post(emulate(dialect), "/v1/embeddings", body);

  test("gives vectors of the asked size, near for near texts, also as base64", async () => {
    const response = await embed("vllm", { input: ["the red car", "the red bus", "quantum foam"], dimensions: 64 });
    const body: unknown = await response.json();
    const vectors = [0, 1, 2].map((index) => at(body, "data", index, "embedding") as number[]);
    const product = (one: number[] = [], other: number[] = []) =>
      one.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0);

    expect(vectors.map((vector) => vector.length)).toEqual([64, 64, 64]);
    expect(product(vectors[0], vectors[1])).toBeGreaterThan(product(vectors[0], vectors[2]));
    expect(product(vectors[0], vectors[0])).toBeCloseTo(1, 4);
    expect(at(body, "usage", "prompt_tokens")).toBeGreaterThan(0);

    const coded: unknown = await (
      await embed("vllm", { input: "the red car", dimensions: 64, encoding_format: "base64" })
    ).json();
    const bytes = Buffer.from(String(at(coded, "data", 0, "embedding")), "base64");
    expect(bytes.readFloatLE(0)).toBeCloseTo(vectors[0]?.[0] ?? 0, 6);
  });

  test("refuses inputs that are neither texts nor lists of tokens, however deep they are nested", async () => {
    let deep: unknown = [];
    for (let depth = 0; depth < 5000; depth++) deep = [deep];
    for (const entry of [deep, [["a"]], [null], { toString: 1 }]) {
      const response = await embed("vllm", { input: ["a", entry] });
      expect([response.status, await response.text()]).toEqual([400, expect.stringContaining("lists of tokens")]);
    }
    expect((await embed("vllm", { input: [[1, 2], [3]] })).status).toBe(200);
  });

  test("DashScope takes ten texts a call, and its own sizes", async () => {
    expect((await embed("dashscope", { input: Array(10).fill("a") })).status).toBe(200);
    const many = await embed("dashscope", { input: Array(11).fill("a") });
    expect([many.status, await many.text()]).toEqual([400, expect.stringContaining("should not be larger than 10")]);
    expect((await embed("dashscope", { input: "a", dimensions: 100 })).status).toBe(400);
  });
});

describe("rerank, images and audio", () => {
  test("documents come in the order of their likeness", async () => {
    const body = {
      query: "red car",
      documents: ["blue sea", "a red car", { text: "a car" }],
      top_n: 2,
      return_documents: true,
    };
    const ranked: unknown = await (await post(emulate("generic"), "/v1/rerank", body)).json();

    expect(at(ranked, "results")).toEqual([
      { index: 1, relevance_score: 1, document: { text: "a red car" } },
      { index: 2, relevance_score: 0.5, document: { text: "a car" } },
    ]);
    expect(await (await post(emulate("sglang"), "/v1/rerank", body)).json()).toMatchObject([
      { index: 1, score: 1 },
      {},
    ]);
  });

  test("images are bytes or addresses", async () => {
    const draw = async (body: object): Promise<unknown> =>
      (await post(emulate("generic"), "/v1/images/generations", body)).json();

    expect(at(await draw({ prompt: "a cat", n: 2 }), "data")).toMatchObject([{ b64_json: expect.any(String) }, {}]);
    expect(at(await draw({ prompt: "a cat", response_format: "url" }), "data", 0, "url")).toStartWith("https://");
  });

  test("audio is heard, whole and as a stream, and spoken", async () => {
    const emulator = emulate("generic");
    const hear = async (fields: Record<string, string>) => {
      const form = new FormData();
      form.set("file", new File(["abc"], "a.wav", { type: "audio/wav" }));
      for (const [name, value] of Object.entries(fields)) form.set(name, value);
      return emulator.fetch(new Request(`${base}/v1/audio/transcriptions`, { method: "POST", body: form }));
    };

    expect(await (await hear({ model: "whisper" })).json()).toMatchObject({
      text: "The emulator heard a.wav, 3 bytes.",
    });
    expect(emulator.requests.at(-1)?.body).toMatchObject({ model: "whisper", file: { name: "a.wav", size: 3 } });
    expect(await (await hear({ stream: "true" })).text()).toContain('"type":"transcript.text.done"');
    const spoken = await post(emulator, "/v1/audio/speech", { input: "Hello", voice: "a" });
    expect(new TextDecoder().decode((await spoken.bytes()).subarray(0, 4))).toBe("RIFF");
    const streamed = await post(emulator, "/v1/audio/speech", { input: "Hello", stream_format: "sse" });
    expect(await streamed.text()).toContain('"type":"speech.audio.done"');
  });

  test("are refused without what they need, by scripts, and where the server has none", async () => {
    const emulator = emulate("generic");
    expect((await post(emulator, "/v1/audio/speech", {})).status).toBe(400);
    expect((await post(emulator, "/v1/images/generations", {})).status).toBe(400);
    expect((await post(emulator, "/v1/rerank", {})).status).toBe(400);
    emulator.script({ on: "embeddings", refuse: "rate-limited" });
    expect((await post(emulator, "/v1/embeddings", { input: "a" })).status).toBe(429);
    expect((await post(emulate("dashscope"), "/v1/audio/speech", { input: "a" })).status).toBe(404);
  });
});
