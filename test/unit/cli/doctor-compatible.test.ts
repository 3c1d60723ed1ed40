// The doctor before upstreams that speak OpenAI's protocol: what it says of each, and what to do.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommandLine } from "../../../src/cli/run-command-line.ts";
import { modelList, ready, saying, wrongKey } from "../../support/compatible-plays.ts";
import { type FakeServer, type Play, type Routes, serveCompatible } from "../../support/fake-compatible-server.ts";

const dataDir = mkdtempSync(join(tmpdir(), "qwen-gateway-doctor-"));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

async function diagnose(environment: Readonly<Record<string, string>>, words: readonly string[] = []) {
  const lines: string[] = [];
  const print = (text: string): void => void lines.push(text.replace(/ +/g, " "));
  const exitCode = await runCommandLine(["doctor", ...words], {
    environment: { DATA_DIR: dataDir, ...environment },
    print,
    complain: print,
    readInput: async () => "",
  });
  const indexOf = (start: string): number => lines.findIndex((line) => line.startsWith(start));
  return {
    exitCode,
    text: lines.join("\n"),
    line: (start: string): string | undefined => lines[indexOf(start)],
    advice: (start: string): string | undefined => /^ -> (.*)$/.exec(lines[indexOf(start) + 1] ?? "")?.[1],
  };
}

async function diagnoseServer(play: Play, routes: Routes, environment: Readonly<Record<string, string>> = {}) {
  await using server = serveCompatible([play], routes);
  const found = await diagnose({ UPSTREAM_BASE_URL: server.url, ...environment });
  return { ...found, server: server as FakeServer };
}

describe("qwen-gateway doctor of an OpenAI-compatible upstream", () => {
  test("tells reachability, kind, key, models and one short exchange, and leaves the web backend out", async () => {
    const { exitCode, line, text, server } = await diagnoseServer(ready, modelList("vllm", "Qwen/Qwen3-8B"), {
      UPSTREAM_API_KEY: "sk-very-secret-key",
    });

    expect([exitCode, text]).toEqual([0, expect.stringContaining("Nothing failed")]);
    expect(line("ok upstream http")).toBe(`ok upstream ${server.url} answers, found to be vLLM`);
    expect(line("ok upstream key")).toBe("ok upstream key accepted");
    expect(line("ok upstream models")).toBe("ok upstream models 1, such as Qwen/Qwen3-8B");
    expect(line("ok upstream exchange")).toMatch(/Qwen\/Qwen3-8B answered in \d\.\d s$/);
    for (const word of ["account", "chat host", "very-secret"]) expect(text).not.toContain(word);
    expect(server.completions.map(({ body }) => body?.["max_tokens"])).toEqual([48]);
  });

  test("--offline asks nobody, and tells what is set", async () => {
    await using server = serveCompatible([ready]);
    const environment = { UPSTREAM_BASE_URL: server.url, UPSTREAM_API_KEY: "a,b" };
    const { exitCode, line } = await diagnose(environment, ["--offline"]);

    expect(exitCode).toBe(0);
    expect(line("ok upstream")).toBe(`ok upstream ${server.url}, 2 keys`);
    expect(server.requests).toEqual([]);
  });

  test("fails where nothing answers, and says to start the server", async () => {
    const server = serveCompatible([]);
    await server[Symbol.asyncDispose]();
    const { exitCode, line, advice } = await diagnose({ UPSTREAM_BASE_URL: server.url });

    expect(exitCode).toBe(1);
    expect(line("fail upstream")).toBe(
      `fail upstream ${server.url}: Cannot reach the upstream: nothing answers at its address`,
    );
    expect(advice("fail upstream")).toContain("start the server");
  });

  test("fails for a key that is missing or refused, and sends no message", async () => {
    const missing = await diagnoseServer(ready, { "/v1/models": wrongKey });
    const refused = await diagnoseServer(ready, { "/v1/models": wrongKey }, { UPSTREAM_API_KEY: "sk-old" });

    expect(missing.line("fail upstream key")).toContain("it needs a key and has none");
    expect(refused.line("fail upstream key")).toContain("refused the key");
    expect(refused.advice("fail upstream key")).toContain("api_keys");
    for (const { exitCode, server } of [missing, refused]) expect([exitCode, server.completions]).toEqual([1, []]);
  });

  test("fails for an address that is no such server", async () => {
    const { exitCode, line, advice } = await diagnoseServer(ready, {
      "/v1/models": { contentType: "text/html", body: "<html>Welcome</html>" },
    });

    expect(exitCode).toBe(1);
    expect(line("fail upstream models")).toContain("not a chat completion");
    expect(advice("fail upstream models")).toContain("/v1");
  });

  test("fails where there is no model, or the model is refused", async () => {
    const empty = await diagnoseServer(ready, modelList("library"));
    const refusal = { status: 404, body: JSON.stringify({ error: { message: "model 'a' not found" } }) };
    const unknown = await diagnoseServer(refusal, modelList("library", "a"));

    expect(empty.line("fail upstream models")).toContain("the list is empty");
    expect(empty.advice("fail upstream models")).toContain("ollama pull");
    expect(unknown.line("fail upstream exchange")).toContain("does not have this model");
    expect(unknown.advice("fail upstream exchange")).toContain("default_model");
  });

  test("asks a model that chats, and warns when another one serves those who name none", async () => {
    const models = modelList("library", "nomic-embed-text", "qwen3:8b");
    const { exitCode, line, advice } = await diagnoseServer(ready, models);

    expect(exitCode).toBe(0);
    expect(line("ok upstream exchange")).toContain("qwen3:8b answered");
    expect(line("warn upstream default")).toContain("nomic-embed-text");
    expect(advice("warn upstream default")).toContain("qwen3:8b");
  });

  test("warns of an empty answer, and of one that is too busy", async () => {
    const empty = await diagnoseServer(saying(""), modelList("vllm", "a"));
    const busy = { status: 503, body: JSON.stringify({ error: { message: "Loading model" } }) };
    const loading = await diagnoseServer(busy, modelList("vllm", "a"));

    expect(empty.line("warn upstream exchange")).toContain("answered with nothing");
    expect(loading.line("warn upstream exchange")).toContain("still loads");
    expect([empty.exitCode, loading.exitCode]).toEqual([0, 0]);
  });

  test("tells each of several keys, and warns of the one that is refused", async () => {
    await using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        if (request.headers.get("authorization") !== "Bearer good")
          return new Response(`${wrongKey.body}`, { status: 401 });
        const isList = new URL(request.url).pathname === "/v1/models";
        const headers = { "content-type": isList ? "application/json" : "text/event-stream" };
        return new Response(`${(isList ? modelList("vllm", "a")["/v1/models"] : ready)?.body}`, { headers });
      },
    });
    const { exitCode, line } = await diagnose({
      UPSTREAM_BASE_URL: `${server.url.href}v1`,
      UPSTREAM_API_KEY: "old,good",
    });

    expect(exitCode).toBe(0);
    expect(line("warn upstream key")).toContain("key 1 of 2: ");
    expect(line("ok upstream key")).toBe("ok upstream key key 2 of 2: accepted");
    expect(line("ok upstream exchange")).toBeDefined();
  });

  test("tells of upstreams that cannot be used as they are set", async () => {
    const { exitCode, line } = await diagnose({ UPSTREAMS: '[{"name":"cloud","dialect":"dashscope"}]' });

    expect(exitCode).toBe(1);
    expect(line("fail configuration")).toContain('Cannot use the upstream "cloud"');
  });
});
