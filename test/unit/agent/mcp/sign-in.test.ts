// Signing in at a tool server by a browser, and what becomes of its tokens afterwards.

import { describe, expect, test } from "bun:test";
import { createTokenSource } from "../../../../src/agent/mcp/sign-in/token-source.ts";
import { createGuardedFetch, wrongAddress } from "../../../../src/agent/mcp/sign-in/guarded-fetch.ts";
import { signIn, type SignInOptions } from "../../../../src/agent/mcp/sign-in/sign-in.ts";
import {
  createSignInVault,
  type SignInRecord,
  type SignInVault,
} from "../../../../src/agent/mcp/sign-in/sign-in-vault.ts";
import type { ToolServerAddress, ToolServerSettings } from "../../../../src/config/mcp-servers.ts";
import { createSecretBox } from "../../../../src/credentials/secret-box.ts";
import { createMemoryStore } from "../../../../src/store/memory-store.ts";
import { type LogFields, silentLog } from "../../../../src/telemetry/log.ts";
import { type FakeSignIn, type FakeSignInOptions, startFakeSignIn } from "../../../support/fake-sign-in.ts";
import { createMcpStage } from "../../../support/mcp-stage.ts";

const script = { tools: [{ name: "read_note", text: "done" }] };
const key = new Uint8Array(32).fill(7);

function createVault(): { readonly store: ReturnType<typeof createMemoryStore>; readonly vault: SignInVault } {
  const store = createMemoryStore({ clock: Date.now, sessionTimeoutMs: 60_000 });
  return {
    store,
    vault: createSignInVault(
      store,
      createSecretBox(() => [key]),
    ),
  };
}

/** Signs in as a person does whose browser follows the link. */
function signInAt(fake: Pick<FakeSignIn, "url" | "visit">, more: Partial<SignInOptions> = {}): Promise<SignInRecord> {
  return signIn({
    server: "fake",
    target: targetOf(fake.url),
    scope: undefined,
    port: undefined,
    before: undefined,
    show: (address) => void fake.visit(address.href),
    environment: {},
    signal: AbortSignal.timeout(10_000),
    clock: Date.now,
    ...more,
  });
}

const targetOf = (url: string, more: Partial<ToolServerAddress> = {}): ToolServerAddress => ({
  kind: "any-http",
  url,
  headers: {},
  oauth: undefined,
  ...more,
});

const reasonOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "it went well",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

interface Signed extends AsyncDisposable {
  readonly fake: FakeSignIn;
  readonly vault: SignInVault;
  readonly stage: ReturnType<typeof createMcpStage>;
  readonly logged: string[];
}

