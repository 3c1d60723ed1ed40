// Whatever is sent to the compiled executable, the answer is JSON in shape with a request id, and the next request is served.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type BinaryProcess, createPlace, startBinary } from "../support/binary.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const place = createPlace();
let gateway: BinaryProcess;
beforeAll(async () => {
  gateway = await startBinary([], { PORT: "0", MAX_BODY_BYTES: "100000" }, place);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  place[Symbol.dispose]();
});

const chat = "/v1/chat/completions";
const json = { "content-type": "application/json" };
const question = { messages: [{ role: "user", content: "Hello" }] };

interface BadRequest {
  readonly name: string;
  readonly path: string;
  readonly init?: RequestInit;
  readonly status: number;
  readonly code: string;
}

const post = (body: NonNullable<RequestInit["body"]>, headers: Record<string, string> = json): RequestInit => ({
  method: "POST",
  headers,
  body,
});

const badRequests: readonly BadRequest[] = [
  { name: "malformed JSON", path: chat, init: post('{"messages": ['), status: 400, code: "invalid_request" },
  { name: "no body", path: chat, init: { method: "POST", headers: json }, status: 400, code: "invalid_request" },
  { name: "an empty body", path: chat, init: post(""), status: 400, code: "invalid_request" },
  { name: "a body that is no object", path: chat, init: post("[1,2]"), status: 400, code: "invalid_request" },
  { name: "null", path: chat, init: post("null"), status: 400, code: "invalid_request" },
  {
    name: "garbage bytes",
    path: chat,
    init: post(Uint8Array.from({ length: 500 }, (_, index) => (index * 89 + 128) % 256)),
    status: 400,
    code: "invalid_request",
  },
  {
    name: "JSON nested deeper than any stack",
    path: chat,
    init: post(`{"messages":[{"role":"user","content":${"[".repeat(40_000)}${"]".repeat(40_000)}}]}`),
    status: 400,
    code: "invalid_request",
  },
  { name: "no messages", path: chat, init: post("{}"), status: 400, code: "invalid_request" },
  { name: "a wrong type", path: chat, init: post('{"messages":"x"}'), status: 400, code: "invalid_request" },
  {
    name: "a wrong encoding",
    path: chat,
    init: post("x", { ...json, "content-encoding": "gzip" }),
    status: 400,
    code: "invalid_request",
  },
  { name: "an oversized body", path: chat, init: post("x".repeat(100_001)), status: 413, code: "too_large" },
  {
    name: "an oversized body of untold length",
    path: chat,
    init: post(new Blob(["x".repeat(200_000)]).stream()),
    status: 413,
    code: "too_large",
  },
  { name: "an unknown route", path: "/v1/nothing", status: 404, code: "not_found" },
  { name: "an unknown route with a body", path: "/nothing", init: post("{"), status: 404, code: "not_found" },
  { name: "a path out of the house", path: "/v1/..%2f..%2fetc/passwd", status: 404, code: "not_found" },
  { name: "a wrong method", path: chat, status: 405, code: "method_not_allowed" },
  {
    name: "a wrong method on models",
    path: "/v1/models",
    init: { method: "DELETE" },
    status: 405,
    code: "method_not_allowed",
  },
  {
    name: "a wrong method on completions",
    path: "/v1/completions",
    init: { method: "PUT", body: "{}" },
    status: 405,
    code: "method_not_allowed",
  },
  { name: "an unknown session", path: "/v1/sessions/unknown", status: 404, code: "not_found" },
  {
    name: "deleting an unknown session",
    path: "/v1/sessions/unknown",
    init: { method: "DELETE" },
    status: 404,
    code: "not_found",
  },
  {
    name: "an unknown model",
    path: chat,
    init: post(JSON.stringify({ ...question, model: "x" })),
    status: 404,
    code: "model_not_found",
  },
  {
    name: "a foreign Host",
    path: "/v1/models",
    init: { headers: { host: "evil.example" } },
    status: 403,
    code: "forbidden",
  },
  {
    name: "a foreign Origin",
    path: "/v1/models",
    init: { headers: { origin: "https://evil.example" } },
    status: 403,
    code: "forbidden",
  },
];

describe("a bad request", () => {
  test.each(badRequests)("$name is $status $code in shape [R2-056] [R2-088]", async ({ path, init, status, code }) => {
    const response = await fetch(gateway.url + path, init);
    const body: unknown = await response.json();

    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toStartWith("application/json");
    expect(response.headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
    expect(body).toMatchObject({ error: { message: expect.any(String), type: expect.any(String), code } });
    expect(Object.keys((body as { error: object }).error).sort()).toEqual(["code", "message", "param", "type"]);
    expect(JSON.stringify(body)).not.toMatch(/node_modules|\/src\/|\.ts:|\bat \w+ \(/);
  });

  test("a wrong method names the right ones", async () => {
    const response = await fetch(gateway.url + chat);

    expect(response.headers.get("allow")).toBe("POST");
  });

  test("every request has an id of its own", async () => {
    const ids = await Promise.all(
      Array.from({ length: 10 }, async () => (await fetch(`${gateway.url}/health`)).headers.get("x-request-id")),
    );

    expect(new Set(ids).size).toBe(10);
  });
});

/** Sends bytes as they are, and reads all that comes until the server closes. */
async function speakRaw(bytes: string | Uint8Array): Promise<string> {
  let answer = "";
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: gateway.port,
    socket: {
      data(_, chunk) {
        answer += chunk.toString("latin1");
      },
      close: () => resolve(),
      error: () => resolve(),
    },
  });
  socket.write(bytes);
  await closed;
  return answer;
}

