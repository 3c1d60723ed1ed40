// Endpoints beside chat, passed on: what goes out, what comes back, who is asked, and how it ends when something breaks.

import { expect, test } from "bun:test";
import OpenAI, { toFile } from "openai";
import { type FakeServer, type Play, type Routes, serveCompatible } from "../support/fake-compatible-server.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { parseMetrics, sumOf } from "../support/read-metrics.ts";
import { until } from "../support/until.ts";
import { readError } from "./client.ts";

const json = (value: unknown): Play => ({ body: JSON.stringify(value) });
const vectors = {
  object: "list",
  data: [{ object: "embedding", index: 0, embedding: [0.25, -0.5] }],
  model: "text-embedding-v4",
  usage: { prompt_tokens: 8, total_tokens: 8 },
};
const failing: Play = { status: 500, body: '{"error":{"message":"no GPU","type":"server_error"}}' };
const hello = { model: "text-embedding-v4", input: "hello" };

interface Stage extends AsyncDisposable {
  readonly harness: Harness;
  readonly client: OpenAI;
  readonly servers: readonly FakeServer[];
}

interface StageOptions {
  /** One server each. */
  readonly servers: readonly {
    /** @defaultValue found out */
    readonly dialect?: string;
    readonly routes: Routes;
    readonly keys?: readonly string[];
  }[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** The web emulator behind an account, and servers of the user's own named "one" and "two". */
async function start({ servers, environment = {} }: StageOptions): Promise<Stage> {
  const running = servers.map(({ routes }) => serveCompatible([], routes));
  const upstreams = servers.map(({ dialect, keys = [] }, index) => ({
    name: ["one", "two"][index],
    dialect,
    base_url: running[index]!.url,
    api_keys: keys,
  }));
  const harness = await startHarness({ environment: { UPSTREAMS: JSON.stringify(upstreams), ...environment } });
  return {
    harness,
    client: new OpenAI({ baseURL: `${harness.url}/v1`, apiKey: "none", maxRetries: 0 }),
    servers: running,
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]();
      for (const server of running) await server[Symbol.asyncDispose]();
    },
  };
}

const startOne = (routes: Routes, dialect = "generic", environment: Record<string, string> = {}) =>
  start({ servers: [{ dialect, routes, keys: ["sk-secret"] }], environment });

/** A form with its parts in the given order. */
function form(parts: readonly (readonly [name: string, value: string | Blob])[]): FormData {
  const data = new FormData();
  for (const [name, value] of parts) {
    if (typeof value === "string") data.append(name, value);
    else data.append(name, value, "sound.wav");
  }
  return data;
}

const sound = (size: number) => new Blob([new Uint8Array(size).fill(7)], { type: "audio/wav" });

test("embeddings reach the official client, and the body goes out byte for byte [R2-054]", async () => {
  await using stage = await startOne({ "/v1/embeddings": json(vectors) });
  const body = '{ "input": "h\\u00e9llo",\n "model":"text-embedding-v4", "dimensions": 2 , "encoding_format":"float"}';

  const answer = await stage.harness.post("/v1/embeddings", body);
  const made = await stage.client.embeddings.create({ ...hello, encoding_format: "float" });

  expect(await answer.json()).toEqual(vectors);
  expect(made.data[0]?.embedding).toEqual([0.25, -0.5]);
  const [asked] = stage.servers[0]!.requests.filter(({ path }) => path === "/v1/embeddings");
  expect(new TextDecoder().decode(asked!.bytes)).toBe(body);
  expect(asked!.headers.get("authorization")).toBe("Bearer sk-secret");
  expect(asked!.headers.get("content-type")).toBe("application/json");
  expect([answer.headers.get("x-upstream"), answer.headers.get("x-attempts")]).toEqual(["one", "1"]);
  expect(answer.headers.get("content-length")).toBe(String(JSON.stringify(vectors).length));
});

