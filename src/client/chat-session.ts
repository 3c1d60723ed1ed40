// What a chat does: sends, fills the answer, stops, tries again, goes on after a reload. Knows nothing of rendering.

import {
  type ChatMessage,
  changeMessage,
  createAssistantMessage,
  createUserMessage,
  findQuestion,
} from "./chat-message.ts";
import type { ChatOptions } from "./chat-options.ts";
import type { SSEError } from "./errors.ts";
import type { SSECallbacks } from "./events.ts";
import { stopStream } from "./stop-stream.ts";
import { type ChatStorage, forgetChat, readStoredChat, storeChat, tabStorage } from "./stored-chat.ts";
import type { SSEStream } from "./use-sse-stream.ts";
import { systemTimers } from "./timers.ts";
import { type ChatState, takeMetadata, writeAnswer } from "./write-answer.ts";

type Extras = Readonly<Record<string, unknown>>;

export interface ChatSessionParts {
  /** Those of now. */
  readonly options: () => ChatOptions;
  readonly stream: SSEStream;
  /** Hears of every change. */
  readonly show: (state: ChatState) => void;
}

interface Running {
  readonly answerId: string;
  /** Where it was begun: the options may have another one by now. */
  readonly url: string;
  streamId: string | undefined;
  /** Something of it has come. */
  isHeard: boolean;
  /** Shows what waits to be shown. */
  flush(): void;
  /** Forgets it. */
  clear(): void;
}

/** Longest wait for the name of an answer that was stopped before it had one, in milliseconds. */
const mostNamelessMs = 2000;

export function initialState({ initialMessages = [], sessionId }: ChatOptions): ChatState {
  return { messages: initialMessages, sessionId, status: "ready", error: undefined };
}

export class ChatSession {
  readonly #parts: ChatSessionParts;
  #state: ChatState;
  #running: Running | undefined;
  /** Stopped before the server had named it, and only by its name it ends there: read on, unseen, until its first event. */
  #nameless: { readonly running: Running; release(): void } | undefined;
  /** The stream that the page was given, as long as it is the newest one. */
  #givenStreamId: string | undefined;

  constructor(parts: ChatSessionParts) {
    this.#parts = parts;
    const options = parts.options();
    this.#state = initialState(options);
    this.#givenStreamId = options.streamId;
  }

