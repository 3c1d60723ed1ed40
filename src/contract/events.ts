// The two event languages: what an upstream's decoder says (only what arrived), and what a surface's encoder hears
// (one start, one end, no delta outside a block). gateway/replies/event-sequence.ts turns the first into the second.

import type { Continuation } from "./continuation.ts";
import type { GatewayError } from "./gateway-error.ts";
import type { JsonText } from "./json.ts";

export type FinishReason = "stop" | "length" | "tool_calls" | "content_filter";

/** Token counts as the upstream told them. Absent: it did not say. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly totalTokens: number;
  readonly reasoningTokens?: number;
  readonly cachedTokens?: number;
  /** Counted by the gateway, all or a part of it, because the upstream was silent. */
  readonly estimated?: boolean;
}

export interface Source {
  readonly url: string;
  readonly title: string;
  readonly snippet: string | undefined;
}

/**
 * Whole frames in the client's own protocol, in the place of deltas: `bytes` from `start` to before `end`. The bytes stay
 * as they are, the event is valid only while it is told. Of a whole answer: its body.
 */
export interface PassedFrames {
  readonly type: "frames";
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Some of it says something: text, thoughts or a call. */
  readonly isSemantic: boolean;
}

export type UpstreamEvent =
  | { readonly type: "reply-start"; readonly model: string | undefined; readonly continuation?: Continuation }
  | { readonly type: "reasoning-delta"; readonly text: JsonText }
  | { readonly type: "text-delta"; readonly text: JsonText }
  /** Why there is no answer in the form that was asked for: never told beside text. */
  | { readonly type: "refusal-delta"; readonly text: JsonText }
  | { readonly type: "tool-call-start"; readonly callId: string; readonly toolName: string }
  | { readonly type: "tool-call-delta"; readonly callId: string; readonly argumentsText: string }
  | { readonly type: "source"; readonly source: Source }
  | { readonly type: "usage-update"; readonly usage: TokenUsage }
  /** The client's own mark came: nothing from it on is told, and the end follows at once. */
  | { readonly type: "stop-sequence"; readonly sequence: string }
  | PassedFrames
  | { readonly type: "reply-end"; readonly finishReason: FinishReason; readonly continuation?: Continuation }
  | { readonly type: "reply-error"; readonly error: GatewayError };

/** Identity of a reply as its client sees it, fixed before the first event. */
export interface ReplyIdentity {
  /** Random and unique, without a surface's prefix. */
  readonly replyId: string;
  /** The model that the client asked for. */
  readonly model: string;
  readonly createdAtMs: number;
}

/** Blocks that hold text of one kind. */
export type TextBlock = "reasoning" | "text" | "refusal";

/** Blocks are numbered from 0 over the whole reply; calls are numbered from 0 among themselves. */
export type ChatEvent =
  | { readonly type: "reply-start" }
  | { readonly type: "block-start"; readonly index: number; readonly block: TextBlock }
  | {
      readonly type: "block-start";
      readonly index: number;
      readonly block: "tool-call";
      readonly callIndex: number;
      readonly callId: string;
      readonly toolName: string;
    }
  | { readonly type: "reasoning-delta"; readonly index: number; readonly text: JsonText }
  | { readonly type: "text-delta"; readonly index: number; readonly text: JsonText }
  | { readonly type: "refusal-delta"; readonly index: number; readonly text: JsonText }
  | {
      readonly type: "tool-call-delta";
      readonly index: number;
      readonly callIndex: number;
      readonly argumentsText: string;
    }
  | { readonly type: "block-end"; readonly index: number; readonly block: TextBlock | "tool-call" }
  | { readonly type: "source"; readonly source: Source }
  | { readonly type: "stop-sequence"; readonly sequence: string }
  | { readonly type: "reply-end"; readonly finishReason: FinishReason; readonly usage: TokenUsage }
  | { readonly type: "reply-error"; readonly error: GatewayError };
