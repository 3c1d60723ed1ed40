// Keeps web pages and rebound DNS names out of a gateway that has no keys.

import { GatewayError } from "../../contract/gateway-error.ts";
import { isLoopback } from "../../outbound/loopback-host.ts";
import { isKeyless, type KeyOptions } from "./check-bind.ts";

export interface OriginGuardOptions extends KeyOptions {
  readonly hostname: string;
  readonly insecure: boolean;
  readonly allowedHosts: readonly string[];
}

/** @throws {GatewayError} `forbidden` */
export type GuardOrigin = (headers: Headers) => void;

/** With keys a page can do nothing that its user has not given it a key for, so nothing is checked. */
export function createOriginGuard(options: OriginGuardOptions, allowsOrigin: (origin: string) => boolean): GuardOrigin {
  if (!isKeyless(options)) return () => {};
  const ownHosts = new Set([options.hostname, ...options.allowedHosts].map(hostWithoutPort));
  const isOwnHost = (host: string) => isLoopback(host) || ownHosts.has(host);
  /** The Host that was found to be ours last: most requests bring the same. */
  let ownHeader: string | undefined;
  // An open bind is reached by names that nobody has told us.
  const anyHost = options.insecure && !isLoopback(options.hostname);

  return (headers) => {
    const host = headers.get("host");
    // A browser always sends one: without it, it is an old health check or a call in process.
    if (!anyHost && host !== null && host !== ownHeader) {
      if (!isOwnHost(hostWithoutPort(host))) {
        throw new GatewayError(
          "forbidden",
          "Cannot serve this Host without an API key: add its name to ALLOWED_HOSTS, or set API_KEY",
        );
      }
      ownHeader = host;
    }
    const origin = headers.get("origin");
    if (origin === null ? isCrossSite(headers) : !isOwnHost(hostOfOrigin(origin)) && !allowsOrigin(origin)) {
      throw new GatewayError(
        "forbidden",
        "Cannot serve a web page of another origin without an API key: add the origin to CORS_ORIGIN, or set API_KEY",
      );
    }
  };

  /** A form, an image or a link of another site: browsers leave the origin out there. */
  function isCrossSite(headers: Headers): boolean {
    return headers.get("sec-fetch-site") === "cross-site" && !allowsOrigin("null");
  }
}

/** `HOST:80`, `host.` and `host` are the same; IPv6 loses its brackets. */
export function hostWithoutPort(host: string): string {
  const name = host.trim().toLowerCase();
  const bracketed = name.startsWith("[") ? bracketedAddress.exec(name)?.[1] : undefined;
  if (bracketed !== undefined) return bracketed;
  // More than one colon and no brackets: an IPv6 address as it stands in a setting.
  const colon = name.indexOf(":");
  if (colon !== name.lastIndexOf(":")) return name;
  const bare = colon >= 0 && portAtEnd.test(name) ? name.slice(0, colon) : name;
  return bare.endsWith(".") ? bare.slice(0, -1) : bare;
}

const bracketedAddress = /^\[([^\]]*)\](?::\d*)?$/;
const portAtEnd = /:\d*$/;

/** One spelling an origin: lower case, no default port, no slash at the end. */
export function normalizeOrigin(origin: string): string {
  const parsed = URL.parse(origin);
  // Schemes that the URL standard does not know, such as those of browser extensions, have no origin of their own.
  if (parsed === null || parsed.origin === "null") return origin.trim().toLowerCase().replace(/\/$/, "");
  return parsed.origin;
}

/** "" for `null` and for what is no web address: no host is called so. */
function hostOfOrigin(origin: string): string {
  const parsed = URL.parse(origin);
  if (parsed === null || (parsed.protocol !== "http:" && parsed.protocol !== "https:")) return "";
  return hostWithoutPort(parsed.host);
}
