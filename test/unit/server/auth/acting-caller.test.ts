// The routes that act: who comes in without keys, with them, and with tokens; and that nothing is touched before that.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { isActingPath } from "../../../../src/server/auth/acting-path.ts";
import type { ServedRoom, ServerOptions } from "../../../../src/server/create-server.ts";
import { readError, speakRaw, startTestServer } from "../test-server.ts";
import { createJwtWorld, secret, signed } from "./jwt-world.ts";

type ActingOptions = Pick<ServerOptions, "apiKeys" | "agent" | "verifyJwt" | "limitActing"> &
  Partial<Pick<ServerOptions, "corsOrigins" | "allowedHosts" | "hostname" | "insecure">>;

const agentToken = "qg-agent-token";
const paths = ["/api/agent", "/api/agent/stream", "/api/voice/llm/stream", "/mcp"];

/** Stub routes at the addresses that act. */
function startActing(options: Partial<ActingOptions> = {}) {
  const touched: string[] = [];
  const room: ServedRoom = {
    places: paths.map((path) => ({ method: "POST", path })),
    load: async () =>
      paths.map((path) => ({
        method: "POST",
        path,
        answer(trip) {
          touched.push(trip.caller);
          return new Response(": stream\n\n", { headers: { "content-type": "text/event-stream" } });
        },
      })),
  };
  return { ...startTestServer({ rooms: [room], ...options }), touched };
}

const withToken = { agent: () => agentToken };
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe("isActingPath", () => {
  test.each([
    "/api/agent",
    "/api/agent/",
    "/api/agent/stream",
    "/api/voice",
    "/api/voice/llm/stream",
    "/mcp",
    "/mcp/x",
  ])("%s acts", (path) => expect(isActingPath(path)).toBe(true));
  test.each([
    "/",
    "/api/agents",
    "/api/chat/stream",
    "/api/voices",
    "/mcpx",
    "/v1/mcp",
    "/API/AGENT",
    "//mcp",
    "/x/api/agent",
  ])("%s does not", (path) => expect(isActingPath(path)).toBe(false));
});

describe("without keys, a route that acts", () => {
  test("wants the token of the agent, in either header [R4-036]", async () => {
    const { post, touched } = startActing(withToken);

    for (const path of paths) {
      expect((await post(path, "{}")).status).toBe(401);
      expect((await post(path, "{}", bearer("qg-agent-toke"))).status).toBe(401);
      expect((await post(path, "{}", { authorization: agentToken })).status).toBe(401);
      expect((await post(path, "{}", bearer(agentToken))).status).toBe(200);
      expect((await post(path, "{}", { "x-api-key": agentToken })).status).toBe(200);
    }
    expect(new Set(touched)).toEqual(new Set(["local"]));
    expect(touched).toHaveLength(2 * paths.length);
  });

  test("answers 401 as JSON before any stream, and touches nothing [R4-037] [R4-038] [R4-053]", async () => {
    const { post, touched, logLines } = startActing(withToken);

    for (const headers of [{}, bearer("wrong-secret"), bearer("eyJhbGciOiJub25lIn0.e30.")]) {
      const response = await post("/api/agent/stream", '{"query":"x"}', { accept: "text/event-stream", ...headers });
      expect(response.status).toBe(401);
      expect(response.headers.get("content-type")).toStartWith("application/json");
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      const body = await response.json();
      expect(body).toMatchObject({ error: { type: "authentication_error", code: "invalid_api_key" } });
      expect(JSON.stringify([body, logLines])).not.toMatch(/wrong-secret|eyJ|qg-agent/);
    }
    expect(touched).toEqual([]);
  });

  test("does not ask for the token before somebody wants to act, and asks once", async () => {
    let asked = 0;
    const { post, get } = startActing({
      agent() {
        asked++;
        return agentToken;
      },
    });

    await get("/v1/models");
    expect(asked).toBe(0);
    await post("/api/agent", "{}");
    await post("/api/agent", "{}", bearer(agentToken));
    await post("/api/agent", "{}", bearer("other"));
    expect(asked).toBe(1);
  });

  test("lets nobody in where the agent is off, which is what it is unless somebody says more", async () => {
    for (const { post, touched } of [startActing(), startActing({ agent: "off" })]) {
      for (const headers of [{}, bearer(agentToken), { "x-api-key": "" }]) {
        const refused = await post("/mcp", "{}", headers);
        expect(refused.status).toBe(401);
        expect((await readError(refused)).message).toContain("AGENT_OPEN=true");
      }
      expect(touched).toEqual([]);
    }
  });

  test("says for addresses that there are not what it says for those that there are", async () => {
    const { get, post } = startActing(withToken);

    expect((await get("/api/agent/nothing")).status).toBe(401);
    expect((await post("/api/voice/nothing", "{}")).status).toBe(401);
    expect((await get("/api/agent/nothing", bearer(agentToken))).status).toBe(404);
  });

  test("leaves the other routes open", async () => {
    const { get } = startActing(withToken);

    expect((await get("/v1/models")).status).toBe(200);
    expect((await get("/v1/models", bearer("anything"))).status).toBe(200);
  });

  test("asks for the origin first, token or not", async () => {
    const { post } = startActing(withToken);

    expect((await post("/mcp", "{}", { ...bearer(agentToken), origin: "https://evil.example" })).status).toBe(403);
    expect((await post("/mcp", "{}", { ...bearer(agentToken), "sec-fetch-site": "cross-site" })).status).toBe(403);
  });
});

