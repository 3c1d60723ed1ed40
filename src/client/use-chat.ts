// A chat for React: messages that fill themselves, sending, stopping, trying again, and going on after a reload.

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import {
  type ChatMessage,
  changeMessage,
  createAssistantMessage,
  createUserMessage,
  findQuestion,
} from "./chat-message.ts";
import { type ChatState, writeAnswer } from "./write-answer.ts";
import type { SSEError } from "./errors.ts";
import type { SSECallbacks } from "./events.ts";
import type { SSEOptions } from "./options.ts";
import { stopStream as stopOnServer } from "./stop-stream.ts";
import { type ChatStorage, forgetChat, readStoredChat, storeChat, tabStorage } from "./stored-chat.ts";
import { useSSEStream } from "./use-sse-stream.ts";

export interface ChatOptions {
  /** Of the typed chat, such as "/api/chat/stream". */
  readonly url: string;
  /** Goes along with every message, such as `model`, `documents`, `options`. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** The conversation to go on with. Absent: the server opens one. Read at the first render. */
  readonly sessionId?: string;
  /** Read at the first render. */
  readonly initialMessages?: readonly ChatMessage[];
  /** The stream that fills the last of `initialMessages`, if one runs. Read at the first render. */
  readonly streamId?: string;
  /** `headers`, `fetch`, `timeout` and so on. `maxRetries` is 5 here, `resume` is on. */
  readonly stream?: SSEOptions;
  /**
   * Where a running answer is kept for a reload; `null`: nowhere.
   * @defaultValue sessionStorage
   */
  readonly storage?: ChatStorage | null;
  /**
   * A page with several chats at once gives each its own.
   * @defaultValue "qwen-gateway.chat"
   */
  readonly storageKey?: string;
  /** Hears of what `error` shows. */
  onError?(error: SSEError): void;
}

