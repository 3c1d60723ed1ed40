// The `fetch` for authorization servers, which a tool server names as it likes: encrypted, within a size and a time, and
// not from the internet into the networks behind this machine.

import { lookup } from "node:dns/promises";
import type { Environment } from "../../../config/load-config.ts";
import { GatewayError } from "../../../contract/gateway-error.ts";
import type { HttpClient } from "../../../outbound/http-client.ts";
import { orAborted } from "../../../outbound/or-aborted.ts";
import { isLocalHost } from "../../../outbound/local-host.ts";
import { isLoopback } from "../../../outbound/loopback-host.ts";
import { plainHost } from "../../../outbound/plain-host.ts";
import { isPublicAddress } from "../../../outbound/public-address.ts";
import { readBytes } from "../../../outbound/read-bytes.ts";
import { createPlatformClient } from "../../../outbound/platform-client.ts";
import { createTcpClient } from "../../../outbound/tcp-client.ts";
import type { FetchLike } from "../bounded-fetch.ts";

export interface GuardOptions {
  /** The tool server's address, which the user's own settings name. */
  readonly serverUrl: string;
  /** Ours: it may name a proxy. */
  readonly environment: Environment;
  /** Ends every request. */
  readonly signal: AbortSignal;
}

const maxAnswerBytes = 262_144;
const requestMs = 10_000;
const passedHeaders = ["content-type", "location", "www-authenticate"] as const;

/** @returns why nothing may be sent there; undefined: it may */
export function wrongAddress(url: URL, serverUrl: string): string | undefined {
  const server = new URL(serverUrl);
  if (url.username !== "" || url.password !== "") return "its address has credentials in it";
  if (url.protocol === "http:" && isLoopback(url.hostname) && isLoopback(server.hostname)) return undefined;
  if (url.protocol !== "https:") return "its address is not https";
  return isLocalHost(url.hostname) && !isLocalHost(server.hostname) ? "its address is not a public one" : undefined;
}

/** @throws {GatewayError} by rejecting, in words that are not the server's */
export function createGuardedFetch({ serverUrl, environment, signal }: GuardOptions): FetchLike {
  let client: Promise<HttpClient> | undefined;
  return async (address, init = {}) => {
    const url = new URL(address);
    const wrong = wrongAddress(url, serverUrl);
    if (wrong !== undefined) throw refused(wrong);
    client ??= chooseClient(serverUrl, environment);
    const limited = AbortSignal.any([signal, AbortSignal.timeout(requestMs)]);
    const chosen = await orAborted(client, limited);
    const answer = await chosen.send({
      method: init.method === "POST" ? "POST" : "GET",
      url: url.href,
      headers: { ...Object.fromEntries(new Headers(init.headers)), "accept-encoding": "identity" },
      body: init.body == null ? undefined : String(init.body),
      signal: limited,
    });
    const bytes = await readBytes(answer.body, maxAnswerBytes, limited);
    if (bytes === undefined) throw refused("its answer is too long");
    const headers = passedHeaders.flatMap((name) => {
      const value = answer.headers.get(name);
      return value === null ? [] : [[name, value] as [string, string]];
    });
    const hasBody = answer.status !== 204 && answer.status !== 205 && answer.status !== 304;
    return new Response(hasBody ? Buffer.from(bytes) : null, { status: answer.status, headers });
  };
}

/** A server of the internet may not name what stands in a network of one's own; one that stands there itself may. */
async function chooseClient(serverUrl: string, environment: Environment): Promise<HttpClient> {
  const plain = createPlatformClient((request, transport) => fetch(request, transport));
  // Whoever has a proxy reaches the internet by it alone, and names are the proxy's business.
  const hasProxy = ["HTTPS_PROXY", "https_proxy"].some((name) => (environment[name] ?? "") !== "");
  if (hasProxy || (await isOfOwnNetwork(new URL(serverUrl).hostname))) return plain;
  return createTcpClient({ allowsAddress: isPublicAddress, idleMs: 1000 });
}

async function isOfOwnNetwork(hostname: string): Promise<boolean> {
  if (isLocalHost(hostname)) return true;
  const found = await lookup(plainHost(hostname), { all: true }).catch(() => []);
  return found.some(({ address }) => !isPublicAddress(address));
}

function refused(reason: string): GatewayError {
  return new GatewayError("upstream-auth", `Cannot ask the authorization server: ${reason}`);
}
