// GET /admin/api/status and /admin/api/config: how the gateway is, and the settings in force with where each comes from.

import { Type } from "typebox";
import type { Json } from "../../contract/json.ts";
import { isoTime } from "../iso-time.ts";
import { json } from "../openapi/operation.ts";
import type { AdminParts } from "./admin-parts.ts";
import type { AdminRoute } from "./admin-route.ts";
import { count, nullable } from "./schemas.ts";

const status = Type.Object({
  version: Type.String(),
  runtime: Type.String(),
  /** Processes that serve; what follows is of all of them. */
  workers: count,
  started_at: nullable(Type.String()),
  uptime_ms: count,
  live_streams: count,
  requests_waiting: count,
  upstreams: count,
  accounts: Type.Object({ total: count, ready: count }),
  captured_sessions: count,
  memory: Type.Object({ rss_bytes: count }),
});

const settings = Type.Object({
  settings: Type.Array(
    Type.Object({
      /** As in the environment. */
      name: Type.String(),
      /** Of a secret only "set" or "not set". */
      value: Type.Unknown(),
      is_secret: Type.Boolean(),
      source: Type.Enum(["default", "file", "environment", "flag"]),
    }),
  ),
});

export function statusRoutes(parts: AdminParts): readonly AdminRoute[] {
  const { gateway, upstreams, clock, startedAtMs } = parts;

  function describe(): Json {
    const accounts = upstreams().flatMap((upstream) => upstream.accounts?.() ?? []);
    return {
      version: parts.version,
      runtime: `bun ${Bun.version}`,
      workers: 1,
      started_at: isoTime(startedAtMs),
      uptime_ms: Math.max(0, clock() - startedAtMs),
      live_streams: gateway.openReplies(),
      requests_waiting: gateway.queues().reduce((sum, { waiting }) => sum + waiting, 0),
      upstreams: upstreams().length,
      accounts: { total: accounts.length, ready: accounts.filter(({ state }) => state === "ready").length },
      captured_sessions: parts.capture.watchedSessions().length,
      memory: { rss_bytes: process.memoryUsage.rss() },
    };
  }

  return [
    {
      operation: {
        method: "GET",
        path: "/admin/api/status",
        tag: "admin",
        summary: "Version, uptime and counts",
        answers: { 200: json("How the gateway is", status) },
      },
      answer: () => Response.json(describe()),
    },
    {
      operation: {
        method: "GET",
        path: "/admin/api/config",
        tag: "admin",
        summary: "The settings in force, secrets masked, and where each comes from",
        answers: { 200: json("The settings in their order", settings) },
      },
      answer: () =>
        Response.json({
          settings: parts
            .settings()
            .map(({ name, value, isSecret, source }) => ({ name, value, is_secret: isSecret, source })),
        }),
    },
  ];
}
