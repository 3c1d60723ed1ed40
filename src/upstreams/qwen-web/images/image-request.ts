// OpenAI's request for images to what the web backend can be asked: its words checked, its size mapped, the rest refused by name.

import { GatewayError } from "../../../contract/gateway-error.ts";
import { isJsonObject, type JsonObject } from "../../../contract/json.ts";
import type { QwenImageSize } from "../../../wire/qwen-web.ts";
import { parseObject } from "../../parse-object.ts";

export interface ImageRequest {
  readonly prompt: string;
  /** Pictures, each made by a turn of its own. */
  readonly count: number;
  /** Undefined: the backend chooses. */
  readonly size: QwenImageSize | undefined;
  readonly answerAs: "url" | "b64_json";
}

/** Each picture is a generation of its own on the user's account, and of those there are few a day. */
const maxCount = 4;
const maxPromptChars = 32_000;

/** As observed on chat.qwen.ai, 2026-03: shapes, never pixels. */
const shapes: Readonly<Record<QwenImageSize, number>> = {
  "1:1": 1,
  "3:4": 3 / 4,
  "4:3": 4 / 3,
  "16:9": 16 / 9,
  "9:16": 9 / 16,
};
/** 1536x1024, which OpenAI's clients ask for, becomes 4:3; what is further off is refused. */
const furthest = Math.log(1.13);

/** @throws {GatewayError} `invalid-request` that names the field */
export function parseImageRequest(text: string): ImageRequest {
  const body = parseObject(text);
  if (!isJsonObject(body)) throw invalid("prompt", "the body is not a JSON object");
  refuseUnable(body);
  return {
    prompt: promptOf(body["prompt"]),
    count: countOf(body["n"]),
    size: sizeOf(body["size"]),
    answerAs: formatOf(body["response_format"]),
  };
}

/** What would change the picture, and cannot. `quality`, `style`, `moderation` and `user` are wishes: they are left out. */
function refuseUnable(body: JsonObject): void {
  if (body["stream"] === true) throw invalid("stream", "this upstream cannot stream pictures");
  if (body["background"] === "transparent") throw invalid("background", "this upstream makes no transparent pictures");
  const format = body["output_format"];
  if (format != null && format !== "png") throw invalid("output_format", "this upstream makes only png");
}

function promptOf(prompt: unknown): string {
  if (typeof prompt !== "string" || prompt.trim() === "") throw invalid("prompt", "it must say what to draw");
  if (prompt.length > maxPromptChars) throw invalid("prompt", `it must have at most ${maxPromptChars} characters`);
  return prompt;
}

function countOf(n: unknown): number {
  if (n == null) return 1;
  if (typeof n === "number" && Number.isInteger(n) && n >= 1 && n <= maxCount) return n;
  throw invalid("n", `it must be a whole number from 1 to ${maxCount}`);
}

function sizeOf(size: unknown): QwenImageSize | undefined {
  if (size == null || size === "auto") return undefined;
  const [, width, by, height] = typeof size === "string" ? (/^(\d{1,5})([x:])(\d{1,5})$/.exec(size) ?? []) : [];
  const ratio = Number(width) / Number(height);
  let best: QwenImageSize | undefined;
  let distance = by === ":" ? 1e-9 : furthest;
  // The table's own keys.
  for (const shape of Object.keys(shapes) as QwenImageSize[]) {
    const away = Math.abs(Math.log(ratio / shapes[shape]));
    if (away <= distance) [best, distance] = [shape, away];
  }
  if (best !== undefined) return best;
  throw invalid(
    "size",
    'it must be like 1024x1024, 1536x1024, 1792x1024, or one of "1:1", "4:3", "3:4", "16:9", "9:16"',
  );
}

function formatOf(format: unknown): ImageRequest["answerAs"] {
  if (format == null || format === "url") return "url";
  if (format === "b64_json") return "b64_json";
  throw invalid("response_format", 'it must be "url" or "b64_json"');
}

function invalid(param: string, reason: string): GatewayError {
  return new GatewayError("invalid-request", `Cannot make images with this "${param}": ${reason}`, { param });
}
