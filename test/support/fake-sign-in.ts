// A tool server that wants a sign-in, and its authorization server, over HTTP: registration of clients, PKCE, codes, tokens
// that end, refresh tokens that are good for one use. The person at the browser is `visit`.

import { startFakeHttp, type FakeHttpServer } from "./fake-mcp-http.ts";
import type { FakeScript } from "./fake-mcp.ts";

export interface FakeSignInOptions {
  readonly form?: "http" | "sse";
  /** @defaultValue 3600 */
  readonly tokenSeconds?: number;
  /** Laid over the authorization server's metadata; a function sees the origins. */
  readonly metadata?: (origins: { readonly login: string; readonly server: string }) => object;
  /** Laid over the tool server's metadata. */
  readonly resource?: (origins: { readonly login: string; readonly server: string }) => object;
  /** Of the answer to the browser, in place of the issuer. */
  readonly iss?: string;
  /** Gives no refresh tokens. */
  readonly isShort?: boolean;
  /** Clients that it knows beforehand. */
  readonly clients?: Readonly<Record<string, { readonly redirectUrl: string; readonly secret?: string }>>;
  readonly registers?: boolean;
}

export interface FakeSignIn extends AsyncDisposable {
  readonly http: FakeHttpServer;
  /** The tool server's address. */
  readonly url: string;
  readonly issuer: string;
  /** Requests to the authorization server: `POST /token refresh_token`. */
  readonly asked: readonly string[];
  /** Bodies of requests to the authorization server, and the whole addresses. */
  readonly bodies: readonly URLSearchParams[];
  /** Every secret that was given out. */
  readonly secrets: readonly string[];
  /** Tokens of the requests that the tool server let in. */
  readonly admitted: readonly string[];
  /** As a browser does: follows the link, and comes back to the gateway. @returns what it says there */
  visit(link: string): Promise<string>;
  /** The address that the browser is sent back to, without going there. */
  answerTo(link: string): Promise<string>;
  /** From now on no access token of before is good. */
  endTokens(): void;
  /** From now on no sign-in of before is good, refresh tokens included. */
  endSignIns(): void;
  /** What the token endpoint answers in place of tokens; undefined: tokens. */
  refuseTokens(status: number | undefined, body?: object): void;
  /** The tool server wants this scope of whoever calls a tool. */
  wantScope(scope: string | undefined): void;
  /** Refreshing waits for `release`. */
  holdTokens(): { release(): void };
}

interface Code {
  readonly client: string;
  readonly challenge: string;
  readonly redirectUrl: string;
  readonly resource: string | null;
}