async function startSigned(
  options: FakeSignInOptions = {},
  settings: Partial<ToolServerSettings> = {},
): Promise<Signed> {
  const fake = await startFakeSignIn(script, options);
  const { vault } = createVault();
  const logged: string[] = [];
  const note = (message: string, fields?: LogFields, error?: unknown): void =>
    void logged.push(`${message} ${JSON.stringify(fields ?? {})} ${String(error ?? "")}`);
  const log = { ...silentLog, debug: note, info: note, warn: note, error: note };
  const stage = createMcpStage(fake.http.settings(settings), { signIns: vault, log, clock: Date.now });
  return {
    fake,
    vault,
    stage,
    logged,
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}

const wanted = 'Cannot use tool server "fake": it needs a sign-in; run qwen-gateway mcp login fake';

describe("signIn", () => {
  test("registers a client, sends its browser with PKCE, and gets tokens for this server [R4-057]", async () => {
    await using fake = await startFakeSignIn(script);
    let shown: URL | undefined;

    const record = await signInAt(fake, {
      show(address) {
        shown = address;
        void fake.visit(address.href);
      },
    });

    expect(Object.fromEntries(shown?.searchParams ?? [])).toMatchObject({
      response_type: "code",
      code_challenge_method: "S256",
      resource: fake.url,
      scope: "notes:read",
      redirect_uri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/callback$/),
      state: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(record).toMatchObject({ serverUrl: fake.url, issuer: fake.issuer, resource: fake.url });
    expect(fake.secrets).toContain(record.accessToken);
    expect(fake.secrets).toContain(record.refreshToken ?? "");
    expect(record.expiresAtMs).toBeGreaterThan(Date.now() + 3_000_000);
    expect(fake.asked.filter((one) => /register|token/.test(one))).toEqual([
      "POST /register",
      "POST /token authorization_code",
    ]);
  });

  test("comes to the older form too, and names the scope that was given", async () => {
    await using fake = await startFakeSignIn(script, { form: "sse" });
    let scope: string | null = null;

    const record = await signInAt(fake, {
      target: targetOf(fake.url, { kind: "sse" }),
      scope: "notes:write",
      show(address) {
        scope = address.searchParams.get("scope");
        void fake.visit(address.href);
      },
    });

    expect([record.serverUrl, scope]).toEqual([fake.url, "notes:write"]);
  });

  test("uses its client of last time, where the browser can come back to the same address", async () => {
    await using fake = await startFakeSignIn(script);
    const before = await signInAt(fake);

    const again = await signInAt(fake, { before });

    expect(again.client.client_id).toBe(before.client.client_id);
    expect(again.redirectUrl).toBe(before.redirectUrl);
    expect(again.accessToken).not.toBe(before.accessToken);
    expect(fake.asked.filter((one) => one === "POST /register")).toHaveLength(1);
  });

  test("uses the client of the settings, with its secret and its port", async () => {
    const free = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const callbackPort = free.port ?? 0;
    await free.stop(true);
    const redirectUrl = `http://127.0.0.1:${callbackPort}/callback`;
    await using fake = await startFakeSignIn(script, {
      registers: false,
      clients: { gateway: { redirectUrl, secret: "s3cret" } },
    });
    const signInSettings = {
      clientId: "gateway",
      clientSecret: "s3cret",
      issuer: fake.issuer,
      scope: undefined,
      callbackPort,
    };

    const record = await signInAt(fake, { target: targetOf(fake.url, { signIn: signInSettings }) });

    expect(record.client.client_id).toBe("gateway");
    const elsewhere = { ...signInSettings, issuer: "https://login.example" };
    const refused = await reasonOf(signInAt(fake, { target: targetOf(fake.url, { signIn: elsewhere }) }));
    expect(refused).toBe(
      'Cannot sign in to tool server "fake": it names another authorization server than the settings do',
    );
    expect(fake.asked.filter((one) => one.startsWith("POST /token"))).toHaveLength(1);
  });

  test("takes no answer but the one with its state, and goes on waiting for that", async () => {
    await using fake = await startFakeSignIn(script);
    const told: string[] = [];

    const record = await signInAt(fake, {
      async show(address) {
        const back = new URL(await fake.answerTo(address.href));
        const forged = new URL(back);
        forged.searchParams.set("state", "another");
        told.push(await (await fetch(forged)).text(), await (await fetch(new URL("/", back))).text());
        told.push(await (await fetch(back)).text());
      },
    });

    expect(fake.secrets).toContain(record.accessToken);
    expect(told[0]).toContain("not the sign-in that the gateway waits for");
    expect(told[1]).toContain("nothing here");
    expect(told[2]).toContain("You can close this page");
  });

  test("takes an answer that was pasted", async () => {
    await using fake = await startFakeSignIn(script);

    const record = await signInAt(fake, {
      async show(address, take) {
        const back = await fake.answerTo(address.href);
        expect([take("nothing"), take("https://evil.example/?code=x&state=y"), take(back)]).toEqual([
          false,
          false,
          true,
        ]);
      },
    });

    expect(fake.secrets).toContain(record.accessToken);
  });

  test("ends with its signal when nobody comes", async () => {
    await using fake = await startFakeSignIn(script);
    const controller = new AbortController();

    const signed = signInAt(fake, { signal: controller.signal, show: () => controller.abort(new Error("too late")) });

    expect(await reasonOf(signed)).toBe("too late");
  });

  const rows: readonly [string, FakeSignInOptions, string][] = [
    [
      "an answer of another authorization server",
      { iss: "https://evil.example" },
      "came from another authorization server",
    ],
    [
      "metadata of another issuer",
      { metadata: () => ({ issuer: "https://evil.example" }) },
      "its authorization server claims to be another",
    ],
    [
      "an authorization server without PKCE",
      { metadata: () => ({ code_challenge_methods_supported: undefined }) },
      "does not protect the answer (PKCE with S256)",
    ],
    [
      "endpoints that are not encrypted",
      { metadata: () => ({ token_endpoint: "http://192.0.2.1/token" }) },
      "of its authorization server, its address is not https",
    ],
    [
      "a page that is no web page",
      { metadata: () => ({ authorization_endpoint: "file:///etc/passwd" }) },
      "its address is not https",
    ],
    [
      "the metadata of another server",
      { resource: () => ({ resource: "https://other.example/mcp" }) },
      "it claims to be another server",
    ],
    [
      "an authorization server that registers nobody",
      { registers: false },
      'registers nobody by itself; give it "oauth": {"clientId": "..."} in the settings',
    ],
  ];
  test.each(rows)("refuses %s", async (_what, options, reason) => {
    await using fake = await startFakeSignIn(script, options);

    expect(await reasonOf(signInAt(fake))).toContain(reason);
    expect(fake.asked.filter((one) => one.startsWith("POST /token"))).toEqual([]);
  });

  test("says what the authorization server answered, in words of its own", async () => {
    await using fake = await startFakeSignIn(script);
    const denied = signInAt(fake, {
      async show(address) {
        const back = new URL(await fake.answerTo(address.href));
        back.searchParams.delete("code");
        back.searchParams.set("error", "access_denied");
        await fetch(back);
      },
    });
    expect(await reasonOf(denied)).toBe('Cannot sign in to tool server "fake": it was refused (access_denied)');

    fake.refuseTokens(400, { error: "invalid_grant", error_description: "words of a stranger" });
    expect(await reasonOf(signInAt(fake))).toBe(
      'Cannot sign in to tool server "fake": its authorization server refused it (invalid_grant)',
    );
  });

  test("follows no redirect of the token endpoint to elsewhere", async () => {
    const seen: string[] = [];
    using elsewhere = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        seen.push(await request.text());
        return Response.json({ access_token: "stolen", token_type: "Bearer" });
      },
    });
    using redirecting = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => Response.redirect(new URL("/token", elsewhere.url).href, 307),
    });
    await using fake = await startFakeSignIn(script, {
      metadata: () => ({ token_endpoint: new URL("/token", redirecting.url).href }),
    });

    expect(await reasonOf(signInAt(fake))).toContain("Cannot sign in");
    expect(seen).toEqual([]);
  });

  test("wants an encrypted way to a server that is not of this machine", async () => {
    const target = targetOf("http://192.0.2.1/mcp");
    expect(await reasonOf(signInAt({ url: "", visit: async () => "" }, { target }))).toBe(
      'Cannot sign in to tool server "fake": its address must be https',
    );
  });

  test("has nothing to do at a server that lets everybody in", async () => {
    using open = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => new Response(null, { status: new URL(request.url).pathname === "/mcp" ? 200 : 404 }),
    });
    const target = targetOf(new URL("/mcp", open.url).href);
    expect(await reasonOf(signInAt({ url: "", visit: async () => "" }, { target }))).toBe(
      'Cannot sign in to tool server "fake": it does not ask for one',
    );
  });
});

