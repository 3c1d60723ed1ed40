// One model by a name that requests may say: a listed one, or what is served under the name.

import type { Access } from "../../contract/access.ts";
import type { ModelInfo, Upstream } from "../../contract/upstream.ts";
import { isInScope, listScope } from "./caller-scope.ts";
import type { ModelCatalog } from "./model-catalog.ts";
import type { ModelRoutes } from "./model-routes.ts";

/** Undefined: nobody lists it. It is told under the name that was asked for, as answers are. */
export type FindModel = (name: string, signal: AbortSignal, access?: Access) => Promise<ModelInfo | undefined>;

export function createModelFinder(
  catalog: ModelCatalog,
  routes: ModelRoutes,
  defaultModel: string | undefined,
): FindModel {
  function ownDefault(upstream: Upstream): ModelInfo | undefined {
    return catalog.find(upstream, defaultModel) ?? catalog.find(upstream, catalog.firstOf(upstream));
  }

  return async (name, signal, access) => {
    const scopes = access?.scopes;
    const listed = await catalog.list(signal, scopes && listScope(scopes));
    const exact = listed.find(({ id }) => id === name);
    if (exact !== undefined) return exact;
    for (const candidate of await routes.find(name, undefined)) {
      if (scopes !== undefined && !isInScope(candidate, scopes, name, defaultModel)) continue;
      const { upstream, model } = candidate;
      const served = model === undefined ? ownDefault(upstream) : catalog.find(upstream, model);
      if (served !== undefined) return { ...served, id: name };
    }
    return undefined;
  };
}
