// How one kind of server writes a reply: its chunks and its whole answer. The forms themselves stand in dialects/.

import type { Json } from "../../contract/json.ts";

/** A JSON object that is sent, its keys in the server's own order. */
export type Fields = { readonly [name: string]: Json };

/** What all chunks of one reply share. */
export interface Frame {
  readonly id: string;
  readonly model: string;
  /** Thinking is on, whether or not anything was thought. */
  readonly thinks: boolean;
  nowSeconds(): number;
}

export interface UsageCount {
  readonly promptTokens: number;
  /** With the reasoning. */
  readonly completionTokens: number;
  readonly reasoningTokens: number;
  readonly cachedTokens: number;
}

export interface CallPiece {
  readonly index: number;
  readonly id: string;
  readonly name: string;
  readonly argumentsText: string;
  /** The one that brings id and name. */
  readonly isFirst: boolean;
}

/** Where a delta stands. */
export interface Place {
  /** Chunks before it. */
  readonly ordinal: number;
  readonly thinks: boolean;
}

export type Spoken = "nothing" | "reasoning" | "content" | "calls";

export interface WholeAnswer {
  readonly content: string;
  readonly reasoning: string;
  /** As they stand in a message: index is left to the form. */
  readonly calls: readonly { readonly id: string; readonly name: string; readonly argumentsText: string }[];
  readonly finishReason: string;
  readonly usage: UsageCount;
}

export interface ChunkForm {
  /** Delta of a chunk before everything else. Undefined: the role comes with the first delta. */
  readonly opening: ((thinks: boolean) => Fields) | undefined;
  /** Content between the thoughts and what follows them. */
  readonly gapAfterThoughts: string;
  /** The first piece of arguments comes with id and name, or behind them; or a call is one piece. */
  readonly callCut: "with-head" | "behind-head" | "whole";
  /** A last piece without arguments follows the last call. */
  readonly hasEmptyLastPiece: boolean;
  /** The last piece of a call and the finish reason are one chunk. */
  readonly finishRidesOnCalls: boolean;
  reasoning(text: string, place: Place): Fields;
  content(text: string, place: Place): Fields;
  calls(entries: readonly Fields[], place: Place): Fields;
  callEntry(piece: CallPiece): Fields;
  /** Delta of the finish chunk. */
  endDelta(last: Spoken, thinks: boolean): Fields;
  /** @param reason undefined: the reply goes on */
  chunk(delta: Fields, frame: Frame, place: Place, reason: string | undefined): Fields;
  usage(count: UsageCount, frame: Frame): Fields;
  /** The chunk of its own that carries usage. */
  usageChunk(usage: Fields, frame: Frame): Fields;
  /** Further members of the last chunk, whichever that is. @defaultValue none */
  lastFields?(usage: Fields): Fields;
  whole(answer: WholeAnswer, frame: Frame): Fields;
}
