// All routes below /admin/api but the log, which is older than they are. Loaded with the first request for one of them.

import type { ServerRoute } from "../trip.ts";
import { accountRoutes } from "./account-routes.ts";
import { acrossWorkers } from "./across-workers.ts";
import type { AdminParts } from "./admin-parts.ts";
import { type AdminRoute, adminServerRoutes } from "./admin-route.ts";
import { backupRoutes } from "./backup-routes.ts";
import { captureRoutes } from "./capture-routes.ts";
import { historyRoutes } from "./history-routes.ts";
import { keyRoutes } from "./key-routes.ts";
import { limitRoutes } from "./limit-routes.ts";
import { reloadRoutes } from "./reload-routes.ts";
import { sampleRoutes } from "./sample-routes.ts";
import { sessionRoutes } from "./session-routes.ts";
import { statusRoutes } from "./status-routes.ts";
import { streamRoutes } from "./stream-routes.ts";
import { upstreamRoutes } from "./upstream-routes.ts";

export function adminRoutes(parts: AdminParts): readonly AdminRoute[] {
  const groups = [
    statusRoutes,
    streamRoutes,
    upstreamRoutes,
    accountRoutes,
    sessionRoutes,
    captureRoutes,
    keyRoutes,
    limitRoutes,
    historyRoutes,
    reloadRoutes,
    backupRoutes,
    sampleRoutes,
  ];
  return groups.flatMap((group) => group(parts));
}

export function adminServer(parts: AdminParts): ServerRoute[] {
  return adminServerRoutes(acrossWorkers(adminRoutes(parts), parts.fellows), parts.log);
}
