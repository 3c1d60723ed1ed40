// The attack list, as far as an HTTP client can send it. What needs bytes on a bare socket stands in test/e2e/attacks.test.ts;
// docs/security.md names what each is about.

import { gzipSync, brotliCompressSync, zstdCompressSync } from "node:zlib";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Harness, startHarness } from "../support/harness.ts";
import { longestMs, surfaceBodies } from "../support/hostile/surface-bodies.ts";

setDefaultTimeout(60_000);

const key = "kAttackedGatewayKey";
let open: Harness;
let keyed: Harness;
beforeAll(async () => {
  const environment = { MAX_BODY_BYTES: "3000000", AGENT_OPEN: "true", FILE_FETCH: "true" };
  open = await startHarness({ environment });
  keyed = await startHarness({ environment: { API_KEY: key, CORS_ORIGIN: "https://app.example" } });
});
afterAll(async () => {
  await open[Symbol.asyncDispose]();
  await keyed[Symbol.asyncDispose]();
});

const surfaces = Object.keys(surfaceBodies);
const bodyOf = (path: string, text: string) => surfaceBodies[path]?.(text) ?? {};

interface ErrorBody {
  readonly type?: string;
  readonly error: { readonly message: string; readonly type: string; readonly code?: string };
}

/** An error in the shape of the path. */
async function errorOf(path: string, response: Response): Promise<ErrorBody["error"]> {
  expect(response.headers.get("content-type")).toStartWith("application/json");
  // The shape is what is asserted next.
  const body = (await response.json()) as ErrorBody;
  expect(typeof body.error.message).toBe("string");
  if (path === "/v1/messages") expect(body.type).toBe("error");
  else expect(typeof body.error.code).toBe("string");
  return body.error;
}

describe("a page of another site, and no keys", () => {
  test.each([
    ["its origin", { origin: "https://evil.example" }],
    ["a null origin", { origin: "null" }],
    ["an origin that begins like ours", { origin: "http://127.0.0.1.evil.example" }],
    ["an origin with our name as a user", { origin: "http://127.0.0.1@evil.example" }],
    ["an extension's origin", { origin: "chrome-extension://abcdefgh" }],
    ["a request without origin that says where it is from", { "sec-fetch-site": "cross-site" }],
    ["a form as text", { origin: "https://evil.example", "content-type": "text/plain" }],
    ["a form", { origin: "https://evil.example", "content-type": "application/x-www-form-urlencoded" }],
    ["a form without origin", { "sec-fetch-site": "cross-site", "content-type": "text/plain" }],
  ])("%s is refused on every surface, and no answer may be read", async (_, headers) => {
    for (const path of surfaces) {
      const response = await open.post(path, bodyOf(path, "Hello"), { headers });

      expect(response.status).toBe(403);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
      await errorOf(path, response);
    }
  });

  test("a preflight is refused where CORS is off", async () => {
    const headers = { origin: "https://evil.example", "access-control-request-method": "POST" };
    const response = await fetch(`${open.url}/v1/chat/completions`, { method: "OPTIONS", headers });

    expect(response.status).toBe(403);
    expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  });
});

describe("CORS", () => {
  const ask = (method: string, headers: Record<string, string>) => fetch(`${keyed.url}/v1/models`, { method, headers });

  test("answers a preflight of its origin without a key, each header by its name", async () => {
    const response = await ask("OPTIONS", {
      origin: "https://app.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,x-stainless-os",
    });

    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(response.headers.get("access-control-allow-headers")).toBe("authorization,x-stainless-os");
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    expect(response.headers.get("vary")).toBe("Origin");
  });

  test("exposes x-request-id, and lets no other origin read", async () => {
    const own = await ask("GET", { origin: "https://app.example", authorization: `Bearer ${key}` });
    const other = await ask("GET", { origin: "https://evil.example", authorization: `Bearer ${key}` });

    expect(own.headers.get("access-control-expose-headers")).toContain("x-request-id");
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
    expect(other.headers.get("vary")).toBe("Origin");
  });
});

