// One answer as events of its message: asked for, or read on by its stream id. Over the client library, which also comes
// back when the connection breaks.

import { resumeSSE, type SSECallbacks, SSEError, stopStream, streamSSE } from "../../client/client.ts";
import type { AnswerEvent } from "../conversation/answer-events.ts";
import { keyHeaders, RequestError, unreachable } from "./api.ts";
import { parseSources } from "./parse.ts";

export type AnswerRequest =
  | { readonly type: "ask"; readonly body: Readonly<Record<string, unknown>> }
  /** From its first event on. */
  | { readonly type: "resume"; readonly streamId: string };

export interface AnswerReading {
  readonly key: string | undefined;
  readonly signal: AbortSignal;
  onEvent(event: AnswerEvent): void;
}

/** Resolves behind the last event, also of an answer that failed. @throws {RequestError} `401`: a key is wanted */
export type ReadAnswer = (request: AnswerRequest, reading: AnswerReading) => Promise<void>;

const chatPath = "/api/chat/stream";
/** Half a minute without a connection, all waits together. */
const attempts = { maxRetries: 7, retryDelay: 500 };

export const readAnswer: ReadAnswer = async (request, { key, signal, onEvent }) => {
  const options = { ...attempts, headers: keyHeaders(key) };
  const callbacks = callbacksFor(onEvent);
  try {
    if (request.type === "resume") await resumeSSE(chatPath, request.streamId, callbacks, signal, options);
    else await streamSSE(chatPath, request.body, callbacks, signal, { ...options, resume: true });
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof SSEError)) throw error;
    if (error.status === 401) throw new RequestError(error.message, 401, error);
    onEvent({ type: "failure", error: sentenceOf(error) });
  }
};

/** Stops it at the gateway. What cannot be stopped has ended, or ends by itself when nobody reads it. */
export async function stopAnswer(streamId: string, key: string | undefined): Promise<void> {
  await stopStream(chatPath, streamId, { headers: keyHeaders(key) }).catch(() => {});
}

function callbacksFor(onEvent: (event: AnswerEvent) => void): SSECallbacks {
  let isLost = false;
  return {
    onEvent() {
      if (!isLost) return;
      isLost = false;
      onEvent({ type: "connection", state: "resumed" });
    },
    onReconnect() {
      isLost = true;
      onEvent({ type: "connection", state: "lost" });
    },
    onStage: (stage) => onEvent({ type: "stage", stage }),
    onToken: (text) => onEvent({ type: "text", text }),
    onReasoning: (text) => onEvent({ type: "reasoning", text }),
    onSources: (sources) => onEvent({ type: "sources", sources: parseSources(sources) }),
    onQualityScore: (score) => onEvent({ type: "quality", score }),
    onFollowUps: (questions) => onEvent({ type: "follow-ups", questions }),
    onMetadata: (metadata) => onEvent({ type: "metadata", metadata }),
    onComplete: () => onEvent({ type: "end" }),
  };
}

function sentenceOf({ code, status, message }: SSEError): string {
  if (code === "network") return unreachable;
  if (code === "timeout") return "Nothing has come from the gateway for a minute. Try again, or choose another model.";
  if (status === 404 || status === 410) return "The gateway no longer has the rest of this answer. Ask for it again.";
  return message;
}
