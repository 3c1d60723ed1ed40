// What an attempt tells its exchange, and asks of it.

import type { Continuation } from "../../contract/continuation.ts";
import type { FinishReason, TokenUsage } from "../../contract/events.ts";
import type { GatewayError } from "../../contract/gateway-error.ts";
import type { ReplyOutcome, UpstreamReply } from "../../contract/upstream.ts";

export interface AttemptHooks {
  /** The upstream keeps the conversation: a reply has ids there, by which it can be stopped. */
  readonly isKept: boolean;
  /** The upstream told where the reply stands. Resolves when that is noted, and never rejects: the head waits for it. */
  started(reply: UpstreamReply, continuation: Continuation): Promise<void>;
  /** Fills in the usage where the upstream was silent. */
  usageOf(told: TokenUsage | undefined): TokenUsage;
  /** Commits the turn before its end is told. */
  commit(continuation: Continuation | undefined, settleMs: number): Promise<void>;
  firstToken(): void;
  /** The client has stopped reading for too long: its connection is of no more use. */
  abandoned(): void;
  /** Whether a reply that ended well and said nothing is to be asked for once more. */
  repeatsEmpty(): boolean;
  /** Everything is over at the upstream. Called once, before the promise of `run` rejects. */
  ended(end: AttemptEnd): Promise<void>;
}

export interface AttemptEnd {
  readonly outcome: ReplyOutcome;
  /** False: nothing of this reply reached the client, so another attempt may follow. */
  readonly hasBegun: boolean;
  readonly usage: TokenUsage | undefined;
  /** Of a complete one. */
  readonly finishReason?: FinishReason | undefined;
  readonly error: GatewayError | undefined;
  /** The upstream took it, and told an error in place of an answer. */
  readonly isRefused: boolean;
  /** An estimate of an answer that was held and turned out unfit, where its upstream counts nothing. */
  readonly unfitTokens: number | undefined;
  /** Milliseconds that the chat still needs to settle. */
  readonly settleMs: number;
  readonly receivedBytes: number;
  readonly receivedChunks: number;
}
