// Where the admin routes are. Apart from what they do, which is loaded with the first request.

import type { RoutePlace } from "../lazy-routes.ts";

const get = [
  "status",
  "config",
  "streams",
  "upstreams",
  "accounts",
  "sessions",
  "sessions/:id",
  "captures",
  "keys",
  "limits",
  "history",
  "history/export",
  "history/:id",
  "samples",
];
const post = [
  "upstreams/:name/pause",
  "upstreams/:name/resume",
  "upstreams/:name/test",
  "accounts",
  "accounts/:id/pause",
  "accounts/:id/resume",
  "accounts/:id/test",
  "captures",
  "keys",
  "keys/:key/revoke",
  "limits/reset",
  "reload",
  "backup",
];
const remove = [
  "streams/:id",
  "accounts/:id",
  "sessions/:id",
  "captures/:session_id",
  "keys/:key",
  "history",
  "history/:id",
];

const below =
  (method: RoutePlace["method"]) =>
  (path: string): RoutePlace => ({ method, path: `/admin/api/${path}` });

export const adminPlaces: readonly RoutePlace[] = [
  ...get.map(below("GET")),
  ...post.map(below("POST")),
  ...remove.map(below("DELETE")),
];
