// A conversation without any protocol: what the user said, what was answered in which parts, and what tools gave.

import { isJsonObject, type JsonObject } from "../../../src/contract/json.ts";

export type ReplyPart =
  | { readonly type: "reasoning"; readonly text: string; readonly signature?: string }
  | { readonly type: "text"; readonly text: string }
  | {
      readonly type: "call";
      readonly id: string;
      readonly name: string;
      /** JSON text, as the client was told it. */
      readonly arguments: string;
    };

export interface SaidTurn {
  /** "": nothing but the results of the turn before. */
  readonly user: string;
  /** As a client holds it. Undefined: it has not been answered. */
  readonly reply: readonly ReplyPart[] | undefined;
  /** One for each call, in their order. */
  readonly results: readonly string[];
}

type Call = Extract<ReplyPart, { type: "call" }>;

export function callsOf(parts: readonly ReplyPart[]): readonly Call[] {
  return parts.filter((part) => part.type === "call");
}

export function textOf(parts: readonly ReplyPart[], type: "text" | "reasoning"): string {
  return parts.map((part) => (part.type === type ? part.text : "")).join("");
}

/** As clients hold it that want an object. Models do write what is none. */
export function inputOf(call: Pick<Call, "arguments">): JsonObject {
  try {
    const input: unknown = JSON.parse(call.arguments);
    return isJsonObject(input) ? input : {};
  } catch {
    // Nothing, or nothing that can be read.
    return {};
  }
}
