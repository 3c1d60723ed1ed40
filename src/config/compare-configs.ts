// What a reload of the settings changes, by the names that users know, and what it has to leave as it is.

import { listSettings } from "./config-names.ts";
import type { Config, ConfigKey } from "./config-schema.ts";
import type { LoadedConfig } from "./load-config.ts";

export interface ConfigChange {
  /** To be used: `next`, with what only a restart can change as it was. */
  readonly config: Config;
  /** Environment names of the settings that have another value, without those below. */
  readonly changed: readonly string[];
  /** The same of those that only a restart can change. */
  readonly needsRestart: readonly string[];
}

/** The socket is kept, and what is in the data directory and the shared store is open. */
const fixedKeys: readonly ConfigKey[] = ["host", "port", "workers", "dataDir", "storeUrl"];

export function compareConfigs(before: Config, next: Config): ConfigChange {
  const differing = listSettings().filter(({ key }) => !Bun.deepEquals(before[key], next[key]));
  const names = (isFixed: boolean): string[] =>
    differing.filter(({ key }) => fixedKeys.includes(key) === isFixed).map(({ environmentName }) => environmentName);
  const kept = Object.fromEntries(fixedKeys.map((key) => [key, before[key]]));
  return {
    config: Object.freeze({ ...next, ...kept }),
    changed: names(false),
    needsRestart: names(true),
  };
}

/** Where the values in force come from: those that only a restart can change, from where they came before. */
export function originsInForce(
  before: LoadedConfig["origins"] | undefined,
  next: LoadedConfig["origins"] | undefined,
): LoadedConfig["origins"] | undefined {
  if (before === undefined || next === undefined) return next;
  return { ...next, ...Object.fromEntries(fixedKeys.map((key) => [key, before[key]])) };
}
