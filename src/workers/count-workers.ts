// How many workers the settings mean.

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Config } from "../config/config-schema.ts";
import { ConfigError } from "../config/config-error.ts";
import { mostWorkers } from "../config/setting-kinds.ts";
import { smallestShared } from "./share-limits.ts";

export interface Machine {
  readonly platform: NodeJS.Platform;
  /** Cores that this process may use. */
  cores(): number;
}

const thisMachine: Machine = { platform: process.platform, cores: countCores };

/**
 * @returns 1: there is no supervisor
 * @throws {ConfigError} when the settings want more than there can be
 */
export function countWorkers(config: Config, { platform, cores }: Machine = thisMachine): number {
  if (config.workers === 1) return 1;
  const smallest = smallestShared(config);
  if (config.workers === "auto") {
    if (platform !== "linux") return 1;
    return Math.max(1, Math.min(cores(), smallest?.limit ?? mostWorkers, mostWorkers));
  }
  if (platform !== "linux") {
    throw new ConfigError([`Cannot use WORKERS=${config.workers}: only Linux shares a port among processes`]);
  }
  if (smallest !== undefined && smallest.limit < config.workers) {
    throw new ConfigError([
      `Cannot use WORKERS=${config.workers} with ${smallest.name}=${smallest.limit}: each worker keeps its part of a limit, so there must be at least as many as workers`,
    ]);
  }
  return config.workers;
}

/** A container may see all cores of its machine and be given the time of a few. */
function countCores(): number {
  return Math.min(availableParallelism(), Math.max(1, Math.ceil(quotaOfGroup())));
}

function quotaOfGroup(): number {
  try {
    const [quota, period] = readFileSync("/sys/fs/cgroup/cpu.max", "utf8").split(/\s+/).map(Number);
    const cores = (quota ?? Number.NaN) / (period ?? Number.NaN);
    return Number.isFinite(cores) ? cores : Number.POSITIVE_INFINITY;
  } catch {
    // Not everywhere there are groups.
    return Number.POSITIVE_INFINITY;
  }
}
