// The attack list, outward: addresses that a client or a tool server names, and upstreams that send what bursts when unpacked.

import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createGuardedFetch } from "../../src/agent/mcp/sign-in/guarded-fetch.ts";
import { createGuardedDownload } from "../../src/outbound/guarded-download.ts";
import { isPublicAddress } from "../../src/outbound/public-address.ts";
import { createTcpClient } from "../../src/outbound/tcp-client.ts";
import { type Harness, startHarness } from "../support/harness.ts";

setDefaultTimeout(60_000);

let harness: Harness;
/** Stands for what this machine serves to itself alone: nobody else's address may lead here. */
let inner: ReturnType<typeof Bun.serve>;
let asked = 0;
beforeAll(async () => {
  harness = await startHarness();
  inner = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    reusePort: false,
    fetch() {
      asked++;
      return new Response("kInnerSecret");
    },
  });
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
  await inner.stop(true);
});

const spellings = [
  "127.0.0.1",
  "localhost",
  "LOCALHOST.",
  "2130706433",
  "017700000001",
  "0x7f000001",
  "0x7f.1",
  "127.1",
  "127.0.1",
  "0",
  "0.0.0.0",
  "[::1]",
  "[::]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[64:ff9b::7f00:1]",
  "[2002:7f00:1::]",
  "[fe80::1]",
  "[fd00::1]",
  "①②⑦.⓪.⓪.①",
  "127。0。0。1",
  "user@127.0.0.1",
  "10.0.0.1",
  "172.31.255.255",
  "192.168.0.1",
  "169.254.169.254",
  "100.100.100.200",
] as const;

describe("an address in a request", () => {
  const parts: Readonly<Record<string, (url: string) => object>> = {
    image_url: (url) => ({ type: "image_url", image_url: { url } }),
    file_url: (url) => ({ type: "file", file: { file_data: url, filename: "a.txt" } }),
  };

  test.each(Object.keys(parts))("as %s never leads into this machine or its networks", async (type) => {
    for (const host of spellings) {
      for (const scheme of ["http", "https"]) {
        const part = parts[type]?.(`${scheme}://${host}:${inner.port}/a.png`);
        const response = await harness.chat({ model: "qwen3-max", messages: [{ role: "user", content: [part] }] });
        const text = await response.text();

        expect([host, response.status]).toEqual([host, 400]);
        expect(text).not.toContain("kInnerSecret");
      }
    }
    expect(asked).toBe(0);
  });

  test("of another scheme is not asked for", async () => {
    for (const url of ["file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://127.0.0.1/", "javascript:1", "blob:x"]) {
      const part = { type: "image_url", image_url: { url } };
      const response = await harness.chat({ model: "qwen3-max", messages: [{ role: "user", content: [part] }] });

      expect([url, response.status]).toEqual([url, 400]);
      expect(await response.text()).not.toContain("root:");
    }
  });
});

describe("a name that leads here", () => {
  const download = (lookup: (host: string) => Promise<string[]>) =>
    createGuardedDownload({
      guarded: createTcpClient({ allowsAddress: isPublicAddress }),
      trusted: createTcpClient(),
      trustedOrigins: [],
      userAgent: "test",
      lookup,
    });
  const limits = { maxBytes: 1000, signal: AbortSignal.timeout(20_000), allowsHttp: true };

  test.each([
    ["this machine", ["127.0.0.1"]],
    ["this machine, in version 6", ["::1"]],
    ["this machine, mapped", ["::ffff:127.0.0.1"]],
    ["the metadata of a cloud", ["169.254.169.254"]],
    ["one public and one inner address", ["8.8.8.8", "10.0.0.1"]],
  ])("by its resolver to %s is not connected to", async (_, addresses) => {
    const fetching = download(async () => addresses)(`http://127.0.0.1.nip.io:${inner.port}/`, limits);

    await expect(fetching).rejects.toThrow("not a public one");
    expect(asked).toBe(0);
  });

  // The second answer of a resolver may be another than the first: the address that is reached counts.
  test("although its resolver said otherwise a moment ago gets no request", async () => {
    const fetching = download(async () => ["8.8.8.8"])(`http://localhost:${inner.port}/`, limits);

    await expect(fetching).rejects.toThrow();
    expect(asked).toBe(0);
  });

  test("by a redirect of a public server is not followed", async () => {
    // A header holds no other letters.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the end of ASCII is what is meant
    for (const host of spellings.filter((spelling) => /^[\x00-\x7f]+$/.test(spelling))) {
      const location = `http://${host}:${inner.port}/`;
      const guarded = {
        send: async () => ({
          status: 302,
          headers: new Headers({ location }),
          body: { read: async () => undefined, cancel() {} },
        }),
      };
      const fetching = createGuardedDownload({
        // The server in public, as far as the download sees it.
        guarded: guarded as unknown as ReturnType<typeof createTcpClient>,
        trusted: createTcpClient(),
        trustedOrigins: [],
        userAgent: "test",
        lookup: async (name) => (name === "public.example" ? ["8.8.8.8"] : ["127.0.0.1"]),
      })("http://public.example/", limits);

      await expect(fetching).rejects.toThrow(/not a public one|credentials/);
    }
    expect(asked).toBe(0);
  });
});

