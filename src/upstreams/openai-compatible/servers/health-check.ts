// Whether a server of one's own is ready to be asked, by a question that costs it next to nothing.

import type { Upstream } from "../../../contract/upstream.ts";
import { isLocalHost } from "../../../outbound/local-host.ts";

export interface HealthCheckOptions {
  /** Of the dialect. Undefined: services that others pay and watch. */
  readonly path: string | undefined;
  readonly baseUrl: string;
  /** Resolves with the status of the answer. */
  askStatus(path: string, signal: AbortSignal): Promise<number>;
}

/** Nothing for a server that stands elsewhere: it may be anybody's, and count its requests. */
export function createHealthCheck({ path, baseUrl, askStatus }: HealthCheckOptions): Pick<Upstream, "checkHealth"> {
  if (path === undefined || !isLocalHost(new URL(baseUrl).hostname)) return {};
  return {
    // A key that is refused, and a route that an older version lacks, are answers of a server that runs. llama.cpp says
    // 503 while it loads its model (its server's README), vLLM when its engine is dead, and a proxy in front says 502.
    checkHealth: async (signal) => (await askStatus(path, signal)) < 500,
  };
}
