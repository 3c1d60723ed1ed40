// OpenAI chat completions: POST /v1/chat/completions.

import type { ChatReply } from "../../contract/chat-reply.ts";
import type { ChatRequest, ToolCall } from "../../contract/chat-request.ts";
import type { Json } from "../../contract/json.ts";
import { openaiErrorBody } from "../../contract/openai-error.ts";
import type { Surface } from "../../contract/surface.ts";
import { customInput } from "../custom-tools.ts";
import { encodeUsage } from "../openai-fields.ts";
import { chatReplyId, createEventEncoder } from "./event-encoder.ts";
import { encodeAnnotations } from "./annotations.ts";
import { parseRequest, surfaceName } from "./parse-request.ts";
import { declaresFunctions, finishReasonFor } from "./older-functions.ts";
import { customNamesOf, echoedCall } from "./parse-tools.ts";

export const openaiChat: Surface = {
  name: surfaceName,
  routes: [{ method: "POST", path: "/v1/chat/completions" }],
  parseRequest,
  createEncoder: createEventEncoder,
  encodeReply,
  echoedCall,
  encodeError: openaiErrorBody,
};

export function encodeReply(request: ChatRequest, reply: ChatReply): Json {
  const { identity, text, reasoning, refusal, toolCalls, sources } = reply;
  const hasCalls = toolCalls.length > 0;
  const isNull = text === "" && (hasCalls || refusal !== undefined);
  const message: Record<string, Json> = { role: "assistant", content: isNull ? null : text };
  if (reasoning !== "") message["reasoning_content"] = reasoning;
  const [call] = toolCalls;
  if (call !== undefined && declaresFunctions(request.body)) message["function_call"] = encodeFunction(call);
  else if (hasCalls) message["tool_calls"] = encodeToolCalls(request, toolCalls);
  if (sources.length > 0) message["annotations"] = encodeAnnotations(text, sources);
  message["refusal"] = refusal ?? null;
  return {
    id: chatReplyId(identity),
    object: "chat.completion",
    created: Math.floor(identity.createdAtMs / 1000),
    model: identity.model,
    choices: [
      {
        index: 0,
        message,
        logprobs: null,
        finish_reason: finishReasonFor(request.body, reply.finishReason),
      },
    ],
    usage: encodeUsage(reply.usage),
  };
}

function encodeToolCalls(request: ChatRequest, calls: readonly ToolCall[]): Json {
  const customNames = customNamesOf(request);
  return calls.map((call) =>
    customNames.has(call.toolName)
      ? { id: call.callId, type: "custom", custom: { name: call.toolName, input: customInput(call.argumentsText) } }
      : { id: call.callId, type: "function", function: encodeFunction(call) },
  );
}

function encodeFunction({ toolName: name, argumentsText }: ToolCall): Json {
  return { name, arguments: argumentsText === "" ? "{}" : argumentsText };
}
