import { expect, test } from "bun:test";
import { type ErrorKind, GatewayError, httpStatus } from "../../../src/contract/gateway-error.ts";
import { createTestServer, readError, speakRaw, startTestServer } from "./test-server.ts";

const chatPath = "/v1/chat/completions";

test("createServer serves Elysia on Bun.serve and answers /health [RC-001]", async () => {
  const { get } = startTestServer();
  const response = await get("/health");
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ status: "ok", version: "1.2.3", openReplies: 0 });
});

test("createServer registers every route of the edge and of its surfaces in one setup [R2-062]", async () => {
  const { url } = startTestServer();
  const addresses = [
    ["GET", "/health"],
    ["GET", "/health/live"],
    ["GET", "/health/ready"],
    ["GET", "/v1/models"],
    ["GET", "/v1/models/qwen3-max"],
    ["GET", "/v1/sessions"],
    ["POST", chatPath],
    ["POST", "/v1/messages"],
    ["HEAD", "/admin/api/log"],
  ];
  for (const [method = "", path = ""] of addresses) {
    const response = await fetch(`${url}${path}`, { method });
    expect([method, path, response.status]).toEqual([method, path, 200]);
  }
});

test("createServer hands the body, headers and ids of a request to the gateway", async () => {
  const { post, exchanges } = startTestServer();
  const response = await post(chatPath, '{"model":"q"}', { "x-session-id": "s1" });
  const exchange = exchanges[0];
  expect(exchange?.surface).toBe("plain");
  expect(exchange?.text).toBe('{"model":"q"}');
  expect(exchange?.incoming.headers.get("x-session-id")).toBe("s1");
  expect(exchange?.incoming.caller).toBe("local");
  expect(response.headers.get("x-request-id")).toBe(exchange?.incoming.requestId ?? "none");
});

test("createServer hands malformed JSON, any content type and an empty body on unread", async () => {
  const { post, exchanges } = startTestServer();
  await post(chatPath, "{broken", { "content-type": "application/vnd.x+json" });
  await post(chatPath, "{}", { "content-type": "text/plain" });
  await post(chatPath, "");
  expect(exchanges.map(({ text }) => text)).toEqual(["{broken", "{}", ""]);
});

test("createServer puts a fresh x-request-id on every answer and takes none from clients", async () => {
  const { get } = startTestServer();
  const ids = new Set<string>();
  for (const path of ["/health", "/v1/models", "/nothing", chatPath, "/v1/models"]) {
    const response = await get(path, { "x-request-id": "mine" });
    ids.add(response.headers.get("x-request-id") ?? "");
  }
  expect(ids.size).toBe(5);
  for (const id of ids) expect(id).toMatch(/^req_[0-9a-f]{32}$/);
});

test("createServer streams a reply as the gateway gives it and adds only the request id", async () => {
  const { promise: rest, resolve: sendRest } = Promise.withResolvers<void>();
  const { post } = startTestServer({
    gateway: {
      async exchange() {
        const body = new ReadableStream<Uint8Array>({
          async pull(controller) {
            controller.enqueue(new TextEncoder().encode("data: 你\n\n"));
            await rest;
            controller.enqueue(new TextEncoder().encode("data: 好\n\n"));
            controller.close();
          },
        });
        return new Response(body, { headers: { "content-type": "text/event-stream", "x-session-id": "s1" } });
      },
    },
  });
  const response = await post(chatPath, "{}");
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader?.read())?.value).toBe("data: 你\n\n");
  sendRest();
  expect((await reader?.read())?.value).toBe("data: 好\n\n");
  expect(response.headers.get("x-session-id")).toBe("s1");
  expect(response.headers.get("content-length")).toBeNull();
});

test("createServer tells the gateway that the client hung up", async () => {
  const started = Promise.withResolvers<void>();
  const hungUp = Promise.withResolvers<void>();
  const { url } = startTestServer({
    gateway: {
      exchange: async (_surface, { signal }) => {
        signal.addEventListener("abort", () => hungUp.resolve());
        started.resolve();
        await hungUp.promise;
        return new Response();
      },
    },
  });
  const client = new AbortController();
  const answer = fetch(`${url}${chatPath}`, { method: "POST", body: "{}", signal: client.signal }).catch(() => "left");
  await started.promise;
  client.abort();
  await hungUp.promise;
  expect(await answer).toBe("left");
});

test("createServer answers an unknown route with 404 in OpenAI's shape [R2-056]", async () => {
  const { get } = startTestServer();
  const response = await get("/v2/nothing?secret=1");
  expect(response.status).toBe(404);
  expect(response.headers.get("content-type")).toStartWith("application/json");
  const error = await readError(response);
  expect(error).toMatchObject({ type: "not_found_error", param: null, code: "not_found" });
  expect(error.message).not.toContain("secret");
});

