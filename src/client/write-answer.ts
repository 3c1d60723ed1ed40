// The events of a stream into the message that they fill. Tokens are grouped, since each change is a render.

import { type ChatMessage, changeMessage, clearAnswer } from "./chat-message.ts";
import type { SSEError } from "./errors.ts";
import type { SSECallbacks, StreamMetadata } from "./events.ts";
import type { Timers } from "./timers.ts";
import { TokenBuffer } from "./token-buffer.ts";

export interface ChatState {
  readonly messages: readonly ChatMessage[];
  /** `reconnecting`: the connection dropped, and the rest is being fetched. `failed`: see `error`. */
  readonly status: "ready" | "streaming" | "reconnecting" | "failed";
  readonly error: SSEError | undefined;
  /** As the server calls the conversation. */
  readonly sessionId: string | undefined;
}

export interface AnswerWriter {
  readonly callbacks: SSECallbacks;
  /** Shows what waits. */
  flush(): void;
  /** Forgets what waits. */
  clear(): void;
}

/** @param isResumed The stream tells all from its beginning: what the message holds makes room when it does. */
export function writeAnswer(
  answerId: string,
  update: (change: (state: ChatState) => Partial<ChatState>) => void,
  isResumed: boolean,
  timers?: Timers,
): AnswerWriter {
  const change = (how: (message: ChatMessage) => Partial<ChatMessage>) =>
    update(({ messages }) => ({ messages: changeMessage(messages, answerId, how) }));
  const tokens = new TokenBuffer((text) => change(({ content }) => ({ content: content + text })), 50, timers);
  const thoughts = new TokenBuffer((text) => change(({ reasoning }) => ({ reasoning: reasoning + text })), 50, timers);
  let isOld = isResumed;
  let isReconnecting = false;

  return {
    callbacks: {
      onEvent() {
        if (isReconnecting) update(() => ({ status: "streaming" }));
        isReconnecting = false;
        if (isOld) {
          update(({ messages }) => ({
            messages: messages.map((message) => (message.id === answerId ? clearAnswer(message) : message)),
          }));
        }
        isOld = false;
      },
      onReconnect() {
        isReconnecting = true;
        update(() => ({ status: "reconnecting" }));
      },
      onStage: (stage) => change(({ stages }) => ({ stages: [...stages, stage] })),
      onToken: (token) => tokens.add(token),
      onReasoning: (text) => thoughts.add(text),
      onSources: (sources) => change(() => ({ sources })),
      onQualityScore: (qualityScore) => change(() => ({ qualityScore })),
      onFollowUps: (followUps) => change(() => ({ followUps })),
    },
    flush() {
      thoughts.flush();
      tokens.flush();
    },
    clear() {
      thoughts.clear();
      tokens.clear();
    },
  };
}

/** The server tells how it calls the conversation, the question and the answer, if that is still shown. */
export function takeMetadata(state: ChatState, answerId: string, metadata: StreamMetadata): Partial<ChatState> {
  const { session_id: sessionId, user_message_id: questionId, message_id: serverId } = metadata;
  const index = state.messages.findIndex(({ id }) => id === answerId);
  if (index < 0) return {};
  const question = state.messages[index - 1];
  const named = changeMessage(state.messages, answerId, (answer) => ({
    metadata: { ...answer.metadata, ...metadata },
    ...(serverId === undefined ? {} : { serverId }),
  }));
  const isAsked = question?.role === "user" && questionId !== undefined;
  return {
    messages: isAsked ? changeMessage(named, question.id, () => ({ serverId: questionId })) : named,
    sessionId: sessionId ?? state.sessionId,
  };
}
