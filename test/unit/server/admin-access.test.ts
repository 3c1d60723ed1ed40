// Who may open what stands below /admin, and what everybody else is told.

import { describe, expect, test } from "bun:test";
import type { Identity } from "../../../src/contract/access.ts";
import { createAdminAccess, isAdminPath } from "../../../src/server/auth/admin-access.ts";
import type { KeyRing } from "../../../src/server/auth/key-ring.ts";
import { readError, startTestServer } from "./test-server.ts";

const path = "/admin/api/log";

async function ask(server: { get(path: string, headers?: Record<string, string>): Promise<Response> }, headers = {}) {
  const response = await server.get(path, headers);
  const error = response.ok ? undefined : await readError(response);
  if (response.ok) await response.body?.cancel();
  return { status: response.status, error };
}

describe("admin access", () => {
  test("without keys on a loopback address whoever is at this machine is an administrator", async () => {
    const server = startTestServer();

    expect((await ask(server)).status).toBe(200);
    expect((await ask(server, { origin: "http://localhost:3000" })).status).toBe(200);
  });

  test("without keys no page or name of another site is, also where the chat allows it", async () => {
    const server = startTestServer({ corsOrigins: ["*"], allowedHosts: ["gateway.example.com"] });

    for (const headers of [
      { origin: "https://evil.example" },
      { host: "gateway.example.com" },
      { "sec-fetch-site": "cross-site" },
      // A proxy in front brings requests from elsewhere to a loopback address.
      { "x-forwarded-for": "203.0.113.7" },
      { forwarded: "for=203.0.113.7" },
      { "x-real-ip": "203.0.113.7" },
    ]) {
      const { status, error } = await ask(server, headers);
      expect([headers, status, error?.code]).toEqual([headers, 403, "forbidden"]);
    }
  });

  test("an open address without keys has no administrators", async () => {
    const access = createAdminAccess({ hostname: "0.0.0.0", insecure: true, allowedHosts: [], apiKeys: [] });
    const trip = { request: new Request("http://localhost/admin/api/status") };

    expect(access.isAdmin(trip)).toBe(false);
    expect(access.refuse(trip).message).toContain("ADMIN_KEY");
  });

  test("with API keys a plain one is told 403, an unknown one and none 401", async () => {
    const server = startTestServer({ apiKeys: ["api-key"], adminKeys: ["admin-key"] });

    expect((await ask(server, { authorization: "Bearer admin-key" })).status).toBe(200);
    expect((await ask(server, { "x-api-key": "admin-key" })).status).toBe(200);
    const plain = await ask(server, { authorization: "Bearer api-key" });
    expect([plain.status, plain.error]).toMatchObject([403, { type: "permission_error", code: "forbidden" }]);
    const unknown = await ask(server, { authorization: "Bearer other" });
    expect([unknown.status, unknown.error?.code]).toEqual([401, "invalid_api_key"]);
    expect((await ask(server)).status).toBe(401);
  });

  test("with API keys alone nobody is", async () => {
    const server = startTestServer({ apiKeys: ["api-key"] });

    const { status, error } = await ask(server, { authorization: "Bearer api-key" });

    expect(status).toBe(403);
    expect(error?.message).toContain("ADMIN_KEY");
  });

  test("an admin key is wanted on a loopback address too, and opens no route of clients", async () => {
    const server = startTestServer({ adminKeys: ["admin-key"] });

    expect((await ask(server)).status).toBe(401);
    expect((await ask(server, { authorization: "Bearer wrong" })).status).toBe(401);
    expect((await ask(server, { authorization: "Bearer admin-key" })).status).toBe(200);
    const keyed = startTestServer({ apiKeys: ["api-key"], adminKeys: ["admin-key"] });
    expect((await keyed.get("/v1/models", { authorization: "Bearer admin-key" })).status).toBe(401);
    expect((await keyed.get("/metrics", { authorization: "Bearer admin-key" })).status).toBe(200);
  });

  test("no key may be both, or a plain one would open everything", () => {
    expect(() => startTestServer({ apiKeys: ["one", "two"], adminKeys: ["two"] })).toThrow("ADMIN_KEY");
  });

  test("a token of a user is none, unless its scope says so", async () => {
    const caller = "user:ann";
    const statusFor = async (identity: Identity, path?: string) => {
      const server = startTestServer({ verifyJwt: async () => identity, adminKeys: ["admin-key"] });
      const headers = { authorization: "Bearer a.b.c" };
      return path === undefined ? (await ask(server, headers)).status : (await server.get(path, headers)).status;
    };

    expect(await statusFor({ caller })).toBe(403);
    expect(await statusFor({ caller, scopes: { admin: false } })).toBe(403);
    expect(await statusFor({ caller, scopes: { admin: true } })).toBe(200);
    expect(await statusFor({ caller, scopes: { admin: true, surfaces: ["messages"] } })).toBe(200);
    expect(await statusFor({ caller, scopes: { admin: false } }, "/metrics")).toBe(403);
    expect(await statusFor({ caller, scopes: { admin: true } }, "/metrics")).toBe(200);
  });

  test("whoever is at this machine is one no more from the moment on that there is a stored key", async () => {
    let isWanted = false;
    const keyRing: KeyRing = {
      get isWanted() {
        return isWanted;
      },
      find: async () => undefined,
      namesOf: () => undefined,
      allNames: () => [],
      refresh: async () => {},
      close() {},
    };
    const server = startTestServer({ keyRing });
    expect((await ask(server)).status).toBe(200);
    isWanted = true;
    expect((await ask(server)).status).toBe(401);
  });

  test("refusals have one shape, whatever client asks", async () => {
    const server = startTestServer({ adminKeys: ["admin-key"] });

    const { error } = await ask(server, { "anthropic-version": "2023-06-01" });

    expect(error).toMatchObject({ type: "authentication_error", code: "invalid_api_key" });
  });

  test("isAdminPath knows what is below it and nothing beside", () => {
    expect(["/admin", "/admin/", "/admin/api/x"].map(isAdminPath)).toEqual([true, true, true]);
    expect(["/administration", "/v1/admin", "/"].map(isAdminPath)).toEqual([false, false, false]);
  });
});
