// Who may look after the gateway below /admin: the holder of an admin key; without any keys, on a loopback address, whoever
// sits at this machine. Never a key of API_KEY. Stored keys and tokens with the scope admin are let in by admit.ts.

import { ConfigError } from "../../config/config-error.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { isLoopback } from "../../outbound/loopback-host.ts";
import { createFindByKey, presentedKeys } from "./api-keys.ts";
import { isKeyless } from "../access/check-bind.ts";
import { createOriginGuard, type OriginGuardOptions } from "../access/origin-guard.ts";
import { localCaller, type Trip } from "../trip.ts";

export interface AdminAccessOptions extends OriginGuardOptions {
  /** @defaultValue none */
  readonly adminKeys?: readonly string[] | undefined;
}

export interface AdminAccess {
  /** Without regard to scopes. */
  isAdmin(trip: Pick<Trip, "request">): boolean;
  /** The caller of an administrator. Undefined: it is none. */
  identify(trip: Pick<Trip, "request">): string | undefined;
  /** What somebody is told who is none. */
  refuse(trip: Pick<Trip, "request">): GatewayError;
}

/** A proxy in front brings requests from elsewhere to a loopback address. */
const proxyHeaders = ["x-forwarded-for", "forwarded", "x-real-ip"] as const;

/** @throws {ConfigError} when an API key is an admin key as well */
export function createAdminAccess(options: AdminAccessOptions): AdminAccess {
  const { adminKeys = [] } = options;
  refuseSharedKeys(adminKeys, options.apiKeys);
  const findCaller = createFindByKey(adminKeys, (hash) => `admin:${hash.toString("hex").slice(0, 16)}`);
  /** Stored keys may come up while the gateway runs. */
  const isOpen = (): boolean => adminKeys.length === 0 && isKeyless(options) && isLoopback(options.hostname);
  // Stricter than elsewhere: names and origins that were allowed for the chat may not look in here.
  const guardOrigin = createOriginGuard({ ...options, allowedHosts: [], insecure: false }, () => false);

  function isLocal(headers: Headers): boolean {
    if (proxyHeaders.some((name) => headers.has(name))) return false;
    try {
      guardOrigin(headers);
    } catch {
      // Whoever is told no is told why by `refuse`.
      return false;
    }
    return headers.get("sec-fetch-site") !== "cross-site";
  }

  function identify({ request: { headers } }: Pick<Trip, "request">): string | undefined {
    if (isOpen()) return isLocal(headers) ? localCaller : undefined;
    for (const key of presentedKeys(headers)) {
      const caller = findCaller(key);
      if (caller !== undefined) return caller;
    }
    return undefined;
  }

  return {
    identify,
    isAdmin: (trip) => identify(trip) !== undefined,
    refuse({ request: { headers } }) {
      if (isOpen()) {
        return new GatewayError(
          "forbidden",
          "Cannot open this address for a web page or a host name of another site, nor through a proxy: set ADMIN_KEY",
        );
      }
      if (adminKeys.length === 0) {
        return new GatewayError(
          "forbidden",
          "Cannot open this address: it needs an admin key (set ADMIN_KEY) or a key with the scope admin",
        );
      }
      if (!isKeyless(options)) {
        return new GatewayError(
          "forbidden",
          "Cannot open this address: it needs an admin key or a key with the scope admin, and this is neither",
        );
      }
      return new GatewayError(
        "unauthenticated",
        presentedKeys(headers).length > 0
          ? "Cannot open this address: the admin key is not known here"
          : 'Cannot open this address without an admin key: send it as "Authorization: Bearer <key>" or "X-API-Key: <key>"',
      );
    },
  };
}

/** @throws {ConfigError} when an API key is an admin key as well */
export function refuseSharedKeys(adminKeys: readonly string[], apiKeys: readonly string[]): void {
  if (!adminKeys.some((key) => apiKeys.includes(key))) return;
  throw new ConfigError([
    "Cannot use ADMIN_KEY: one of its keys is in API_KEY too, and every client could look in here",
  ]);
}

/** What only administrators may open. @param path raw, as in `Trip.path`: the router compares the same string */
export function isAdminPath(path: string): boolean {
  return path === "/admin" || path.startsWith("/admin/");
}

const watchedPaths: ReadonlySet<string> = new Set(["/metrics", "/health/detailed", "/openapi.json"]);

/** What administrators may open beside it. */
export function isWatchPath(path: string): boolean {
  return watchedPaths.has(path);
}
