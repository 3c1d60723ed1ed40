// A client with tools: what it declares, what it is answered, and the loop that runs the calls.

import type { Harness } from "../support/harness.ts";
import { type ClientMessage, readStream } from "./client.ts";
import { bodyOf } from "./client.ts";

export interface AnsweredCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

export interface ToolAnswer {
  readonly content: string;
  readonly calls: readonly AnsweredCall[];
  readonly finishReason: string;
  /** As the client keeps it in its history. */
  readonly message: ClientMessage;
}

export function tool(name: string, properties: object = {}, required: readonly string[] = []): object {
  const parameters = { type: "object", properties, required };
  return { type: "function", function: { name, description: `The tool ${name}.`, parameters } };
}

export const weather = tool("get_weather", { city: { type: "string" }, days: { type: "integer" } }, ["city"]);
const clock = tool("get_time", { zone: { type: "string" } }, ["zone"]);
export const tools = [weather, clock];

/** One request; streamed or whole, the answer has the same form. */
export async function askWithTools(
  harness: Harness,
  messages: readonly ClientMessage[],
  body: Readonly<Record<string, unknown>> = {},
): Promise<ToolAnswer> {
  const whole = { model: "qwen3-max", stream: true, tools, ...body, messages };
  const response = await harness.chat(whole);
  const answer = whole.stream === false ? readWhole(await bodyOf(response)) : readDeltas(await readStream(response));
  const calls = answer.calls.map((call) => ({
    id: call.id,
    type: "function",
    function: { name: call.name, arguments: call.arguments },
  }));
  const message = { role: "assistant", content: answer.content, ...(calls.length === 0 ? {} : { tool_calls: calls }) };
  return { ...answer, message };
}

export function resultOf(call: AnsweredCall | undefined, content: unknown): ClientMessage {
  return { role: "tool", tool_call_id: call?.id ?? "", content };
}

interface WireCall {
  readonly index?: number;
  readonly id?: string;
  readonly type?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

function readWhole(text: string): Omit<ToolAnswer, "message"> {
  // The shape is what the tests assert.
  const { choices } = JSON.parse(text) as {
    choices: { finish_reason: string; message: { content: string | null; tool_calls?: WireCall[] } }[];
  };
  const [choice] = choices;
  const calls = (choice?.message.tool_calls ?? []).map((call) => ({
    id: call.id ?? "",
    name: call.function?.name ?? "",
    arguments: call.function?.arguments ?? "",
  }));
  return { content: choice?.message.content ?? "", calls, finishReason: choice?.finish_reason ?? "" };
}

/** Strict, as clients are: a call's head comes once, with all that belongs to it. */
function readDeltas(stream: Awaited<ReturnType<typeof readStream>>): Omit<ToolAnswer, "message"> {
  if (stream.error !== undefined) throw new Error(`the stream failed: ${stream.error.message}`);
  const calls: { id: string; name: string; arguments: string }[] = [];
  for (const { choices } of stream.chunks) {
    // The shape is what the tests assert.
    const delta = choices[0]?.delta as { tool_calls?: WireCall[] } | undefined;
    for (const { index, id, type, function: called } of delta?.tool_calls ?? []) {
      if (index === calls.length) {
        if (!id || type !== "function" || !called?.name) throw new Error("a call begins without its head");
        calls.push({ id, name: called.name, arguments: "" });
      } else if (index !== calls.length - 1 || id !== undefined || called?.name !== undefined) {
        throw new Error("a call is told twice, or out of turn");
      }
      calls.at(-1)!.arguments += called?.arguments ?? "";
    }
  }
  if (stream.doneCount !== 1 || stream.finishReasons.length !== 1) throw new Error("not one end");
  return { content: stream.text, calls, finishReason: stream.finishReasons[0] ?? "" };
}