describe("AGENT_OPEN", () => {
  const open = { agent: "open" } as const;

  test("lets programs and pages of this machine act without a token", async () => {
    const { post, touched } = startActing(open);

    const own: Record<string, string>[] = [
      {},
      bearer("whatever"),
      { origin: "http://localhost:3000", "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "same-origin" },
      { "sec-fetch-site": "none" },
    ];
    for (const headers of own) expect((await post("/api/agent", "{}", headers)).status).toBe(200);
    expect(touched).toEqual(own.map(() => "local"));
  });

  test("is never for pages of other sites, not even those that may chat [R4-038]", async () => {
    const foreign: Record<string, string>[] = [
      { origin: "https://evil.example" },
      { origin: "https://app.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "cross-site", origin: "http://localhost:3000" },
    ];
    for (const corsOrigins of [[], ["*"], ["https://app.example"]]) {
      const { post, touched } = startActing({ ...open, corsOrigins });
      for (const headers of foreign) {
        const refused = await post("/api/agent", "{}", { "content-type": "text/plain", ...headers });
        expect([headers, refused.status]).toEqual([headers, 403]);
      }
      expect(touched).toEqual([]);
    }
  });

  test("is never for names of other hosts, not even those that may chat", async () => {
    const { port, touched } = startActing({ ...open, allowedHosts: ["gateway.example"] });
    const statusFor = async (host: string, path: string) => {
      const head = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`;
      return Number((await speakRaw(port, head)).split(" ")[1]);
    };

    expect(await statusFor("evil.example", "/mcp")).toBe(403);
    expect(await statusFor("gateway.example", "/mcp")).toBe(403);
    expect(await statusFor("gateway.example", "/v1/chat/completions")).toBe(200);
    expect(touched).toEqual([]);
    expect(await statusFor("localhost", "/mcp")).toBe(200);
  });
});

describe("with keys or tokens, a route that acts", () => {
  test("wants one of them, whatever the agent is", async () => {
    for (const agent of ["off", "open", () => agentToken] as const) {
      const { post, touched } = startActing({ apiKeys: ["k1"], agent });
      for (const headers of [{}, bearer(agentToken), bearer("k2")]) {
        expect((await post("/mcp", "{}", headers)).status).toBe(401);
      }
      expect((await post("/mcp", "{}", bearer("k1"))).status).toBe(200);
      expect(touched).toEqual([expect.stringMatching(/^key:[0-9a-f]{16}$/)]);
    }
  });

  test("takes the user of a token, and each is a caller of its own [R4-025] [R4-036]", async () => {
    const { verify } = createJwtWorld({ jwtSecret: secret });
    const { post, touched } = startActing({ verifyJwt: verify, agent: "open" });

    for (const sub of ["ann", "bob", "ann"]) {
      expect((await post("/api/agent/stream", "{}", bearer(await signed({ sub })))).status).toBe(200);
    }
    expect(touched).toEqual(["user:ann", "user:bob", "user:ann"]);
  });

  test("refuses a wrong or expired token before the stream, and touches nothing [R4-036] [R4-037] [R4-038]", async () => {
    const { verify } = createJwtWorld({ jwtSecret: secret });
    const { post, touched, logLines } = startActing({ verifyJwt: verify });
    const wrong: [string, string][] = [
      [await signed({ exp: 1 }), "the token has expired"],
      [`${await signed()}x`, "the token is not valid here"],
      ["neither-key-nor-token", "is not known here"],
    ];
    for (const [token, reason] of wrong) {
      const response = await post("/api/agent/stream", "{}", { ...bearer(token), accept: "text/event-stream" });
      expect([response.status, response.headers.get("content-type")]).toEqual([401, "application/json;charset=utf-8"]);
      expect(await response.json()).toMatchObject({ message: expect.stringContaining(reason) });
      expect(JSON.stringify(logLines)).not.toContain(token);
    }
    expect(touched).toEqual([]);
  });
});

describe("the limit of what acts", () => {
  test("is asked with the caller before anything is touched, and for these routes only [R4-039]", async () => {
    const asked: string[] = [];
    const { verify } = createJwtWorld({ jwtSecret: secret });
    const { post, get, touched } = startActing({
      verifyJwt: verify,
      limitActing({ caller, path }) {
        asked.push(`${caller} ${path}`);
        if (asked.length > 1) {
          throw new GatewayError("rate-limited", "Cannot act more often: wait a little", { retryAfterMs: 3000 });
        }
      },
    });
    const headers = bearer(await signed());

    expect((await post("/api/agent/stream", "{}")).status).toBe(401);
    expect((await get("/v1/models", headers)).status).toBe(200);
    expect(asked).toEqual([]);
    expect((await post("/api/agent/stream", "{}", headers)).status).toBe(200);
    const refused = await post("/api/voice/llm/stream", "{}", headers);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "3"]);
    expect(asked).toEqual(["user:ann /api/agent/stream", "user:ann /api/voice/llm/stream"]);
    expect(touched).toEqual(["user:ann"]);
  });
});
