// What the tests of the typed chat say and see: frames with their ids, strictly parsed.

import { Check } from "typebox/schema";
import { eventSchema } from "../../src/pipeline/event-schemas.ts";
import type { Harness } from "../support/harness.ts";
import type { LiveStream } from "../support/live-stream.ts";
import { bodyOf } from "./client.ts";

export interface TypedFrame {
  readonly id: number;
  readonly data: string;
  /** The parsed data; `{}` of the end mark. */
  readonly event: Readonly<Record<string, unknown>>;
}

const frameForm = /^id: (\d+)\ndata: ([^\n]*)$/;

/** Every block is one frame of two lines, or a comment. */
export function parseTyped(body: string): TypedFrame[] {
  if (!body.endsWith("\n\n")) throw new Error(`the last frame is not ended: ${body.slice(-80)}`);
  return body
    .slice(0, -2)
    .split("\n\n")
    .filter((block) => !block.startsWith(":"))
    .map((block) => {
      const [, id, data] = frameForm.exec(block) ?? [];
      if (id === undefined || data === undefined) throw new Error(`no frame of the typed chat: ${block}`);
      if (data === "[DONE]") return { id: Number(id), data, event: {} };
      const event: unknown = JSON.parse(data);
      if (!Check(eventSchema, event)) throw new Error(`no event of the typed chat: ${data}`);
      return { id: Number(id), data, event };
    });
}

export interface TypedAnswer {
  readonly frames: readonly TypedFrame[];
  readonly headers: Headers;
  readonly text: string;
  readonly stages: readonly unknown[];
  /** The first metadata. */
  readonly opening: Readonly<Record<string, unknown>>;
  /** The last metadata. */
  readonly closing: Readonly<Record<string, unknown>>;
  readonly error: unknown;
  readonly isDone: boolean;
}

export function postMessage(
  harness: Pick<Harness, "post">,
  body: unknown,
  init?: { headers?: Record<string, string>; signal?: AbortSignal },
): Promise<Response> {
  return harness.post("/api/chat/stream", body, init);
}

export async function readTyped(response: Response): Promise<TypedAnswer> {
  const frames = parseTyped(await bodyOf(response));
  const valuesOf = (key: string): unknown[] => frames.flatMap(({ event }) => (key in event ? [event[key]] : []));
  const metadata = valuesOf("metadata") as Record<string, unknown>[];
  return {
    frames,
    headers: response.headers,
    text: valuesOf("token").join(""),
    stages: valuesOf("stage"),
    opening: metadata[0] ?? {},
    closing: metadata.at(-1) ?? {},
    error: valuesOf("error")[0],
    isDone: frames.at(-1)?.data === "[DONE]",
  };
}

export async function say(harness: Pick<Harness, "post">, body: unknown): Promise<TypedAnswer> {
  return readTyped(await postMessage(harness, body));
}

/** One message of `GET /api/chat/sessions/:id`, as far as tests look at it. */
export interface ToldMessage {
  readonly id: string;
  readonly parent_id: string | null;
  readonly role: string;
  readonly content: string;
  readonly status: string;
  readonly stream_id?: string;
  readonly stages?: readonly string[];
  readonly error?: string;
  readonly [field: string]: unknown;
}

export async function readMessages(harness: Pick<Harness, "get">, sessionId: string): Promise<readonly ToldMessage[]> {
  const body = await bodyOf(await harness.get(`/api/chat/sessions/${sessionId}`));
  // The shape is what the tests assert.
  return (JSON.parse(body) as { messages: readonly ToldMessage[] }).messages;
}

/** The blocks up to the one that holds `text`, comments included. Throws when the stream ends before. */
export async function blocksUntil(live: LiveStream, text: string): Promise<string[]> {
  const blocks: string[] = [];
  for (;;) {
    const block = await live.nextBlock();
    if (block === undefined) throw new Error(`the stream ended before ${text}: ${blocks.join(" ")}`);
    blocks.push(block);
    if (block.includes(text)) return blocks;
  }
}