test("only the type of an answer is copied from its head", async () => {
  const headers = { "set-cookie": "a=b", server: "inner.example", "x-inner": "1", connection: "close" };
  await using stage = await startOne({ "/v1/embeddings": { ...json(vectors), headers } });
  const answer = await stage.harness.post("/v1/embeddings", hello);

  for (const name of ["set-cookie", "server", "x-inner"]) expect(answer.headers.get(name)).toBeNull();
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(answer.headers.get("x-request-id")).toMatch(/^req_/);
});

test("an alias goes out under its model's name, and nothing else of the body changes", async () => {
  const routes = JSON.stringify({ "text-embedding-3-*": "one/text-embedding-v4" });
  await using stage = await startOne({ "/v1/embeddings": json(vectors) }, "generic", { MODEL_ROUTES: routes });
  await stage.harness.post("/v1/embeddings", '{"input":["a","b"], "model" : "text-embedding-3-small"}');

  const [asked] = stage.servers[0]!.requests.filter(({ method }) => method === "POST");
  expect(new TextDecoder().decode(asked!.bytes)).toBe('{"input":["a","b"], "model" : "text-embedding-v4"}');
});

test("rerank goes to the place that DashScope has for it", async () => {
  const ranked = { results: [{ index: 1, relevance_score: 0.9 }], usage: { total_tokens: 12 } };
  await using stage = await startOne({ "/compatible-api/v1/reranks": json(ranked) }, "dashscope");
  const answer = await stage.harness.post("/v1/rerank", { model: "qwen3-rerank", query: "q", documents: ["a", "b"] });

  expect(await answer.json()).toEqual(ranked);
});

test("pictures and speech of an upstream reach the official client, sounds byte for byte", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(50_000));
  await using stage = await startOne({
    "/v1/images/generations": json({ created: 1, data: [{ b64_json: "AAAA" }] }),
    "/v1/audio/speech": { contentType: "audio/mpeg", body: bytes },
  });
  const image = await stage.client.images.generate(
    { model: "wan", prompt: "a cat" },
    { headers: { "x-upstream": "one" } },
  );
  const speech = await stage.client.audio.speech.create({ model: "tts", voice: "alloy", input: "hi" });

  expect(image.data?.[0]?.b64_json).toBe("AAAA");
  expect(speech.headers.get("content-type")).toBe("audio/mpeg");
  expect(new Uint8Array(await speech.arrayBuffer())).toEqual(bytes);
});

test("a transcription of the official client arrives as a form with its file whole", async () => {
  const routes = { "/v1/audio/transcriptions": json({ text: "hello" }) };
  await using stage = await startOne(routes, "vllm");
  const file = await toFile(new Uint8Array(3_000_000).fill(9), "a.wav", { type: "audio/wav" });
  const made = await stage.client.audio.transcriptions.create({ file, model: "qwen3-asr" });

  expect(made.text).toBe("hello");
  const asked = stage.servers[0]!.requests.find(({ path }) => path.endsWith("/transcriptions"))!;
  const received = await new Response(asked.bytes, { headers: asked.headers }).formData();
  expect(received.get("model")).toBe("qwen3-asr");
  expect((received.get("file") as File).size).toBe(3_000_000);
});

test("a form with its model before the file streams through under another name of the model", async () => {
  const routes = { "/v1/audio/translations": json({ text: "hello" }) };
  const aliases = JSON.stringify({ "whisper-1": "one/qwen3-asr" });
  await using stage = await startOne(routes, "vllm", { MODEL_ROUTES: aliases });
  const body = form([
    ["model", "whisper-1"],
    ["file", sound(2_000_000)],
  ]);
  const answer = await fetch(`${stage.harness.url}/v1/audio/translations`, { method: "POST", body });

  expect(await answer.json()).toEqual({ text: "hello" });
  const asked = stage.servers[0]!.requests.find(({ path }) => path.endsWith("/translations"))!;
  expect(Number(asked.headers.get("content-length"))).toBe(asked.bytes.length);
  const received = await new Response(asked.bytes, { headers: asked.headers }).formData();
  expect(received.get("model")).toBe("qwen3-asr");
  expect((received.get("file") as File).size).toBe(2_000_000);
});

