// The scripted tool server over HTTP: the streamable form at /mcp, the older one at /sse.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { ToolServerSettings } from "../../src/config/mcp-servers.ts";
import { createFakeServer, type FakeScript } from "./fake-mcp.ts";

export interface FakeHttpServer extends AsyncDisposable {
  readonly url: string;
  /** Requests as `POST /mcp`, and what the tools saw. */
  readonly seen: readonly string[];
  /** Headers of the last request. */
  lastHeaders(): Readonly<Record<string, unknown>>;
  /** As a restart does. */
  forgetSessions(): void;
  settings(more?: Partial<ToolServerSettings>): ToolServerSettings;
}

export interface FakeHttpOptions {
  /** Which form it speaks. @defaultValue "http" */
  readonly form?: "http" | "sse";
  /** Answers as JSON and not as a stream. */
  readonly isPlain?: boolean;
  /** Refuses whoever does not bring it. */
  readonly token?: string;
  /** Answers in place of the SDK's transport. */
  readonly instead?: (request: IncomingMessage, response: ServerResponse, body: string) => boolean;
}

export async function startFakeHttp(script: FakeScript, options: FakeHttpOptions = {}): Promise<FakeHttpServer> {
  const seen: string[] = [];
  const sessions = new Map<string, StreamableHTTPServerTransport | SSEServerTransport>();
  let headers: Readonly<Record<string, unknown>> = {};
  const form = options.form ?? "http";

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    seen.push(`${request.method} ${url.pathname}`);
    headers = request.headers;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    if (options.token !== undefined && request.headers.authorization !== `Bearer ${options.token}`) {
      response.writeHead(401).end("wrong token of a secret kind");
      return;
    }
    if (options.instead?.(request, response, body) === true) return;
    if (form === "sse") return await serveOlder(request, response, url, body);
    const sessionId = request.headers["mcp-session-id"];
    const known = typeof sessionId === "string" ? sessions.get(sessionId) : undefined;
    if (known instanceof StreamableHTTPServerTransport)
      return await known.handleRequest(request, response, parse(body));
    if (sessionId !== undefined) {
      response.writeHead(404).end();
      return;
    }
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      enableJsonResponse: options.isPlain === true,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
    await createFakeServer(script, seen).server.connect(transport as never);
    await transport.handleRequest(request, response, parse(body));
  }

  async function serveOlder(request: IncomingMessage, response: ServerResponse, url: URL, body: string): Promise<void> {
    if (request.method === "GET" && url.pathname === "/sse") {
      const transport = new SSEServerTransport("/messages", response);
      sessions.set(transport.sessionId, transport);
      await createFakeServer(script, seen).server.connect(transport);
      return;
    }
    const known = sessions.get(url.searchParams.get("sessionId") ?? "");
    if (request.method === "POST" && known instanceof SSEServerTransport)
      return await known.handlePostMessage(request, response, parse(body));
    response.writeHead(url.pathname === "/sse" ? 405 : 404).end();
  }

  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const url = `http://127.0.0.1:${address.port}${form === "sse" ? "/sse" : "/mcp"}`;
  return {
    url,
    seen,
    lastHeaders: () => headers,
    forgetSessions: () => sessions.clear(),
    settings: (more = {}) => ({
      name: "fake",
      target: { kind: "any-http", url, headers: {}, oauth: undefined },
      isDisabled: false,
      isShared: true,
      callTimeoutMs: undefined,
      ...more,
    }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function parse(body: string): unknown {
  return body === "" ? undefined : JSON.parse(body);
}
