// What the edge knows about one request on its way through: who, when, and which headers its answer will carry.

import type { Access } from "../contract/access.ts";

export interface Trip {
  readonly request: Request;
  /** Fresh and unique; never taken from the client. */
  readonly requestId: string;
  /** As the client wrote it, without query. The router and the guards read the same string, so none can be fooled. */
  readonly path: string;
  readonly startedAtMs: number;
  /** Another worker took it in, knows its caller, and will answer it: only the inner door says so. */
  readonly isRelayed?: true;
  /** Undefined for requests that came through no socket. */
  readonly clientAddress: string | undefined;
  /** Whoever captures it reads its answer. */
  isCaptured?: true;
  /** Scopes conversations. The guard writes it before any route runs. */
  caller: string;
  /** What the caller may use, and how much. Undefined: everything. */
  access?: Access;
  /** Headers that the answer will carry, whatever it is, beside its request id. Undefined: none. */
  answerHeaders: Readonly<Record<string, string>> | undefined;
}

/** A way into the server. A path that ends in an asterisk matches whatever follows. */
export interface ServerRoute {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  /** Whoever asks it by another method is told that there is nothing, not which one it takes. @defaultValue false */
  readonly hidesMethods?: true;
  /** Of every answer at this path, refusals at the door too. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>>;
  answer(trip: Trip): Response | Promise<Response>;
}

/** Nobody but a socket reads the answer. */
export function goesToSocket({ clientAddress, isCaptured }: Trip): boolean {
  return clientAddress !== undefined && isCaptured !== true;
}

export const localCaller = "local";

/** Where the path begins: behind `http://`, however short the host. */
const authorityStart = "http://".length;

/** Path of an `http:` address, raw: cut exactly as the router does it, or a guard could see another path than a route. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", authorityStart);
  const end = url.indexOf("?", start + 1);
  return url.substring(start, end === -1 ? undefined : end);
}

/** What stands behind the "?". The address as a whole need not be one: its host is whatever the client wrote as `Host`. */
export function queryOf({ url }: Request): URLSearchParams {
  const start = url.indexOf("?", url.indexOf("/", authorityStart) + 1);
  return new URLSearchParams(start === -1 ? "" : url.slice(start + 1).replace(/#.*/, ""));
}

/** What stands behind `prefix` in the path, decoded; undefined when its percent signs make no sense. */
export function pathRest(trip: Trip, prefix: string): string | undefined {
  try {
    return decodeURIComponent(trip.path.slice(prefix.length));
  } catch {
    // A malformed escape names nothing that exists.
    return undefined;
  }
}
