// From the settings of a server to a transport that the SDK's client can be connected by.

import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { isJsonObject } from "../../contract/json.ts";
import type { Environment } from "../../config/load-config.ts";
import type { ToolServerAddress, ToolServerOauth, ToolServerProcess } from "../../config/mcp-servers.ts";
import { unpackResponse } from "../../outbound/decode-body.ts";
import { createBoundedFetch, type FetchLike } from "./bounded-fetch.ts";
import { childEnvironment } from "./child-environment.ts";
import type { GatewayError } from "../../contract/gateway-error.ts";
import type { EndTimes } from "./end-child.ts";
import { exactMessage } from "./exact-message.ts";
import { loadHttpTransports } from "./mcp-sdk.ts";
import { failedAnswer, oversizedCode, unansweredCode } from "./oversized-answer.ts";
import { readRefusedAnswers } from "./refused-answer.ts";
import type { TokenSource } from "./sign-in/token-source.ts";
import { withToken } from "./sign-in/with-token.ts";
import { createStdioTransport } from "./stdio-transport.ts";

export interface TransportOptions {
  readonly environment: Environment;
  readonly maxMessageBytes: number;
  readonly endTimes: EndTimes;
  /** Of a server at an address, where a person may have to sign in. */
  readonly tokens: TokenSource | undefined;
  onErrorLine?(line: string): void;
  onProcess?(pid: number): () => void;
}

export interface OpenedTransport {
  readonly kind: "stdio" | "http" | "sse";
  readonly transport: Transport;
  /** Why it ended, where it knows. */
  ending(): string | undefined;
  /** What a person has to do before it goes on: a transport of the older form keeps errors to itself. */
  refusal(): GatewayError | undefined;
  /** A server that keeps sessions is told that this one is over. */
  sayGoodbye(): Promise<void>;
}

/** How much one stream of the server's own counts as noise, in messages. */
const listeningNoise = 500;

export function openProcess(target: ToolServerProcess, options: TransportOptions): OpenedTransport {
  const { environment, maxMessageBytes, endTimes, onErrorLine, onProcess } = options;
  const transport = createStdioTransport({
    command: target.command,
    args: target.args,
    environment: childEnvironment(environment, target.env),
    cwd: target.cwd,
    maxMessageBytes,
    endTimes,
    parse: readMessage,
    ...(onErrorLine === undefined ? {} : { onErrorLine }),
    ...(onProcess === undefined ? {} : { onProcess }),
  });
  return {
    kind: "stdio",
    transport,
    ending: () => transport.ending(),
    refusal: () => undefined,
    sayGoodbye: async () => {},
  };
}

/** No more than what tells a message from other lines: what kind it is, the SDK checks with each. */
function readMessage(value: unknown): JSONRPCMessage {
  if (!isJsonObject(value) || value["jsonrpc"] !== "2.0") throw new Error("not a JSON-RPC message");
  // A cast: checked as far as it is needed here.
  return exactMessage(value) as unknown as JSONRPCMessage;
}

/** @param onNoise messages that nobody has asked for, by their number */
export async function openAddress(
  { url, headers, oauth }: ToolServerAddress,
  kind: "http" | "sse",
  options: TransportOptions & { onNoise(count: number): void },
): Promise<OpenedTransport> {
  const { StreamableHTTPClientTransport, SSEClientTransport } = await loadHttpTransports();
  let ending: string | undefined;
  let refusal: GatewayError | undefined;
  let transport: Transport | undefined;
  const { origin } = new URL(url);
  const plain = withHeaders(origin, headers);
  const boundedFetch = createBoundedFetch({
    maxMessageBytes: options.maxMessageBytes,
    fetch:
      options.tokens === undefined
        ? plain
        : withToken(plain, origin, options.tokens, (error) => {
            refusal = error;
          }),
    unanswered(id, reason) {
      const code = reason === "oversized" ? oversizedCode : unansweredCode;
      // The older form answers on its one stream, whatever becomes of the request.
      if (kind === "http") transport?.onmessage?.(failedAnswer(id, code, reason));
    },
    broken() {
      ending = "sent a message that is too long";
      void transport?.close();
    },
    listening: () => options.onNoise(listeningNoise),
  });
  const authProvider = oauth === undefined ? undefined : await createTokenProvider(oauth);
  const init = { fetch: boundedFetch, ...(authProvider === undefined ? {} : { authProvider }) };
  const told = { ending: () => ending, refusal: () => refusal };
  if (kind === "sse") {
    const older = new SSEClientTransport(new URL(url), init);
    transport = older;
    return { kind, transport: older, ...told, sayGoodbye: async () => {} };
  }
  const newer = new StreamableHTTPClientTransport(new URL(url), { ...init, fetch: readRefusedAnswers(boundedFetch) });
  // Its session id may be undefined by name, which the interface of the SDK writes as absent.
  transport = newer as Transport;
  return { kind, transport, ...told, sayGoodbye: () => newer.terminateSession() };
}

/** The headers of the settings are for this server alone: the SDK would send them to its authorization server as well. */
function withHeaders(origin: string, headers: Readonly<Record<string, string>>): FetchLike {
  let usedAtMs = 0;
  return async (url, init) => {
    const sent = new Headers(init?.headers);
    if (new URL(url).origin === origin) for (const [name, value] of Object.entries(headers)) sent.set(name, value);
    // A call must not be sent twice, so it must not meet a connection that the server is about to close.
    const keepalive = performance.now() - usedAtMs < freshMs;
    const response = await fetch(url, { ...init, headers: sent, keepalive, ...packed });
    usedAtMs = performance.now();
    return unpackResponse(response);
  };
}

/** Bun's own option: it unpacks all that has come at once, and what bursts would never be counted. */
const packed = { decompress: false };

/** Servers keep idle connections for 5 s at least (Node, uvicorn). */
const freshMs = 3000;

/** Fetches a token when the server wants one, by the secret of the settings, from the issuer that they name alone. */
async function createTokenProvider({ clientId, clientSecret, issuer, scope }: ToolServerOauth) {
  const { ClientCredentialsProvider } = await import("@modelcontextprotocol/sdk/client/auth-extensions.js");
  const named = { clientId, clientSecret, clientName: "qwen-gateway", expectedIssuer: issuer };
  return new ClientCredentialsProvider(scope === undefined ? named : { ...named, scope });
}
