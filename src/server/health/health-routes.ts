// Health for people, container engines and load balancers. Three routes are open to everybody and tell nothing about
// accounts; the detailed one wants a key like any other route.

import type { Json } from "../../contract/json.ts";
import type { Diagnosis } from "./diagnosis.ts";
import type { ServerRoute } from "../trip.ts";

export interface HealthSource {
  readonly version: string;
  upstreamNames(): readonly string[];
  readonly clock: () => number;
  readonly startedAtMs: number;
  /** Which of several workers answers; what else is told is of this one. */
  readonly worker?: number | undefined;
  openReplies(): number;
  /** Whether requests are welcome, and what stands in their way. */
  diagnose(): Promise<Diagnosis>;
  /** What only the owner may see, beside what everybody sees. */
  details(): Record<string, Json>;
}

export function healthRoutes(source: HealthSource): ServerRoute[] {
  const common = () => ({
    version: source.version,
    uptimeSeconds: Math.max(0, Math.floor((source.clock() - source.startedAtMs) / 1000)),
    openReplies: source.openReplies(),
    ...(source.worker === undefined ? {} : { worker: source.worker }),
  });

  return [
    {
      method: "GET",
      path: "/health",
      answer: () => Response.json({ status: "ok", ...common(), upstreams: source.upstreamNames() }),
    },
    { method: "GET", path: "/health/live", answer: () => Response.json({ status: "ok" }) },
    {
      method: "GET",
      path: "/health/ready",
      answer: async () => {
        const { status, reasons } = await source.diagnose();
        const body = reasons.length === 0 ? { status } : { status, reasons };
        return Response.json(body, { status: status === "not-ready" ? 503 : 200 });
      },
    },
    {
      method: "GET",
      path: "/health/detailed",
      answer: async () => Response.json({ ...(await source.diagnose()), ...common(), ...source.details() }),
    },
  ];
}

/** Without a trailing asterisk on purpose: nothing else may become open by its name. */
const healthPaths: ReadonlySet<string> = new Set(["/health", "/health/live", "/health/ready"]);

export function isHealthPath(path: string): boolean {
  return healthPaths.has(path);
}