describe("caches", () => {
  test.each(["/v1/models", "/v1/sessions", "/health", "/health/detailed", "/metrics", "/v1/nothing", "/api/speech"])(
    "may not keep %s",
    async (path) => {
      for (const headers of [{ authorization: `Bearer ${key}` }, {}]) {
        const response = await fetch(keyed.url + path, { headers });
        await response.body?.cancel();

        expect(response.headers.get("cache-control")).toBe("no-store");
      }
    },
  );

  test.each(surfaces)("may not keep what %s answers", async (path) => {
    const response = await open.post(path, bodyOf(path, "Hello"));
    await response.text();

    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toMatch(/^no-(?:store|cache)/);
  });
});

test("the page may stand in no frame, and runs nothing but its own", async () => {
  const { headers } = await open.get("/chat");

  expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  expect(headers.get("content-security-policy")).not.toMatch(/unsafe-|\*/);
  expect(headers.get("x-frame-options")).toBe("DENY");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
});

const repeated = [
  ["letters", "a"],
  ["spaces", " "],
  ["line ends", "\n"],
  ["braces", "{"],
  ["brackets and braces in turn", "[{"],
  ["quotes", '"'],
  ["backslashes", "\\"],
  ["tags", "<tool_call>"],
  ["half tags", "<tool_call"],
  ["fences", "```json\n"],
  ["pairs", "a=12345678;"],
  ["equals", "a="],
  ["data addresses", "data:;"],
  ["points", ". "],
  ["combining marks", "e\u0301"],
  ["zeros and points", "0."],
] as const;

describe.each(surfaces)("%s", (path) => {
  test("refuses a body beyond the limit", async () => {
    const response = await open.post(path, bodyOf(path, "x".repeat(3_000_001)));

    expect(response.status).toBe(413);
    await errorOf(path, response);
  });

  test("refuses JSON that is nested without end", async () => {
    const nested = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const response = await open.post(path, `{"messages":${nested},"input":${nested},"message":${nested}}`);

    expect(response.status).toBe(400);
    await errorOf(path, response);
  });

  test.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["zstd", zstdCompressSync],
  ] as const)("unpacks no body: %s of 50 MB costs nothing", async (encoding, pack) => {
    const packed = pack(Buffer.alloc(50_000_000));
    const headers = { "content-type": "application/json", "content-encoding": encoding };
    const response = await fetch(open.url + path, { method: "POST", headers, body: new Uint8Array(packed) });

    expect(response.status).toBe(400);
    expect((await errorOf(path, response)).message).toContain(encoding);
  });

  test("keys named as prototypes change no object but their own", async () => {
    const honest = JSON.stringify(bodyOf(path, "Hello")).slice(0, -1);
    for (const name of ["__proto__", "constructor"]) {
      const polluted = `{"isAdmin":true,"stream":true,"prototype":{"isAdmin":true}}`;
      const response = await open.post(path, `${honest},"${name}":${polluted},"metadata":{"${name}":${polluted}}}`);
      await response.text();

      expect([200, 400]).toContain(response.status);
    }
    expect("isAdmin" in {}).toBe(false);
    expect("isAdmin" in Object).toBe(false);
  });

  test.each(repeated)("a megabyte of %s takes no longer than its reading", async (_, piece) => {
    const text = piece.repeat(Math.ceil(1_000_000 / piece.length));
    const startedAtMs = performance.now();
    const response = await open.post(path, bodyOf(path, text));
    await response.text();

    expect(response.status).toBeLessThan(500);
    expect(performance.now() - startedAtMs).toBeLessThan(longestMs);
  });
});

describe("a model that says nothing but", () => {
  const weather = { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } };
  const formats: readonly (readonly [string, object])[] = [
    ["", {}],
    [", asked for calls", { tools: [{ type: "function", function: weather }] }],
    [", asked for JSON", { response_format: { type: "json_object" } }],
  ];

  test.each(repeated)("%s is read as fast as it speaks", async (_, piece) => {
    const text = piece.repeat(Math.ceil(300_000 / piece.length));
    for (const [, fields] of formats) {
      open.emulator.script({ reply: { chunks: [text] } });
      const startedAtMs = performance.now();
      const response = await open.chat({ ...bodyOf("/v1/chat/completions", "Hello"), ...fields });
      await response.text();

      expect(response.status).not.toBe(500);
      expect(performance.now() - startedAtMs).toBeLessThan(longestMs);
      open.emulator.reset();
    }
  });
});