test("a large form is on its way upstream before the client has sent all of it", async () => {
  const routes = { "/v1/audio/transcriptions": json({ text: "hello" }) };
  await using stage = await startOne(routes, "vllm");
  const gate = Promise.withResolvers<void>();
  const head = '--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
  const encoder = new TextEncoder();
  async function* body() {
    yield encoder.encode(head);
    yield new Uint8Array(4_000_000);
    await gate.promise;
    yield encoder.encode('\r\n--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n--b--\r\n');
  }
  const answer = fetch(`${stage.harness.url}/v1/audio/transcriptions`, {
    method: "POST",
    headers: { "content-type": "multipart/form-data; boundary=b" },
    body: body(),
  });
  await until(() => stage.servers[0]!.receivedBytes >= 2_000_000);
  gate.resolve();

  expect(await (await answer).json()).toEqual({ text: "hello" });
});

test("a streamed transcription arrives event by event, while it is made", async () => {
  const event = 'data: {"type":"transcript.text.delta","delta":"hel"}\n\n';
  await using stage = await startOne({ "/v1/audio/transcriptions": { body: event, after: "open" } }, "vllm");
  const body = form([
    ["model", "m"],
    ["stream", "true"],
    ["file", sound(1000)],
  ]);
  const controller = new AbortController();
  const answer = await fetch(`${stage.harness.url}/v1/audio/transcriptions`, {
    method: "POST",
    body,
    signal: controller.signal,
  });
  const reader = answer.body!.getReader();
  const first = await reader.read();

  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  expect(new TextDecoder().decode(first.value)).toBe(event);
  controller.abort();
  await stage.servers[0]!.untilIdle();
});

test("a client that hangs up ends the request upstream, before and after its answer has begun", async () => {
  const routes: Routes = {
    "/v1/embeddings": { body: "", after: "silent" },
    "/v1/audio/speech": { body: "abc", contentType: "audio/mpeg", after: "open" },
  };
  await using stage = await startOne(routes);
  const [server] = stage.servers;
  const early = new AbortController();
  const asked = stage.harness.post("/v1/embeddings", hello, { signal: early.signal }).catch(() => "gone");
  await until(() => server!.requests.some(({ path }) => path === "/v1/embeddings"));
  early.abort();
  expect(await asked).toBe("gone");
  await server!.untilIdle();

  const late = new AbortController();
  const speech = await stage.harness.post("/v1/audio/speech", { model: "m", input: "a" }, { signal: late.signal });
  await speech.body!.getReader().read();
  late.abort();
  await server!.untilIdle();

  const lines = () => stage.harness.logLines.filter((line) => line.includes('"outcome":"aborted"'));
  await until(() => lines().length >= 2);
  expect(lines()).toHaveLength(2);
  for (const line of lines()) expect(JSON.parse(line)).not.toHaveProperty("kind");
});

test("what nothing serves is 501, says what to configure, and is not asked for again", async () => {
  await using harness = await startHarness();
  const answer = await harness.post("/v1/embeddings", hello);

  expect(answer.status).toBe(501);
  expect(answer.headers.get("x-should-retry")).toBe("false");
  expect((await readError(answer)).error).toMatchObject({
    type: "invalid_request_error",
    code: "not_served",
    message: expect.stringContaining("DASHSCOPE_API_KEY"),
  });
});

test("a server without the endpoint is 501 of its own, and another one is asked first", async () => {
  const two = { dialect: "generic", routes: { "/v1/rerank": json({ results: [] }) } };
  await using stage = await start({ servers: [{ dialect: "generic", routes: {} }, two] });
  const reranked = await stage.harness.post("/v1/rerank", { query: "q", documents: [] });
  const spoken = await stage.harness.post("/v1/audio/speech", { input: "a" });

  expect([reranked.status, reranked.headers.get("x-upstream")]).toEqual([200, "two"]);
  expect(spoken.status).toBe(501);
});

