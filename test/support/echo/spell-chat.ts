// Histories as clients of chat completions send them back. Sources: reference measurements of 2026-11.

import type { JsonObject } from "../../../src/contract/json.ts";
import { callsOf, inputOf, type ReplyPart, type SaidTurn, textOf } from "./said-turns.ts";

export const chatClients = [
  "openai",
  "qwen-code",
  "opencode",
  "cline",
  "ai",
  "langchain",
  "parts",
  "object-arguments",
] as const;
export type ChatClient = (typeof chatClients)[number];

export function spellChat(turns: readonly SaidTurn[], client: ChatClient): JsonObject[] {
  return turns.flatMap(({ user, reply, results }) => {
    const content = client === "parts" ? [{ type: "text", text: user }] : user;
    const asked = user === "" ? [] : [{ role: "user", content }];
    if (reply === undefined) return asked;
    const calls = callsOf(reply);
    const answered = results.map((result, index) => ({
      role: "tool",
      tool_call_id: calls[index]?.id ?? "",
      // qwen-code sends parts.
      content: client === "qwen-code" || client === "parts" ? [{ type: "text", text: result }] : result,
    }));
    return [...asked, spellReply(reply, client), ...answered];
  });
}

function spellReply(reply: readonly ReplyPart[], client: ChatClient): JsonObject {
  const reasoning = textOf(reply, "reasoning");
  const thoughts = reasoning === "" ? {} : { reasoning_content: reasoning };
  const calls = callsOf(reply).map((call) => spellCall(call, client));
  const toolCalls = calls.length === 0 ? {} : { tool_calls: calls };
  const text = textOf(reply, "text");
  switch (client) {
    case "openai":
      // It knows nothing of thoughts.
      return { role: "assistant", content: text === "" ? null : text, refusal: null, parsed: null, ...toolCalls };
    case "qwen-code":
      return {
        role: "assistant",
        content: text,
        ...thoughts,
        ...(reasoning === "" ? {} : { reasoning }),
        ...toolCalls,
      };
    case "opencode":
    case "ai":
      return { role: "assistant", content: text, ...thoughts, ...toolCalls };
    case "cline":
      return { role: "assistant", content: text === "" ? null : text, ...thoughts, ...toolCalls };
    case "parts":
      return { role: "assistant", content: partsOf(reply), ...toolCalls };
    case "langchain":
    case "object-arguments":
      return { role: "assistant", content: text, ...toolCalls };
    default:
      return client satisfies never;
  }
}

function partsOf(reply: readonly ReplyPart[]): readonly JsonObject[] | null {
  const parts = reply.flatMap((part) => (part.type === "text" ? [{ type: "text", text: part.text }] : []));
  return parts.length === 0 ? null : parts;
}

function spellCall(call: ReturnType<typeof callsOf>[number], client: ChatClient): JsonObject {
  const parsed = inputOf(call);
  const written = {
    openai: call.arguments,
    "object-arguments": parsed,
    // They hold the input as an object, and write it anew.
    ai: JSON.stringify(parsed),
    langchain: JSON.stringify(parsed),
    cline: JSON.stringify(parsed, null, 2),
  };
  const text = client in written ? written[client as keyof typeof written] : call.arguments;
  return { id: call.id, type: "function", function: { name: call.name, arguments: text } };
}