test("createServer answers a wrong method with 405, Allow and the surface's own shape [R2-056]", async () => {
  const { url, get } = startTestServer();
  const plain = await get(chatPath);
  expect([plain.status, plain.headers.get("allow")]).toEqual([405, "POST"]);
  expect((await readError(plain)).code).toBe("method_not_allowed");

  const other = await fetch(`${url}/v1/messages`, { method: "DELETE" });
  expect([other.status, other.headers.get("allow")]).toEqual([405, "POST"]);
  expect(await other.json()).toEqual({
    type: "error",
    kind: "method-not-allowed",
    request_id: other.headers.get("x-request-id"),
  });

  const session = await fetch(`${url}/v1/sessions/s1`, { method: "POST" });
  expect([session.status, session.headers.get("allow")]).toEqual([405, "GET, HEAD, DELETE"]);
});

// Codex opens one at the address that its SDK is given, and goes over to POST at once for 426 alone; for 405 it tries again several times.
test("createServer answers a WebSocket where only other methods are served with 426, and nowhere else", async () => {
  const { port } = startTestServer();
  const knock = (method: string, path: string, protocol: string) =>
    speakRaw(
      port,
      `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
      (text) => text.includes("\r\n\r\n"),
    );

  const refused = await knock("GET", chatPath, "WebSocket");
  expect(refused).toStartWith("HTTP/1.1 426 Upgrade Required\r\n");
  expect(refused.toLowerCase()).toContain("\r\nupgrade: http/1.1\r\n");
  expect(refused.toLowerCase()).toContain("\r\nallow: post\r\n");
  expect(refused).toContain('"code":"upgrade_refused"');

  expect(await knock("GET", chatPath, "h2c")).toStartWith("HTTP/1.1 405 ");
  expect(await knock("DELETE", chatPath, "websocket")).toStartWith("HTTP/1.1 405 ");
  expect(await knock("GET", "/v1/nothing", "websocket")).toStartWith("HTTP/1.1 404 ");
});

test("createServer refuses a body by its told length before reading it [R2-056]", async () => {
  const { port, exchanges } = startTestServer();
  const answer = await speakRaw(
    port,
    `POST ${chatPath} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n{`,
    (text) => text.endsWith("}}"),
  );
  expect(answer).toStartWith("HTTP/1.1 413 ");
  expect(answer).toContain('"code":"too_large"');
  expect(answer.toLowerCase()).toContain("x-request-id: req_");
  expect(exchanges).toEqual([]);
});

test("createServer refuses a chunked body as soon as it is too long, in the surface's shape [R2-056]", async () => {
  const { port, exchanges } = startTestServer({ maxBodyBytes: 8 });
  const answer = await speakRaw(
    port,
    "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n",
    (text) => text.includes("request_id"),
  );
  expect(answer).toStartWith("HTTP/1.1 413 ");
  expect(answer).toContain('"kind":"too-large"');
  expect(exchanges).toEqual([]);
});

test("createServer takes a body of exactly the limit, chunked or not", async () => {
  const { port, post, exchanges } = startTestServer({ maxBodyBytes: 8 });
  await post(chatPath, "01234567");
  await speakRaw(
    port,
    `POST ${chatPath} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n` +
      "4\r\n0123\r\n4\r\n4567\r\n0\r\n\r\n",
  );
  expect(exchanges.map(({ text }) => text)).toEqual(["01234567", "01234567"]);
});

test("createServer refuses an encoded body in words and takes identity", async () => {
  const { post } = startTestServer();
  const encoded = await post(chatPath, "x", { "content-encoding": "gzip" });
  expect(encoded.status).toBe(400);
  expect((await readError(encoded)).message).toContain('content-encoding "gzip"');
  const identity = await post(chatPath, "x", { "content-encoding": "identity" });
  expect(identity.status).toBe(200);
});

test("createServer finds wildcard routes under a short Host", async () => {
  const { port } = startTestServer({ allowedHosts: ["a"] });
  const answer = await speakRaw(port, "GET /v1/models/org/qwen3:8b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  expect(answer).toStartWith("HTTP/1.1 200 ");
  expect(answer).toContain('"id":"org/qwen3:8b"');
});

test("createServer serves HTTP/1.0 without a Host, keys included", async () => {
  const { port } = startTestServer({ apiKeys: ["k"] });
  expect(await speakRaw(port, "GET /health HTTP/1.0\r\n\r\n")).toStartWith("HTTP/1.1 200 ");
  expect(await speakRaw(port, "GET /v1/abc/health HTTP/1.0\r\n\r\n")).toStartWith("HTTP/1.1 401 ");
  const post = `POST ${chatPath} HTTP/1.0\r\nX-API-Key: k\r\nContent-Length: 2\r\n\r\n{}`;
  expect(await speakRaw(port, post)).toStartWith("HTTP/1.1 200 ");
});

test("createServer answers HEAD on GET routes without a body", async () => {
  const { url } = startTestServer();
  for (const path of ["/health", "/v1/models", "/v1/models/qwen3-max", "/v1/sessions", "/admin/api/log"]) {
    const response = await fetch(`${url}${path}`, { method: "HEAD" });
    expect([path, response.status, await response.text()]).toEqual([path, 200, ""]);
  }
  const unknown = await fetch(`${url}/nothing`, { method: "HEAD" });
  expect(unknown.status).toBe(404);
});

test("createServer leads every failure of a route through one place [R2-052]", async () => {
  const failures: unknown[] = [
    new GatewayError("upstream-failed", "Cannot list models"),
    new TypeError("secret internals"),
    "a thrown text",
  ];
  const { get, logLines } = startTestServer({
    gateway: {
      async listModels() {
        throw failures.shift();
      },
    },
  });
  const answers = [];
  for (const _ of [1, 2, 3]) {
    const response = await get("/v1/models");
    answers.push({ status: response.status, ...(await readError(response)) });
  }
  expect(answers).toEqual([
    { status: 502, message: "Cannot list models", type: "upstream_error", param: null, code: "upstream_failed" },
    { status: 500, message: expect.not.stringContaining("secret"), type: "api_error", param: null, code: "internal" },
    { status: 500, message: expect.not.stringContaining("thrown"), type: "api_error", param: null, code: "internal" },
  ]);
  expect(logLines.filter(({ level }) => level === "error").length).toBe(3);
});

test("createServer logs errors with message, status and code, and the cause for nobody else [R2-053]", async () => {
  const cause = new Error("internals");
  const { get, logLines } = startTestServer({ gateway: { listModels: () => Promise.reject(cause) } });
  await get("/v1/models");
  await get("/nothing");
  expect(logLines.find(({ level }) => level === "error")).toMatchObject({
    message: expect.stringContaining("The gateway failed"),
    fields: { status: 500, code: "internal", path: "/v1/models", requestId: expect.stringMatching(/^req_/) },
    error: { kind: "internal", cause },
  });
  expect(logLines.find(({ level }) => level === "warn")).toMatchObject({
    message: expect.stringContaining("there is nothing here"),
    fields: { status: 404, code: "not_found", method: "GET" },
  });
});

test("createServer tells of an endpoint that it has not, and nothing of a base URL that is right", async () => {
  const { get } = startTestServer();
  const message = (path: string) => get(path).then((answer) => answer.text());

  for (const path of ["/v1/batches", "/v1/moderations", "/v1/chat/completions/chatcmpl-1/messages"]) {
    expect(await message(path)).toContain("there is nothing here. GET /openapi.json tells what is served");
    expect(await message(path)).not.toContain("base URL");
  }
  for (const path of ["/batches", "/v1//chat/completions", "/v1/chat/completions/chat/completions"]) {
    expect(await message(path)).toContain("The base URL of the OpenAI API ends in /v1");
  }
});

test("createServer tells of a slash too many, as a base URL that ends in one makes it", async () => {
  const { get } = startTestServer();
  const message = (path: string) => get(path).then((answer) => answer.text());

  for (const path of ["/v1//chat/completions", "/v1/chat/completions/"]) {
    expect(await message(path)).toContain("It has a slash too many");
  }
  expect(await message("/v1/batches/")).not.toContain("slash");
});

test("createServer tells of a base URL that has the version once too often", async () => {
  const { get } = startTestServer();
  const answer = await get("/v1/v1/messages", { "anthropic-version": "2023-06-01" });

  expect(answer.status).toBe(404);
  expect(await answer.text()).toContain("It has /v1 twice: the base URL of the Anthropic API ends without it");
});

test("createServer logs one debug line a request, without the query", async () => {
  let timeMs = 1000;
  const { get, logLines } = startTestServer({
    clock: () => (timeMs += 5),
    trustedProxies: ["127.0.0.1"],
  });
  await get("/v1/sessions?limit=5", { "x-forwarded-for": "203.0.113.9" });
  expect(logLines).toEqual([
    {
      level: "debug",
      message: "request",
      fields: {
        method: "GET",
        path: "/v1/sessions",
        status: 200,
        durationMs: 5,
        requestId: expect.any(String),
        client: "203.0.113.9",
      },
      error: undefined,
    },
  ]);
});

test("createServer answers each kind of error with the status of the table and OpenAI's shape [R2-056]", async () => {
  const kinds = Object.entries(httpStatus);
  let kind: ErrorKind = "internal";
  const { get } = startTestServer({
    gateway: {
      async listModels() {
        throw new GatewayError(kind, "Cannot list models", { param: "limit" });
      },
    },
  });
  const codes = new Set<string>();
  for (const [name, status] of kinds) {
    kind = kindNamed(name);
    const response = await get("/v1/models");
    const error = await readError(response);
    expect([kind, response.status]).toEqual([kind, status]);
    expect(error).toEqual({
      message: "Cannot list models",
      type: expect.any(String),
      param: "limit",
      code: expect.stringMatching(/^[a-z_]+$/),
    });
    codes.add(error.code);
  }
  expect(codes.size).toBe(kinds.length);
});

function kindNamed(name: string): ErrorKind {
  if (isKind(name)) return name;
  throw new Error(`No such kind: "${name}"`);
}

function isKind(name: string): name is ErrorKind {
  return name in httpStatus;
}

test("createServer tells when to come back, at most a minute, and when not to", async () => {
  const cases: readonly [GatewayError, string | null, string | null][] = [
    [new GatewayError("rate-limited", "m", { retryAfterMs: 1 }), "1", null],
    [new GatewayError("overloaded", "m", { retryAfterMs: 1500 }), "2", null],
    [new GatewayError("upstream-quota", "m", { retryAfterMs: 60_000 }), "60", null],
    [new GatewayError("upstream-quota", "m", { retryAfterMs: 7_200_000 }), "60", "false"],
    [new GatewayError("upstream-quota", "m"), null, null],
    [new GatewayError("upstream-challenge", "m"), null, "false"],
    [new GatewayError("upstream-auth", "m"), null, "false"],
    [new GatewayError("upstream-failed", "m"), null, null],
  ];
  const errors = cases.map(([error]) => error);
  const { get } = startTestServer({ gateway: { listModels: () => Promise.reject(errors.shift()) } });
  for (const [error, retryAfter, shouldRetry] of cases) {
    const { headers } = await get("/v1/models");
    expect([error.kind, headers.get("retry-after"), headers.get("x-should-retry")]).toEqual([
      error.kind,
      retryAfter,
      shouldRetry,
    ]);
  }
});

test("handle answers in process, whatever the scheme says", async () => {
  const { server, exchanges } = createTestServer({});
  const response = await server.handle(
    new Request("https://gateway.test/v1/chat/completions", { method: "POST", body: "{}" }),
  );
  expect(response.status).toBe(200);
  expect(exchanges[0]?.text).toBe("{}");
  expect((await server.handle(new Request("http://x/v1/models/org/qwen3:8b"))).status).toBe(200);
});

test("start refuses a port that is taken", async () => {
  const { port } = startTestServer();
  const { server } = createTestServer({ port });
  expect(() => server.start()).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
});

test("start refuses to serve strangers without a key", () => {
  const { server } = createTestServer({ hostname: "0.0.0.0" });
  expect(() => server.start()).toThrow("set API_KEY");
});

test("stop drains replies within the limit, refuses newcomers at once and is done once", async () => {
  const reply = Promise.withResolvers<Response>();
  const exchanging = Promise.withResolvers<void>();
  const draining = Promise.withResolvers<number>();
  const { server, url, post } = startTestServer({
    drainTimeoutMs: 1234,
    gateway: {
      exchange() {
        exchanging.resolve();
        return reply.promise;
      },
      async drain(deadlineMs) {
        draining.resolve(deadlineMs);
        await reply.promise;
      },
    },
  });
  const running = post(chatPath, "{}");
  await exchanging.promise;
  const stopped = server.stop();
  expect(await draining.promise).toBe(1234);

  const refused = await server.handle(new Request(`${url}/v1/models`));
  expect([refused.status, refused.headers.get("connection")]).toEqual([503, "close"]);
  expect((await readError(refused)).code).toBe("overloaded");
  expect((await server.handle(new Request(`${url}/health/ready`))).status).toBe(503);
  expect((await server.handle(new Request(`${url}/health/live`))).status).toBe(200);
  await expect(fetch(`${url}/health`)).rejects.toMatchObject({ code: "ECONNREFUSED" });

  reply.resolve(new Response("whole"));
  expect(await (await running).text()).toBe("whole");
  await stopped;
  expect(server.stop()).toBe(server.stop());
});

test("stop cuts what is left after the drain", async () => {
  const { server, post } = startTestServer({
    gateway: {
      async exchange() {
        return new Response(
          new ReadableStream<Uint8Array>({
            start: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\n")),
          }),
        );
      },
    },
  });
  const response = await post(chatPath, "{}");
  const text = response.text().then(
    () => "ended",
    () => "cut",
  );
  await server.stop();
  expect(await text).toBe("cut");
});