test.each(["llama-swap", "lemonade", "koboldcpp"])("what %s has beside llama.cpp's is served", async (owner) => {
  const models = json({ data: [{ id: "kokoro", owned_by: owner }] });
  const routes = { "/v1/models": models, "/v1/audio/speech": { contentType: "audio/mpeg", body: "sound" } };
  await using stage = await start({ servers: [{ routes }] });
  const spoken = await stage.harness.post("/v1/audio/speech", { model: "kokoro", input: "a", voice: "b" });
  const pictured = await stage.harness.post("/v1/images/generations", { model: "kokoro", prompt: "a" });

  expect([spoken.status, await spoken.text()]).toEqual([200, "sound"]);
  expect(pictured.status).toBe(501);
});

test("a text that its server calls HTML is a text, to browsers as well (whisper.cpp's transcriptions)", async () => {
  const text = " Ask not what your country can do for you.\n";
  const routes = { "/v1/audio/transcriptions": { contentType: "text/html; charset=utf-8", body: text } };
  await using stage = await startOne(routes);
  const body = form([
    ["model", "whisper-1"],
    ["response_format", "text"],
    ["file", new Blob(["RIFF"])],
  ]);
  const answer = await fetch(`${stage.harness.url}/v1/audio/transcriptions`, { method: "POST", body });

  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
  expect(await answer.text()).toBe(text);
});

test("a server that was not started for an endpoint lacks it, by whatever status it says so", async () => {
  const llama: Play = {
    status: 501,
    body: '{"error":{"code":501,"message":"This server does not support embeddings. Start it with `--embeddings`","type":"not_supported_error"}}',
  };
  const vllm: Play = {
    status: 400,
    body: '{"object":"error","message":"The model does not support Embeddings API","type":"BadRequestError","code":400}',
  };
  const fastapi: Play = { status: 405, body: '{"detail":"Method Not Allowed"}' };
  for (const lacking of [llama, vllm, fastapi]) {
    const routes = { "/v1/embeddings": lacking };
    await using pair = await start({
      servers: [
        { dialect: "llama-cpp", routes },
        { dialect: "vllm", routes: { "/v1/embeddings": json(vectors) } },
      ],
    });
    await using alone = await startOne(routes);
    const served = await pair.harness.post("/v1/embeddings", hello);
    const refused = await alone.harness.post("/v1/embeddings", hello);

    expect([served.status, served.headers.get("x-upstream")]).toEqual([200, "two"]);
    expect([refused.status, refused.headers.get("x-should-retry")]).toEqual([501, "false"]);
    expect((await readError(refused)).error.message).toContain('the upstream "one" does not have it');
    expect(alone.servers[0]?.requests.filter(({ path }) => path === "/v1/embeddings")).toHaveLength(1);
  }
});

test("the next upstream answers when the first one fails, and each one is counted by its endpoint", async () => {
  await using stage = await start({
    servers: [
      { dialect: "vllm", routes: { "/v1/embeddings": failing } },
      { dialect: "vllm", routes: { "/v1/embeddings": json(vectors) } },
    ],
  });
  const answer = await stage.harness.post("/v1/embeddings", hello);

  expect([answer.status, answer.headers.get("x-upstream"), answer.headers.get("x-attempts")]).toEqual([
    200,
    "two",
    "2",
  ]);
  await answer.text();
  const samples = parseMetrics(await (await stage.harness.get("/metrics")).text());
  const lane = { surface: "embeddings", upstream: "two" };
  expect(sumOf(samples, "qwen_gateway_requests_total", { ...lane, outcome: "complete" })).toBe(1);
  expect(sumOf(samples, "qwen_gateway_tokens_total", { ...lane, direction: "input" })).toBe(8);
  const line = stage.harness.logLines.find((one) => one.includes('"surface":"embeddings"'));
  expect(JSON.parse(line!)).toMatchObject({ upstream: "two", outcome: "complete", attempts: 2, inputTokens: 8 });
});

