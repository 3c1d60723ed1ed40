// Connections that wait for nothing, given up while the system has hardly a descriptor left: whoever comes then would not be let in.

import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import type { Log } from "../telemetry/log.ts";
import type { HttpServer } from "./listen.ts";

export interface IdleConnections {
  /** Somebody has asked something: it is soon looked whether there is room for others. */
  asked(): void;
  /** Looks now. */
  look(): void;
}

export interface IdleConnectionsOptions {
  readonly server: Pick<HttpServer, "closeIdleConnections">;
  /** Of descriptors; undefined where nobody knows it, and then none is given up. */
  readonly limit: number | undefined;
  readonly log: Log;
  /** How many descriptors are open at the least. @defaultValue the lowest that is free */
  readonly open?: () => number;
}

/** Not with each request: a connection lives for seconds at least, and to look costs 20 us. */
const lookMs = 1000;
/** Where fewer are left, there is no room. A tenth of a higher limit. */
const fewest = 16;

export function createIdleConnections(options: IdleConnectionsOptions): IdleConnections {
  const { server, limit, log, open = lowestFree } = options;
  const most = limit === undefined ? Number.POSITIVE_INFINITY : Math.min(limit - fewest, limit * 0.9);
  let isDue = false;
  let isTold = false;

  function look(): void {
    isDue = false;
    if (open() < most) return;
    const connections = server.closeIdleConnections();
    if (isTold) return;
    isTold = true;
    const advice = 'raise "ulimit -n", or LimitNOFILE of the service';
    log.warn(`Hardly a file descriptor is left: idle connections are closed for new ones; ${advice}`, {
      limit,
      connections,
    });
  }

  return {
    look,
    asked() {
      if (isDue || !Number.isFinite(most)) return;
      isDue = true;
      setTimeout(look, lookMs).unref();
    },
  };
}

/** All below it are open. To count them takes 25 ms where 8000 are and the system tells no number (`telemetry/descriptors.ts`). */
function lowestFree(): number {
  try {
    const free = openSync(devNull, "r");
    closeSync(free);
    return free;
  } catch {
    // There is none.
    return Number.POSITIVE_INFINITY;
  }
}
