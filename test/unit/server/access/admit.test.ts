import { expect, test } from "bun:test";
import { readError, speakRaw, startTestServer } from "../test-server.ts";

async function statusFor(server: { readonly port: number }, headerLines: string, request = "GET /v1/models") {
  const answer = await speakRaw(server.port, `${request} HTTP/1.1\r\n${headerLines}\r\nConnection: close\r\n\r\n`);
  return Number(answer.split(" ")[1]);
}

test("admit asks for a key on every route but health", async () => {
  const { get, post } = startTestServer({ apiKeys: ["k1"] });
  for (const path of ["/v1/models", "/v1/models/q", "/v1/sessions", "/v1/sessions/s", "/admin/api/log", "/nothing"]) {
    expect([path, (await get(path)).status]).toEqual([path, 401]);
  }
  for (const path of ["/v1/chat/completions", "/v1/messages", "/health/x"]) {
    expect([path, (await post(path, "{}")).status]).toEqual([path, 401]);
  }
  for (const path of ["/health", "/health/live", "/health/ready"]) {
    expect([path, (await get(path)).status]).toEqual([path, 200]);
  }
});

test("admit cannot be talked past the key by a path that ends at health", async () => {
  const { port } = startTestServer({ apiKeys: ["k1"] });
  for (const path of ["/v1/sessions?/health", "//health", "/v1/models/x#/health", "/health/../v1/models", "/HEALTH"]) {
    expect([path, await statusFor({ port }, "Host: localhost", `GET ${path}`)]).toEqual([path, 401]);
  }
});

test("admit says who may come in when a key is missing or wrong [R2-056]", async () => {
  const { get } = startTestServer({ apiKeys: ["k1"] });
  const missing = await get("/v1/models");
  expect(missing.headers.get("www-authenticate")).toBe("Bearer");
  expect(await readError(missing)).toMatchObject({ type: "authentication_error", code: "invalid_api_key" });
  const wrong = await get("/v1/models", { authorization: "Bearer k2-secret" });
  expect(wrong.status).toBe(401);
  expect((await readError(wrong)).message).not.toContain("secret");
});

test("admit takes any of the keys as a bearer or as X-API-Key", async () => {
  const { get } = startTestServer({ apiKeys: ["k1", "k2"] });
  const good: Record<string, string>[] = [
    { authorization: "Bearer k1" },
    { authorization: "bearer  k2" },
    { "x-api-key": "k1" },
    { "x-api-key": "k2", authorization: "Bearer of-another-service" },
  ];
  for (const headers of good) expect((await get("/v1/models", headers)).status).toBe(200);
  const bad: Record<string, string>[] = [
    { authorization: "k1" },
    { authorization: "Basic k1" },
    { authorization: "Bearer k" },
    { authorization: "Bearer k1 k2" },
    { "x-api-key": "" },
  ];
  for (const headers of bad) expect((await get("/v1/models", headers)).status).toBe(401);
});

test("admit names the caller by the digest of its key", async () => {
  const { post, exchanges } = startTestServer({ apiKeys: ["k1", "k2"] });
  for (const key of ["k1", "k2", "k1"]) await post("/v1/chat/completions", "{}", { "x-api-key": key });
  const callers = exchanges.map(({ incoming }) => incoming.caller);
  const digest = new Bun.CryptoHasher("sha256").update("k1").digest("hex");
  expect(callers[0]).toBe(`key:${digest.slice(0, 16)}`);
  expect(callers[2]).toBe(callers[0] ?? "");
  expect(callers[1]).not.toBe(callers[0] ?? "");
});

test("admit without keys refuses a foreign Host", async () => {
  const server = startTestServer({ allowedHosts: ["gateway", "Proxy.example:8443"] });
  const own = ["localhost", "LOCALHOST:1234", "127.0.0.1:80", "127.8.9.1", "[::1]:8787", "gateway:1", "proxy.example."];
  for (const host of own) expect([host, await statusFor(server, `Host: ${host}`)]).toEqual([host, 200]);
  const foreign = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]", "gateway.evil", "a/b"];
  for (const host of foreign) expect([host, await statusFor(server, `Host: ${host}`)]).toEqual([host, 403]);
  expect(await statusFor(server, "Host: evil.example", "GET /health")).toBe(403);
});

test("admit serves a short Host name that is allowed", async () => {
  const server = startTestServer({ allowedHosts: ["a"] });
  expect(await statusFor(server, "Host: a")).toBe(200);
  expect(await statusFor(server, "Host: b")).toBe(403);
});

test("admit without keys refuses pages of foreign origins [R2-056]", async () => {
  const { get } = startTestServer({ allowedHosts: ["gateway"], corsOrigins: ["https://app.example"] });
  const own = [
    "http://localhost:3000",
    "http://127.0.0.1",
    "http://[::1]:5173",
    "http://gateway",
    "https://app.example",
  ];
  for (const origin of own) expect([origin, (await get("/v1/models", { origin })).status]).toEqual([origin, 200]);
  const foreign = ["https://evil.example", "null", "http://app.example", "https://app.example:444", "file://", "x"];
  for (const origin of foreign) expect([origin, (await get("/v1/models", { origin })).status]).toEqual([origin, 403]);
  const refused = await get("/v1/models", { origin: "null" });
  expect(await readError(refused)).toMatchObject({ type: "permission_error", code: "forbidden" });
});

test("admit without keys refuses what another site makes a browser send without an origin", async () => {
  const { get } = startTestServer();
  expect((await get("/v1/models", { "sec-fetch-site": "cross-site" })).status).toBe(403);
  const fromOwnPage = { "sec-fetch-site": "cross-site", origin: "http://localhost:3000" };
  expect((await get("/v1/models", fromOwnPage)).status).toBe(200);
  for (const site of ["none", "same-origin", "same-site"]) {
    expect((await get("/v1/models", { "sec-fetch-site": site })).status).toBe(200);
  }
});

test("admit with keys checks neither Host nor Origin", async () => {
  const { port } = startTestServer({ apiKeys: ["k1"] });
  expect(await statusFor({ port }, "Host: evil.example\r\nOrigin: null\r\nX-API-Key: k1")).toBe(200);
});

test("admit on an open bind takes any Host but no foreign page", async () => {
  const server = startTestServer({ hostname: "0.0.0.0", insecure: true });
  expect(await statusFor(server, "Host: whatever.example")).toBe(200);
  expect(await statusFor(server, "Host: whatever.example\r\nOrigin: http://whatever.example")).toBe(403);
});

test("admit on loopback checks the Host even when INSECURE is set", async () => {
  const server = startTestServer({ insecure: true });
  expect(await statusFor(server, "Host: whatever.example")).toBe(403);
});