describe("what a client names", () => {
  const injected = "x\r\nset-cookie: stolen=1\r\n\r\n<script>";

  test("splits no answer and forges no line of the log: a session", async () => {
    const response = await open.chat({ ...bodyOf("/v1/chat/completions", "Hello"), session_id: injected });

    expect(response.status).toBe(400);
    expect(response.headers.get("set-cookie")).toBeNull();
  });

  test("nor does a session of letters that no header may hold", async () => {
    const session = "名-ü-\u{1f600}";
    const response = await open.chat({ ...bodyOf("/v1/chat/completions", "Hello"), session_id: session });
    await response.text();

    expect(response.status).toBe(200);
    expect(response.headers.get("x-session-id") ?? "").toMatch(/^[\x20-\x7e]+$/);
  });

  test.each(surfaces)("nor does a model of %s", async (path) => {
    const response = await open.post(path, { ...bodyOf(path, "Hello"), model: `${injected}\u001b[2J\u202e` });
    await response.text();

    expect(response.headers.get("set-cookie")).toBeNull();
    expect(response.headers.get("x-model") ?? "").not.toContain("<script>");
  });

  test("no line of the log holds a control character, and none was forged", () => {
    for (const line of open.logLines) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
      expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202a-\u202e]/);
      expect(() => void JSON.parse(line)).not.toThrow();
    }
    expect(open.logLines.length).toBeGreaterThan(20);
  });

  test("nor do the words of an upstream", async () => {
    const details = "\r\nset-cookie: a=1\r\n\u001b[31m<script>alert(1)</script>\u202e";
    const refusal = { refuse: { name: "bad-request", details } } as const;
    open.emulator.script(refusal, refusal, refusal);
    const response = await open.chat(bodyOf("/v1/chat/completions", "Hello"));
    const text = await response.text();

    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.headers.get("set-cookie")).toBeNull();
    expect(text).not.toContain("<script>");
    expect(open.logLines.join("")).not.toContain("\u001b");
  });
});

describe("path traversal", () => {
  const ups = ["..%2f..%2f..%2fetc%2fpasswd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5c..%5cx", "%00", "x%00.html"];
  const encoded = [...ups, "%252e%252e%252fmaster-key", "..%2fmaster-key", "%c0%ae%c0%ae%2fx", "/etc/passwd"];
  const roots = [
    "/chat/assets/",
    "/status/assets/",
    "/v1/files/",
    "/api/documents/",
    "/v1/sessions/",
    "/v1/responses/",
    "/v1/conversations/",
    "/api/chat/stream/",
    "/api/chat/sessions/",
    "/v1/models/",
  ];

  test.each(roots)("leads nowhere from %s", async (root) => {
    for (const way of encoded) {
      const response = await open.get(root + way);
      const text = await response.text();

      expect([400, 404]).toContain(response.status);
      expect(text).not.toContain("root:");
      expect(text).not.toContain(open.dataDir);
    }
  });

  test("the name of an upload is no path", async () => {
    const form = new FormData();
    form.set("purpose", "user_data");
    form.set("file", new File(["Hello"], "../../../evil.txt"));
    const before = filesOf(open.dataDir);
    const uploaded = await fetch(`${open.url}/v1/files`, { method: "POST", body: form });
    const { id } = (await uploaded.json()) as { id: string };
    const content = await open.get(`/v1/files/${id}/content`);

    expect(content.headers.get("content-disposition")).toStartWith("attachment;");
    expect(content.headers.get("x-content-type-options")).toBe("nosniff");
    expect(await content.text()).toBe("Hello");
    expect(filesOf(open.dataDir).filter((name) => !before.includes(name) && !/^files\.db/.test(name))).toEqual([]);
  });
});

test("whatever the data directory holds is its owner's alone", () => {
  expect(statSync(open.dataDir).mode & 0o077).toBe(0);
  for (const name of filesOf(open.dataDir)) {
    expect([name, statSync(join(open.dataDir, name)).mode & 0o077]).toEqual([name, 0]);
  }
});

test("whatever the data directory holds stands in docs/security.md", () => {
  const document = readFileSync(join(import.meta.dir, "../../docs/security.md"), "utf8");
  for (const name of filesOf(open.dataDir).filter((file) => statSync(join(open.dataDir, file)).isFile())) {
    const told = name.replace(/-(?:wal|shm)$/, "").replace(/^replay\/[0-9a-f-]+\./, "replay/*.");

    expect([name, document.includes(`| \`${told}\``)]).toEqual([name, true]);
  }
});

function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" });
}
