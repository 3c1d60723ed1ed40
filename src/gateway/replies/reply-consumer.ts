// What a running reply is told to: the relay of a stream, or the collector of a whole answer.

import type { FinishReason, TokenUsage, UpstreamEvent } from "../../contract/events.ts";
import type { GatewayError } from "../../contract/gateway-error.ts";
import type { PassThrough } from "../../contract/upstream.ts";
import type { SentReply } from "../turns/sent-reply.ts";

export interface ReplyConsumer {
  /** Whether a reply that broke off half-way may be begun anew: true while the client has seen nothing of it. */
  readonly canRestart: boolean;
  /** A new attempt begins: whatever was collected of the one before is forgotten. */
  restart(): void;
  event(event: UpstreamEvent): void;
  /** All events of one chunk have been told. @returns whether something was written to the client. */
  flush(): boolean;
  /** False while the client does not read: the source should pause. */
  readonly wantsMore: boolean;
  /** The upstream has said all. From here on `sent` is whole; the end follows when the turn has been committed. */
  settle(passThrough?: PassThrough): void;
  /** What the client was, or will have been, sent: the next request brings it back. */
  readonly sent: SentReply;
  /** What the client was sent in bytes and pieces. */
  readonly sentBytes: number;
  readonly sentChunks: number;
  /**
   * The clean end, after the turn has been committed.
   * @param passThrough of a reply whose frames were passed on
   */
  complete(finishReason: FinishReason, usage: TokenUsage, passThrough?: PassThrough): void;
  fail(error: GatewayError): void;
  /** @returns whether something was written. */
  heartbeat(): boolean;
}