test.each([
  ["https://login.example/token", "https://mcp.example/mcp", undefined],
  ["http://login.example/token", "https://mcp.example/mcp", "its address is not https"],
  ["http://127.0.0.1:9000/token", "https://mcp.example/mcp", "its address is not https"],
  ["https://127.0.0.1/token", "https://mcp.example/mcp", "its address is not a public one"],
  ["https://[::1]/token", "https://mcp.example/mcp", "its address is not a public one"],
  ["https://169.254.169.254/latest", "https://mcp.example/mcp", "its address is not a public one"],
  ["https://10.1.2.3/token", "https://mcp.example/mcp", "its address is not a public one"],
  ["https://login.internal/token", "https://mcp.example/mcp", "its address is not a public one"],
  ["https://login.internal/token", "https://mcp.internal/mcp", undefined],
  ["https://ann:s3cret@login.example/", "https://mcp.example/mcp", "its address has credentials in it"],
  ["javascript:alert(1)", "https://mcp.example/mcp", "its address is not https"],
  ["http://127.0.0.1:9000/token", "http://localhost:1/mcp", undefined],
  ["http://10.1.2.3/token", "http://localhost:1/mcp", "its address is not https"],
])("an authorization server at %s of a tool server at %s", (address, server, reason) => {
  expect(wrongAddress(new URL(address), server)).toBe(reason);
});

test("an authorization server's answer that is too long, or never ends, is given up", async () => {
  using long = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(new Uint8Array(300_000)),
  });
  const guarded = createGuardedFetch({ serverUrl: long.url.href, environment: {}, signal: AbortSignal.timeout(5000) });

  expect(await reasonOf(guarded(long.url))).toBe("Cannot ask the authorization server: its answer is too long");
});

