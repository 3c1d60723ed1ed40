// Errors in OpenAI's shape. Whoever serves a request counts its messages, which are not the items that its client sent.

import type { GatewayError } from "../../contract/gateway-error.ts";
import { type OpenAIErrorBody, openaiErrorBody } from "../../contract/openai-error.ts";

const messagesNamed = /"?\bmessages\b(?:\[\d+\](?:\.\w+)?)?"?/;

export function encodeError(error: GatewayError): OpenAIErrorBody {
  const body = openaiErrorBody(error);
  const { param, message } = body.error;
  if (param === null || !/^messages\b/.test(param)) return body;
  return { error: { ...body.error, param: "input", message: message.replace(messagesNamed, '"input"') } };
}
