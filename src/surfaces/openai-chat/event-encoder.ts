// Chat events to chat.completion.chunk frames. Hot: constant parts are prepared once a reply, text travels as raw JSON.

import type { ChatRequest } from "../../contract/chat-request.ts";
import type { ChatEvent, ReplyIdentity } from "../../contract/events.ts";
import { openaiErrorBody } from "../../contract/openai-error.ts";
import type { EventEncoder } from "../../contract/surface.ts";
import { ByteWriter } from "../../sse/byte-writer.ts";
import { commentFrame, doneFrame, formatSseEvent } from "../../sse/sse-writer.ts";
import { encodeUsage } from "../openai-fields.ts";

export function chatReplyId(identity: ReplyIdentity): string {
  return `chatcmpl-${identity.replyId}`;
}

const encoder = new TextEncoder();
const heartbeatFrame = commentFrame("keepalive");
const deltaEnd = encoder.encode('},"finish_reason":null}]}\n\n');

/** Order as clients demand it: role chunk, deltas, one finish chunk, usage chunk if asked, `[DONE]`. */
export function createEventEncoder(request: ChatRequest, identity: ReplyIdentity): EventEncoder {
  const writer = new ByteWriter();
  const head = `"id":${JSON.stringify(chatReplyId(identity))},"object":"chat.completion.chunk","created":${Math.floor(identity.createdAtMs / 1000)},"model":${JSON.stringify(identity.model)}`;
  const chunkStart = `data: {${head},"choices":[{"index":0,"delta":{`;
  const contentStart = encoder.encode(`${chunkStart}"content":`);
  const reasoningStart = encoder.encode(`${chunkStart}"reasoning_content":`);

  function delta(start: Uint8Array, json: Uint8Array): void {
    writer.bytes(start);
    writer.bytes(json);
    writer.bytes(deltaEnd);
  }

  function chunk(deltaFields: string): void {
    writer.text(`${chunkStart}${deltaFields}},"finish_reason":null}]}\n\n`);
  }

  function write(event: ChatEvent): void {
    switch (event.type) {
      case "text-delta":
        return delta(contentStart, event.text.json);
      case "reasoning-delta":
        return delta(reasoningStart, event.text.json);
      case "reply-start":
        return chunk('"role":"assistant","content":""');
      case "block-start":
        if (event.block === "tool-call") {
          const call = {
            index: event.callIndex,
            id: event.callId,
            type: "function",
            function: { name: event.toolName, arguments: "" },
          };
          chunk(`"tool_calls":[${JSON.stringify(call)}]`);
        }
        return;
      case "tool-call-delta":
        return chunk(
          `"tool_calls":[${JSON.stringify({ index: event.callIndex, function: { arguments: event.argumentsText } })}]`,
        );
      case "reply-end":
        writer.text(`data: {${head},"choices":[{"index":0,"delta":{},"finish_reason":"${event.finishReason}"}]}\n\n`);
        if (request.includeUsage)
          writer.text(`data: {${head},"choices":[],"usage":${JSON.stringify(encodeUsage(event.usage))}}\n\n`);
        return writer.bytes(doneFrame);
      case "reply-error":
        writer.text(formatSseEvent(openaiErrorBody(event.error)));
        return writer.bytes(doneFrame);
      case "block-end":
      case "source":
        return;
      default:
        event satisfies never;
    }
  }

  return { write, writeHeartbeat: () => writer.bytes(heartbeatFrame), take: () => writer.take() };
}
