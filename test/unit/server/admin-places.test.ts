import { expect, test } from "bun:test";
import { adminPlaces } from "../../../src/server/admin/admin-places.ts";
import type { AdminParts } from "../../../src/server/admin/admin-parts.ts";
import { adminRoutes } from "../../../src/server/admin/admin-routes.ts";
import { routePath } from "../../../src/server/openapi/operation.ts";

test("adminPlaces are the routes that are loaded, and no other", () => {
  // Describing the routes touches nothing of what they serve.
  const routes = adminRoutes({} as AdminParts).map(({ operation: { method, path } }) => `${method} ${routePath(path)}`);

  expect(adminPlaces.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(routes.toSorted());
});
