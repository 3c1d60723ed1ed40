// A client protocol. One folder under surfaces/ implements it; the server mounts its routes, the gateway drives it.

import type { ChatReply } from "./chat-reply.ts";
import type { ChatRequest, ToolCall } from "./chat-request.ts";
import type { ChatEvent, ReplyIdentity } from "./events.ts";
import { type ErrorKind, type GatewayError, httpStatus } from "./gateway-error.ts";
import type { Json } from "./json.ts";

export interface Route {
  readonly method: "POST";
  readonly path: string;
}

export interface EventEncoder {
  /** Synchronous. Appends the event's frames, if it has any, to what `take` returns. */
  write(event: ChatEvent): void;
  /** Appends a frame that says only "still alive" in this protocol. */
  writeHeartbeat(): void;
  /** What `take` would give, in bytes. */
  readonly pendingBytes: number;
  /** Empties: the bytes belong to the caller, an empty array when there are none. */
  take(): Uint8Array;
}

/** A question that a surface answers by itself: no upstream is asked. */
export interface OwnAnswer extends Route {
  /** @throws {GatewayError} `invalid-request` that names the field. */
  parseRequest(body: unknown): ChatRequest;
  /** @param request uploaded files that it names stand in it */
  answer(request: ChatRequest): Json;
}

export interface Surface {
  readonly name: string;
  readonly routes: readonly Route[];
  /** @defaultValue none */
  readonly ownAnswers?: readonly OwnAnswer[];
  /** Kinds of errors that have another HTTP status in this protocol than elsewhere. @defaultValue none */
  readonly statuses?: Partial<Readonly<Record<ErrorKind, number>>>;
  /** A header that its clients alone send: they are told of failures in this form at addresses of no surface, too. */
  readonly clientHeader?: string;
  /**
   * Pure: unknown JSON to a checked request.
   * @throws {GatewayError} `invalid-request` that names the field.
   */
  parseRequest(body: unknown): ChatRequest;
  createEncoder(request: ChatRequest, identity: ReplyIdentity): EventEncoder;
  encodeReply(request: ChatRequest, reply: ChatReply): Json;
  /** A call as `parseRequest` will read it in the next history: its client may be told less than the model said. @defaultValue the same */
  echoedCall?(request: ChatRequest, call: ToolCall): ToolCall;
  /** The body of an error answer that is no stream. */
  encodeError(error: GatewayError, requestId: string): Json;
}

/** @param surface undefined: the error belongs to none */
export function statusOn(surface: Surface | undefined, kind: ErrorKind): number {
  return surface?.statuses?.[kind] ?? httpStatus[kind];
}
