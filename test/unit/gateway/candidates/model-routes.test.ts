// Which upstreams serve a name, in which order: the rules one by one.

import { describe, expect, test } from "bun:test";
import type { ModelInfo, Upstream } from "../../../../src/contract/upstream.ts";
import { createModelCatalog } from "../../../../src/gateway/candidates/model-catalog.ts";
import { type Candidate, createModelRoutes } from "../../../../src/gateway/candidates/model-routes.ts";

const info = (id: string): ModelInfo => ({
  id,
  displayName: id,
  ownedBy: "x",
  createdAtSeconds: undefined,
  contextTokens: undefined,
  maxOutputTokens: undefined,
  vision: false,
  thinking: false,
});

function upstreamOf(name: string, models: readonly string[], more: Partial<Upstream> = {}): Upstream {
  return {
    name,
    listModels: async () => models.map(info),
    open: () => Promise.reject(new Error("not asked here")),
    ...more,
  };
}

const web = upstreamOf("qwen-web", ["qwen3-max", "qwen3-coder-plus"], { choosesModel: true });
const cloud = upstreamOf("dashscope", ["qwen3-max", "qwen-plus"]);
const home = upstreamOf("home", ["qwen3:8b", "hf.co/unsloth/qwen3"]);
const all = [web, cloud, home];

function find(
  model: string | undefined,
  options: {
    upstreams?: readonly Upstream[];
    routes?: Record<string, string | string[]>;
    pinned?: string;
    defaultModel?: string | undefined;
  } = {},
): Promise<string[]> {
  const upstreams = () => options.upstreams ?? all;
  const catalog = createModelCatalog({ upstreams, clock: Date.now });
  const defaultModel = "defaultModel" in options ? options.defaultModel : "qwen3-max";
  const routes = createModelRoutes({ upstreams, catalog, routes: options.routes ?? {}, defaultModel });
  return Promise.resolve(routes.find(model, options.pinned)).then((found) => found.map(spell));
}

const spell = ({ upstream, model }: Candidate): string => `${upstream.name}/${model ?? ""}`;

describe("createModelRoutes without a default, as for what is no chat", () => {
  const forwarded = (model: string | undefined, more: Parameters<typeof find>[1] = {}) =>
    find(model, { upstreams: [cloud, home], defaultModel: undefined, ...more });

  test("asks everybody, in their order, for a model that no list tells of, and for none", async () => {
    expect(await forwarded("text-embedding-v4")).toEqual(["dashscope/text-embedding-v4", "home/text-embedding-v4"]);
    expect(await forwarded(undefined)).toEqual(["dashscope/", "home/"]);
    expect(await forwarded(undefined, { upstreams: [home] })).toEqual(["home/"]);
  });

  test("takes no name of another maker for the default's", async () => {
    expect(await forwarded("gpt-4o-transcribe", { upstreams: [home] })).toEqual(["home/gpt-4o-transcribe"]);
  });

  test("follows lists, prefixes, routes and pins as ever", async () => {
    expect(await forwarded("qwen3:8b")).toEqual(["home/qwen3:8b"]);
    expect(await forwarded("home/bge-m3")).toEqual(["home/bge-m3"]);
    expect(await forwarded("ada", { routes: { ada: "home/bge-m3" } })).toEqual(["home/bge-m3"]);
    expect(await forwarded("ada", { routes: { "a*": "bge-m3" } })).toEqual(["dashscope/bge-m3", "home/bge-m3"]);
    expect(await forwarded("bge-m3", { pinned: "home" })).toEqual(["home/bge-m3"]);
  });
});

