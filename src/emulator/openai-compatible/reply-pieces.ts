// A reply as a lazy sequence of pieces: thoughts, text, calls, the finish. Decides their order, not how they are written.

import { countTokens } from "../reply-steps.ts";
import type { CallPiece, ChunkForm } from "./chunk-form.ts";

/** What is said. */
export interface Reply {
  readonly reasoning: readonly string[];
  /** May be long, so it is read once and lazily. */
  readonly content: Iterable<string>;
  readonly calls: readonly ReplyCall[];
  /** Undefined: what follows from the rest. */
  readonly finishReason: string | undefined;
  /** Thoughts and text share it. */
  readonly maxTokens: number;
}

export interface ReplyCall {
  readonly id: string;
  readonly name: string;
  /** The text of the arguments, as it is cut. */
  readonly pieces: readonly string[];
}

export type Piece =
  | { readonly type: "reasoning"; readonly text: string }
  | { readonly type: "content"; readonly text: string }
  | ({ readonly type: "call" } & CallPiece)
  | { readonly type: "finish"; readonly reason: string };

type Cut = Pick<ChunkForm, "gapAfterThoughts" | "callCut" | "hasEmptyLastPiece">;

/** @param forcedFinish finish reason of a reply with calls */
export function* replyPieces(reply: Reply, cut: Cut, forcedFinish = "tool_calls"): Generator<Piece> {
  let left = reply.maxTokens;
  const fits = (text: string): boolean => {
    left -= countTokens(text);
    return left >= 0;
  };
  for (const text of reply.reasoning) {
    if (!fits(text)) return yield { type: "finish", reason: "length" };
    yield { type: "reasoning", text };
  }
  // Only where something follows: a reply may end with its thoughts.
  let gap = reply.reasoning.length === 0 ? "" : cut.gapAfterThoughts;
  for (const text of reply.content) {
    if (!fits(text)) return yield { type: "finish", reason: "length" };
    if (gap !== "") yield { type: "content", text: gap };
    gap = "";
    yield { type: "content", text };
  }
  if (gap !== "" && reply.calls.length > 0) yield { type: "content", text: gap };
  for (const [index, call] of reply.calls.entries()) yield* callPieces(call, index, cut);
  const last = reply.calls.at(-1);
  if (cut.hasEmptyLastPiece && last !== undefined) yield piece(last, reply.calls.length - 1, "", false);
  yield { type: "finish", reason: reply.finishReason ?? (last === undefined ? "stop" : forcedFinish) };
}

function* callPieces(call: ReplyCall, index: number, { callCut }: Cut): Generator<Piece> {
  const [first = "", ...rest] = call.pieces;
  if (callCut === "whole") return yield piece(call, index, call.pieces.join(""), true);
  if (callCut === "with-head") yield piece(call, index, first, true);
  else yield piece(call, index, "", true);
  for (const text of callCut === "with-head" ? rest : call.pieces) yield piece(call, index, text, false);
}

function piece({ id, name }: ReplyCall, index: number, argumentsText: string, isFirst: boolean): Piece {
  return { type: "call", index, id, name, argumentsText, isFirst };
}