const rawRequest = (host: string, path = "/health"): string =>
  `GET ${path} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;

describe("on the bare socket", () => {
  test("bytes that are no HTTP cost nobody else anything", async () => {
    const garbage = Uint8Array.from({ length: 2000 }, (_, index) => (index * 131 + 17) % 256);
    await speakRaw(Buffer.concat([garbage, Buffer.from("\r\n\r\n")]));

    expect(await speakRaw(rawRequest("Host: 127.0.0.1\r\n"))).toStartWith("HTTP/1.1 200");
  });

  test.each(["Host: a\r\n", "Host: a.b\r\n", `Host: ${"long.".repeat(40)}example\r\n`])(
    "a foreign Host of any length is a 403 and not a 404: %j",
    async (host) => {
      const answer = await speakRaw(rawRequest(host));

      expect(answer).toStartWith("HTTP/1.1 403");
      expect(answer).toContain('"code":"forbidden"');
    },
  );

  const streams = [
    { path: chat, body: JSON.stringify({ ...question, stream: true }) },
    { path: "/v1/completions", body: JSON.stringify({ prompt: "Hello", stream: true }) },
  ];
  test.each(streams)(
    "the head of a stream of $path has the four headers [R0-002] [R0-003] [R0-004] [R0-005] [R0-006] [R0-007]",
    async ({ path, body }) => {
      const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
      let answer = "";
      const { promise: done, resolve } = Promise.withResolvers<void>();
      const socket = await Bun.connect({
        hostname: "127.0.0.1",
        port: gateway.port,
        socket: {
          data(_, chunk) {
            answer += chunk.toString("latin1");
            if (answer.includes("[DONE]")) resolve();
          },
          close: () => resolve(),
        },
      });
      socket.write(head + body);
      await done;
      socket.end();

      const lines = answer.slice(0, answer.indexOf("\r\n\r\n")).toLowerCase().split("\r\n");
      expect(lines[0]).toBe("http/1.1 200 ok");
      expect(lines.filter((line) => line.startsWith("connection:"))).toEqual(["connection: keep-alive"]);
      expect(lines).toContain("cache-control: no-cache");
      expect(lines).toContain("x-accel-buffering: no");
      expect(lines.find((line) => line.startsWith("content-type:"))).toStartWith("content-type: text/event-stream");
      expect(lines.some((line) => line.startsWith("content-length:"))).toBe(false);
    },
  );
});

describe("API_KEY", () => {
  test("API_KEY guards every route but health, takes both headers, and any Host then", async () => {
    using own = createPlace();
    await using guarded = await startBinary([], { PORT: "0", API_KEY: "first-key,second-key" }, own);
    const status = async (path: string, headers: Record<string, string> = {}, method = "GET") => {
      const response = await fetch(guarded.url + path, { method, headers });
      await response.body?.cancel();
      expect(response.headers.get("x-request-id")).toMatch(/^req_/);
      return response.status;
    };
    const guardedRoutes = [
      "/v1/models",
      "/v1/models/qwen3-max",
      "/v1/sessions",
      "/v1/sessions/x",
      "/admin/api/log",
      "/nothing",
    ];

    for (const path of guardedRoutes) expect([path, await status(path)]).toEqual([path, 401]);
    for (const path of [chat, "/v1/completions"]) expect([path, await status(path, {}, "POST")]).toEqual([path, 401]);
    for (const path of ["/health", "/health/live", "/health/ready"])
      expect([path, await status(path)]).toEqual([path, 200]);
    expect(await status("/v1/models", { authorization: "Bearer second-key" })).toBe(200);
    expect(await status("/v1/models", { "x-api-key": "first-key" })).toBe(200);
    expect(await status("/v1/models", { "x-api-key": "first-key", host: "a" })).toBe(200);
    expect(await status("/v1/models", { authorization: "Bearer first-key2" })).toBe(401);
    expect(await status("/v1/models", { authorization: "Basic Zmlyc3Qta2V5" })).toBe(401);
  });

  test("two keys are two callers: neither sees the sessions of the other", async () => {
    using own = createPlace();
    await using guarded = await startBinary([], { PORT: "0", API_KEY: "first-key,second-key" }, own);
    const as = (key: string): Record<string, string> => ({ ...json, authorization: `Bearer ${key}` });
    await fetch(guarded.url + chat, { method: "POST", headers: as("first-key"), body: JSON.stringify(question) });
    const sessions = async (key: string): Promise<unknown> =>
      (await fetch(`${guarded.url}/v1/sessions`, { headers: as(key) })).json();

    expect(await sessions("first-key")).toMatchObject({ data: [{ messageCount: 1 }] });
    expect(await sessions("second-key")).toEqual({ object: "list", data: [] });
  });
});