describe("a server that wants a sign-in", () => {
  test.each(["http", "sse"] as const)(
    "says so with the command, and is used as soon as somebody has (%s) [R4-057]",
    async (form) => {
      await using signed = await startSigned({ form });
      const { fake, vault, stage } = signed;

      expect(await stage.tools()).toEqual([]);
      expect(stage.servers.views("ann")).toMatchObject([{ state: "failed", error: wanted, needsSignIn: true }]);
      const asked = fake.http.seen.length;
      expect(await stage.tools()).toEqual([]);
      expect(fake.http.seen).toHaveLength(asked);
      expect(await vault.find("fake")).toMatchObject({ record: undefined, isWanted: true });

      await vault.put("fake", await signInAt(fake, { target: targetOf(fake.url, { kind: form }) }));

      expect((await stage.call("read_note")).text).toBe("done");
      const [view] = stage.servers.views("ann");
      expect(view).toMatchObject({ state: "ready", error: undefined });
      expect(view?.needsSignIn).toBeUndefined();
      expect((await vault.find("fake")).isWanted).toBe(false);
      for (const secret of fake.secrets) expect(signed.logged.join("\n")).not.toContain(secret);
    },
  );

  test("renews a token that it refuses, once for all who wait, and never shows an old one again", async () => {
    await using signed = await startSigned();
    const { fake, vault, stage } = signed;
    await vault.put("fake", await signInAt(fake));
    await stage.call("read_note");
    const before = await vault.find("fake");

    fake.endTokens();
    const answers = await Promise.all(Array.from({ length: 8 }, () => stage.call("read_note")));

    expect(answers.map(({ text }) => text)).toEqual(Array(8).fill("done"));
    expect(fake.asked.filter((one) => one === "POST /token refresh_token")).toHaveLength(1);
    expect(fake.bodies.at(-1)?.get("resource")).toBe(fake.url);
    const after = await vault.find("fake");
    expect(after.revision).not.toBe(before.revision);
    if (after.record === undefined || after.record === "locked") throw new Error("no record");
    expect(fake.admitted.at(-1)).toBe(after.record.accessToken);
    // The next renewal has the new refresh token: the old one is good for nothing.
    fake.endTokens();
    expect((await stage.call("read_note")).text).toBe("done");
    for (const secret of fake.secrets) expect(signed.logged.join("\n")).not.toContain(secret);
  });

  test("is shown a token with life in it: one that ends soon is renewed before", async () => {
    await using signed = await startSigned({ tokenSeconds: 20 });
    const { fake, vault, stage } = signed;
    await vault.put("fake", await signInAt(fake));

    expect((await stage.call("read_note")).text).toBe("done");
    expect(fake.asked.filter((one) => one === "POST /token refresh_token").length).toBeGreaterThan(0);
    const [first] = fake.secrets.filter((secret) => secret.startsWith("access"));
    expect(fake.admitted).not.toContain(first);
  });

  test("says so again when its sign-in has ended for good", async () => {
    await using signed = await startSigned();
    const { fake, vault, stage } = signed;
    await vault.put("fake", await signInAt(fake));
    await stage.call("read_note");
    fake.endSignIns();

    const reason = await reasonOf(stage.call("read_note"));

    expect(reason).toBe('Cannot use tool server "fake": its sign-in has ended; run qwen-gateway mcp login fake');
    expect((await vault.find("fake")).isWanted).toBe(true);
    await vault.put("fake", await signInAt(fake));
    expect((await stage.call("read_note")).text).toBe("done");
  });

  test("keeps its sign-in while its authorization server is down", async () => {
    await using signed = await startSigned();
    const { fake, vault, stage } = signed;
    await vault.put("fake", await signInAt(fake));
    await stage.call("read_note");
    fake.endTokens();
    fake.refuseTokens(503);

    expect(await reasonOf(stage.call("read_note"))).toContain("its sign-in cannot be renewed");
    fake.refuseTokens(undefined);
    expect((await stage.call("read_note")).text).toBe("done");
    expect((await vault.find("fake")).isWanted).toBe(false);
  });

  test("says which rights it wants, where they can stand in a command", async () => {
    await using signed = await startSigned();
    const { fake, vault, stage } = signed;
    await vault.put("fake", await signInAt(fake));
    await stage.tools();
    fake.wantScope("notes:read notes:write");
    expect(await reasonOf(stage.call("read_note"))).toEndWith(
      'run qwen-gateway mcp login fake --scope "notes:read notes:write"',
    );

    fake.wantScope("notes; $(reboot)");
    expect(await reasonOf(stage.call("read_note"))).toEndWith("run qwen-gateway mcp login fake");
  });

  test("is shown no token of another address", async () => {
    await using signed = await startSigned();
    const { fake, vault, stage } = signed;
    await vault.put("fake", { ...(await signInAt(fake)), serverUrl: "https://moved.example/mcp" });

    expect(await stage.tools()).toEqual([]);
    expect(stage.servers.views("ann")[0]?.error).toContain("its address has changed since the sign-in");
    expect(fake.admitted).toEqual([]);
  });

  test("has a sign-in for each user where the connection is not shared", async () => {
    await using signed = await startSigned({}, { isShared: false });
    const { fake, vault, stage } = signed;
    await vault.put("fake\nuser:ann", await signInAt(fake));

    expect((await stage.call("read_note", {}, {}, "user:ann")).text).toBe("done");
    expect(await stage.tools("user:bob")).toEqual([]);
    expect(stage.servers.views("user:bob")[0]?.error).toBe(`${wanted} --user user:bob`);
    expect(await vault.countUsers("fake")).toBe(1);
  });

  test("is told to check its headers where those were meant to let us in", async () => {
    await using signed = await startSigned();
    const { fake, vault } = signed;
    const target = targetOf(fake.url, { headers: { Authorization: "Bearer wrong" } });
    await using stage = createMcpStage(fake.http.settings({ target }), { signIns: vault });

    await stage.tools();

    expect(stage.servers.views("ann")[0]?.error).toContain(
      "it refused the credentials with HTTP 401; check its headers",
    );
  });
});

