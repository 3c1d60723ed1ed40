// A whole reply, collected from its events for clients that did not ask for a stream.

import type { ToolCall } from "./chat-request.ts";
import type { FinishReason, ReplyIdentity, Source, TokenUsage } from "./events.ts";

export interface ChatReply {
  readonly identity: ReplyIdentity;
  readonly text: string;
  readonly reasoning: string;
  /** In the place of `text`: why there is none. */
  readonly refusal?: string;
  readonly toolCalls: readonly ToolCall[];
  readonly sources: readonly Source[];
  readonly finishReason: FinishReason;
  /** The client's mark at which it was cut. */
  readonly stopSequence?: string;
  readonly usage: TokenUsage;
}