describe("what a tool server of the internet says of its authorization server", () => {
  test("leads neither into this machine nor into its networks", async () => {
    const guarded = createGuardedFetch({
      serverUrl: "https://tools.example/mcp",
      environment: {},
      signal: AbortSignal.timeout(30_000),
    });
    for (const host of spellings) {
      for (const scheme of ["http", "https"]) {
        const address = `${scheme}://${host}:${inner.port}/.well-known/oauth-authorization-server`;

        expect(
          await guarded(address).then(
            () => "answered",
            () => "refused",
          ),
        ).toBe("refused");
      }
    }
    expect(asked).toBe(0);
  });
});

describe("an upstream whose answer bursts", () => {
  const mebibytes = 400;
  const packs = { gzip: gzipSync, br: brotliCompressSync, zstd: zstdCompressSync } as const;
  const bombs = new Map<string, Uint8Array>();
  beforeAll(() => {
    const zeros = Buffer.alloc(mebibytes * 1_048_576, "a");
    for (const [name, pack] of Object.entries(packs)) bombs.set(name, new Uint8Array(pack(zeros)));
  });

  async function startBomb(encoding: string, contentType: string, transport: string) {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      reusePort: false,
      fetch: ({ url }) =>
        url.endsWith("/models")
          ? Response.json({ object: "list", data: [{ id: "local", object: "model" }] })
          : new Response(bombs.get(encoding), {
              headers: { "content-encoding": encoding, "content-type": contentType },
            }),
    });
    const environment = { UPSTREAM_BASE_URL: `${server.url.origin}/v1`, UPSTREAM_DIALECT: "vllm", QWEN_TOKEN: "" };
    const gateway = await startHarness({
      environment: { ...environment, RETRY_MAX_ATTEMPTS: "1", TRANSPORT: transport },
    });
    return {
      gateway,
      async [Symbol.asyncDispose]() {
        await gateway[Symbol.asyncDispose]();
        await server.stop(true);
      },
    };
  }

  test.each(Object.keys(packs))("as a tool server, packed by %s, is cut off and not held", async (encoding) => {
    const headers = { "content-encoding": encoding, "content-type": "application/json" };
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      reusePort: false,
      fetch: () => new Response(bombs.get(encoding), { headers }),
    });
    const settings = {
      MCP_SERVERS: JSON.stringify({ bomb: { url: server.url.href, type: "http" } }),
      AGENT_OPEN: "true",
    };
    await using gateway = await startHarness({ environment: settings });
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    const response = await gateway.get("/api/agent/capabilities");
    await response.text();

    expect(gateway.logLines.join("\n")).toContain("bomb");
    expect(process.memoryUsage.rss() - before).toBeLessThan((mebibytes / 2) * 1_048_576);
    await server.stop(true);
  });

  test.each(
    ["socket", "fetch"].flatMap((transport) =>
      Object.keys(packs).flatMap((encoding) => [
        [transport, encoding, "application/json", false] as const,
        [transport, encoding, "text/event-stream", true] as const,
      ]),
    ),
  )("over %s, packed by %s, as %s, is cut off and not held", async (transport, encoding, contentType, stream) => {
    await using bomb = await startBomb(encoding, contentType, transport);
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    const response = await bomb.gateway.chat({
      model: "local",
      stream,
      messages: [{ role: "user", content: "Hello" }],
    });
    const text = await response.text();

    expect(response.status === 502 || text.includes('"error"')).toBe(true);
    expect(text.length).toBeLessThan(10_000);
    expect(process.memoryUsage.rss() - before).toBeLessThan((mebibytes / 2) * 1_048_576);
  });
});
