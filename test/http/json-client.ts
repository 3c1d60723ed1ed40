// One question for JSON on each surface, and what a client keeps of the answer: the table of the structured-output tests.

import type { Harness } from "../support/harness.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import { readMessage } from "../support/read-message.ts";
import { readAnswer } from "./responses-client.ts";

const schema = {
  type: "object",
  properties: { city: { type: "string" }, people: { type: "integer" } },
  required: ["city", "people"],
  additionalProperties: false,
} as const;

export const rome = '{"city": "Rome", "people": 2800000}';

export interface JsonAnswer {
  readonly text: string;
  /** Why there is no answer, where the protocol has a place for it. */
  readonly refusal?: string | undefined;
  /** As its client ends it: `stop`, `end_turn`, `completed`. */
  readonly finish: unknown;
  /** What a client adds to its history. */
  readonly kept: readonly object[];
}

export interface JsonSurface {
  readonly name: string;
  readonly path: string;
  readonly param: string;
  /** A history that ends with a question. */
  body(history: readonly object[], options: { stream: boolean; strict?: boolean; schema?: unknown }): object;
  ask(text: string): object;
  read(response: Response): Promise<JsonAnswer>;
}

type Post = Pick<Harness, "post">;

export async function askJson(
  { post }: Post,
  surface: JsonSurface,
  history: readonly object[],
  options: { stream: boolean; strict?: boolean; schema?: unknown },
  headers: Record<string, string> = {},
): Promise<JsonAnswer> {
  return surface.read(await post(surface.path, surface.body(history, options), { headers }));
}

const chat: JsonSurface = {
  name: "chat",
  path: "/v1/chat/completions",
  param: "response_format.json_schema.schema",
  body: (messages, { stream, strict = true, schema: asked = schema }) => ({
    stream,
    messages,
    response_format: { type: "json_schema", json_schema: { name: "place", strict, schema: asked } },
  }),
  ask: (content) => ({ role: "user", content }),
  async read(response) {
    const body = await bodyOf(response);
    if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
      const stream = parseChatStream(body);
      if (stream.error !== undefined) throw new Error(`the stream failed: ${stream.error.message}`);
      // The shape is what the tests assert.
      const refusals = stream.chunks.map(({ choices }) => (choices[0]?.delta as { refusal?: string })?.refusal ?? "");
      const refusal = refusals.join("") || undefined;
      const content = refusal === undefined ? stream.text : null;
      const kept = [{ role: "assistant", content, ...(refusal === undefined ? {} : { refusal }) }];
      const finish = stream.chunks.map(({ choices }) => choices[0]?.finish_reason).findLast((reason) => reason != null);
      return { text: stream.text, refusal, finish, kept };
    }
    // The shape is what the tests assert.
    const { choices } = JSON.parse(body) as {
      choices: { message: { content: string | null; refusal: string | null }; finish_reason: string }[];
    };
    const [choice] = choices;
    return {
      text: choice?.message.content ?? "",
      refusal: choice?.message.refusal ?? undefined,
      finish: choice?.finish_reason,
      kept: [choice?.message ?? {}],
    };
  },
};

const responses: JsonSurface = {
  name: "responses",
  path: "/v1/responses",
  param: "text.format.schema",
  body: (input, { stream, strict = true, schema: asked = schema }) => ({
    stream,
    input,
    store: false,
    text: { format: { type: "json_schema", name: "place", strict, schema: asked } },
  }),
  ask: (text) => ({ role: "user", content: [{ type: "input_text", text }] }),
  async read(response) {
    await refuse(response);
    const { items, response: whole } = await readAnswer(response);
    if (whole["status"] === "failed") throw new Error(`the stream failed: ${JSON.stringify(whole["error"])}`);
    const parts = items.flatMap((item) => (item["content"] ?? []) as { text?: string; refusal?: string }[]);
    const refusal = parts.map((part) => part.refusal ?? "").join("") || undefined;
    return { text: parts.map((part) => part.text ?? "").join(""), refusal, finish: whole["status"], kept: items };
  },
};

const messages: JsonSurface = {
  name: "messages",
  path: "/v1/messages",
  param: "output_config.format.schema",
  body: (history, { stream, schema: asked = schema }) => ({
    stream,
    max_tokens: 1000,
    messages: history,
    output_config: { format: { type: "json_schema", schema: asked } },
  }),
  ask: (content) => ({ role: "user", content }),
  async read(response) {
    await refuse(response);
    const message = await readMessage(response);
    const text = message.content.map((block) => (block.type === "text" ? String(block["text"]) : "")).join("");
    const isRefusal = message.stopReason === "refusal";
    return {
      text: isRefusal ? "" : text,
      refusal: isRefusal ? text : undefined,
      finish: message.stopReason,
      kept: [{ role: "assistant", content: message.content }],
    };
  },
};

export const jsonSurfaces = [chat, responses, messages] as const;

async function bodyOf(response: Response): Promise<string> {
  await refuse(response);
  return response.text();
}

async function refuse(response: Response): Promise<void> {
  if (response.status !== 200) throw new Error(`status ${response.status}: ${await response.text()}`);
}
