// What an exchange begins with: a request as the server received it, or one that was composed within the gateway.

import type { ChatRequest } from "../contract/chat-request.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import type { Surface } from "../contract/surface.ts";
import { parseBody } from "../conversation/parse-body.ts";
import { type SessionHints, sessionHints } from "../conversation/session-hints.ts";

/** Who asks. */
export interface Asking {
  /** Aborted when the client hangs up before it has an answer. */
  readonly signal: AbortSignal;
  /** Scopes conversations: "local" without keys. */
  readonly caller: string;
  readonly requestId: string;
  /** Called when the client has stopped reading its answer: the connection may be closed. */
  readonly onAbandoned?: (() => void) | undefined;
}

/** What the server hands over: the edge has checked keys, host and size, and nothing else. */
export interface IncomingExchange extends Asking {
  readonly body: Uint8Array;
  readonly headers: Headers;
}

/** A request that was composed within the gateway, such as by a step of a pipeline. */
export interface ComposedExchange extends Asking, Question {}

/** What is asked, whichever way it came. */
export interface Question {
  readonly request: ChatRequest;
  readonly hints: SessionHints;
  /** Name of the only upstream that may serve it. Undefined: whichever serves its model. */
  readonly upstream: string | undefined;
}

/** @throws {GatewayError} */
export function readQuestion(
  surface: Surface,
  { body, headers }: IncomingExchange,
  withPolicy: (request: ChatRequest) => ChatRequest,
): Question {
  const request = withPolicy(surface.parseRequest(parseJson(body)));
  return { request, hints: sessionHints(headers, request.session), upstream: headers.get("x-upstream") ?? undefined };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return parseBody(body);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError("invalid-request", "Cannot read the request: its body is not valid JSON", { cause: error });
  }
}
