// An answer of POST /v1/chat/completions, streamed or whole, as a client puts it together: strict where clients break.

import { checkChatStream } from "./checkers/check-chat-stream.ts";
import { parseFrames } from "./sse-frames.ts";

export interface ReadCall {
  readonly id: string;
  readonly name: string;
  /** Parsed; the text where it is no JSON. */
  readonly arguments: unknown;
}

export interface ReadReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly ReadCall[];
  readonly finish: string | undefined;
  readonly usage: ReadUsage | undefined;
  readonly error: ReadError | undefined;
}

export interface ReadUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

export interface ReadError {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string;
}

interface WireCall {
  readonly index?: number;
  readonly id?: string;
  readonly type?: string;
  readonly function: { readonly name?: string; readonly arguments: string };
}

interface WireText {
  readonly role?: string;
  readonly content?: string | null;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly WireCall[];
}

interface WireBody {
  readonly error?: ReadError;
  readonly usage?: ReadUsage;
  readonly choices?: readonly {
    readonly delta?: WireText;
    readonly message?: WireText;
    readonly finish_reason: string | null;
  }[];
}

export async function readReply(response: Response): Promise<ReadReply> {
  const body = await response.text();
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const read = isStream ? readChunks(body) : readWhole(body);
  return { status: response.status, headers: response.headers, ...read };
}

type Contents = Omit<ReadReply, "status" | "headers">;

function readWhole(body: string): Contents {
  // The shape is what the tests assert.
  const { error, usage, choices } = JSON.parse(body) as WireBody;
  const choice = choices?.[0];
  return {
    text: choice?.message?.content ?? "",
    reasoning: choice?.message?.reasoning_content ?? "",
    calls: (choice?.message?.tool_calls ?? []).map((call) => finished(call.id, call.function.name, call)),
    finish: choice?.finish_reason ?? undefined,
    usage,
    error,
  };
}

/** @throws on what an official client does not survive: a call without an index, a second usage, a missing `[DONE]` */
function readChunks(body: string): Contents {
  // Whether it was asked for, the test knows.
  const problems = checkChatStream(body, { includeUsage: /"usage":\{/.test(body) });
  if (problems.length > 0) throw new Error(`clients break by the stream: ${problems.join("; ")}`);
  const frames = parseFrames(body);
  const last = frames.at(-1);
  if (last?.data !== "[DONE]") throw new Error(`the stream does not end with [DONE] but with ${last?.data}`);
  // The shape is what the tests assert.
  const chunks = frames.slice(0, -1).map(({ data }) => JSON.parse(data) as WireBody);
  const choices = chunks.flatMap((chunk) => chunk.choices ?? []);
  const deltas = choices.map(({ delta }) => delta ?? {});
  if (deltas.length > 0 && deltas[0]?.role !== "assistant") throw new Error("the first delta has no role");
  const finishes = choices.flatMap(({ finish_reason }) => finish_reason ?? []);
  const usages = chunks.flatMap(({ usage }) => usage ?? []);
  if (finishes.length > 1 || usages.length > 1) throw new Error("a stream has one finish and one usage at most");
  return {
    text: deltas.map(({ content }) => content ?? "").join(""),
    reasoning: deltas.map(({ reasoning_content }) => reasoning_content ?? "").join(""),
    calls: putTogether(deltas.flatMap(({ tool_calls }) => tool_calls ?? [])),
    finish: finishes[0],
    usage: usages[0],
    error: chunks.find(({ error }) => error !== undefined)?.error,
  };
}

function putTogether(pieces: readonly WireCall[]): ReadCall[] {
  const calls: { id: string | undefined; name: string | undefined; text: string }[] = [];
  for (const piece of pieces) {
    if (typeof piece.index !== "number") throw new Error("a piece of a call has no index");
    const call = calls[piece.index];
    if (call === undefined) {
      calls[piece.index] = { id: piece.id, name: piece.function.name, text: piece.function.arguments };
    } else {
      if (piece.id !== undefined || piece.function.name !== undefined) throw new Error("a call is begun twice");
      call.text += piece.function.arguments;
    }
  }
  return calls.map(({ id, name, text }) => finished(id, name, { function: { arguments: text } }));
}

function finished(id: string | undefined, name: string | undefined, call: WireCall): ReadCall {
  if (!id || !name) throw new Error("a call has no id or no name");
  return { id, name, arguments: parsed(call.function.arguments) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The test says what it expects of broken arguments.
    return text;
  }
}
