// What the HTTP tests say to a gateway, and what they look at afterwards: answers, sessions, and the turns that reached
// the emulator.

import type { RecordedRequest } from "../../src/emulator/qwen-web-emulator.ts";
import type { QwenCompletionBody } from "../../src/wire/qwen-web.ts";
import type { Harness } from "../support/harness.ts";
import { type ChatStream, parseChatStream } from "../support/sse-frames.ts";

export interface ClientMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

export const system = (content: string): ClientMessage => ({ role: "system", content });
export const user = (content: string): ClientMessage => ({ role: "user", content });
export const assistant = (content: string): ClientMessage => ({ role: "assistant", content });

/** A whole answer of POST /v1/chat/completions, as far as tests look at it. */
export interface Completion {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly message: { readonly role: string; readonly content: string | null; readonly reasoning_content?: string };
    readonly finish_reason: string;
  }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number; readonly total_tokens: number };
}

/** The body of an answer that must be a 200. */
export async function bodyOf(response: Response): Promise<string> {
  const text = await response.text();
  if (response.status !== 200) throw new Error(`status ${response.status}: ${text}`);
  return text;
}

export async function readStream(response: Response): Promise<ChatStream> {
  return parseChatStream(await bodyOf(response));
}

export async function readCompletion(response: Response): Promise<Completion> {
  // The shape is what the tests assert.
  return JSON.parse(await bodyOf(response)) as Completion;
}

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly contentType: string;
  readonly text: string;
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

/** An answer in OpenAI's error shape; throws when it has another one. */
export async function readError(response: Response): Promise<ErrorAnswer> {
  const text = await response.text();
  // The shape is what the tests assert.
  const { error } = JSON.parse(text) as Pick<ErrorAnswer, "error">;
  const { status, headers } = response;
  return { status, headers, contentType: headers.get("content-type") ?? "", text, error };
}

/** A turn as it reached the emulator. */
export interface SentTurn {
  readonly chatId: string;
  readonly parentId: string | null;
  readonly content: string;
  readonly body: QwenCompletionBody;
  readonly record: RecordedRequest;
  /** The node of the answer, and of the message that it answers; "" when the turn was refused. */
  readonly responseId: string;
  readonly userId: string;
}

export function allTurns(harness: Harness): SentTurn[] {
  return harness.emulator.requests
    .filter((request) => request.on === "completions")
    .map((record) => {
      // The emulator has checked it.
      const body = record.body as QwenCompletionBody;
      return {
        chatId: body.chat_id,
        parentId: body.parent_id,
        content: body.messages[0].content,
        body,
        record,
        responseId: record.turn?.responseId ?? "",
        userId: record.turn?.userId ?? "",
      };
    });
}

/** Turns that the emulator accepted, oldest first. */
export function acceptedTurns(harness: Harness): SentTurn[] {
  return allTurns(harness).filter((turn) => turn.responseId !== "");
}

/** The newest accepted turn. */
export function lastTurn(harness: Harness): SentTurn {
  const turn = acceptedTurns(harness).at(-1);
  if (turn === undefined) throw new Error("the emulator was sent no turn");
  return turn;
}

export function callsOf(harness: Harness, on: RecordedRequest["on"]): RecordedRequest[] {
  return harness.emulator.requests.filter((request) => request.on === on);
}

export interface Talk {
  /** The history as the client holds it; tests may change it between two turns. */
  messages: ClientMessage[];
  /** Sends the history with one more message of the user and keeps the answer. */
  say(text: string): Promise<string>;
}

export interface TalkOptions {
  readonly messages?: readonly ClientMessage[];
  readonly headers?: Record<string, string>;
  /** Further fields of the body; `stream` is true unless said otherwise. */
  readonly body?: Readonly<Record<string, unknown>>;
}

/** An ordinary client: it resends the whole history each time. */
export function createTalk(harness: Harness, options: TalkOptions = {}): Talk {
  const talk: Talk = {
    messages: [...(options.messages ?? [])],
    async say(text) {
      talk.messages.push(user(text));
      const answer = await answerTo(harness, talk.messages, options);
      talk.messages.push(assistant(answer));
      return answer;
    },
  };
  return talk;
}

/** One request with these messages; its answer's text, streamed or not. */
export async function answerTo(
  harness: Harness,
  messages: readonly ClientMessage[],
  options: Omit<TalkOptions, "messages"> = {},
): Promise<string> {
  const body = { model: "qwen3-max", stream: true, ...options.body, messages };
  const response = await harness.chat(body, options.headers === undefined ? {} : { headers: options.headers });
  if (body.stream !== true) return (await readCompletion(response)).choices[0]?.message.content ?? "";
  const stream = await readStream(response);
  if (stream.error !== undefined) throw new Error(`the stream failed: ${stream.error.message}`);
  return stream.text;
}

/** GET /v1/sessions/:id as far as tests look at it. */
export interface SessionBody {
  readonly sessionId: string;
  readonly chatId: string;
  readonly parent_id: string | null;
  readonly parentId: string | null;
  readonly responseId: string | null;
  readonly createdAt: number;
  readonly lastAccessed: number;
  readonly messageCount: number;
  readonly conversations: readonly {
    readonly chatId: string;
    readonly parentId: string | null;
    readonly messageCount: number;
  }[];
}

export async function readSession(harness: Harness, sessionId: string): Promise<SessionBody> {
  // The shape is what the tests assert.
  return JSON.parse(await bodyOf(await harness.get(`/v1/sessions/${sessionId}`))) as SessionBody;
}

/** Asks again, without a clock, until the answer satisfies the test; the runner's time limit bounds it. */
export async function untilAnswer<T>(ask: () => Promise<T>, test: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (test(answer)) return answer;
  }
}

export async function openReplies(harness: Harness): Promise<number> {
  // The shape is what the tests assert.
  const health = (await (await harness.get("/health")).json()) as { openReplies: number };
  return health.openReplies;
}

/** Resolves when no reply runs any more. */
export async function untilIdle(harness: Harness): Promise<void> {
  await untilAnswer(
    () => openReplies(harness),
    (open) => open === 0,
  );
}
