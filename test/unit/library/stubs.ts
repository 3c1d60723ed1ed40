// Collaborators for the streaming handler: a client that answers with prepared bytes, a session manager that remembers.

import type { SessionUpdate } from "../../../src/library.ts";
import type { QwenCompletionBody } from "../../../src/wire/qwen-web.ts";

const encoder = new TextEncoder();

export const ids = { chatId: "chat-1", parentId: "user-1", responseId: "answer-1" };

/** One frame of the backend. */
function frame(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

export const created: string = frame({
  "response.created": { chat_id: ids.chatId, parent_id: ids.parentId, response_id: ids.responseId },
});

export function delta(content: string, status: "typing" | "finished" = "typing"): string {
  return frame({
    choices: [{ delta: { role: "assistant", content, phase: "answer", status } }],
    response_id: ids.responseId,
    usage: { input_tokens: 10, output_tokens: 3, total_tokens: 13 },
  });
}

/** A whole answer in two pieces. */
export const wholeAnswer: readonly string[] = [created, delta("Good "), delta("day"), delta("", "finished")];

export interface StubClient {
  readonly sent: QwenCompletionBody[];
  sendMessage(payload: QwenCompletionBody, options?: { readonly signal?: AbortSignal }): Promise<Response>;
}

export function answering(answer: () => Response): StubClient {
  const sent: QwenCompletionBody[] = [];
  return {
    sent,
    async sendMessage(payload) {
      sent.push(payload);
      return answer();
    },
  };
}

export function eventStream(body: string | ReadableStream<Uint8Array>): Response {
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** A stream that its test feeds; `cancelled` tells whether its reader let go. */
export function liveStream() {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const cancelled = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
    cancel: () => cancelled.resolve(),
  });
  return {
    body,
    cancelled: cancelled.promise,
    push: (text: string) => controller?.enqueue(encoder.encode(text)),
    break: (error: Error) => controller?.error(error),
  };
}

export interface StubSessions {
  readonly updates: { readonly sessionId: string; readonly update: SessionUpdate }[];
  updateSession(sessionId: string, update: SessionUpdate): Promise<never>;
}

/** Remembers what it was told. The handler does not look at what comes back. */
export function rememberingSessions(): StubSessions {
  const updates: StubSessions["updates"] = [];
  return {
    updates,
    updateSession(sessionId, update) {
      updates.push({ sessionId, update });
      return Promise.resolve(undefined as never);
    },
  };
}
