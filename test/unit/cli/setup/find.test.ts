// What setup finds by itself: servers by asking them, keys in the environment.

import { describe, expect, test } from "bun:test";
import { addressOf, serviceSettings } from "../../../../src/cli/setup/choice.ts";
import { findKeys } from "../../../../src/cli/setup/find-keys.ts";
import { findServers, serverSettings, usualAddresses } from "../../../../src/cli/setup/find-servers.ts";
import { createTcpClient } from "../../../../src/outbound/tcp-client.ts";
import { modelList, ready, wrongKey } from "../../../support/compatible-plays.ts";
import { type Routes, serveCompatible } from "../../../support/fake-compatible-server.ts";

const http = createTcpClient();

async function find(routes: Routes) {
  await using server = serveCompatible([ready], routes);
  const [found] = await findServers([server.url], http);
  return found && { ...found, isAtItsAddress: found.baseUrl === server.url };
}

describe("findServers", () => {
  test("looks on the usual ports, of which each server has its own", () => {
    const ports = usualAddresses().map((address) => new URL(address).port);

    expect(ports.sort()).toEqual(["11434", "1234", "30000", "8000", "8080", "9931"]);
  });

  test.each([
    ["vllm", modelList("vllm", "Qwen/Qwen3-8B")],
    ["sglang", modelList("sglang", "Qwen/Qwen3-8B")],
    ["llama-cpp", modelList("llamacpp", "Qwen/Qwen3-8B")],
    ["lm-studio", modelList("organization_owner", "Qwen/Qwen3-8B")],
    ["ollama", modelList("library", "Qwen/Qwen3-8B")],
    ["generic", modelList("somebody", "Qwen/Qwen3-8B")],
  ] as const)("finds %s, and the models that it lists", async (dialect, routes) => {
    expect(await find(routes)).toEqual({
      baseUrl: expect.any(String),
      isAtItsAddress: true,
      dialect,
      models: ["Qwen/Qwen3-8B"],
      wantsKey: false,
    });
  });

  test("tells of a server that has more than its kind", async () => {
    expect(await find(modelList("llama-swap", "a"))).toMatchObject({ dialect: "llama-cpp", hasMore: true });
  });

  test("tells of a server that wants a key", async () => {
    expect(await find({ "/v1/models": wrongKey })).toMatchObject({ models: [], wantsKey: true });
  });

  test("passes over whatever else listens there, what is silent, and what is not there", async () => {
    const page = { contentType: "text/html", body: "<html>Welcome</html>" };
    expect(await find({})).toBeUndefined();
    expect(await find({ "/v1/models": page, "/": page })).toBeUndefined();
    expect(await find({ "/v1/models": { status: 401, body: "who are you?" } })).toBeUndefined();
    expect(await find({ "/v1/models": { body: "", after: "silent" } })).toBeUndefined();
    const gone = serveCompatible([]);
    await gone[Symbol.asyncDispose]();
    expect(await findServers([gone.url, "https://127.0.0.1:1/v1"], http)).toEqual([]);
  });

  test("asks all at once and keeps the order of the addresses", async () => {
    await using silent = serveCompatible([], { "/v1/models": { body: "", after: "silent" } });
    await using first = serveCompatible([], modelList("vllm", "a"));
    await using second = serveCompatible([], modelList("library", "b"));
    const found = await findServers([silent.url, first.url, silent.url, second.url], http);

    expect(found.map(({ models }) => models[0])).toEqual(["a", "b"]);
  });
});

describe("serverSettings", () => {
  test("names a server for its kind, and another one of that kind too", () => {
    const taken = ["vllm", "vllm-2", "local"];
    const isTaken = (name: string) => taken.includes(name);
    const baseUrl = "http://127.0.0.1:8000/v1";

    expect(serverSettings({ baseUrl, dialect: "ollama" }, isTaken)).toEqual({
      name: "ollama",
      dialect: "ollama",
      base_url: baseUrl,
    });
    expect(serverSettings({ baseUrl, dialect: "vllm" }, isTaken, ["k"])).toMatchObject({
      name: "vllm-3",
      api_keys: ["k"],
    });
    // It is asked for its kind again by whoever serves.
    expect(serverSettings({ baseUrl, dialect: "generic" }, isTaken)).toEqual({ name: "local-2", base_url: baseUrl });
    expect(serverSettings({ baseUrl, dialect: "llama-cpp", hasMore: true }, isTaken)).toEqual({
      name: "llama-cpp",
      base_url: baseUrl,
    });
  });
});

