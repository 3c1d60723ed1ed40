// File descriptors of this process: how many are open and how many there may be. Linux tells; elsewhere nobody knows.

import { readdirSync, readFileSync, statSync } from "node:fs";

export interface Descriptors {
  readonly open: number;
  readonly limit: number;
}

export function readDescriptors(): Descriptors | undefined {
  const limit = readDescriptorLimit();
  if (limit === undefined) return undefined;
  try {
    return { open: countDescriptors(), limit };
  } catch {
    // A table that cannot be listed costs a figure, not the answer.
    return undefined;
  }
}

/**
 * As Linux tells their number, from 6.2 on. To list them holds up everything for 50 ms where 15,000 are open.
 * @throws a system error elsewhere
 */
export function countDescriptors(): number {
  const folder = "/proc/self/fd";
  // The list holds what it is read by.
  return statSync(folder).size || readdirSync(folder).length - 1;
}

/** @returns infinity for "unlimited"; undefined where the system does not tell */
export function readDescriptorLimit(): number | undefined {
  try {
    return parseDescriptorLimit(readFileSync("/proc/self/limits", "utf8"));
  } catch {
    // No such file: another system.
    return undefined;
  }
}

/** The soft limit: the one that counts. */
export function parseDescriptorLimit(limits: string): number | undefined {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  if (soft === "unlimited") return Number.POSITIVE_INFINITY;
  return soft === undefined || !/^\d+$/.test(soft) ? undefined : Number(soft);
}

/** A stream holds one for its client and one for its upstream; database, log and listener need the rest. */
const perReply = 2;
const besides = 64;
/** What a machine of today serves without a thought. */
const usualReplies = 1000;

/** A sentence for the log; undefined when the limit is high enough. */
export function describeLowLimit(limit: number | undefined, maxStreams = usualReplies): string | undefined {
  if (limit === undefined || limit >= maxStreams * perReply + besides) return undefined;
  const replies = Math.max(Math.floor((limit - besides) / perReply), 0);
  return `Only ${limit} file descriptors may be open, enough for about ${replies} replies at a time: raise "ulimit -n", or LimitNOFILE of the service`;
}