test.each([
  [
    "JSON",
    json({ data: [{ url: "http://a.example/1.png" }], usage: { total_tokens: 8, input_tokens: 5, output_tokens: 3 } }),
  ],
  [
    "an event stream",
    {
      body: 'data: {"type":"image_generation.partial_image"}\n\ndata: {"type":"image_generation.completed","usage":{"total_tokens":8,"input_tokens":5,"output_tokens":3}}\n\ndata: [DONE]\n\n',
    },
  ],
])("the tokens of %s count against its caller's limit [R2-080]", async (_what, play) => {
  const environment = { LIMIT_TOKENS_PER_DAY: "8" };
  await using stage = await startOne({ "/v1/images/generations": play }, "generic", environment);
  const ask = () => stage.harness.post("/v1/images/generations", { model: "one/m", prompt: "A cat", stream: true });

  const first = await ask();
  expect([first.status, (await first.text()).length]).toEqual([200, play.body.length]);
  await stage.servers[0]!.untilIdle();
  const samples = parseMetrics(await (await stage.harness.get("/metrics")).text());
  const tokens = (direction: string) => sumOf(samples, "qwen_gateway_tokens_total", { upstream: "one", direction });
  expect([tokens("input"), tokens("output")]).toEqual([5, 3]);
  expect((await ask()).status).toBe(429);
});

const usage = { prompt_tokens: 8, total_tokens: 8 };
const longText = "word ".repeat(1000);

test.each([
  // As vLLM and llama.cpp rank, and as llama.cpp embeds.
  ["in front of a long answer", { usage, results: [{ index: 0, document: { text: longText } }] }],
  ["in front of a text that is called so", { usage, results: [{ index: 0, document: { text: "usage" } }] }],
  ["behind a long answer", { results: [{ index: 0, document: { text: longText } }], usage }],
])("tokens that are told %s count against its caller's limit [R2-080]", async (_where, ranked) => {
  await using stage = await startOne({ "/v1/rerank": json(ranked) }, "vllm", { LIMIT_TOKENS_PER_DAY: "8" });
  const ask = () => stage.harness.post("/v1/rerank", { model: "one/m", query: "q", documents: ["a"] });

  const first = await ask();
  expect([first.status, await first.json()]).toEqual([200, ranked]);
  await stage.servers[0]!.untilIdle();
  const samples = parseMetrics(await (await stage.harness.get("/metrics")).text());
  expect(sumOf(samples, "qwen_gateway_tokens_total", { upstream: "one", direction: "input" })).toBe(8);
  const line = stage.harness.logLines.find((one) => one.includes('"surface":"rerank"'));
  expect(JSON.parse(line!)).toMatchObject({ outcome: "complete", inputTokens: 8, outputTokens: 0 });
  expect((await ask()).status).toBe(429);
});

test("why a server refuses a request stands in the log, and only there [R0-032]", async () => {
  const refused: Play = { status: 400, body: '{"error":{"message":"dimensions must be below 2048"}}' };
  await using stage = await startOne({ "/v1/embeddings": refused });
  const { status, text } = await readError(await stage.harness.post("/v1/embeddings", hello));
  const line = stage.harness.logLines.find((one) => one.includes("exchange failed"));

  expect([status, text.includes("log has its reason"), text.includes("dimensions")]).toEqual([400, true, false]);
  expect(JSON.parse(line ?? "{}")).toMatchObject({ reason: expect.stringContaining("dimensions must be below 2048") });
});

test("a server that lacks the endpoint does not speak for one that has it", async () => {
  const missing: Play = { status: 404, body: '{"detail":"Not Found"}' };
  const unknown: Play = { status: 404, body: '{"error":{"message":"The model `text-embedding-v4` does not exist."}}' };
  const answers = [];
  for (const plays of [[failing, json(vectors)], [unknown]]) {
    await using stage = await start({
      servers: [
        { dialect: "generic", routes: { "/v1/embeddings": plays } },
        { dialect: "generic", routes: { "/v1/embeddings": missing } },
      ],
      environment: { RETRY_BASE_DELAY_MS: "1" },
    });
    const answer = await stage.harness.post("/v1/embeddings", hello);
    await answer.text();
    const line = stage.harness.logLines.find((one) => one.includes('"surface":"embeddings"'));
    answers.push([answer.status, JSON.parse(line!).upstream]);
  }

  expect(answers).toEqual([
    [200, "one"],
    [404, "one"],
  ]);
});

