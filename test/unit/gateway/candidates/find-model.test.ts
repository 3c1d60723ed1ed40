// Which names one model can be read by: those that requests may say, and no others.

import { expect, test } from "bun:test";
import type { Scopes } from "../../../../src/contract/access.ts";
import type { ModelInfo, Upstream } from "../../../../src/contract/upstream.ts";
import { createModelFinder } from "../../../../src/gateway/candidates/find-model.ts";
import { createModelCatalog } from "../../../../src/gateway/candidates/model-catalog.ts";
import { createModelRoutes } from "../../../../src/gateway/candidates/model-routes.ts";

const info = (id: string, contextTokens: number): ModelInfo => ({
  id,
  displayName: `Model ${id}`,
  ownedBy: "x",
  createdAtSeconds: undefined,
  contextTokens,
  maxOutputTokens: undefined,
  vision: false,
  thinking: false,
});

const upstreamOf = (name: string, models: readonly ModelInfo[], more: Partial<Upstream> = {}): Upstream => ({
  name,
  listModels: async () => models,
  open: () => Promise.reject(new Error("not asked here")),
  ...more,
});

const web = upstreamOf("qwen-web", [info("qwen3.8-max", 1), info("qwen3-max", 2)], { choosesModel: true });
const home = upstreamOf("home", [info("org/qwen3:8b", 3)]);

/** @returns the id that it is told under, and its window, by which the models here are known */
async function find(
  name: string,
  more: { upstreams?: Upstream[]; routes?: Record<string, string>; scopes?: Omit<Scopes, "admin"> } = {},
): Promise<[string, number | undefined] | undefined> {
  const upstreams = () => more.upstreams ?? [web, home];
  const catalog = createModelCatalog({ upstreams, clock: Date.now });
  const defaultModel = "qwen3-max";
  const routes = createModelRoutes({ upstreams, catalog, routes: more.routes ?? {}, defaultModel });
  const access = more.scopes && { scopes: { admin: false, ...more.scopes } };
  const found = await createModelFinder(catalog, routes, defaultModel)(name, AbortSignal.timeout(5000), access);
  return found && [found.id, found.contextTokens];
}

test("a model is found by its id, and behind the name of its upstream", async () => {
  expect(await find("org/qwen3:8b")).toEqual(["org/qwen3:8b", 3]);
  expect(await find("home/org/qwen3:8b")).toEqual(["home/org/qwen3:8b", 3]);
});

test("a name that agents have built in is the default model, also where one upstream has it alone", async () => {
  expect(await find("claude-sonnet-4-5")).toEqual(["claude-sonnet-4-5", 2]);
  expect(await find("claude-sonnet-4-5", { upstreams: [web] })).toEqual(["claude-sonnet-4-5", 2]);
  expect(await find("claude-sonnet-4-5", { upstreams: [home] })).toEqual(["claude-sonnet-4-5", 3]);
});

test("a name that a route knows is what the route leads to", async () => {
  const routes = { fast: "home/org/qwen3:8b", "claude-*": "qwen3.8-max" };
  expect(await find("fast", { routes })).toEqual(["fast", 3]);
  expect(await find("claude-opus-4-5", { routes })).toEqual(["claude-opus-4-5", 1]);
});

test("a name that nobody lists is none", async () => {
  for (const name of ["gpt-4", "qwen3", "", "home/other"]) {
    expect([name, await find(name)]).toEqual([name, undefined]);
    expect([name, await find(name, { upstreams: [web] })]).toEqual([name, undefined]);
  }
});

test("a key finds what its scope lets it ask, by the name that it may say", async () => {
  expect(await find("claude-sonnet-4-5", { scopes: { models: ["claude-*"] } })).toEqual(["claude-sonnet-4-5", 2]);
  expect(await find("qwen3-max", { scopes: { models: ["claude-*"] } })).toBeUndefined();
  expect(await find("claude-sonnet-4-5", { scopes: { upstreams: ["home"] } })).toBeUndefined();
});
