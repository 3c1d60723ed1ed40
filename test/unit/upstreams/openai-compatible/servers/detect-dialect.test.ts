// Which dialect a server speaks, and where each is served.

import { describe, expect, test } from "bun:test";
import { createFetchClient } from "../../../../../src/outbound/fetch-client.ts";
import { baseUrlOf } from "../../../../../src/upstreams/openai-compatible/servers/base-url.ts";
import { detectDialect } from "../../../../../src/upstreams/openai-compatible/servers/detect-dialect.ts";
import { type Play, type Routes, serveCompatible } from "../../../../support/fake-compatible-server.ts";

const http = createFetchClient((request, options) => fetch(request, options));
const json = (value: object): Play => ({ body: JSON.stringify(value) });
const ownedBy = (owner: string): Routes => ({ "/v1/models": json({ data: [{ id: "a", owned_by: owner }] }) });

async function detect(routes: Routes, ...keys: readonly string[]) {
  await using server = serveCompatible([], routes);
  const found = await detectDialect({ http, baseUrl: server.url, keys, signal: AbortSignal.timeout(5000) });
  return { ...found, requests: server.requests };
}

describe("detectDialect", () => {
  const servers: readonly (readonly [dialect: string, routes: Routes])[] = [
    ["vllm", ownedBy("vllm")],
    ["sglang", ownedBy("sglang")],
    ["llama-cpp", ownedBy("llamacpp")],
    ["lm-studio", ownedBy("organization_owner")],
    ["ollama", ownedBy("library")],
    ["ollama", { ...ownedBy("someone"), "/api/version": json({ version: "0.15.1" }) }],
    ["llama-cpp", { ...ownedBy("llama-swap"), "/api/version": json({ version: "190", commit: "0046040" }) }],
    ["llama-cpp", { ...ownedBy("lemonade"), "/api/version": json({ version: "0.16.1" }) }],
    ["llama-cpp", { ...ownedBy("koboldcpp"), "/api/version": json({ version: "0.7.0" }) }],
    ["llama-cpp", { "/props": json({ default_generation_settings: {} }) }],
    ["generic", ownedBy("someone")],
    ["generic", { "/v1/models": { status: 401, body: "" }, "/props": json({ hello: "world" }) }],
  ];
  test.each([...servers])("tells %s by what it answers", async (dialect, routes) => {
    expect(await detect(routes)).toMatchObject({ dialect, isAlive: true });
  });

  test("asks three small questions, with the key", async () => {
    const { requests } = await detect({}, "sk-a");

    expect(requests.map(({ path }) => path).sort()).toEqual(["/api/version", "/props", "/v1/models"]);
    expect(requests[0]?.headers.get("authorization")).toBe("Bearer sk-a");
  });

  test("asks with the next key where one is refused", async () => {
    const models = [{ status: 401, body: "" }, ownedBy("vllm")["/v1/models"]].flat() as Play[];
    const { dialect, requests } = await detect({ "/v1/models": models }, "sk-revoked", "sk-good");

    expect(dialect).toBe("vllm");
    expect(requests.at(-1)?.headers.get("authorization")).toBe("Bearer sk-good");
    expect(await detect({ "/v1/models": { status: 401, body: "" } }, "sk-a", "sk-b")).toMatchObject({
      dialect: "generic",
      isAlive: true,
    });
  });

  test("asks a server beneath a prefix there", async () => {
    await using server = serveCompatible([], { "/llm/props": json({ n_ctx: 4096 }) });
    const baseUrl = server.url.replace(/v1$/, "llm/v1/");
    const options = { http, baseUrl, keys: [], signal: AbortSignal.timeout(5000) };

    expect(await detectDialect(options)).toMatchObject({ dialect: "llama-cpp" });
    expect(server.requests.map(({ path }) => path).sort()).toEqual([
      "/llm/api/version",
      "/llm/props",
      "/llm/v1/models",
    ]);
  });

  test("tells that nothing answers", async () => {
    const server = serveCompatible([]);
    await server[Symbol.asyncDispose]();
    const options = { http, baseUrl: server.url, keys: [], signal: AbortSignal.timeout(5000) };

    expect(await detectDialect(options)).toMatchObject({ dialect: "generic", isAlive: false });
  });

  test.each([
    [
      "all of it is unavailable",
      { "/api/version": { status: 502, body: "<html>" }, "/props": { status: 502, body: "" } },
    ],
    ["what stands before it has pages of its own", {}],
  ])("takes no word for a server that is still to come: %s", async (_, routes) => {
    const starting = { "/v1/models": { status: 503, body: '{"error":{"message":"Loading model","code":503}}' } };

    expect(await detect({ ...starting, ...routes })).toMatchObject({ dialect: "generic", isAlive: false });
  });

  test.each([500, 501])("takes a server that never tells its models (%p) for one that answers", async (status) => {
    const found = await detect({ "/v1/models": { status, body: '{"error":{"message":"not implemented"}}' } });

    expect(found).toMatchObject({ dialect: "generic", isAlive: true });
  });

  test("does not wait for one that stays silent", async () => {
    const silent: Play = { body: "", after: "silent" };
    await using server = serveCompatible([], { "/v1/models": silent, "/props": silent });
    const options = { http, baseUrl: server.url, keys: [], signal: AbortSignal.timeout(5000), timeoutMs: 50 };

    expect(await detectDialect(options)).toMatchObject({ dialect: "generic" });
  });

  const hosts = [
    ["https://dashscope.aliyuncs.com/compatible-mode/v1", "dashscope"],
    ["https://dashscope-us.aliyuncs.com/compatible-mode/v1/", "dashscope"],
    ["https://cn-hongkong.dashscope.aliyuncs.com/compatible-mode/v1", "dashscope"],
    ["https://ws-1.eu-central-1.maas.aliyuncs.com/compatible-mode/v1", "dashscope"],
    ["https://coding-intl.dashscope.aliyuncs.com/v1", "dashscope-plans"],
    ["https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1", "dashscope-plans"],
    ["https://api-inference.modelscope.cn/v1", "modelscope"],
  ] as const;
  test.each([...hosts])("knows %s by its name, without asking", async (baseUrl, dialect) => {
    const nobody = createFetchClient(() => Promise.reject(new Error("asked")));
    const signal = AbortSignal.timeout(1000);

    expect((await detectDialect({ http: nobody, baseUrl, keys: [], signal })).dialect).toBe(dialect);
  });
});

