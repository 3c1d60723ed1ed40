// What a reload of the settings changes, by the names that users know, and what it has to leave as it is.

import { listSettings } from "./config-names.ts";
import type { Config, ConfigKey } from "./config-schema.ts";

export interface ConfigChange {
  /** To be used: `next`, with what only a restart can change as it was. */
  readonly config: Config;
  /** Environment names of the settings that have another value, without those below. */
  readonly changed: readonly string[];
  /** The same of those that only a restart can change. */
  readonly needsRestart: readonly string[];
}

/** The socket is kept, and what is in the data directory is open. */
const fixedKeys: ReadonlySet<ConfigKey> = new Set(["host", "port", "dataDir"]);

export function compareConfigs(before: Config, next: Config): ConfigChange {
  const differing = listSettings().filter(({ key }) => !Bun.deepEquals(before[key], next[key]));
  const names = (isFixed: boolean): string[] =>
    differing.filter(({ key }) => fixedKeys.has(key) === isFixed).map(({ environmentName }) => environmentName);
  const { host, port, dataDir } = before;
  return {
    config: Object.freeze({ ...next, host, port, dataDir }),
    changed: names(false),
    needsRestart: names(true),
  };
}
