import { describe, expect, test } from "bun:test";
import { statusPage } from "../../../src/server/pages/page-file.ts";
import { readError, speakRaw, startTestServer } from "./test-server.ts";

/** As browsers ask for a page. */
const browser = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };

type Get = (path: string, headers?: Record<string, string>) => Promise<Response>;

/** Paths of what the page consists of, as its shell names them. */
async function assetsOf(get: Get): Promise<string[]> {
  const shell = await (await get("/", browser)).text();
  return [...shell.matchAll(/(?:src|href)="(status\/assets\/[^"]+)"/g)].map((match) => `/${match[1]}`);
}

describe("GET / by a browser", () => {
  test("is the status page, with all that it consists of, without a key", async () => {
    const { get } = startTestServer({ apiKeys: ["k1"], adminKeys: ["k2"] });

    const shell = await get("/", browser);
    const assets = await assetsOf(get);

    expect(shell.status).toBe(200);
    expect(shell.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(assets).toHaveLength(3);
    for (const path of assets) expect([path, (await get(path)).status]).toEqual([path, 200]);
  });

  test("is refused to a foreign Host like everything else", async () => {
    const { get } = startTestServer({});

    expect((await get("/", { ...browser, host: "evil.example" })).status).toBe(403);
  });

  test("lets no script, style or address in but its own, and makes nothing of text", async () => {
    const { get } = startTestServer({});
    const shell = await get("/", browser);
    const policy = shell.headers.get("content-security-policy") ?? "";

    expect(policy).toStartWith("default-src 'none'; ");
    for (const part of ["script-src", "style-src", "connect-src"]) expect(policy).toContain(`${part} 'self';`);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("trusted-types 'none'");
    expect(policy).not.toContain("unsafe");
    expect(shell.headers.get("x-content-type-options")).toBe("nosniff");
    expect(shell.headers.get("referrer-policy")).toBe("no-referrer");
    expect(shell.headers.get("permissions-policy")).toContain("microphone=()");
    const html = await shell.text();
    expect(html).not.toMatch(/<style|style=|<script>|\son\w+=/);
    expect(html).not.toMatch(/(?:src|href)="(?!status\/assets\/|data:)/);
  });

  test("comes packed, and not at all to who has it", async () => {
    const { get } = startTestServer({});
    const shell = await get("/", { ...browser, "accept-encoding": "gzip" });
    const [asset = ""] = await assetsOf(get);

    expect(shell.headers.get("content-encoding")).toBe("gzip");
    expect(shell.headers.get("vary")).toBe("accept, accept-encoding");
    expect(shell.headers.get("cache-control")).toBe("no-cache");
    const again = await get("/", { ...browser, "if-none-match": shell.headers.get("etag") ?? "" });
    expect(again.status).toBe(304);
    expect((await get(asset)).headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect((await get(asset)).headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("has a HEAD with the same head and no body", async () => {
    const { port } = startTestServer({ apiKeys: ["k1"] });
    const answer = await speakRaw(
      port,
      "HEAD / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n",
    );

    expect(answer).toStartWith("HTTP/1.1 200");
    expect(answer.toLowerCase()).toContain("content-security-policy:");
    expect(answer.split("\r\n\r\n")[1]).toBe("");
  });

  test("leads nowhere from its assets", async () => {
    const { get } = startTestServer({});

    for (const name of ["main-gone.js", "%2e%2e%2f%2e%2e%2fv1%2fmodels", "..%2fchat"]) {
      const answer = await get(`/status/assets/${name}`);
      expect([name, answer.status]).toEqual([name, 404]);
      expect((await readError(answer)).message).toContain("status page: reload the page");
    }
  });
});

describe("GET / by a program", () => {
  test.each([
    ["nothing", {}],
    ["everything", { accept: "*/*" }],
    ["JSON", { accept: "application/json" }],
    ["all but the page", { accept: "*/*, text/html;q=0" }],
    ["what begins so", { accept: "text/htmlx, text/html-x" }],
  ])("that accepts %s finds nothing, as ever", async (_name, headers) => {
    const { get } = startTestServer({});

    const answer = await get("/", headers);

    expect(answer.status).toBe(404);
    const { message, code } = await readError(answer);
    expect(code).toBe("not_found");
    expect(message).toBe("Cannot GET this address: there is nothing here. The base URL of the OpenAI API ends in /v1");
  });

  test("wants a key where there are keys", async () => {
    const { get } = startTestServer({ apiKeys: ["k1"] });

    expect((await get("/", { accept: "application/json" })).status).toBe(401);
    expect((await get("/", { accept: "application/json", authorization: "Bearer k1" })).status).toBe(404);
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS"])(
    "finds nothing by %s either, a browser's words or not",
    async (method) => {
      const { url } = startTestServer({});

      const answer = await fetch(url, { method, headers: browser });

      expect([answer.status, answer.headers.get("allow")]).toEqual([404, null]);
    },
  );
});

test("the status page weighs less than 60 KB packed, plots included", async () => {
  const { buildPage, pageSources } = await import("../../../src/server/pages/build-page.ts");
  const sources = pageSources.find(({ page }) => page === statusPage);
  const files = await buildPage(sources!);
  const weigh = (paths: RegExp) =>
    files
      .filter(({ path }) => paths.test(path))
      .reduce((sum, { gzip }) => sum + Uint8Array.fromBase64(gzip).byteLength, 0);

  expect(weigh(/./)).toBeLessThan(60_000);
  // Before anything is drawn.
  expect(weigh(/^\/$|main|before-paint|css$/)).toBeLessThan(25_000);
});