export async function startFakeSignIn(script: FakeScript, options: FakeSignInOptions = {}): Promise<FakeSignIn> {
  const asked: string[] = [];
  const bodies: URLSearchParams[] = [];
  const secrets: string[] = [];
  const admitted: string[] = [];
  const clients = new Map<string, { redirectUrl: string; secret?: string }>(Object.entries(options.clients ?? {}));
  const codes = new Map<string, Code>();
  const access = new Set<string>();
  const refresh = new Map<string, string>();
  let refusal: { readonly status: number; readonly body: object } | undefined;
  let wantedScope: string | undefined;
  let held: Promise<void> | undefined;

  function secret(kind: string): string {
    const made = `${kind}-${crypto.randomUUID()}${crypto.randomUUID()}`;
    secrets.push(made);
    return made;
  }

  function grant(client: string): Response {
    const token = secret("access");
    access.add(token);
    const again = secret("refresh");
    if (options.isShort !== true) refresh.set(again, client);
    return Response.json({
      access_token: token,
      token_type: "Bearer",
      expires_in: options.tokenSeconds ?? 3600,
      ...(options.isShort === true ? {} : { refresh_token: again }),
    });
  }

  const refuse = (error: string, status = 400): Response =>
    Response.json({ error, error_description: "words of a stranger" }, { status });

  async function giveTokens(body: URLSearchParams, authorization: string | null): Promise<Response> {
    if (held !== undefined) await held;
    if (refusal !== undefined) return Response.json(refusal.body, { status: refusal.status });
    const basic = authorization?.startsWith("Basic ") === true ? atob(authorization.slice(6)).split(":") : undefined;
    const client = basic?.[0] ?? body.get("client_id") ?? "";
    const known = clients.get(client);
    if (known === undefined) return refuse("invalid_client", 401);
    if (known.secret !== undefined && (basic?.[1] ?? body.get("client_secret")) !== known.secret)
      return refuse("invalid_client", 401);
    if (body.get("grant_type") === "refresh_token") {
      const old = body.get("refresh_token") ?? "";
      if (refresh.get(old) !== client) {
        // A second use is a theft: everything ends.
        refresh.clear();
        access.clear();
        return refuse("invalid_grant");
      }
      refresh.delete(old);
      return grant(client);
    }
    const code = codes.get(body.get("code") ?? "");
    codes.delete(body.get("code") ?? "");
    const verifier = body.get("code_verifier") ?? "";
    const challenge = new Bun.CryptoHasher("sha256").update(verifier).digest("base64url");
    const isSound =
      code?.client === client &&
      code.challenge === challenge &&
      code.redirectUrl === body.get("redirect_uri") &&
      code.resource === body.get("resource");
    return isSound ? grant(client) : refuse("invalid_grant");
  }

  const login: Bun.Server<undefined> = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request): Promise<Response> {
      const url = new URL(request.url);
      const text = await request.text();
      const body = new URLSearchParams(text);
      bodies.push(body);
      asked.push(`${request.method} ${url.pathname}${body.has("grant_type") ? ` ${body.get("grant_type")}` : ""}`);
      const { origin } = login.url;
      if (url.pathname === "/.well-known/oauth-authorization-server")
        return Response.json({
          issuer: origin,
          authorization_endpoint: `${origin}/authorize`,
          token_endpoint: `${origin}/token`,
          ...(options.registers === false ? {} : { registration_endpoint: `${origin}/register` }),
          revocation_endpoint: `${origin}/revoke`,
          response_types_supported: ["code"],
          code_challenge_methods_supported: ["S256"],
          token_endpoint_auth_methods_supported: ["none", "client_secret_basic"],
          authorization_response_iss_parameter_supported: true,
          ...options.metadata?.({ login: origin, server: serverOrigin }),
        });
      if (url.pathname === "/register") {
        const wanted = JSON.parse(text) as { redirect_uris: string[] };
        const client = `client-${crypto.randomUUID()}`;
        clients.set(client, { redirectUrl: wanted.redirect_uris[0] ?? "" });
        return Response.json({ ...wanted, client_id: client }, { status: 201 });
      }
      if (url.pathname === "/authorize") return authorize(url.searchParams);
      if (url.pathname === "/token") return await giveTokens(body, request.headers.get("authorization"));
      if (url.pathname === "/revoke") {
        access.delete(body.get("token") ?? "");
        refresh.delete(body.get("token") ?? "");
        return new Response(null, { status: 200 });
      }
      return new Response(null, { status: 404 });
    },
  });

  function authorize(asking: URLSearchParams): Response {
    const client = asking.get("client_id") ?? "";
    const redirectUrl = asking.get("redirect_uri") ?? "";
    if (clients.get(client)?.redirectUrl !== redirectUrl) return refuse("invalid_request");
    if (asking.get("code_challenge_method") !== "S256") return refuse("invalid_request");
    const code = secret("code");
    codes.set(code, {
      client,
      redirectUrl,
      challenge: asking.get("code_challenge") ?? "",
      resource: asking.get("resource"),
    });
    const back = new URL(redirectUrl);
    back.searchParams.set("code", code);
    back.searchParams.set("state", asking.get("state") ?? "");
    back.searchParams.set("iss", options.iss ?? login.url.origin);
    return Response.redirect(back.href, 302);
  }

  const http = await startFakeHttp(script, {
    ...(options.form === undefined ? {} : { form: options.form }),
    instead(request, response, body) {
      const path = request.url ?? "";
      if (path.startsWith("/.well-known/oauth-protected-resource")) {
        const metadata = {
          resource: http.url,
          authorization_servers: [login.url.origin],
          ...options.resource?.({ login: login.url.origin, server: serverOrigin }),
        };
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(metadata));
        return true;
      }
      if (path.startsWith("/.well-known/")) {
        response.writeHead(404).end();
        return true;
      }
      const token = request.headers.authorization?.replace("Bearer ", "") ?? "";
      if (!access.has(token)) {
        const where = `${serverOrigin}/.well-known/oauth-protected-resource`;
        const challenge = `Bearer error="invalid_token", resource_metadata="${where}", scope="notes:read"`;
        response.writeHead(401, { "www-authenticate": challenge }).end("words of a stranger");
        return true;
      }
      if (wantedScope !== undefined && body.includes('"tools/call"')) {
        const challenge = `Bearer error="insufficient_scope", scope="${wantedScope}"`;
        response.writeHead(403, { "www-authenticate": challenge }).end();
        return true;
      }
      admitted.push(token);
      return false;
    },
  });
  const serverOrigin = new URL(http.url).origin;

  async function answerTo(link: string): Promise<string> {
    const shown = await fetch(link, { redirect: "manual" });
    const back = shown.headers.get("location");
    if (back === null) throw new Error(`no way back: ${shown.status} ${await shown.text()}`);
    return back;
  }

  return {
    http,
    url: http.url,
    issuer: login.url.origin,
    asked,
    bodies,
    secrets,
    admitted,
    answerTo,
    visit: async (link) => (await fetch(await answerTo(link))).text(),
    endTokens: () => access.clear(),
    endSignIns() {
      access.clear();
      refresh.clear();
    },
    refuseTokens(status, body = {}) {
      refusal = status === undefined ? undefined : { status, body };
    },
    wantScope(scope) {
      wantedScope = scope;
    },
    holdTokens() {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return {
        release() {
          held = undefined;
          resolve();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await login.stop(true);
      await http[Symbol.asyncDispose]();
    },
  };
}
