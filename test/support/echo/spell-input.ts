// Histories as clients of responses send them back.

import type { JsonObject } from "../../../src/contract/json.ts";
import { callsOf, inputOf, type ReplyPart, type SaidTurn } from "./said-turns.ts";

export const responsesClients = ["openai", "codex", "qwen-code", "opencode", "ai"] as const;
export type ResponsesClient = (typeof responsesClients)[number];

export function spellInput(turns: readonly SaidTurn[], client: ResponsesClient): JsonObject[] {
  return turns.flatMap(({ user, reply, results }, turn) => {
    const content = client === "qwen-code" ? user : [{ type: "input_text", text: user }];
    const message = { ...(client === "codex" ? { type: "message" } : {}), role: "user", content };
    const asked = user === "" ? [] : [message];
    if (reply === undefined) return asked;
    const calls = callsOf(reply);
    const outputs = results.map((output, index) => ({
      type: "function_call_output",
      call_id: calls[index]?.id ?? "",
      output: client === "ai" ? [{ type: "input_text", text: output }] : output,
      ...(client === "codex" ? { id: `fco_${turn}_${index}` } : {}),
    }));
    return [...asked, ...reply.map((part, index) => spellPart(part, client, `${turn}_${index}`)), ...outputs];
  });
}

function spellPart(part: ReplyPart, client: ResponsesClient, place: string): JsonObject {
  switch (part.type) {
    case "text":
      return spellText(part.text, client, place);
    case "reasoning":
      return spellThoughts(part.text, client, place);
    case "call": {
      const call = { type: "function_call", call_id: part.id, name: part.name };
      const written = part.arguments === "" ? "{}" : part.arguments;
      if (client === "openai") return { ...call, id: `fc_${place}`, status: "completed", arguments: written };
      return { ...call, arguments: client === "ai" ? JSON.stringify(inputOf(part)) : written };
    }
  }
}

function spellText(text: string, client: ResponsesClient, place: string): JsonObject {
  const parts = [{ type: "output_text", text }];
  switch (client) {
    case "openai":
      return {
        type: "message",
        id: `msg_${place}`,
        status: "completed",
        role: "assistant",
        content: [{ type: "output_text", text, annotations: [], logprobs: [] }],
      };
    case "codex":
      return { type: "message", role: "assistant", content: parts };
    case "qwen-code":
      return { type: "message", role: "assistant", content: text };
    // Without a type.
    case "opencode":
      return { role: "assistant", content: parts };
    case "ai":
      return { role: "assistant", content: parts, id: `msg_${place}` };
    default:
      return client satisfies never;
  }
}

function spellThoughts(text: string, client: ResponsesClient, place: string): JsonObject {
  const summary = [{ type: "summary_text", text }];
  const id = { id: `rs_${place}` };
  if (client === "codex") return { type: "reasoning", summary, content: null, encrypted_content: null };
  return { type: "reasoning", ...id, summary: client === "qwen-code" ? [] : summary };
}
