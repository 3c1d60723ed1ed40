// POST /v1/embeddings: a vector that follows from its text, so that equal texts are equal and similar ones are near.

import { member } from "../request-log.ts";
import { createRandom } from "../random.ts";
import { countTokens } from "../reply-steps.ts";
import { type Call, refuseCall } from "./call.ts";
import type { CompatibleState } from "./emulator-state.ts";

const defaultDimensions = 1024;
/** text-embedding-v4 (embedding page of Model Studio, 2026-10). */
const hostedDimensions = [2048, 1536, 1024, 768, 512, 256, 128, 64];
const mostHostedInputs = 10;

export function createEmbeddings(call: Call, state: CompatibleState): Response {
  const texts = inputTexts(member(call.body, "input"));
  const dimensions = member(call.body, "dimensions") ?? defaultDimensions;
  const refuse = (message: string) => refuseCall(call, state, { name: "invalid-parameter", message });
  if (texts === undefined) return refuse("input must be a text, or a list of texts or of lists of tokens");
  if (texts.length === 0) return refuse("input must not be empty");
  if (!Number.isInteger(dimensions) || Number(dimensions) < 1) return refuse("dimensions must be a positive integer");
  if (state.dialect.needsKey) {
    if (texts.length > mostHostedInputs) {
      return refuse(
        `<400> InternalError.Algo.InvalidParameter: Value error, batch size is invalid, it should not be larger than ${mostHostedInputs}.: input.contents`,
      );
    }
    if (!hostedDimensions.includes(Number(dimensions))) {
      return refuse(`<400> InternalError.Algo.InvalidParameter: dimension ${String(dimensions)} is not supported`);
    }
  }
  const isBase64 = member(call.body, "encoding_format") === "base64";
  const tokens = texts.reduce((sum, text) => sum + countTokens(text), 0);
  const data = texts.map((text, index) => {
    const vector = vectorOf(text, Number(dimensions));
    return { object: "embedding", index, embedding: isBase64 ? vector.toBase64() : vector.numbers };
  });
  return Response.json({
    object: "list",
    data,
    model: String(member(call.body, "model") ?? ""),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}

/** One text, several, or lists of token numbers. Undefined: none of these. */
function inputTexts(input: unknown): string[] | undefined {
  if (typeof input === "string") return input === "" ? [] : [input];
  if (!Array.isArray(input)) return [];
  if (isTokens(input)) return input.length === 0 ? [] : [input.join(" ")];
  const texts: string[] = [];
  for (const entry of input) {
    // Nothing nested is joined: deep enough, that overruns the stack.
    if (typeof entry === "string") texts.push(entry);
    else if (isTokens(entry)) texts.push(entry.join(" "));
    else return undefined;
  }
  return texts;
}

function isTokens(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "number");
}

function vectorOf(text: string, dimensions: number) {
  const sum = new Float64Array(dimensions);
  // Each word adds its own direction: texts that share words are near.
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text]) {
    const random = createRandom("embedding", word);
    for (let index = 0; index < dimensions; index++) sum[index] = (sum[index] ?? 0) + random.next() - 0.5;
  }
  const length = Math.hypot(...sum) || 1;
  const numbers = [...sum].map((value) => Number((value / length).toFixed(7)));
  return { numbers, toBase64: () => Buffer.from(new Float32Array(numbers).buffer).toString("base64") };
}
