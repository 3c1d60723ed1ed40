// Health for people, container engines and load balancers. Open to everybody, so it tells nothing about accounts.

import type { ServerRoute } from "./trip.ts";

export interface HealthSource {
  readonly version: string;
  readonly upstreamNames: readonly string[];
  readonly clock: () => number;
  openReplies(): number;
  /** Whether requests are welcome. */
  isReady(): boolean;
}

export function healthRoutes(source: HealthSource): ServerRoute[] {
  const startedAtMs = source.clock();
  return [
    {
      method: "GET",
      path: "/health",
      answer: () =>
        Response.json({
          status: "ok",
          version: source.version,
          uptimeSeconds: Math.floor((source.clock() - startedAtMs) / 1000),
          openReplies: source.openReplies(),
          upstreams: source.upstreamNames,
        }),
    },
    { method: "GET", path: "/health/live", answer: () => Response.json({ status: "ok" }) },
    {
      method: "GET",
      path: "/health/ready",
      answer: () => {
        const ready = source.isReady();
        return Response.json({ status: ready ? "ok" : "not-ready" }, { status: ready ? 200 : 503 });
      },
    },
  ];
}

/** Without a trailing asterisk on purpose: nothing else may become open by its name. */
const healthPaths: ReadonlySet<string> = new Set(["/health", "/health/live", "/health/ready"]);

export function isHealthPath(path: string): boolean {
  return healthPaths.has(path);
}
