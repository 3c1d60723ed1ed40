// Routes whose code is loaded with the first request for one of them: start time and idle memory are figures, too.

import { madeOnce } from "../contract/made-once.ts";
import type { ServerRoute } from "./trip.ts";

export type RoutePlace = Pick<ServerRoute, "method" | "path" | "headers">;

/**
 * @param places every route that `load` gives, and no other
 * @param load called once; once more after it has failed
 */
export function lazyRoutes(places: readonly RoutePlace[], load: () => Promise<readonly ServerRoute[]>): ServerRoute[] {
  const routes = madeOnce(load);
  return places.map(({ method, path, headers }) => ({
    method,
    path,
    ...(headers !== undefined && { headers }),
    async answer(trip) {
      const route = (await routes.get()).find((one) => one.method === method && one.path === path);
      if (route === undefined) throw new Error(`No route ${method} ${path} was loaded`);
      return route.answer(trip);
    },
  }));
}