describe("createModelRoutes", () => {
  test("asks everybody who offers exactly this model, in their order", async () => {
    expect(await find("qwen3-max")).toEqual(["qwen-web/qwen3-max", "dashscope/qwen3-max"]);
    expect(await find("qwen-plus")).toEqual(["dashscope/qwen-plus"]);
  });

  test("serves a missing model by the first upstream's own choice, then by whoever offers the default", async () => {
    expect(await find(undefined)).toEqual(["qwen-web/", "qwen-web/qwen3-max", "dashscope/qwen3-max"]);
    expect(await find(undefined, { upstreams: [home] })).toEqual(["home/qwen3:8b"]);
  });

  test("takes the name of an upstream in front of a model, whose own slashes stay", async () => {
    expect(await find("home/hf.co/unsloth/qwen3")).toEqual(["home/hf.co/unsloth/qwen3"]);
    expect(await find("hf.co/unsloth/qwen3")).toEqual(["home/hf.co/unsloth/qwen3"]);
    expect(await find("home/")).toEqual(["home/qwen3:8b"]);
  });

  test("takes an id that is listed for itself, although an upstream has the name that it begins with", async () => {
    const lab = upstreamOf("lab", ["qwen/qwen3.5-9b"]);
    const qwen = upstreamOf("qwen", ["qwen/qwen3.6-27b", "qwen3-max"]);
    const upstreams = [qwen, lab];

    expect(await find("qwen/qwen3.5-9b", { upstreams })).toEqual(["lab/qwen/qwen3.5-9b"]);
    expect(await find("fast", { upstreams, routes: { fast: "qwen/qwen3.5-9b" } })).toEqual(["lab/qwen/qwen3.5-9b"]);
    expect(await find("qwen/qwen3.6-27b", { upstreams: [qwen] })).toEqual(["qwen/qwen/qwen3.6-27b"]);
    expect(await find("qwen/qwen3-max", { upstreams })).toEqual(["qwen/qwen3-max"]);
    expect(await find("qwen/unheard-of", { upstreams })).toEqual(["qwen/unheard-of"]);
    expect(await find("qwen/qwen3.5-9b", { upstreams, pinned: "lab" })).toEqual(["lab/qwen/qwen3.5-9b"]);
    expect(await find("qwen/qwen3.5-9b", { upstreams, pinned: "qwen" })).toEqual(["qwen/qwen3.5-9b"]);
  });

  test.each([
    ["tells none", async () => []],
    ["cannot be asked", () => Promise.reject(new Error("it is down"))],
  ])("asks the upstream in front of an id for it whose list %s: it lacks nothing", async (_what, listModels) => {
    const upstreams = [upstreamOf("qwen", [], { listModels }), upstreamOf("broker", ["qwen/qwen3-max"])];

    expect(await find("qwen/qwen3-max", { upstreams })).toEqual(["qwen/qwen3-max"]);
  });

  test("leaves an unknown name to the first upstream as it is", async () => {
    expect(await find("no-such-model")).toEqual(["qwen-web/no-such-model"]);
  });

  test("refuses a name that nobody would remember", async () => {
    expect(await find("m".repeat(1024))).toEqual([`qwen-web/${"m".repeat(1024)}`]);
    expect(find("m".repeat(1025))).rejects.toMatchObject({ kind: "invalid-request", param: "model" });
    expect(find("m".repeat(1025), { upstreams: [web] })).rejects.toMatchObject({ kind: "invalid-request" });
  });

  test("serves what agents ask for by default, unless somebody offers it", async () => {
    const oss = upstreamOf("lab", ["gpt-5-oss"]);
    expect((await find("claude-sonnet-4-5")).slice(0, 1)).toEqual(["qwen-web/"]);
    expect(await find("gpt-5-oss", { upstreams: [web, oss] })).toEqual(["lab/gpt-5-oss"]);
    expect(await find("gpt-4")).toEqual(["qwen-web/gpt-4"]);
  });

  test("follows routes: a name before a pattern, the longer pattern first, targets in their order and once", async () => {
    const routes = {
      fast: ["home/qwen3:8b", "qwen-plus", "home/qwen3:8b"],
      "claude-*": "dashscope/qwen-plus",
      "claude-haiku-*": "home/",
    };
    expect(await find("fast", { routes })).toEqual(["home/qwen3:8b", "dashscope/qwen-plus"]);
    expect(await find("claude-opus-4", { routes })).toEqual(["dashscope/qwen-plus"]);
    expect(await find("claude-haiku-4", { routes })).toEqual(["home/qwen3:8b"]);
  });

  test("keeps to the upstream that the client insists on, and refuses one that is not there", async () => {
    expect(await find("qwen3-max", { pinned: "dashscope" })).toEqual(["dashscope/qwen3-max"]);
    expect(await find("odd", { pinned: "home" })).toEqual(["home/odd"]);
    expect(find("odd", { pinned: "nowhere" })).rejects.toMatchObject({ kind: "invalid-request", param: "X-Upstream" });
  });

  test("waits for no list of an upstream that does not answer", async () => {
    const silent = upstreamOf("silent", [], { listModels: () => Promise.reject(new Error("down")) });
    expect(await find("qwen-plus", { upstreams: [silent, cloud] })).toEqual(["dashscope/qwen-plus"]);
  });

  test("asks a single upstream for no list: it knows its models itself", async () => {
    const shy = upstreamOf("shy", [], { listModels: () => Promise.reject(new Error("asked")), choosesModel: true });
    expect(await find("anything", { upstreams: [shy] })).toEqual(["shy/anything"]);
    expect(await find(undefined, { upstreams: [shy] })).toEqual(["shy/"]);
  });
});

