// Answers of the messages surface as the official package reads them.

import Anthropic from "@anthropic-ai/sdk";
import { type ClientAnswer, failedAnswer } from "./client-answer.ts";

/** A client whose one request is answered so. */
export function anthropicAnsweredBy(answer: () => Response | Promise<Response>): Anthropic {
  return new Anthropic({ apiKey: "none", baseURL: "http://gateway.test", maxRetries: 0, fetch: async () => answer() });
}

export async function readMessages(response: Response, isStream: boolean): Promise<ClientAnswer> {
  const { messages } = anthropicAnsweredBy(() => response);
  const body = { model: "m", max_tokens: 9, messages: [] };
  const told = { text: "", reasoning: "" };
  try {
    if (!isStream) return messageAnswer(await messages.create(body));
    const stream = messages.stream(body);
    stream.on("text", (delta) => {
      told.text += delta;
    });
    stream.on("thinking", (delta) => {
      told.reasoning += delta;
    });
    return messageAnswer(await stream.finalMessage());
  } catch (error) {
    return failedAnswer(error, told);
  }
}

const finishes: Readonly<Record<string, ClientAnswer["finish"]>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  tool_use: "tool_calls",
  refusal: "content_filter",
};

function messageAnswer({ content, stop_reason, usage }: Anthropic.Message): ClientAnswer {
  return {
    text: content.map((block) => (block.type === "text" ? block.text : "")).join(""),
    reasoning: content.map((block) => (block.type === "thinking" ? block.thinking : "")).join(""),
    calls: content.flatMap((block) => (block.type === "tool_use" ? [{ name: block.name, input: block.input }] : [])),
    finish: finishes[stop_reason ?? ""],
    // What came from a cache is counted beside it in this protocol.
    usage: { input: usage.input_tokens + (usage.cache_read_input_tokens ?? 0), output: usage.output_tokens },
    error: undefined,
  };
}

/** The events of a stream one by one, as the package parses them. */
export async function readMessageEvents(response: Response): Promise<readonly unknown[]> {
  const { messages } = anthropicAnsweredBy(() => response);
  return Array.fromAsync(await messages.create({ model: "m", max_tokens: 9, messages: [], stream: true }));
}