test("a file that was sent is sent to nobody else", async () => {
  const failed = { "/v1/audio/transcriptions": failing };
  await using stage = await start({
    servers: [
      { dialect: "vllm", routes: failed },
      { dialect: "vllm", routes: failed },
    ],
  });
  const body = form([
    ["model", "m"],
    ["file", sound(3_000_000)],
  ]);
  const answer = await fetch(`${stage.harness.url}/v1/audio/transcriptions`, { method: "POST", body });

  expect(answer.status).toBe(502);
  const posts = stage.servers.map(({ requests }) => requests.filter(({ method }) => method === "POST").length);
  expect(posts).toEqual([1, 0]);
});

test("a small file is, and every key is tried", async () => {
  const refused: Play = { status: 401, body: '{"error":{"message":"Invalid API key"}}' };
  await using stage = await start({
    servers: [
      {
        dialect: "vllm",
        keys: ["sk-a", "sk-b"],
        routes: { "/v1/audio/transcriptions": [refused, json({ text: "hello" })] },
      },
    ],
  });
  const body = form([
    ["file", sound(1000)],
    ["model", "m"],
  ]);
  const answer = await fetch(`${stage.harness.url}/v1/audio/transcriptions`, { method: "POST", body });

  expect(await answer.json()).toEqual({ text: "hello" });
});

test.each<[string, Play, number, string]>([
  [
    "a limit",
    { status: 429, headers: { "retry-after": "7" }, body: '{"error":{"message":"x","code":"limit_requests"}}' },
    429,
    "upstream_quota",
  ],
  [
    "a refused request",
    { status: 400, body: '{"error":{"message":"batch size 11 at http://10.0.0.1","code":"InvalidParameter"}}' },
    400,
    "invalid_request",
  ],
  ["an unknown model", { status: 404, body: '{"error":{"message":"model x not found"}}' }, 404, "model_not_found"],
  [
    "an error under a good status",
    { body: '{"error":{"message":"engine died","type":"server_error"}}' },
    502,
    "upstream_failed",
  ],
  [
    "an event stream that begins with its error",
    { body: 'data: {"error":{"message":"engine died","code":500}}\n\n' },
    502,
    "upstream_failed",
  ],
  ["a page", { contentType: "text/html", body: "<html>Log in at inner.example</html>" }, 502, "upstream_failed"],
])("%s is told in OpenAI's shape, without a word of the server", async (_, play, status, code) => {
  await using stage = await startOne({ "/v1/embeddings": play }, "generic", { RETRY_MAX_ATTEMPTS: "1" });
  const answer = await stage.harness.post("/v1/embeddings", hello);
  const text = await answer.text();

  expect(answer.status).toBe(status);
  expect(JSON.parse(text)).toMatchObject({ error: { code } });
  for (const secret of ["10.0.0.1", "inner.example", "sk-secret", "127.0.0.1", "batch size"]) {
    expect(text).not.toContain(secret);
  }
  if (status === 429) expect(answer.headers.get("retry-after")).toBe("7");
});

test("an answer that breaks off is cut, an event stream is told why", async () => {
  const event = 'data: {"type":"transcript.text.delta","delta":"hel"}\n\n';
  await using stage = await startOne({
    "/v1/audio/speech": [
      { body: "half a sound", contentType: "audio/mpeg", after: "break" },
      { body: event, after: "break" },
    ],
  });
  const cut = await stage.harness.post("/v1/audio/speech", { model: "m", input: "a" });
  const told = await stage.harness.post("/v1/audio/speech", { model: "m", input: "a" });

  expect(await cut.text().catch(() => "cut")).toBe("cut");
  const text = await told.text();
  expect(text).toStartWith(event);
  expect(text).toContain('event: error\ndata: {"error":"The connection');
  expect(text).toContain('"code":"upstream-failed"');
});

