// Which upstreams may serve a model, in the order in which they are asked.

import { GatewayError } from "../../contract/gateway-error.ts";
import type { Upstream } from "../../contract/upstream.ts";
import type { ModelCatalog } from "./model-catalog.ts";

/** An upstream, and the model as it is called there. Undefined: its own default. */
export interface Candidate {
  readonly upstream: Upstream;
  readonly model: string | undefined;
}

export interface ModelRoutes {
  /**
   * @param model as the client wrote it; undefined asks for the default
   * @param pinned the upstream that the client insists on
   * @returns one candidate at least, the first to be asked first
   * At once where nobody's list is needed for it.
   * @throws {GatewayError} (rejects) `invalid-request` when there is no upstream of the pinned name, or the model's has more than 1024 characters
   */
  find(model: string | undefined, pinned: string | undefined): readonly Candidate[] | Promise<readonly Candidate[]>;
}

export interface RouteOptions {
  /** One at least. The first serves what no rule knows. */
  readonly upstreams: () => readonly Upstream[];
  readonly catalog: ModelCatalog;
  /** Names and patterns that end in an asterisk, to what serves them: `model`, `upstream/model` or `upstream/`. */
  readonly routes: Readonly<Record<string, string | readonly string[]>>;
  /** Of requests that name none. Undefined: they stay as they are, and what nobody lists is everybody's to refuse. */
  readonly defaultModel: string | undefined;
}

/**
 * What agents ask for when nobody has told them of Qwen (Claude Code, Codex and their like, 2026-10): the default serves it,
 * unless an upstream has it or a route says more. Other names of other makers are unknown, as any word is.
 */
const agentModels = /^(?:claude-|codex-|gpt-(?:5|4o|4\.1)|o3(?:-|$)|o4-mini)/i;

/** Of a name. It is remembered here and there, in so many entries and of any length: lists hold none of more than some dozen. */
const mostModelChars = 1024;

