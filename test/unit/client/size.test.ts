// The library stays small, and a page takes along only what it uses.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import manifest from "../../../package.json";

const root = join(import.meta.dir, "..", "..", "..");

/** As a page would have it: bundled for browsers, minified. */
async function bundle(source: string): Promise<string> {
  const path = join(root, "src/client/page-of-the-test.ts");
  const { outputs } = await Bun.build({
    entrypoints: [path],
    files: { [path]: source },
    minify: true,
    target: "browser",
    external: ["react"],
  });
  return (await outputs[0]?.text()) ?? "";
}

const gzipBytes = (text: string) => Bun.gzipSync(text, { level: 9 }).length;

describe("the client library", () => {
  test("is under 4 KB as a whole, minified and gzipped", async () => {
    const whole = await bundle('export * from "./client.ts";');

    expect(whole).toContain("streamSSE");
    expect(gzipBytes(whole)).toBeLessThan(4096);
  });

  test("leaves out what is not imported", async () => {
    const part = await bundle('export { TokenBuffer } from "./client.ts";');

    expect(part).not.toContain("event-stream");
    expect(gzipBytes(part)).toBeLessThan(512);
  });

  test("needs nothing of Node, Bun or any package, and the hooks nothing but React", async () => {
    const hooks = await bundle('export * from "./react.ts";');
    const imports = new Set([...hooks.matchAll(/\bfrom\s*"([^"]+)"/g)].map((match) => match[1]));

    expect(await bundle('export * from "./client.ts";')).not.toMatch(
      /\bfrom\s*"|\bimport\b|\brequire\(|\bBun\.|\bprocess\./,
    );
    expect([...imports]).toEqual(["react"]);
  });

  test("is an entry of the package, and so are the hooks", async () => {
    expect(manifest.exports["./client"]).toBe("./src/client/client.ts");
    expect(manifest.exports["./react"]).toBe("./src/client/react.ts");
    const client = await import("qwen-gateway/client");
    const hooks = await import("qwen-gateway/react");

    expect(Object.keys(client).sort()).toEqual([
      "SSEError",
      "TokenBuffer",
      "combineSignals",
      "connectSSE",
      "parseSSEEvent",
      "resumeSSE",
      "stopStream",
      "streamSSE",
      "streamWithReconnect",
    ]);
    expect(Object.keys(hooks).sort()).toEqual(["useChat", "useSSEStream"]);
  });
});
