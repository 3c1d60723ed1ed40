// Limits that are counted within one process, divided: what all workers allow together is what the settings say. Limits of
// callers are counted in the store, and stay as they are.

import type { Config, ConfigKey } from "../config/config-schema.ts";
import { listSettings } from "../config/config-names.ts";

/** Which part of each limit is meant. */
export interface Share {
  /** From 1. */
  readonly number: number;
  readonly count: number;
}

const sharedKeys = [
  "maxStreams",
  "qwenMaxConcurrent",
  "qwenRequestsPerMinute",
  "upstreamMaxConcurrent",
  "upstreamRequestsPerMinute",
  "upstreamTokensPerMinute",
  "dashscopeMaxConcurrent",
  "dashscopeRequestsPerMinute",
  "dashscopeTokensPerMinute",
] as const satisfies readonly ConfigKey[];

const sharedFields = [
  "max_concurrent",
  "requests_per_minute",
  "tokens_per_minute",
  "ramp_per_second",
] as const satisfies readonly (keyof NonNullable<Config["upstreams"]>[number])[];

/** The same settings, each limit of a process at its part: parts differ by one at most, and make the whole together. */
export function shareLimits(config: Config, { number, count }: Share): Config {
  const part = (limit: number): number => Math.floor(limit / count) + (number <= limit % count ? 1 : 0);
  const own = sharedKeys.flatMap((key) => {
    const limit = config[key];
    return limit === undefined ? [] : [[key, part(limit)] as const];
  });
  const upstreams = config.upstreams?.map((upstream) => {
    const fields = sharedFields.flatMap((field) => {
      const limit = upstream[field];
      return limit === undefined ? [] : [[field, part(limit)] as const];
    });
    return { ...upstream, ...Object.fromEntries(fields) };
  });
  return Object.freeze({
    ...config,
    ...Object.fromEntries(own),
    ...(upstreams === undefined ? {} : { upstreams }),
    // Of the files of all workers each one counts its own.
    captureMaxBytes: Math.max(1, part(config.captureMaxBytes)),
  });
}

/** The limit that can be divided among the fewest workers, as users know it. Undefined: there is none. */
export function smallestShared(config: Config): { readonly name: string; readonly limit: number } | undefined {
  const names = new Map(listSettings().map(({ key, environmentName }) => [key, environmentName]));
  const own = sharedKeys.map((key) => ({ name: names.get(key) ?? key, limit: config[key] }));
  const ofUpstreams = (config.upstreams ?? []).flatMap((upstream) =>
    sharedFields.map((field) => ({ name: `${field} of the upstream "${upstream.name}"`, limit: upstream[field] })),
  );
  let smallest: { readonly name: string; readonly limit: number } | undefined;
  for (const { name, limit } of [...own, ...ofUpstreams]) {
    if (limit !== undefined && (smallest === undefined || limit < smallest.limit)) smallest = { name, limit };
  }
  return smallest;
}
