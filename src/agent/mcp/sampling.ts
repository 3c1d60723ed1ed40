// A server asks the model (MCP sampling): texts only, within bounds, and off unless somebody answers.

import type { Access } from "../../contract/access.ts";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { cleanText } from "./clean-text.ts";

export interface SamplingRequest {
  readonly server: string;
  /** Whose call it belongs to. */
  readonly user: string;
  /** What he may use. Undefined: everything. */
  readonly access: Access | undefined;
  readonly system: string | undefined;
  readonly messages: readonly { readonly role: "user" | "assistant"; readonly text: string }[];
  readonly maxTokens: number;
  readonly temperature: number | undefined;
}

export interface SamplingAnswer {
  readonly text: string;
  readonly model: string;
}

export type SampleModel = (asked: SamplingRequest, signal: AbortSignal) => Promise<SamplingAnswer>;

const maxChars = 50_000;
const maxMessages = 50;
const maxTokens = 4096;

/** Undefined: something in it is not text. */
export function readSamplingRequest(
  server: string,
  { user, access }: Pick<SamplingRequest, "user" | "access">,
  params: JsonObject,
): SamplingRequest | undefined {
  const { messages, systemPrompt, temperature } = params;
  if (!Array.isArray(messages) || messages.length > maxMessages) return undefined;
  const texts = messages.map(readMessage);
  if (!texts.every((message) => message !== undefined)) return undefined;
  const asked = params["maxTokens"];
  return {
    server,
    user,
    access,
    system: typeof systemPrompt === "string" ? cleanText(systemPrompt, maxChars).text : undefined,
    messages: texts,
    maxTokens: typeof asked === "number" && asked >= 1 ? Math.min(Math.floor(asked), maxTokens) : maxTokens,
    temperature: typeof temperature === "number" ? temperature : undefined,
  };
}

function readMessage(message: unknown): SamplingRequest["messages"][number] | undefined {
  if (!isJsonObject(message)) return undefined;
  const { role, content } = message;
  if (role !== "user" && role !== "assistant") return undefined;
  const blocks: readonly unknown[] = Array.isArray(content) ? content : [content];
  const texts = blocks.map((block) => (isJsonObject(block) && block["type"] === "text" ? block["text"] : undefined));
  if (!texts.every((text) => typeof text === "string")) return undefined;
  return { role, text: cleanText(texts.join("\n"), maxChars).text };
}