describe("createModelCatalog", () => {
  test("lists each model once and survives an upstream that is down; only when all are does it fail", async () => {
    const down = upstreamOf("down", [], { listModels: () => Promise.reject(new Error("down")) });
    const list = async (upstreams: readonly Upstream[]) => {
      const catalog = createModelCatalog({ upstreams: () => upstreams, clock: Date.now });
      return (await catalog.list(AbortSignal.timeout(1000))).map(({ id }) => id);
    };
    expect(await list([web, down, cloud])).toEqual(["qwen3-max", "qwen3-coder-plus", "qwen-plus"]);
    expect(list([down])).rejects.toThrow("down");
  });

  test("waits for an upstream that says nothing no longer than it must, and takes its list when it comes", async () => {
    const late = Promise.withResolvers<readonly ModelInfo[]>();
    const silent = upstreamOf("silent", [], { listModels: () => late.promise });
    const catalog = createModelCatalog({ upstreams: () => [silent, home], clock: Date.now, patienceMs: 1 });
    const list = async () => (await catalog.list(AbortSignal.timeout(5000))).map(({ id }) => id);

    expect(await list()).toEqual(["qwen3:8b", "hf.co/unsloth/qwen3"]);
    late.resolve([info("late")]);
    expect(await list()).toEqual(["late", "qwen3:8b", "hf.co/unsloth/qwen3"]);
  });

  test("waits for the only upstream that may have a list", async () => {
    const late = Promise.withResolvers<readonly ModelInfo[]>();
    const silent = upstreamOf("silent", [], { listModels: () => late.promise });
    const down = upstreamOf("down", [], { listModels: () => Promise.reject(new Error("down")) });
    const catalog = createModelCatalog({ upstreams: () => [down, silent], clock: Date.now, patienceMs: 0 });
    const listed = catalog.list(AbortSignal.timeout(5000));

    await new Promise(setImmediate);
    late.resolve([info("late")]);
    expect((await listed).map(({ id }) => id)).toEqual(["late"]);
  });

  test("knows the context of the models that were listed, of each upstream for itself", async () => {
    const small = upstreamOf("small", [], { listModels: async () => [{ ...info("qwen3:8b"), contextTokens: 8192 }] });
    const catalog = createModelCatalog({ upstreams: () => [small, home], clock: Date.now });
    expect(catalog.contextTokens(small, "qwen3:8b")).toBeUndefined();
    await catalog.ready();
    expect(catalog.contextTokens(small, "qwen3:8b")).toBe(8192);
    expect([catalog.contextTokens(small, "other"), catalog.contextTokens(small, undefined)]).toEqual([
      undefined,
      undefined,
    ]);
    expect(catalog.contextTokens(home, "qwen3:8b")).toBeUndefined();
  });
});
