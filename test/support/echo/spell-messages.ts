// Histories as clients of Anthropic's messages send them back.

import type { JsonObject } from "../../../src/contract/json.ts";
import { type ReplyPart, type SaidTurn, textOf, callsOf, inputOf } from "./said-turns.ts";

export const messagesClients = ["anthropic", "claude-code", "qwen-code", "ai", "without-thoughts"] as const;
export type MessagesClient = (typeof messagesClients)[number];

const cached = { cache_control: { type: "ephemeral" } };

export function spellMessages(turns: readonly SaidTurn[], client: MessagesClient): JsonObject[] {
  const messages: JsonObject[] = [];
  let results: JsonObject[] = [];
  for (const [index, { user, reply, results: told }] of turns.entries()) {
    const isLast = index === turns.length - 1;
    const said = { type: "text", text: user, ...(client === "claude-code" && isLast ? cached : {}) };
    const isPlain = results.length === 0 && client !== "claude-code";
    // Results stand with what is said next.
    messages.push({ role: "user", content: isPlain ? user : [...results, ...(user === "" ? [] : [said])] });
    if (reply === undefined) break;
    messages.push({ role: "assistant", content: spellReply(reply, client) });
    const calls = callsOf(reply);
    results = told.map((content, place) => ({
      type: "tool_result",
      tool_use_id: calls[place]?.id ?? "",
      content: client === "claude-code" ? content : [{ type: "text", text: content }],
    }));
  }
  return messages;
}

function spellReply(reply: readonly ReplyPart[], client: MessagesClient): string | readonly JsonObject[] {
  if (client === "without-thoughts" && callsOf(reply).length === 0 && textOf(reply, "text") !== "") {
    return textOf(reply, "text");
  }
  const blocks = reply.flatMap((part) => spellPart(part, client));
  // What an agent says where it has nothing, since the protocol wants something.
  return blocks.length === 0 ? [{ type: "text", text: "(no content)" }] : blocks;
}

function spellPart(part: ReplyPart, client: MessagesClient): JsonObject[] {
  switch (part.type) {
    case "text":
      return [{ type: "text", text: part.text, ...(client === "claude-code" ? cached : {}) }];
    case "reasoning":
      if (client === "without-thoughts") return [];
      if (client === "qwen-code" && part.signature === undefined)
        return [{ type: "redacted_thinking", data: "c2VhbGVk" }];
      return [{ type: "thinking", thinking: part.text, signature: part.signature ?? "" }];
    case "call": {
      const input = inputOf(part);
      const entries = Object.entries(input);
      // Keys come in another order out of some objects.
      const shown = client === "ai" ? Object.fromEntries(entries.toReversed()) : input;
      return [{ type: "tool_use", id: part.id, name: part.name, input: shown }];
    }
  }
}
