// Fetches what stands at an address that somebody else named: in public, within a size and a time, and never from this
// machine or the networks behind it.

import { isIP } from "node:net";
import { GatewayError } from "../contract/gateway-error.ts";
import type { HttpClient, OutboundResponse } from "./http-client.ts";
import { plainHost } from "./plain-host.ts";
import { orAborted } from "./or-aborted.ts";
import { isPublicAddress } from "./public-address.ts";
import { readBytes } from "./read-bytes.ts";

export { isPublicAddress };

export interface DownloadOptions {
  /** Reaches public addresses only: `createTcpClient({ allowsAddress: isPublicAddress })`. */
  readonly guarded: HttpClient;
  /** Reaches what the user's own settings name. */
  readonly trusted: HttpClient;
  /** Origins that the settings name, such as a server of the user's own. */
  readonly trustedOrigins: readonly string[];
  readonly userAgent: string;
  /**
   * The addresses of a name, told before it is connected to: else whoever names it could tell open ports in here from
   * closed ones. What is reached in the end is checked all the same. @defaultValue they are not asked for
   */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
}

export interface Download {
  readonly bytes: Uint8Array;
  /** "" where none was told. */
  readonly contentType: string;
}

export interface DownloadLimits {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Plain http will do. @defaultValue false */
  readonly allowsHttp?: boolean;
}

export type GuardedDownload = (address: string, limits: DownloadLimits) => Promise<Download>;

/** It was not fetched, and the address or its server is the reason. */
export class DownloadRefusal extends GatewayError {
  /** Goes on behind a colon. */
  readonly reason: string;
  readonly isTooLarge: boolean;

  constructor(reason: string, options: { readonly cause?: unknown; readonly isTooLarge?: boolean } = {}) {
    super("upstream-failed", `Cannot fetch the file that was made: ${reason}`, { cause: options.cause });
    this.reason = reason;
    this.isTooLarge = options.isTooLarge ?? false;
  }
}

const maxRedirects = 3;

/** @throws {GatewayError} `upstream-failed`, a `DownloadRefusal` mostly, in words that do not tell the address */
export function createGuardedDownload(options: DownloadOptions): GuardedDownload {
  async function ask(url: URL, { signal, allowsHttp = false }: DownloadLimits): Promise<OutboundResponse> {
    const isTrusted = options.trustedOrigins.includes(url.origin);
    if (!isTrusted) {
      checkPublic(url, allowsHttp);
      // Nobody ends the system's question to a name server that is silent.
      await orAborted(checkName(url, options.lookup), signal);
    }
    const headers = { accept: "*/*", "accept-encoding": "identity", "user-agent": options.userAgent };
    const client = isTrusted ? options.trusted : options.guarded;
    return client.send({ method: "GET", url: url.href, headers, signal });
  }

  return async (address, limits) => {
    const { maxBytes, signal } = limits;
    let url = parse(address, undefined);
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const response = await ask(url, limits);
      const target = response.headers.get("location");
      if (response.status >= 300 && response.status < 400 && target !== null) {
        response.body.cancel();
        url = parse(target, url);
        continue;
      }
      if (response.status !== 200) {
        response.body.cancel();
        throw refused(`its server answered ${response.status}`);
      }
      const bytes = await readBytes(response.body, maxBytes, signal);
      if (bytes === undefined) {
        throw new DownloadRefusal(`it is larger than ${maxBytes} bytes`, { isTooLarge: true });
      }
      return { bytes, contentType: response.headers.get("content-type") ?? "" };
    }
    throw refused("its server redirects too often");
  };
}

function parse(address: string, base: URL | undefined): URL {
  try {
    return new URL(address, base);
  } catch (cause) {
    throw refused("its address is not a valid URL", cause);
  }
}

/** Names are judged by the address that is reached in the end; what can be told before is told before. */
function checkPublic(url: URL, allowsHttp: boolean): void {
  const host = plainHost(url.hostname);
  const isTaken = url.protocol === "https:" || (allowsHttp && url.protocol === "http:");
  if (!isTaken) throw refused(`its address is not ${allowsHttp ? "http or https" : "https"}`);
  if (url.username !== "" || url.password !== "") throw refused("its address has credentials in it");
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw refused(notPublic);
}

async function checkName(url: URL, lookup: DownloadOptions["lookup"]): Promise<void> {
  const host = plainHost(url.hostname);
  if (lookup === undefined || isIP(host) !== 0) return;
  const addresses = await lookup(host).catch((cause: unknown) => {
    throw refused("its server cannot be found", cause);
  });
  if (!addresses.every(isPublicAddress)) throw refused(notPublic);
}

const notPublic = "its address is not a public one";

function refused(reason: string, cause?: unknown): DownloadRefusal {
  return new DownloadRefusal(reason, { cause });
}