export function createModelRoutes(options: RouteOptions): ModelRoutes {
  const { upstreams, catalog } = options;
  const hasRoutes = Object.keys(options.routes).length > 0;
  const patterns = Object.keys(options.routes)
    .filter((name) => name.endsWith("*"))
    // The most telling first.
    .sort((one, other) => other.length - one.length);

  function targetsOf(name: string): readonly string[] | undefined {
    const targets = Object.hasOwn(options.routes, name) ? options.routes[name] : undefined;
    return typeof targets === "string" ? [targets] : targets;
  }

  /** `upstream/model`. Ids of models hold slashes too, so the name in front must be an upstream's. */
  function byPrefix(name: string): Candidate | undefined {
    const slash = name.indexOf("/");
    const upstream = slash < 0 ? undefined : upstreams().find((one) => one.name === name.slice(0, slash));
    if (upstream === undefined) return undefined;
    const model = name.slice(slash + 1);
    return model === "" ? ownDefault(upstream) : { upstream, model };
  }

  function byOffer(model: string): readonly Candidate[] {
    return upstreams()
      .filter((upstream) => catalog.offers(upstream, model))
      .map((upstream) => ({ upstream, model }));
  }

  /** Ids that servers list begin with a maker's name (`qwen/qwen3.5-9b`), which may be an upstream's as well. */
  function byName(name: string): readonly Candidate[] {
    const prefixed = byPrefix(name);
    if (prefixed === undefined) return byOffer(name);
    const { upstream, model } = prefixed;
    // Of one that has told no list nobody knows what it lacks.
    const lacks = model !== undefined && catalog.firstOf(upstream) !== undefined && !catalog.offers(upstream, model);
    const offering = lacks ? byOffer(name) : [];
    return offering.length > 0 ? offering : [prefixed];
  }

  function ownDefault(upstream: Upstream): Candidate {
    const { defaultModel } = options;
    if (upstream.choosesModel === true || defaultModel === undefined) return { upstream, model: undefined };
    return { upstream, model: catalog.offers(upstream, defaultModel) ? defaultModel : catalog.firstOf(upstream) };
  }

  /** What a route names is looked up as if a client had asked for it, but for other routes. */
  function resolve(target: string): readonly Candidate[] {
    const named = byName(target);
    return named.length > 0 ? named : unlisted(target);
  }

  function unchanged(model: string | undefined): Candidate {
    return { upstream: first(), model };
  }

  /** Lists tell of chat: other models are often missing there. */
  function unlisted(model: string): readonly Candidate[] {
    if (options.defaultModel !== undefined) return [unchanged(model)];
    return upstreams().map((upstream) => ({ upstream, model }));
  }

  function first(): Upstream {
    const upstream = upstreams()[0];
    if (upstream === undefined) throw new Error("a gateway has one upstream at least");
    return upstream;
  }

  function defaults(): readonly Candidate[] {
    if (options.defaultModel === undefined) return upstreams().map(ownDefault);
    const preferred = ownDefault(first());
    return unique([preferred, ...byOffer(options.defaultModel)]);
  }

  function candidatesOf(model: string | undefined): readonly Candidate[] {
    if (model === undefined) return defaults();
    const exact = targetsOf(model);
    if (exact !== undefined) return unique(exact.flatMap(resolve));
    const named = byName(model);
    if (named.length > 0) return named;
    const pattern = patterns.find((one) => model.startsWith(one.slice(0, -1)));
    if (pattern !== undefined) return unique((targetsOf(pattern) ?? []).flatMap(resolve));
    return isAgentModel(model) ? defaults() : unlisted(model);
  }

  function isAgentModel(model: string): boolean {
    return options.defaultModel !== undefined && agentModels.test(model);
  }

  /** A single upstream knows its own models best, so that nobody has to ask it for their names first. */
  function isPlain(model: string | undefined): boolean {
    if (upstreams().length > 1) return false;
    if (model === undefined) return first().choosesModel === true || options.defaultModel === undefined;
    if (hasRoutes || isAgentModel(model)) return false;
    return !model.includes("/") || !model.startsWith(`${first().name}/`);
  }

  async function findListed(model: string | undefined): Promise<readonly Candidate[]> {
    await catalog.ready();
    return candidatesOf(model);
  }

  async function findPinned(model: string | undefined, pinned: string): Promise<readonly Candidate[]> {
    const candidates = isPlain(model) ? [unchanged(model)] : await findListed(model);
    const upstream = upstreams().find(({ name }) => name === pinned);
    if (upstream === undefined) {
      throw new GatewayError(
        "invalid-request",
        `Cannot use this upstream: X-Upstream must be one of ${upstreams()
          .map(({ name }) => name)
          .join(", ")}`,
        { param: "X-Upstream" },
      );
    }
    const own = candidates.filter((candidate) => candidate.upstream === upstream);
    if (own.length > 0) return own;
    const named = model === undefined ? ownDefault(upstream) : byPrefix(model);
    return [named?.upstream === upstream ? named : { upstream, model }];
  }

  return {
    find(model, pinned) {
      if (model !== undefined && model.length > mostModelChars) return Promise.reject(nameTooLong(model));
      if (pinned !== undefined) return findPinned(model, pinned);
      return isPlain(model) ? [unchanged(model)] : findListed(model);
    },
  };
}

function unique(candidates: readonly Candidate[]): readonly Candidate[] {
  const keys = candidates.map(({ upstream, model }) => `${upstream.name}/${model ?? ""}`);
  return candidates.filter((_, index) => keys.indexOf(keys[index] ?? "") === index);
}

function nameTooLong({ length }: string): GatewayError {
  return new GatewayError(
    "invalid-request",
    `Cannot read the request: the name of its model has ${length} characters, and ${mostModelChars} may be`,
    { param: "model" },
  );
}
