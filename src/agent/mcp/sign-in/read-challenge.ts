// What a tool server says to somebody who has not signed in: where its metadata are, and which rights it wants.

import type { ToolServerAddress } from "../../../config/mcp-servers.ts";
import { version } from "../../../config/version.ts";

export interface ReadChallenge {
  /** It let nobody in. */
  readonly isWanted: boolean;
  readonly resourceMetadataUrl: URL | undefined;
  readonly scope: string | undefined;
}

const requestMs = 15_000;
const hello = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "qwen-gateway", version } },
};

/** @throws {TypeError} what `fetch` throws when nobody answers */
export async function readChallenge(
  { kind, url, headers }: ToolServerAddress,
  signal: AbortSignal,
): Promise<ReadChallenge> {
  const { extractWWWAuthenticateParams } = await import("@modelcontextprotocol/sdk/client/auth.js");
  const isOlder = kind === "sse";
  const response = await fetch(url, {
    method: isOlder ? "GET" : "POST",
    headers: {
      ...headers,
      accept: isOlder ? "text/event-stream" : "application/json, text/event-stream",
      ...(isOlder ? {} : { "content-type": "application/json" }),
    },
    ...(isOlder ? {} : { body: JSON.stringify(hello) }),
    redirect: "manual",
    signal: AbortSignal.any([signal, AbortSignal.timeout(requestMs)]),
  });
  void response.body?.cancel().catch(() => undefined);
  const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(response);
  return { isWanted: response.status === 401, resourceMetadataUrl, scope };
}
