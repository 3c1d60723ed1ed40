// A recorded stream as steps: the bytes stay as they are, what they say is read only for the stored chat.

import { isJsonObject, type JsonObject } from "../contract/json.ts";
import type { ReplyStep, StoredPiece } from "./reply-steps.ts";
import { parseBody } from "./request-log.ts";

/** The ids that a recording speaks of, so that the next turn can continue from them. */
export function recordedIds(raw: string): { userId: string | undefined; responseId: string | undefined } {
  return {
    userId: /"parent_id":\s*"([^"]+)"/.exec(raw)?.[1],
    responseId: /"response_id":\s*"([^"]+)"/.exec(raw)?.[1],
  };
}

export function* recordingSteps(raw: string): Generator<ReplyStep> {
  const { responseId } = recordedIds(raw);
  for (const text of raw.split(/(?<=\n\n)/)) {
    if (text === "") continue;
    const event = parseBody(text.replace(/^data: ?/, "").trim());
    const isOther = isJsonObject(event) && "response_id" in event && event["response_id"] !== responseId;
    const delta = isJsonObject(event) && !isOther ? deltaOf(event) : undefined;
    const phase = typeof delta?.["phase"] === "string" ? delta["phase"] : "answer";
    const isFinish = delta?.["status"] === "finished" && (phase === "answer" || phase === "image_gen");
    const stores = storedPiece(delta, phase);
    yield { type: "event", text, isFinish, ...(stores === undefined ? {} : { stores }) };
  }
}

function storedPiece(delta: JsonObject | undefined, phase: string): StoredPiece | undefined {
  const content = delta?.["content"];
  return typeof content === "string" && content !== "" ? { phase, text: content } : undefined;
}

function deltaOf(event: JsonObject): JsonObject | undefined {
  const choices: unknown = event["choices"];
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const delta = isJsonObject(choice) ? choice["delta"] : undefined;
  return isJsonObject(delta) ? delta : undefined;
}
