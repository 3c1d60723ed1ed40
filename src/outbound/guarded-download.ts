// Fetches what stands at an address that somebody else named: over https in public, within a size and a time, and never
// from this machine or the networks behind it.

import { isIP } from "node:net";
import { GatewayError } from "../contract/gateway-error.ts";
import type { HttpClient, OutboundResponse } from "./http-client.ts";
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
}

export interface Download {
  readonly bytes: Uint8Array;
  /** "" where none was told. */
  readonly contentType: string;
}

export type GuardedDownload = (
  address: string,
  limits: { readonly maxBytes: number; readonly signal: AbortSignal },
) => Promise<Download>;

const maxRedirects = 3;

/** @throws {GatewayError} `upstream-failed` in words that do not tell the address */
export function createGuardedDownload(options: DownloadOptions): GuardedDownload {
  async function ask(url: URL, signal: AbortSignal): Promise<OutboundResponse> {
    const isTrusted = options.trustedOrigins.includes(url.origin);
    if (!isTrusted) checkPublic(url);
    const headers = { accept: "*/*", "accept-encoding": "identity", "user-agent": options.userAgent };
    const client = isTrusted ? options.trusted : options.guarded;
    return client.send({ method: "GET", url: url.href, headers, signal });
  }

  return async (address, { maxBytes, signal }) => {
    let url = parse(address, undefined);
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const response = await ask(url, signal);
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
      if (bytes === undefined) throw refused(`it is larger than ${maxBytes} bytes`);
      return { bytes, contentType: response.headers.get("content-type") ?? "" };
    }
    throw refused("its server sends from one address to the next");
  };
}

function parse(address: string, base: URL | undefined): URL {
  try {
    return new URL(address, base);
  } catch (cause) {
    throw refused("its address is none", cause);
  }
}

/** Names are judged by the address that is reached in the end; what can be told before is told before. */
function checkPublic(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (url.protocol !== "https:") throw refused("its address is not https");
  if (url.username !== "" || url.password !== "") throw refused("its address has credentials in it");
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw refused("its address is not a public one");
}

function refused(reason: string, cause?: unknown): GatewayError {
  return new GatewayError("upstream-failed", `Cannot fetch the file that was made: ${reason}`, { cause });
}
