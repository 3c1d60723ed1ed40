// Tokens of an authorization server, fetched without a browser by client id and secret.

import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, test } from "bun:test";
import type { ToolServerOauth } from "../../../../src/config/mcp-servers.ts";
import { type FakeHttpServer, startFakeHttp } from "../../../support/fake-mcp-http.ts";
import { createMcpStage } from "../../../support/mcp-stage.ts";

const script = { tools: [{ name: "plain", text: "done" }] };

interface Guarded extends AsyncDisposable {
  readonly http: FakeHttpServer;
  readonly origin: string;
  /** What came to the authorization server, with its headers. */
  readonly asked: { readonly path: string; readonly headers: IncomingMessage["headers"]; readonly body: string }[];
  oauth(more?: Partial<ToolServerOauth>): ToolServerOauth;
}

/** A tool server and its authorization server on one address. */
async function startGuarded(): Promise<Guarded> {
  const asked: Guarded["asked"] = [];
  const reply = (response: ServerResponse, status: number, body: object): true => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    return true;
  };
  const http = await startFakeHttp(script, {
    instead(request, response, body) {
      const origin = `http://${request.headers.host}`;
      const path = request.url ?? "";
      if (path !== "/mcp") asked.push({ path, headers: request.headers, body });
      if (path.startsWith("/.well-known/oauth-protected-resource"))
        return reply(response, 200, { resource: `${origin}/mcp`, authorization_servers: [origin] });
      if (path.startsWith("/.well-known/"))
        return reply(response, 200, {
          issuer: origin,
          authorization_endpoint: `${origin}/authorize`,
          token_endpoint: `${origin}/token`,
          response_types_supported: ["code"],
        });
      if (path === "/token") {
        const isKnown = request.headers.authorization === `Basic ${btoa("gateway:s3cret")}`;
        if (!isKnown) return reply(response, 401, { error: "invalid_client", error_description: "no s3cret" });
        return reply(response, 200, { access_token: "t0ken", token_type: "Bearer", expires_in: 3600 });
      }
      if (request.headers.authorization === "Bearer t0ken") return false;
      response.writeHead(401, { "www-authenticate": "Bearer" }).end();
      return true;
    },
  });
  const { origin } = new URL(http.url);
  return {
    http,
    origin,
    asked,
    oauth: (more = {}) => ({ clientId: "gateway", clientSecret: "s3cret", issuer: origin, scope: undefined, ...more }),
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

function stageOf(
  { http }: Guarded,
  oauth: ToolServerOauth | undefined,
  headers: Readonly<Record<string, string>> = {},
) {
  return createMcpStage(http.settings({ target: { kind: "any-http", url: http.url, headers, oauth } }));
}

describe("client credentials", () => {
  test("fetch the token that the server wants [R4-057]", async () => {
    await using guarded = await startGuarded();
    await using stage = stageOf(guarded, guarded.oauth());

    expect((await stage.call("plain")).text).toBe("done");
    expect(guarded.asked.at(-1)).toMatchObject({ path: "/token", body: expect.stringContaining("client_credentials") });
    expect(guarded.asked.filter(({ path }) => path === "/token")).toHaveLength(1);
  });

  test("that are refused are told so, without a word of theirs", async () => {
    await using guarded = await startGuarded();
    await using stage = stageOf(guarded, guarded.oauth({ clientSecret: "wrong" }));

    await stage.tools();

    expect(stage.servers.views("ann")[0]?.error).toBe(
      'Cannot reach tool server "fake": its authorization server refused the client id and secret',
    );
  });

  test("reach no other authorization server than that of the settings", async () => {
    await using guarded = await startGuarded();
    await using stage = stageOf(guarded, guarded.oauth({ issuer: "https://login.example" }));

    await stage.tools();

    expect(guarded.asked.filter(({ path }) => path === "/token")).toEqual([]);
    expect(stage.servers.views("ann")[0]?.error).toBe(
      'Cannot reach tool server "fake": it names another authorization server than the settings do',
    );
  });

  test("that are missing are told as any refusal", async () => {
    await using guarded = await startGuarded();
    await using stage = stageOf(guarded, undefined);

    await stage.tools();

    expect(stage.servers.views("ann")[0]?.error).toContain("it refused the credentials with HTTP 401");
  });
});

test("headers of the settings go to the tool server's own address alone", async () => {
  const seen: (string | null)[] = [];
  using login = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      seen.push(request.headers.get("x-key"));
      return new Response(null, { status: 404 });
    },
  });
  await using http = await startFakeHttp(script, {
    instead(request, response) {
      const isAsked = request.url?.startsWith("/.well-known/oauth-protected-resource") === true;
      const metadata = { resource: `http://${request.headers.host}/mcp`, authorization_servers: [login.url.origin] };
      if (isAsked) response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(metadata));
      else response.writeHead(401).end();
      return true;
    },
  });
  const oauth = { clientId: "gateway", clientSecret: "s3cret", issuer: login.url.origin, scope: undefined };
  const target = { kind: "http", url: http.url, headers: { "x-key": "s3cret" }, oauth } as const;
  await using stage = createMcpStage(http.settings({ target }));

  await stage.tools();

  expect(http.lastHeaders()["x-key"]).toBe("s3cret");
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.every((key) => key === null)).toBe(true);
});
