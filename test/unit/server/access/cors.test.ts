import { expect, test } from "bun:test";
import { startTestServer } from "../test-server.ts";

const preflight = {
  origin: "https://app.example",
  "access-control-request-method": "POST",
  "access-control-request-headers": "authorization, x-stainless-os, content-type",
};

function askPreflight(url: string, headers: Record<string, string> = preflight): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, { method: "OPTIONS", headers });
}

test("cors is off unless it is configured", async () => {
  const { url, get } = startTestServer({ apiKeys: ["k1"] });
  const response = await get("/v1/models", { origin: "https://app.example", "x-api-key": "k1" });
  expect(response.status).toBe(200);
  expect(response.headers.get("access-control-allow-origin")).toBeNull();
  expect(response.headers.get("vary")).toBeNull();
  expect((await askPreflight(url)).status).toBe(401);
});

test("cors answers a preflight without a key and names the headers that were asked for", async () => {
  const { url } = startTestServer({ apiKeys: ["k1"], corsOrigins: ["https://app.example/"] });
  const response = await askPreflight(url);
  expect(response.status).toBe(204);
  expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example");
  expect(response.headers.get("access-control-allow-headers")).toBe("authorization, x-stainless-os, content-type");
  expect(response.headers.get("access-control-allow-methods")).toContain("POST");
  expect(response.headers.get("vary")).toBe("Origin");
  expect(response.headers.get("x-request-id")).toStartWith("req_");
});

test("cors leaves other origins out", async () => {
  const { url, get } = startTestServer({ apiKeys: ["k1"], corsOrigins: ["https://app.example"] });
  expect((await askPreflight(url, { ...preflight, origin: "https://evil.example" })).status).toBe(401);
  const response = await get("/v1/models", { origin: "https://evil.example", "x-api-key": "k1" });
  expect(response.headers.get("access-control-allow-origin")).toBeNull();
  expect(response.headers.get("vary")).toBe("Origin");
});

test("cors lets pages read errors and the headers that help with them", async () => {
  const { get } = startTestServer({ apiKeys: ["k1"], corsOrigins: ["https://app.example"] });
  const response = await get("/nothing", { origin: "https://app.example" });
  expect(response.status).toBe(401);
  expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example");
  const exposed = response.headers.get("access-control-expose-headers")?.split(", ");
  expect(exposed).toEqual(
    expect.arrayContaining(["x-request-id", "retry-after", "x-session-id", "x-upstream", "x-model", "x-attempts"]),
  );
});

test("cors opens to every origin by an asterisk", async () => {
  const { url, get } = startTestServer({ corsOrigins: ["*"] });
  const response = await get("/v1/models", { origin: "https://anything.example" });
  expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
  expect((await askPreflight(url, { ...preflight, origin: "null" })).status).toBe(204);
});