describe("findKeys", () => {
  const found = (environment: Readonly<Record<string, string>>) =>
    findKeys(environment).map(({ settings, source }) => ({ ...settings, source }));

  test("finds keys of DashScope with their region and plan, several of them too", () => {
    expect(found({ DASHSCOPE_API_KEY: "sk-a, sk-b", DASHSCOPE_REGION: "cn" })).toEqual([
      {
        name: "dashscope",
        dialect: "dashscope",
        api_keys: ["sk-a", "sk-b"],
        region: "cn",
        source: "DASHSCOPE_API_KEY",
      },
    ]);
    expect(found({ DASHSCOPE_API_KEY: "sk-sp-a" })).toMatchObject([{ dialect: "dashscope-plans", plan: "coding" }]);
    expect(found({ DASHSCOPE_API_KEY: "sk-sp-a", DASHSCOPE_PLAN: "token" })).toMatchObject([{ plan: "token" }]);
  });

  test("finds keys of plans and of ModelScope under the names that others use", () => {
    const names = {
      BAILIAN_CODING_PLAN_API_KEY: "sk-sp-a",
      BAILIAN_TOKEN_PLAN_API_KEY: "sk-sp-b",
      MODELSCOPE_API_KEY: "ms-c",
    };

    expect(found(names).map(({ name, plan }) => [name, plan])).toEqual([
      ["dashscope", "coding"],
      ["dashscope", "token"],
      ["modelscope", undefined],
    ]);
  });

  test("takes a key of OpenAI's name only where its address is a host of Qwen's", () => {
    const key = { OPENAI_API_KEY: "sk-a" };
    expect(found(key)).toEqual([]);
    expect(found({ ...key, OPENAI_BASE_URL: "https://api.openai.com/v1" })).toEqual([]);
    expect(found({ ...key, OPENAI_BASE_URL: "https://dashscope.aliyuncs.com.example.com/v1" })).toEqual([]);
    expect(found({ ...key, OPENAI_BASE_URL: "no address" })).toEqual([]);
    expect(found({ ...key, OPENAI_BASE_URL: "https://coding.dashscope.aliyuncs.com/v1/" })).toMatchObject([
      { plan: "coding", region: "cn", source: "OPENAI_API_KEY" },
    ]);
    expect(found({ ...key, OPENAI_API_BASE: "https://api-inference.modelscope.cn/v1" })).toMatchObject([
      { name: "modelscope" },
    ]);
  });

  test("finds the same key once, and nothing in an empty variable", () => {
    const base = "https://dashscope.aliyuncs.com/compatible-mode/v1";
    expect(found({ DASHSCOPE_API_KEY: "sk-a", OPENAI_API_KEY: "sk-a", OPENAI_BASE_URL: base })).toHaveLength(1);
    expect(found({ DASHSCOPE_API_KEY: " ", MODELSCOPE_API_KEY: "ключ" })).toEqual([]);
  });
});

describe("serviceSettings", () => {
  test.each([
    "https://dashscope-us.aliyuncs.com/compatible-mode/v1",
    "https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1",
    "https://mine.cn-beijing.maas.aliyuncs.com/compatible-mode/v1",
    "https://coding-intl.dashscope.aliyuncs.com/v1",
    "https://coding-intl.dashscope.aliyuncs.com/other",
    "https://api-inference.modelscope.cn/v1",
  ])("keeps the address %s, by its region and plan or as it is", (address) => {
    const settings = serviceSettings(address, ["sk-a"]);

    expect(settings && addressOf(settings)).toBe(address);
  });
});