describe("the vault of sign-ins", () => {
  test("holds nothing that can be read without its key [R4-057]", async () => {
    await using fake = await startFakeSignIn(script);
    const { store, vault } = createVault();
    const record = await signInAt(fake);
    await vault.put("fake", record);

    const [row] = await store.listAccounts("tool servers");
    const written = Buffer.from(row?.sealed ?? []).toString("latin1") + JSON.stringify({ ...row, sealed: undefined });
    for (const secret of [...fake.secrets, record.client.client_id]) expect(written).not.toContain(secret);
    const other = createSignInVault(
      store,
      createSecretBox(() => [new Uint8Array(32).fill(8)]),
    );
    expect((await other.find("fake")).record).toBe("locked");
    expect((await vault.find("fake")).record).toEqual(record);
  });

  test("lets one process at a time renew: the other takes what that one has written", async () => {
    await using fake = await startFakeSignIn(script);
    const { store, vault } = createVault();
    const record = await signInAt(fake);
    await vault.put("fake", record);
    const sourceOf = (own: SignInVault) =>
      createTokenSource({
        server: "fake",
        user: undefined,
        serverUrl: fake.url,
        hasHeaders: false,
        vault: own,
        environment: {},
        clock: Date.now,
        log: silentLog,
      });
    const other = createSignInVault(
      store,
      createSecretBox(() => [key]),
    );
    const held = fake.holdTokens();
    const both = [sourceOf(vault), sourceOf(other)].map((source) => source.replace(record.accessToken, undefined));
    held.release();

    const [one, two] = await Promise.all(both);

    expect(one).toBe(two ?? "");
    expect(fake.asked.filter((line) => line === "POST /token refresh_token")).toHaveLength(1);
  });

  test("that cannot be written does not lose a renewed token, nor is that used before", async () => {
    await using fake = await startFakeSignIn(script);
    const { vault } = createVault();
    const record = await signInAt(fake);
    await vault.put("fake", record);
    let isFull = true;
    const failing: SignInVault = {
      ...vault,
      put: (...words) => (isFull ? Promise.reject(new Error("the disk is full")) : vault.put(...words)),
    };
    const source = createTokenSource({
      server: "fake",
      user: undefined,
      serverUrl: fake.url,
      hasHeaders: false,
      vault: failing,
      environment: {},
      clock: Date.now,
      log: silentLog,
    });

    expect(await reasonOf(source.replace(record.accessToken, undefined))).toContain("cannot be stored");
    isFull = false;
    const token = await source.replace(record.accessToken, undefined);

    expect(token).toBe(fake.secrets.filter((secret) => secret.startsWith("access")).at(-1) ?? "");
    expect(fake.asked.filter((line) => line === "POST /token refresh_token")).toHaveLength(1);
  });
});