  /** Shows a message and its answer as it comes. */
  readonly send = async (text: string, extras?: Extras): Promise<void> => {
    // First: an answer that is stopped is one to go on behind.
    const stopped = this.stop();
    const { messages } = this.#state;
    await Promise.all([stopped, this.#say(messages, text, extras, parentOf(messages))]);
  };

  /** Another answer to the last question, or to the one that this message is or answers. */
  readonly retry = async (messageId?: string): Promise<void> => {
    const { messages } = this.#state;
    const index = findQuestion(messages, messageId);
    const question = messages[index];
    if (question === undefined) return;
    const before = messages.slice(0, index);
    if (question.serverId !== undefined) await this.#ask([...before, question], { retry_of: question.serverId });
    // What the server never heard of is said anew.
    else await this.#say(before, question.content, question.extras, placeOf(messages, index));
  };

  /** Another question in the place of this one: a branch. */
  readonly edit = async (messageId: string, text: string): Promise<void> => {
    const { messages } = this.#state;
    const index = messages.findIndex(({ id, role }) => id === messageId && role === "user");
    if (index < 0) return;
    const before = messages.slice(0, index);
    // What is newest at the server is the answer to this very question, or comes behind that.
    const parent = placeOf(messages, index);
    await this.#say(before, text, messages[index]?.extras, parent === undefined && index === 0 ? null : parent);
  };

  /** Ends the running answer here and on the server. */
  readonly stop = async (): Promise<void> => {
    const running = this.#running;
    if (running === undefined) return;
    running.flush();
    // Behind a connection that broke the message would be sent once more.
    const isConnected = this.#state.status === "streaming";
    this.#end(running.answerId, { status: "ready" }, { status: "stopped" });
    const mayBeNamed = running.streamId === undefined && !running.isHeard && isConnected;
    if (mayBeNamed && canResume(this.#parts.options())) this.#awaitName(running);
    else await this.#stopStream(running);
  };

  async #stopStream({ url, streamId }: Running): Promise<void> {
    this.#parts.stream.stopStream();
    if (streamId === undefined) return;
    const { stream } = this.#parts.options();
    // Nobody reads any more: a server that did not hear of it stops when its grace is over.
    await stopStream(url, streamId, stream).catch(() => {});
  }

  #awaitName(running: Running): void {
    const timers = this.#parts.options().stream?.timers ?? systemTimers;
    const timer = timers.setTimeout(() => this.#leaveNameless(running), mostNamelessMs);
    this.#nameless = { running, release: () => timers.clearTimeout(timer) };
  }

  /** By the name that it has by now, if any. Not where another answer has taken its place. */
  #leaveNameless(running: Running): void {
    if (this.#nameless?.running !== running) return;
    this.#forgetNameless();
    running.clear();
    void this.#stopStream(running);
  }

  #forgetNameless(): void {
    this.#nameless?.release();
    this.#nameless = undefined;
  }

  readonly reset = async (messages: readonly ChatMessage[] = [], sessionId?: string): Promise<void> => {
    const stopped = this.stop();
    this.#update(() => ({ messages, sessionId, status: "ready", error: undefined }));
    await stopped;
  };

  /** The page is there, for the first time or again: reads on what runs. */
  open(): void {
    const options = this.#parts.options();
    if (!canResume(options)) return;
    const stored =
      this.#givenStreamId === undefined ? readStoredChat(...storageOf(options), options.sessionId) : undefined;
    const streamId = this.#givenStreamId ?? stored?.streamId;
    if (streamId !== undefined) this.#resume(streamId, stored?.messages ?? this.#state.messages, stored?.sessionId);
    // The page was away, its stream with it, and nothing says where that went on.
    else void this.stop();
  }

  /** The page goes. What runs goes on, and what is stored of it stays. */
  leave(): void {
    this.#running?.clear();
    this.#forgetNameless();
  }

  #resume(streamId: string, messages: readonly ChatMessage[], sessionId = this.#state.sessionId): void {
    const last = messages.at(-1);
    const answer = last?.role === "assistant" ? last : createAssistantMessage();
    const all = answer === last ? messages : [...messages, answer];
    const status = "running";
    this.#update(() => ({
      messages: changeMessage(all, answer.id, () => ({ status })),
      sessionId,
      status: "streaming",
    }));
    void this.#parts.stream.resumeStream(this.#parts.options().url, streamId, this.#fill(answer.id, streamId));
  }

  async #say(
    before: readonly ChatMessage[],
    text: string,
    extras: Extras | undefined,
    parent: string | null | undefined,
  ): Promise<void> {
    const body = { ...extras, message: text, ...(parent === undefined ? {} : { parent_id: parent }) };
    await this.#ask([...before, createUserMessage(text, extras)], body, parent);
  }

  /** Shows the messages and an empty answer behind them, and asks. */
  async #ask(messages: readonly ChatMessage[], body: Extras, parent?: string | null): Promise<void> {
    const stopped = this.stop();
    // Until the server says it itself, which it may never do.
    const metadata = parent === undefined ? {} : { metadata: { parent_id: parent } };
    const answer: ChatMessage = { ...createAssistantMessage(), ...metadata };
    this.#update(() => ({ messages: [...messages, answer], status: "streaming", error: undefined }));
    const { url, body: always } = this.#parts.options();
    const { sessionId } = this.#state;
    const sent = { ...always, ...body, ...(sessionId === undefined ? {} : { session_id: sessionId }) };
    await Promise.all([stopped, this.#parts.stream.startStream(url, sent, this.#fill(answer.id))]);
  }

  /** @param resumed The stream that is read once more; absent: a new one. */
  #fill(answerId: string, resumed?: string): SSECallbacks {
    this.#forgetNameless();
    const isRunning = () => this.#running === running;
    // Of an answer that was stopped nothing more is shown.
    const update = (change: (state: ChatState) => Partial<ChatState>): void => {
      if (isRunning()) this.#update(change);
    };
    const { url, stream } = this.#parts.options();
    const answer = writeAnswer(answerId, update, resumed !== undefined, stream?.timers);
    const { flush, clear } = answer;
    const running: Running = { answerId, url, streamId: resumed, isHeard: false, flush, clear };
    this.#running = running;
    return {
      ...answer.callbacks,
      onEvent: (data, event) => {
        running.isHeard = true;
        answer.callbacks.onEvent?.(data, event);
        // Behind all that this event has to say.
        if (!isRunning()) queueMicrotask(() => this.#leaveNameless(running));
      },
      onReconnect: (message, attempt) => {
        answer.callbacks.onReconnect?.(message, attempt);
        if (!isRunning()) this.#leaveNameless(running);
      },
      onMetadata: (metadata) => {
        this.#update((state) => takeMetadata(state, answerId, metadata));
        if (running.streamId !== undefined || metadata.stream_id === undefined) return;
        running.streamId = metadata.stream_id;
        if (isRunning()) this.#store(running.streamId);
      },
      onComplete: () => {
        if (!isRunning()) return this.#leaveNameless(running);
        answer.flush();
        this.#end(answerId, { status: "ready" }, { status: "complete" });
      },
      onError: (error: SSEError) => {
        if (!isRunning()) return this.#leaveNameless(running);
        answer.flush();
        this.#end(answerId, { status: "failed", error }, { status: "failed", error: error.message });
        this.#parts.options().onError?.(error);
      },
    };
  }

  #end(answerId: string, change: Partial<ChatState>, message: Partial<ChatMessage>): void {
    this.#running = undefined;
    this.#givenStreamId = undefined;
    forgetChat(...storageOf(this.#parts.options()));
    this.#update(({ messages }) => ({ ...change, messages: changeMessage(messages, answerId, () => message) }));
  }

  #store(streamId: string): void {
    const options = this.#parts.options();
    if (!canResume(options)) return;
    const { messages, sessionId } = this.#state;
    const session = sessionId === undefined ? {} : { sessionId };
    storeChat(...storageOf(options), { streamId, messages, ...session });
  }

  #update(change: (state: ChatState) => Partial<ChatState>): void {
    this.#state = { ...this.#state, ...change(this.#state) };
    this.#parts.show(this.#state);
  }
}

function canResume(options: ChatOptions): boolean {
  return options.stream?.resume !== false;
}

function storageOf(options: ChatOptions): [storage: ChatStorage | undefined, key: string] {
  const storage = options.storage === undefined ? tabStorage() : (options.storage ?? undefined);
  return [storage, options.storageKey ?? "qwen-gateway.chat"];
}

/** What this question follows, as the server or the page has said. */
function placeOf(messages: readonly ChatMessage[], index: number): string | null | undefined {
  const { parent_id: parent = parentOf(messages.slice(0, index)) } = messages[index + 1]?.metadata ?? {};
  return parent;
}

/**
 * The message to go on behind: the last that the server knows. Where it knows none, where the last question was to stand.
 * Undefined leaves it to the server, which goes on behind the newest.
 */
function parentOf(before: readonly ChatMessage[]): string | null | undefined {
  return before.findLast(({ serverId }) => serverId !== undefined)?.serverId ?? before.at(-1)?.metadata?.parent_id;
}
