// What the tests of responses send, and how they read the answers.

import type { Harness } from "../support/harness.ts";
import { type Item, parseResponseStream } from "../support/response-frames.ts";
import { bodyOf } from "./client.ts";

export interface Answer {
  readonly id: string;
  readonly text: string;
  readonly items: readonly Item[];
  readonly response: Readonly<Record<string, unknown>>;
}

/** One request; streamed or whole, the answer has the same form. */
export async function respond(
  harness: Pick<Harness, "post">,
  body: Readonly<Record<string, unknown>>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const whole = { model: "qwen3-max", stream: true, ...body };
  return readAnswer(await harness.post("/v1/responses", whole, { headers }));
}

export async function readAnswer(received: Response): Promise<Answer> {
  const isStream = received.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const body = await bodyOf(received);
  // The shapes are what the tests assert.
  const response = isStream ? parseResponseStream(body).response : (JSON.parse(body) as Record<string, unknown>);
  const items = response["output"] as readonly Item[];
  return { id: String(response["id"]), text: items.map(textOf).join(""), items, response };
}

function textOf(item: Item): string {
  if (item.type !== "message") return "";
  return (item["content"] as { text: string }[]).map(({ text }) => text).join("");
}

export const user = (text: string) => ({ role: "user", content: [{ type: "input_text", text }] });

export function outputOf(item: Item | undefined, output: unknown): object {
  return { type: "function_call_output", call_id: item?.["call_id"], output };
}

export function functionTool(name: string, properties: object = {}, required: readonly string[] = []): object {
  return {
    type: "function",
    name,
    description: `The tool ${name}.`,
    parameters: { type: "object", properties, required },
  };
}

export const weather = functionTool("get_weather", { city: { type: "string" }, days: { type: "integer" } }, ["city"]);
export const clock = functionTool("get_time", { zone: { type: "string" } }, ["zone"]);