/** The functions stay the same from render to render. */
export interface Chat extends ChatState {
  /**
   * Sends a message and shows its answer as it comes. An answer that runs is stopped first.
   * @param extras Goes along with this message, such as `attachments`.
   */
  send(text: string, extras?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Ends the running answer, here and on the server; what has come stays. */
  stop(): Promise<void>;
  /** Answers once more: the last message of the user, or the one that this message is or answers. */
  retry(messageId?: string): Promise<void>;
  /** Says something else instead of this message of the user; what followed it leaves the page. */
  edit(messageId: string, text: string): Promise<void>;
  /** Shows another conversation, or an empty one. An answer that runs is stopped. */
  reset(messages?: readonly ChatMessage[], sessionId?: string): Promise<void>;
}

interface Running {
  readonly answerId: string;
  streamId: string | undefined;
  /** Shows what waits to be shown. */
  flush(): void;
  /** Forgets it. */
  clear(): void;
}

const defaultStorageKey = "qwen-gateway.chat";

export function useChat(options: ChatOptions): Chat {
  const [state, setState] = useState<ChatState>(() => initialState(options));
  // What events find: they may come several to a render.
  const current = useRef(state);
  const running = useRef<Running | undefined>(undefined);
  // The stream of the first render, as long as it is the newest one.
  const given = useRef(options.streamId);
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const { startStream, resumeStream, stopStream } = useSSEStream({ resume: true, maxRetries: 5, ...options.stream });

  const update = useCallback((change: (state: ChatState) => Partial<ChatState>) => {
    current.current = { ...current.current, ...change(current.current) };
    setState(current.current);
  }, []);

  /** Callbacks that fill the message, and what is to be remembered while they do. */
  const fill = useCallback(
    (answerId: string, isResumed: boolean): SSECallbacks => {
      const answer = writeAnswer(answerId, update, isResumed, latest.current.stream?.timers);
      const run: Running = { answerId, streamId: undefined, flush: answer.flush, clear: answer.clear };
      running.current = run;
      const finish = (change: Partial<ChatState>, message: Partial<ChatMessage>) => {
        answer.flush();
        running.current = undefined;
        given.current = undefined;
        forgetChat(...storageOf(latest.current));
        update(({ messages }) => ({ ...change, messages: changeMessage(messages, answerId, () => message) }));
      };
      return {
        ...answer.callbacks,
        onMetadata(metadata) {
          answer.callbacks.onMetadata?.(metadata);
          if (run.streamId !== undefined || metadata.stream_id === undefined) return;
          run.streamId = metadata.stream_id;
          const { messages, sessionId } = current.current;
          if (!canResume(latest.current)) return;
          storeChat(...storageOf(latest.current), {
            streamId: run.streamId,
            messages,
            ...(sessionId === undefined ? {} : { sessionId }),
          });
        },
        onComplete: () => finish({ status: "ready" }, { status: "complete" }),
        onError(error) {
          finish({ status: "failed", error }, { status: "failed", error: error.message });
          latest.current.onError?.(error);
        },
      };
    },
    [update],
  );

  const stop = useCallback(async () => {
    const run = running.current;
    if (run === undefined) return;
    run.flush();
    running.current = undefined;
    given.current = undefined;
    stopStream();
    forgetChat(...storageOf(latest.current));
    update(({ messages }) => ({
      status: "ready",
      messages: changeMessage(messages, run.answerId, () => ({ status: "stopped" })),
    }));
    if (run.streamId === undefined) return;
    // Nobody reads any more: a server that did not hear of it stops when its grace is over.
    await stopOnServer(latest.current.url, run.streamId, latest.current.stream).catch(() => {});
  }, [stopStream, update]);

  /** Puts the messages on the page, an empty answer behind them, and asks. */
  const ask = useCallback(
    async (messages: readonly ChatMessage[], body: Readonly<Record<string, unknown>>) => {
      const stopped = stop();
      const answer = createAssistantMessage();
      update(() => ({ messages: [...messages, answer], status: "streaming", error: undefined }));
      const { sessionId } = current.current;
      const session = sessionId === undefined ? {} : { session_id: sessionId };
      const sent = { ...latest.current.body, ...body, ...session };
      await Promise.all([stopped, startStream(latest.current.url, sent, fill(answer.id, false))]);
    },
    [fill, startStream, stop, update],
  );

  const say = useCallback(
    async (
      before: readonly ChatMessage[],
      text: string,
      extras?: Readonly<Record<string, unknown>>,
      parent: string | null | undefined = parentOf(before),
    ) => {
      const body = { ...extras, message: text, ...(parent === undefined ? {} : { parent_id: parent }) };
      await ask([...before, createUserMessage(text, extras)], body);
    },
    [ask],
  );

  const actions = useMemo(
    () => ({
      stop,
      send: async (text: string, extras?: Readonly<Record<string, unknown>>) => {
        const stopped = stop();
        await Promise.all([stopped, say(current.current.messages, text, extras)]);
      },
      retry: async (messageId?: string) => {
        const { messages } = current.current;
        const index = findQuestion(messages, messageId);
        const question = messages[index];
        if (question === undefined) return;
        // What the server never heard of is said anew.
        if (question.serverId === undefined) return say(messages.slice(0, index), question.content, question.extras);
        await ask(messages.slice(0, index + 1), { retry_of: question.serverId });
      },
      edit: async (messageId: string, text: string) => {
        const { messages } = current.current;
        const index = messages.findIndex(({ id, role }) => id === messageId && role === "user");
        if (index < 0) return;
        const before = messages.slice(0, index);
        await say(before, text, messages[index]?.extras, index === 0 ? null : parentOf(before));
      },
      reset: async (messages: readonly ChatMessage[] = [], sessionId?: string) => {
        const stopped = stop();
        update(() => ({ messages, sessionId, status: "ready", error: undefined }));
        await stopped;
      },
    }),
    [ask, say, stop, update],
  );

  useEffect(() => {
    const { sessionId, url } = latest.current;
    if (!canResume(latest.current)) return;
    const streamId = given.current;
    const stored = streamId === undefined ? readStoredChat(...storageOf(latest.current), sessionId) : undefined;
    const found = streamId ?? stored?.streamId;
    if (found === undefined) {
      // React may take a page down and put it up again as it was: what it was reading then cannot be read on.
      if (running.current !== undefined) void stop();
      return;
    }
    const messages = stored?.messages ?? current.current.messages;
    const last = messages.at(-1);
    const answer = last?.role === "assistant" ? last : createAssistantMessage();
    update((before) => ({
      messages: changeMessage(answer === last ? messages : [...messages, answer], answer.id, () => ({
        status: "running",
      })),
      sessionId: stored?.sessionId ?? before.sessionId,
      status: "streaming",
    }));
    void resumeStream(url, found, fill(answer.id, true));
    // What is stored stays, and the stream goes on: the next mount comes back to it.
  }, [fill, resumeStream, stop, update]);

  useEffect(() => () => running.current?.clear(), []);

  return useMemo(() => ({ ...state, ...actions }), [state, actions]);
}

function initialState({ initialMessages = [], sessionId }: ChatOptions): ChatState {
  return { messages: initialMessages, sessionId, status: "ready", error: undefined };
}

function canResume(options: ChatOptions): boolean {
  return options.stream?.resume !== false;
}

function storageOf(options: ChatOptions): [storage: ChatStorage | undefined, key: string] {
  const storage = options.storage === undefined ? tabStorage() : (options.storage ?? undefined);
  return [storage, options.storageKey ?? defaultStorageKey];
}

/** The message to go on behind; undefined leaves it to the server, which goes on behind the newest. */
function parentOf(before: readonly ChatMessage[]): string | undefined {
  const last = before.at(-1);
  return last?.status === "complete" || last?.status === "stopped" ? last.serverId : undefined;
}
