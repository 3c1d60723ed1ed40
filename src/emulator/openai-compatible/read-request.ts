// A chat completion request as the emulator understands it. Reads leniently: what is wrong is said by the checks.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { countTokens } from "../reply-steps.ts";
import { member } from "../request-log.ts";
import type { KnownTool } from "../wanted-calls.ts";
import type { ModelCard } from "./model-card.ts";

export interface RequestCall {
  readonly id: string;
  readonly name: string;
  readonly argumentsText: string;
}

export interface Message {
  readonly role: string;
  /** Text parts joined. */
  readonly text: string;
  /** As it came. */
  readonly content: unknown;
  /** Addresses of images, data or not. */
  readonly images: readonly string[];
  readonly calls: readonly RequestCall[];
  /** Of a tool result. */
  readonly callId: string | undefined;
  /** As it came. */
  readonly fields: JsonObject;
}

export type ToolChoice = "auto" | "none" | "required" | { readonly name: string };

export interface ChatRequest {
  readonly body: JsonObject;
  readonly model: string;
  /** Undefined: a name that nobody knows. */
  readonly card: ModelCard | undefined;
  readonly messages: readonly Message[];
  readonly isStream: boolean;
  readonly asksForUsage: boolean;
  readonly tools: readonly KnownTool[];
  readonly toolChoice: ToolChoice;
  readonly maxTokens: number | undefined;
  readonly stop: readonly string[];
  readonly promptTokens: number;
}

/** Templates put so much around a message. */
const tokensAroundMessage = 4;

export function readRequest(body: JsonObject, findCard: (model: string) => ModelCard | undefined): ChatRequest {
  const model = typeof body["model"] === "string" ? body["model"] : "";
  const messages = listOf(body["messages"]).map(readMessage);
  const tools = listOf(body["tools"]).flatMap(readTool);
  const maxTokens = body["max_completion_tokens"] ?? body["max_tokens"];
  const stop = body["stop"];
  return {
    body,
    model,
    card: findCard(model),
    messages,
    isStream: body["stream"] === true,
    asksForUsage: member(body["stream_options"], "include_usage") === true,
    tools,
    toolChoice: readToolChoice(body["tool_choice"]),
    maxTokens: typeof maxTokens === "number" ? maxTokens : undefined,
    stop: (Array.isArray(stop) ? stop : [stop]).filter((word): word is string => typeof word === "string"),
    promptTokens: countMessages(messages) + (tools.length === 0 ? 0 : countTokens(JSON.stringify(body["tools"]))),
  };
}

export function countMessages(messages: readonly Message[]): number {
  return messages.reduce((sum, message) => {
    const calls = message.calls.map((call) => call.name + call.argumentsText).join("");
    return sum + tokensAroundMessage + countTokens(message.text + calls);
  }, 0);
}

function readMessage(value: unknown): Message {
  const fields = isJsonObject(value) ? value : {};
  const content = fields["content"];
  const parts = Array.isArray(content) ? content.filter(isJsonObject) : [];
  const texts = parts.filter((part) => typeof part["text"] === "string").map((part) => String(part["text"]));
  const callId = fields["tool_call_id"];
  return {
    role: String(fields["role"] ?? ""),
    text: typeof content === "string" ? content : texts.join("\n"),
    content,
    images: parts.flatMap((part) => {
      const url = member(part["image_url"], "url") ?? part["image_url"];
      return part["type"] === "image_url" && typeof url === "string" ? [url] : [];
    }),
    calls: listOf(fields["tool_calls"]).map((call) => ({
      id: String(member(call, "id") ?? ""),
      name: String(member(member(call, "function"), "name") ?? ""),
      argumentsText: String(member(member(call, "function"), "arguments") ?? ""),
    })),
    callId: typeof callId === "string" ? callId : undefined,
    fields,
  };
}

function readTool(value: unknown): KnownTool[] {
  const called = member(value, "function");
  const name = member(called, "name");
  const description = member(called, "description");
  const parameters = member(called, "parameters");
  if (typeof name !== "string") return [];
  return [
    {
      name,
      description: typeof description === "string" ? description : undefined,
      parameters: isJsonObject(parameters) ? parameters : undefined,
    },
  ];
}

function readToolChoice(value: unknown): ToolChoice {
  if (value === "none" || value === "required") return value;
  const name = member(member(value, "function"), "name");
  return typeof name === "string" ? { name } : "auto";
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