test.each([
  ["told", true],
  ["untold", false],
])("a form beyond the limit, its length %s, is 413", async (_, isTold) => {
  const routes = { "/v1/audio/transcriptions": json({ text: "hello" }) };
  await using stage = await startOne(routes, "vllm", { MAX_BODY_BYTES: "2000000" });
  const whole = new Response(
    form([
      ["model", "m"],
      ["file", sound(3_000_000)],
    ]),
  );
  const contentType = whole.headers.get("content-type")!;
  const bytes = new Uint8Array(await whole.arrayBuffer());
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
  }
  const answer = await fetch(`${stage.harness.url}/v1/audio/transcriptions`, {
    method: "POST",
    headers: { "content-type": contentType },
    body: isTold ? bytes : chunks(),
  });

  expect(answer.status).toBe(413);
  expect((await readError(answer)).error.code).toBe("too_large");
  await stage.servers[0]!.untilIdle();
});

test.each<[string, string, Record<string, string>]>([
  ["no JSON", "nothing", {}],
  ["a model that is no text", '{"model":7}', {}],
  ["a body that is cut", '{"model":"a","input":"b', {}],
])("%s is refused before anybody is asked", async (_, body, headers) => {
  await using stage = await startOne({ "/v1/embeddings": json(vectors) });
  const answer = await stage.harness.post("/v1/embeddings", body, { headers });

  expect(answer.status).toBe(400);
  expect(stage.servers[0]!.requests.filter(({ method }) => method === "POST")).toEqual([]);
});

test("keys, limits of replies and wrong methods hold here too", async () => {
  const routes: Routes = { "/v1/embeddings": { body: "", after: "silent" } };
  await using stage = await startOne(routes, "generic", { API_KEY: "secret", MAX_STREAMS: "1" });
  const authorization = { headers: { authorization: "Bearer secret" } };
  const controller = new AbortController();
  const first = stage.harness
    .post("/v1/embeddings", hello, { ...authorization, signal: controller.signal })
    .catch(() => {});
  await until(() => stage.servers[0]!.requests.some(({ path }) => path === "/v1/embeddings"));

  expect((await stage.harness.post("/v1/embeddings", hello)).status).toBe(401);
  expect((await stage.harness.post("/v1/embeddings", hello, authorization)).status).toBe(503);
  const wrong = await fetch(`${stage.harness.url}/v1/embeddings`, authorization);
  expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
  controller.abort();
  await first;
});

test("a request beyond the upstream's limit waits in line, and goes on when the one before it has ended", async () => {
  const routes: Routes = { "/v1/audio/speech": { body: "abc", contentType: "audio/mpeg", after: "open" } };
  const server = serveCompatible([], { ...routes, "/v1/embeddings": json(vectors) });
  const environment = { UPSTREAM_BASE_URL: server.url, UPSTREAM_DIALECT: "generic", UPSTREAM_MAX_CONCURRENT: "1" };
  await using harness = await startHarness({ environment });
  const controller = new AbortController();
  const speech = await harness.post("/v1/audio/speech", { model: "m", input: "a" }, { signal: controller.signal });
  await speech.body!.getReader().read();
  const waiting = harness.post("/v1/embeddings", hello);
  const depth = async () =>
    sumOf(parseMetrics(await (await harness.get("/metrics")).text()), "qwen_gateway_queue_depth");
  await until(async () => (await depth()) === 1);
  expect(server.requests.some(({ path }) => path === "/v1/embeddings")).toBe(false);

  controller.abort();
  const answer = await waiting;
  expect(answer.status).toBe(200);
  expect(Number(answer.headers.get("x-queue-wait-ms"))).toBeGreaterThan(0);
  await server[Symbol.asyncDispose]();
});
