// The socket: Bun.serve with the settings that a streaming server needs.

import { GatewayError } from "../contract/gateway-error.ts";
import { openaiErrorBody } from "../contract/openai-error.ts";

/** Replies and log streams switch it off: they have clocks of their own. */
const usualIdleTimeoutSeconds = 120;

export type HttpServer = Bun.Server<undefined>;

export interface Address {
  readonly hostname: string;
  readonly port: number;
}

export interface ListenOptions extends Address {
  /** Cuts silent connections, and bodies that come in drops. In seconds. @defaultValue 120 */
  readonly idleTimeoutSeconds?: number;
}

/** Not by Elysia's listen, which shares ports by default, routes past `answer` and leaves a listener on the process. */
export function listen(options: ListenOptions, answer: (request: Request) => Promise<Response>): HttpServer {
  const { hostname, port, idleTimeoutSeconds = usualIdleTimeoutSeconds } = options;
  return Bun.serve({
    hostname,
    port,
    fetch: answer,
    // Else a failure outside of `answer` shows a page with its stack.
    development: false,
    error: answerInternalError,
    // A head has 10 seconds of its own, and no drop of a body buys more time: measured on 1.4.5.
    idleTimeout: idleTimeoutSeconds,
    // Else two gateways on one port both start, and share the requests.
    reusePort: false,
    // Bun's own limit answers with an empty body; read-body.ts speaks the client's protocol and comes first.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  });
}

export function urlOf({ hostname, port }: Address): string {
  const isBareIpv6 = hostname.includes(":") && !hostname.startsWith("[");
  return `http://${isBareIpv6 ? `[${hostname}]` : hostname}:${port}`;
}

function answerInternalError(): Response {
  const error = new GatewayError("internal", "The gateway failed to handle this request; its log has the details");
  return Response.json(openaiErrorBody(error), { status: 500 });
}
