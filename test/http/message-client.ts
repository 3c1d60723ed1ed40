// A client of POST /v1/messages: what it declares, what it keeps of an answer, and how it gives results back.

import type { Harness } from "../support/harness.ts";
import { type MessageBlock, type ReadMessage, readMessage } from "../support/read-message.ts";

export interface MessageTurn {
  readonly role: string;
  readonly content: unknown;
}

export const says = (content: unknown): MessageTurn => ({ role: "user", content });

/** As an official client sends an answer back. */
export const answered = ({ content }: Pick<ReadMessage, "content">): MessageTurn => ({ role: "assistant", content });

export function messageTool(name: string, properties: object = {}, required: readonly string[] = []): object {
  return { name, description: `The tool ${name}.`, input_schema: { type: "object", properties, required } };
}

export const weather = messageTool("get_weather", { city: { type: "string" }, days: { type: "integer" } }, ["city"]);
export const clock = messageTool("get_time", { zone: { type: "string" } }, ["zone"]);

export function resultOf(call: MessageBlock | undefined, content: unknown, isError = false): object {
  return { type: "tool_result", tool_use_id: call?.id, content, ...(isError ? { is_error: true } : {}) };
}

/** One request; streamed or whole, the answer has the same form. */
export async function send(
  harness: Harness,
  messages: readonly MessageTurn[],
  body: Readonly<Record<string, unknown>> = {},
  headers: Record<string, string> = {},
): Promise<ReadMessage> {
  const whole = { model: "qwen3-max", max_tokens: 1000, stream: true, ...body, messages };
  return readMessage(await harness.post("/v1/messages?beta=true", whole, { headers }));
}