describe("baseUrlOf", () => {
  test("knows regions by their short names and by their full ones", () => {
    expect(baseUrlOf("dashscope")).toBe("https://dashscope-intl.aliyuncs.com/compatible-mode/v1");
    expect(baseUrlOf("dashscope", { region: "cn" })).toBe("https://dashscope.aliyuncs.com/compatible-mode/v1");
    expect(baseUrlOf("dashscope", { region: "us-east-1" })).toContain("dashscope-us.");
    expect(baseUrlOf("dashscope", { region: "mars" })).toBeUndefined();
  });

  test("knows workspaces and plans", () => {
    expect(baseUrlOf("dashscope", { workspace: "ws-1", region: "cn" })).toBe(
      "https://ws-1.cn-beijing.maas.aliyuncs.com/compatible-mode/v1",
    );
    expect(baseUrlOf("dashscope", { workspace: "ws-1", region: "eu-central-1" })).toContain(".eu-central-1.");
    expect(baseUrlOf("dashscope-plans")).toBe("https://coding-intl.dashscope.aliyuncs.com/v1");
    expect(baseUrlOf("dashscope-plans", { plan: "token", region: "cn" })).toContain("token-plan.cn-beijing");
  });

  test("knows where local servers listen, and nothing of a generic one", () => {
    expect(baseUrlOf("ollama")).toBe("http://127.0.0.1:11434/v1");
    expect(baseUrlOf("generic")).toBeUndefined();
  });
});
