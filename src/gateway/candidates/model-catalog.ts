// Which models the upstreams offer, all lists together. One that does not answer costs the others nothing: its last list
// stands until it answers again.

import { settledWithin } from "../../contract/settled-within.ts";
import type { ModelInfo, Upstream } from "../../contract/upstream.ts";

export interface ModelCatalog {
  /** Asks every upstream that may be used; each model once, in the order of the upstreams. @throws what the first said when none answered */
  list(signal: AbortSignal, scope?: ListScope): Promise<readonly ModelInfo[]>;
  /** Resolves when each upstream was asked once, or at the limit. */
  ready(): Promise<void>;
  /** A model was asked for in vain: reads the lists again, meanwhile, unless that was just done. */
  renew(): void;
  /** By the newest list. */
  offers(upstream: Upstream, model: string): boolean;
  /** The upstream's own first choice, by the newest list. */
  firstOf(upstream: Upstream): string | undefined;
  /** By the newest list. */
  find(upstream: Upstream, model: string | undefined): ModelInfo | undefined;
  /** What the model reads and writes together, in tokens, by the newest list. Undefined: nobody knows. */
  contextTokens(upstream: Upstream, model: string | undefined): number | undefined;
}

/** What of the lists is told. */
export interface ListScope {
  mayAsk(upstream: Upstream): boolean;
  mayUse(upstream: Upstream, model: string): boolean;
}

export interface CatalogOptions {
  readonly upstreams: () => readonly Upstream[];
  readonly clock: () => number;
  /** How long one that has told no list yet is waited for, when another one has. @defaultValue 500 */
  readonly patienceMs?: number;
}

/** Upstreams keep their lists themselves for longer: this one bounds how often they are asked for it. */
const freshMs = 60_000;
const askMs = 10_000;
/** How long the first request waits for lists that nobody has asked for yet. */
const readyMs = 2000;
/** A model that nobody has may be asked for all the time. */
const leastRenewMs = 10_000;

interface KnownList {
  readonly models: readonly ModelInfo[];
  readonly names: ReadonlySet<string>;
}

const everything: ListScope = { mayAsk: () => true, mayUse: () => true };

export function createModelCatalog({ upstreams, clock, patienceMs = 500 }: CatalogOptions): ModelCatalog {
  const lists = new Map<string, KnownList>();
  const askedAtMs = new Map<string, number>();
  const asking = new Map<string, Promise<void>>();
  let renewableAtMs = 0;

  function fetchList(upstream: Upstream, signal: AbortSignal): Promise<readonly ModelInfo[]> {
    const { name } = upstream;
    askedAtMs.set(name, clock());
    const fetched = upstream.listModels(signal);
    const settled = fetched
      .then(
        (models) => void lists.set(name, { models, names: new Set(models.map(({ id }) => id)) }),
        () => {
          // Its last list stands; what it says of its failure is in its log.
        },
      )
      .finally(() => {
        if (asking.get(name) === settled) asking.delete(name);
      });
    asking.set(name, settled);
    return fetched;
  }

  /** Never rejects. */
  function ask(upstream: Upstream): Promise<void> {
    const running = asking.get(upstream.name);
    if (running !== undefined) return running;
    fetchList(upstream, AbortSignal.timeout(askMs)).catch(() => {});
    return asking.get(upstream.name) ?? Promise.resolve();
  }

  /** The newest list; where it is old, the next one is asked for meanwhile. */
  function listOf(upstream: Upstream): KnownList | undefined {
    const isFresh = clock() - (askedAtMs.get(upstream.name) ?? Number.NEGATIVE_INFINITY) < freshMs;
    if (!isFresh) void ask(upstream);
    return lists.get(upstream.name);
  }

  function find(upstream: Upstream, model: string | undefined): ModelInfo | undefined {
    const models = listOf(upstream)?.models;
    const exact = models?.find(({ id }) => id === model);
    if (exact !== undefined || model === undefined) return exact;
    const meant = upstream.modelIdOf?.(model);
    return meant === undefined ? undefined : models?.find(({ id }) => id === meant);
  }

  return {
    find,
    async list(signal, { mayAsk, mayUse } = everything) {
      const listed = upstreams().filter(mayAsk);
      const asked = listed.map((upstream) => fetchList(upstream, signal));
      const told = Promise.allSettled(asked);
      // Who has told a list before tells it again at once: only those are waited for that never did.
      const inTime = Promise.any(asked).then(
        () => Bun.sleep(patienceMs),
        () => {},
      );
      await Promise.race([told, inTime]);
      const merged = new Map<string, ModelInfo>();
      for (const upstream of listed)
        for (const model of lists.get(upstream.name)?.models ?? [])
          if (!merged.has(model.id) && mayUse(upstream, model.id)) merged.set(model.id, model);
      if (merged.size > 0) return [...merged.values()];
      const failed = (await told).find((one) => one.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      return [];
    },
    async ready() {
      const unasked = upstreams().filter(({ name }) => !lists.has(name) && !askedAtMs.has(name));
      const running = upstreams().flatMap(({ name }) => asking.get(name) ?? []);
      if (unasked.length === 0 && running.length === 0) return;
      await settledWithin(Promise.all([...running, ...unasked.map(ask)]), readyMs);
    },
    renew() {
      if (clock() < renewableAtMs) return;
      renewableAtMs = clock() + leastRenewMs;
      for (const upstream of upstreams()) void upstream.renewModels?.().then(() => ask(upstream));
    },
    offers: (upstream, model) => listOf(upstream)?.names.has(model) ?? false,
    firstOf: (upstream) => listOf(upstream)?.models[0]?.id,
    contextTokens: (upstream, model) => find(upstream, model)?.contextTokens,
  };
}
