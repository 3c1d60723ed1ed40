import { describe, expect, test } from "bun:test";
import { pageRoutes } from "../../../../src/server/pages/page-route.ts";
import { chatPage, type PageFile, type PagePlace } from "../../../../src/server/pages/page-file.ts";
import type { Trip } from "../../../../src/server/trip.ts";
import { readError, speakRaw, startTestServer } from "../test-server.ts";

/** Paths of what the page consists of, as its shell and its entry name them. */
async function assetsOf(get: (path: string) => Promise<Response>): Promise<string[]> {
  const shell = await (await get("/chat")).text();
  return [...shell.matchAll(/(?:src|href)="(chat\/assets\/[^"]+)"/g)].map((match) => `/${match[1]}`);
}

async function filesOf(page: PagePlace): Promise<PageFile[]> {
  const { buildPage, pageSources } = await import("../../../../src/server/pages/build-page.ts");
  const sources = pageSources.find((one) => one.page === page);
  return sources === undefined ? [] : buildPage(sources);
}

describe("GET /chat", () => {
  test("is served without a key, with all that it consists of, and nothing else is", async () => {
    const { get, port } = startTestServer({ apiKeys: ["k1"] });

    const shell = await get("/chat");
    expect(shell.status).toBe(200);
    expect(shell.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const assets = await assetsOf(get);
    expect(assets).toHaveLength(3);
    for (const path of assets) expect([path, (await get(path)).status]).toEqual([path, 200]);
    for (const path of ["/chatter", "/chat/assets", "/chat/other", "/CHAT", "/api/chat/sessions"]) {
      expect([path, (await get(path)).status]).toEqual([path, 401]);
    }
    for (const path of ["/chat/assets/../../v1/models", "/chat/assets/%2e%2e/%2e%2e/v1/models", "/chat/assets/"]) {
      const answer = await speakRaw(port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      expect([path, answer.includes('"data"')]).toEqual([path, false]);
      expect(["401", "404"]).toContain(answer.split(" ")[1] ?? "");
    }
  });

  test("is found with a slash behind it too", async () => {
    const { url } = startTestServer({ apiKeys: ["k1"] });
    const redirect = await fetch(`${url}/chat/`, { redirect: "manual" });

    expect(redirect.status).toBe(308);
    expect(new URL(redirect.headers.get("location") ?? "", `${url}/prefix/chat/`).pathname).toBe("/prefix/chat");
  });

  test("is refused to a foreign Host like everything else", async () => {
    const { get } = startTestServer({});

    expect((await get("/chat", { host: "evil.example" })).status).toBe(403);
  });

  test("lets no script, style or address in but its own", async () => {
    const { get } = startTestServer({});
    const shell = await get("/chat");
    const policy = shell.headers.get("content-security-policy") ?? "";

    expect(policy).toContain("default-src 'none'");
    for (const part of ["script-src", "style-src", "connect-src"]) expect(policy).toContain(`${part} 'self';`);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(shell.headers.get("x-content-type-options")).toBe("nosniff");
    expect(shell.headers.get("referrer-policy")).toBe("no-referrer");
    const html = await shell.text();
    expect(html).not.toMatch(/<style|style=|<script>|\son\w+=/);
    expect(html).not.toMatch(/(?:src|href)="(?!chat\/assets\/|data:)/);
  });

  test("keeps its assets for ever, and asks for its shell each time", async () => {
    const { get } = startTestServer({});
    const shell = await get("/chat");
    const [asset = ""] = await assetsOf(get);
    const file = await get(asset);

    expect(shell.headers.get("cache-control")).toBe("no-cache");
    expect(file.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    const again = await get("/chat", { "if-none-match": shell.headers.get("etag") ?? "" });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");
    expect((await get("/chat", { "if-none-match": '"other"' })).status).toBe(200);
  });

  test("is packed for those who can unpack it", async () => {
    const { get } = startTestServer({});
    const plain = await get("/chat", { "accept-encoding": "identity" });
    const packed = await get("/chat", { "accept-encoding": "br, gzip;q=0.8" });

    expect(plain.headers.get("content-encoding")).toBeNull();
    expect(packed.headers.get("content-encoding")).toBe("gzip");
    expect(packed.headers.get("vary")).toContain("accept-encoding");
    expect(await packed.text()).toBe(await plain.text());
    const refused = await get("/chat", { "accept-encoding": "gzip;q=0, identity" });
    expect(refused.headers.get("content-encoding")).toBeNull();
  });

  test("answers HEAD with the same head and no body", async () => {
    const { port } = startTestServer({});
    const answer = await speakRaw(port, "HEAD /chat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

    expect(answer).toStartWith("HTTP/1.1 200");
    expect(answer.toLowerCase()).toContain("content-security-policy:");
    expect(answer.split("\r\n\r\n")[1]).toBe("");
  });

  test("tells of an asset that is not there in JSON", async () => {
    const { get } = startTestServer({});
    const missing = await get("/chat/assets/main-gone.js");

    expect(missing.status).toBe(404);
    expect((await readError(missing)).message).toContain("reload the page");
  });
});

test("pageRoutes tries again after a build that failed, and builds once when it goes well", async () => {
  let builds = 0;
  const file = { path: "/chat", type: "text/html; charset=utf-8", etag: '"1"', gzip: Bun.gzipSync("page").toBase64() };
  const [shell] = pageRoutes(async () => {
    builds += 1;
    if (builds === 1) throw new Error("a typing mistake");
    return [file];
  });
  const ask = async () => shell?.answer({ request: new Request("http://localhost/chat"), path: "/chat" } as Trip);

  await expect(ask()).rejects.toThrow("a typing mistake");
  expect(await (await ask())?.text()).toBe("page");
  await ask();
  expect(builds).toBe(2);
});

test("the page weighs less than 150 KB packed, with what it loads later", async () => {
  const files = await filesOf(chatPage);
  const bytes = files.reduce((sum, { gzip }) => sum + Uint8Array.fromBase64(gzip).byteLength, 0);

  expect(bytes).toBeLessThan(150_000);
  // What React would add alone is more than this.
  const first = files.filter(({ path }) => !/highlight|agent-tab/.test(path));
  expect(first.reduce((sum, { gzip }) => sum + Uint8Array.fromBase64(gzip).byteLength, 0)).toBeLessThan(75_000);
});
