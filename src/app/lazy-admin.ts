// The admin routes as the rest of the app sees them: their code is loaded with the first request for one of them.

import { describeConfig } from "../config/describe-config.ts";
import { listSettings } from "../config/config-names.ts";
import type { Config } from "../config/config-schema.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import type { AdminParts } from "../server/admin/admin-parts.ts";
import { adminPlaces } from "../server/admin/admin-places.ts";
import type { Edge, ServedRoom } from "../server/create-server.ts";

export interface LazyAdminParts extends Omit<AdminParts, "settings" | "edge"> {
  readonly config: Config;
  /** Where each value comes from. @defaultValue from the program that holds the gateway, as if by flags */
  readonly origins: LoadedConfig["origins"] | undefined;
}

export function createLazyAdmin(parts: LazyAdminParts): ServedRoom {
  return {
    places: adminPlaces,
    async load(edge) {
      const { adminServer } = await import("../server/admin/admin-routes.ts");
      return adminServer(partsOf(parts, edge));
    },
  };
}

/** The document of all routes, which knows those of the administrators from their code. */
export function createLazyOpenapi(parts: LazyAdminParts): ServedRoom {
  return {
    places: [{ method: "GET", path: "/openapi.json" }],
    async load(edge) {
      const [{ openapiRoute }, { adminRoutes }] = await Promise.all([
        import("../server/openapi/openapi-route.ts"),
        import("../server/admin/admin-routes.ts"),
      ]);
      const operations = adminRoutes(partsOf(parts, edge)).map(({ operation }) => operation);
      return [openapiRoute(operations, parts.version)];
    },
  };
}

function partsOf(parts: LazyAdminParts, edge: Edge): AdminParts {
  return { ...parts, edge, settings: () => describeSettings(parts) };
}

function describeSettings({ config, origins }: LazyAdminParts): ReturnType<AdminParts["settings"]> {
  const described = describeConfig(config);
  return listSettings().map(({ key, environmentName, schema }) => ({
    name: environmentName,
    value: described[environmentName] ?? null,
    isSecret: schema.writeOnly === true,
    source: origins?.[key] ?? "flag",
  }));
}
