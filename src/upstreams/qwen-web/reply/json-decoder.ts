// A completion that was answered with one JSON body instead of a stream, as the same events.

import type { TokenUsage, UpstreamEvent } from "../../../contract/events.ts";
import { isJsonObject, type JsonObject, jsonText } from "../../../contract/json.ts";
import type { Continuation } from "../../../contract/continuation.ts";
import { textOf } from "../../read-fields.ts";
import type { ChainOn, WebEventDecoder } from "./event-decoder.ts";
import { classifyBody } from "../errors.ts";
import { parseUsage } from "./parse-usage.ts";

/** Ids of a JSON answer: at its top level in some captures, under `data` in others (T15, T13). */
export function readIds(body: JsonObject, chatId: string, chainOn: ChainOn): Continuation {
  const data = isJsonObject(body["data"]) ? body["data"] : {};
  const pick = (name: string): string | null => textOf(data[name]) ?? textOf(body[name]) ?? null;
  const parentId = pick("parent_id");
  const responseId = pick("response_id") ?? pick("message_id");
  return {
    chatId,
    nodeId: chainOn === "parent_id" ? (parentId ?? responseId) : (responseId ?? parentId),
    responseId,
    parentId,
  };
}

/** The answer's text: `choices[0].message.content` under `data` or at the top level. */
export function readText(body: JsonObject): string | undefined {
  const data = isJsonObject(body["data"]) ? body["data"] : body;
  const choices = data["choices"] ?? body["choices"];
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const message = isJsonObject(choice) ? choice["message"] : undefined;
  return isJsonObject(message) && typeof message["content"] === "string" ? message["content"] : undefined;
}

/** Token counts, at the top level or under `data`; undefined when the body has none. */
export function readUsage(body: JsonObject): TokenUsage | undefined {
  const data = isJsonObject(body["data"]) ? body["data"] : {};
  const usage = data["usage"] ?? body["usage"];
  return isJsonObject(usage) ? parseUsage(usage) : undefined;
}

/** Its body was read already, and its bytes only count: everything is said at their end. */
export function createJsonDecoder(body: JsonObject, chatId: string, model: string, chainOn: ChainOn): WebEventDecoder {
  const continuation = readIds(body, chatId, chainOn);
  return {
    continuation,
    isOver: true,
    pendingBytes: 0,
    feed() {},
    end(emit: (event: UpstreamEvent) => void) {
      const text = readText(body);
      if (text === undefined) {
        emit({
          type: "reply-error",
          error: classifyBody("{}", "application/json", { status: 502, retryAfterMs: undefined }),
        });
        return;
      }
      emit({ type: "reply-start", model, continuation });
      if (text !== "") emit({ type: "text-delta", text: jsonText(text) });
      const usage = readUsage(body);
      if (usage !== undefined) emit({ type: "usage-update", usage });
      emit({ type: "reply-end", finishReason: "stop", continuation });
    },
  };
}
