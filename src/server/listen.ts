// The socket: Bun.serve with the settings that a streaming server needs.

import { chmodSync, rmSync } from "node:fs";
import { GatewayError } from "../contract/gateway-error.ts";
import { openaiErrorBody } from "../contract/openai-error.ts";

/** Of a connection. Replies and log streams put it off: they have clocks of their own. */
export const usualIdleTimeoutSeconds = 120;

export type HttpServer = Bun.Server<undefined>;

export type Answer = (request: Request) => Promise<Response>;

export interface Address {
  readonly hostname: string;
  readonly port: number;
}

export interface ListenOptions extends Address {
  /** Cuts silent connections, and bodies that come in drops. In seconds. @defaultValue 120 */
  readonly idleTimeoutSeconds?: number;
  /** Other workers of this gateway listen there too. @defaultValue false */
  readonly sharesPort?: boolean;
}

/** Not by Elysia's listen, which shares ports by default, routes past `answer` and leaves a listener on the process. */
export function listen(address: ListenOptions, answer: Answer): HttpServer {
  return Bun.serve(serveOptions(address, answer));
}

/** Whatever comes from now on, on open connections as well, is answered by `answer`; what is being answered goes on as it is. */
export function exchangeAnswer(server: HttpServer, address: ListenOptions, answer: Answer): void {
  server.reload(serveOptions(address, answer));
}

function serveOptions(
  { hostname, port, idleTimeoutSeconds = usualIdleTimeoutSeconds, sharesPort = false }: ListenOptions,
  answer: Answer,
) {
  return {
    ...commonOptions(answer),
    hostname,
    port,
    // A head has 10 seconds of its own, and no drop of a body buys more time: measured on 1.4.5.
    idleTimeout: idleTimeoutSeconds,
    // Else two gateways on one port both start, and share the requests.
    reusePort: sharesPort,
  };
}

function commonOptions(answer: Answer) {
  return {
    fetch: answer,
    // Else a failure outside of `answer` shows a page with its stack.
    development: false,
    error: answerInternalError,
    // Bun's own limit answers with an empty body; read-body.ts speaks the client's protocol and comes first.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  };
}

/** Listens on a unix socket that this user alone may use, in a folder that nobody else may enter. Silence is never cut there. */
export function listenInside(path: string, answer: Answer): HttpServer {
  // Of a process that had this number before.
  rmSync(path, { force: true });
  const server = Bun.serve(insideOptions(path, answer));
  chmodSync(path, 0o600);
  return server;
}

export function exchangeInside(server: HttpServer, path: string, answer: Answer): void {
  server.reload(insideOptions(path, answer));
}

/**
 * Without an idle timeout of 0 the runtime cuts an answer that is silent for ten seconds, and `timeout` of a single request
 * changes nothing on such a socket (measured on 1.4.5). Its types know no idle timeout there.
 */
function insideOptions(path: string, answer: Answer) {
  return { ...commonOptions(answer), unix: path, idleTimeout: 0 as never };
}

export function urlOf({ hostname, port }: Address): string {
  const isBareIpv6 = hostname.includes(":") && !hostname.startsWith("[");
  return `http://${isBareIpv6 ? `[${hostname}]` : hostname}:${port}`;
}

function answerInternalError(): Response {
  const error = new GatewayError("internal", "The gateway failed to handle this request; its log has the details");
  return Response.json(openaiErrorBody(error), { status: 500 });
}
