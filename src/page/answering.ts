// Answers that are underway: reads each into its message, frame by frame, and stops it.

import { type AnswerEvent, applyEvent } from "./conversation/answer-events.ts";
import { createMessage, isUnderway, type Message } from "./conversation/message.ts";
import { changeMessage } from "./conversation/tree.ts";
import { changeConversation, changeMessageIn, type ChatState } from "./chat-state.ts";
import { textOf } from "./fields.ts";
import { RequestError, unreachable } from "./gateway/api.ts";
import type { AnswerRequest, ReadAnswer } from "./gateway/read-answer.ts";
import type { Schedule, Store } from "./store.ts";

export interface AnsweringOptions {
  readonly store: Store<ChatState>;
  readonly schedule: Schedule;
  readonly readAnswer: ReadAnswer;
  stopAnswer(streamId: string, key: string | undefined): Promise<void>;
  readKey(): string | undefined;
  /** The gateway has told the session of a new conversation. */
  onSession(conversationId: string, sessionId: string): void;
  /** The answer has ended, one way or another. */
  onEnd(conversationId: string): void;
  /** The gateway wants a key, and this answer waits for it. */
  onKeyWanted(conversationId: string, answerId: string): void;
}

export interface Answering {
  /** Asks, and reads the answer into a message; resolves behind its last event. */
  ask(conversationId: string, answerId: string, body: Readonly<Record<string, unknown>>): Promise<void>;
  /** Reads on what was begun earlier: behind what this page has of it, or from its first event. */
  resume(conversationId: string, answerId: string, streamId: string): Promise<void>;
  /** Ends the answer at the gateway, and what was read of it stays. */
  stop(conversationId: string, answerId: string): void;
}

export function createAnswering(options: AnsweringOptions): Answering {
  const { store } = options;
  const underway = new Map<string, AbortController>();
  /** Stopped before the gateway has said under which name: it is stopped there as soon as it does. */
  const stopWhenNamed = new Set<string>();
  /** Their connection broke: what the gateway has not named yet would be asked once more. */
  const disconnected = new Set<string>();
  /** The last event that has been read of an answer. */
  const positions = new Map<string, string>();

  async function read(conversationId: string, answerId: string, request: AnswerRequest): Promise<void> {
    const controller = new AbortController();
    underway.get(answerId)?.abort();
    underway.set(answerId, controller);
    // What is read from its first event on replaces what is there, but only once something of it comes.
    let replaces = request.type === "resume" && request.lastEventId === undefined;
    const queue = createEventQueue(options.schedule, (events) => {
      const beginsNow = replaces && events.some(({ type }) => type !== "connection" && type !== "failure");
      const clean = beginsNow ? beginAgain : (message: Message) => message;
      if (beginsNow) replaces = false;
      store.update((state) =>
        changeMessageIn(state, conversationId, answerId, (message) => events.reduce(applyEvent, clean(message))),
      );
    });

    try {
      await options.readAnswer(request, {
        key: options.readKey(),
        signal: controller.signal,
        onPosition: (eventId) => positions.set(answerId, eventId),
        onEvent(event) {
          queue.push(event);
          if (event.type === "connection") noteConnection(answerId, event.state, controller);
          if (event.type !== "metadata") return;
          noteIds(conversationId, answerId, event.metadata);
          const streamId = textOf(event.metadata["stream_id"]);
          if (streamId === undefined || !stopWhenNamed.delete(answerId)) return;
          void options.stopAnswer(streamId, options.readKey());
          controller.abort();
        },
      });
      queue.flush();
    } catch (error) {
      queue.flush();
      if (error instanceof RequestError && error.status === 401) options.onKeyWanted(conversationId, answerId);
      fail(conversationId, answerId, error instanceof Error ? error.message : unreachable);
    } finally {
      stopWhenNamed.delete(answerId);
      disconnected.delete(answerId);
      if (underway.get(answerId) === controller) {
        underway.delete(answerId);
        // Neither an end nor a failure has come, and nobody has stopped it.
        if (!controller.signal.aborted)
          fail(conversationId, answerId, "The answer ended before it was whole. Try again.");
        options.onEnd(conversationId);
      }
    }
  }

  function noteConnection(answerId: string, state: "lost" | "resumed", controller: AbortController): void {
    if (state === "lost") disconnected.add(answerId);
    else disconnected.delete(answerId);
    // What was stopped is not asked once more.
    if (state === "lost" && stopWhenNamed.has(answerId)) controller.abort();
  }

  function fail(conversationId: string, answerId: string, error: string): void {
    store.update((state) =>
      changeMessageIn(state, conversationId, answerId, (message) => applyEvent(message, { type: "failure", error })),
    );
  }

  /** The question's id and the session stand in the answer's first metadata. */
  function noteIds(conversationId: string, answerId: string, metadata: Readonly<Record<string, unknown>>): void {
    const isNew = store.get().conversations.get(conversationId)?.sessionId === undefined;
    const sessionId = textOf(metadata["session_id"]);
    const userId = textOf(metadata["user_message_id"]);
    store.update((state) =>
      changeConversation(state, conversationId, (conversation) => {
        const answer = conversation.tree.messages.get(answerId);
        const tree =
          userId === undefined || answer?.parentId == null
            ? conversation.tree
            : changeMessage(conversation.tree, answer.parentId, (user) => ({ ...user, gatewayId: userId }));
        return { ...conversation, tree, sessionId: sessionId ?? conversation.sessionId };
      }),
    );
    if (sessionId !== undefined && isNew) options.onSession(conversationId, sessionId);
  }

  function stop(conversationId: string, answerId: string): void {
    const message = store.get().conversations.get(conversationId)?.tree.messages.get(answerId);
    if (message === undefined || !isUnderway(message)) return;
    if (message.streamId === undefined && !disconnected.has(answerId)) stopWhenNamed.add(answerId);
    else {
      if (message.streamId !== undefined) void options.stopAnswer(message.streamId, options.readKey());
      underway.get(answerId)?.abort();
    }
    store.update((state) =>
      changeMessageIn(state, conversationId, answerId, (stopped) => applyEvent(stopped, { type: "stop" })),
    );
  }

  return {
    ask: (conversationId, answerId, body) => read(conversationId, answerId, { type: "ask", body }),
    resume: (conversationId, answerId, streamId) =>
      read(conversationId, answerId, { type: "resume", streamId, lastEventId: positions.get(answerId) }),
    stop,
  };
}

/** The message as it was before its first event. */
function beginAgain({ id, gatewayId, parentId, role, createdAtMs, streamId }: Message): Message {
  return createMessage({ id, gatewayId, parentId, role, createdAtMs, streamId, status: "running" });
}

/** Collects events and hands them over once a frame, texts joined: a message is changed once a frame, not once a token. */
function createEventQueue(schedule: Schedule, take: (events: readonly AnswerEvent[]) => void) {
  let waiting: AnswerEvent[] = [];

  function flush(): void {
    if (waiting.length === 0) return;
    const events = waiting;
    waiting = [];
    take(events);
  }

  return {
    push(event: AnswerEvent): void {
      const last = waiting.at(-1);
      if (last !== undefined && (event.type === "text" || event.type === "reasoning") && last.type === event.type) {
        waiting[waiting.length - 1] = { type: event.type, text: last.text + event.text };
        return;
      }
      waiting.push(event);
      if (waiting.length === 1) schedule(flush);
    },
    flush,
  };
}
