// One running answer: its steps one after the other, as numbered frames, and what becomes of it in the end.

import type { Access } from "../contract/access.ts";
import type { ChatRequest, ContentPart, Message } from "../contract/chat-request.ts";
import type { ChatSource, ChatStreamEvent } from "../contract/chat-stream.ts";
import { GatewayError, toGatewayError } from "../contract/gateway-error.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { ReplayChunk } from "../replay/replays.ts";
import type { Log } from "../telemetry/log.ts";
import type { ChatMessage, ChatStore } from "../store/chat-store.ts";
import { AnswerRecord } from "./answer-record.ts";
import { askBeside } from "./ask-beside.ts";
import { FrameWriter, lastIdOf, numberedFrom } from "./frame-writer.ts";
import type { TypedChatRequest } from "./parse-request.ts";
import { emptyState, runSteps } from "./run-pipeline.ts";
import { RunningReply } from "./running-reply.ts";
import {
  isWritten,
  type PipelineState,
  type RelayedReply,
  type SideQuestion,
  type Step,
  type StepContext,
  type WrittenFrames,
} from "./step.ts";
import { Generation, tokenSurface } from "./token-surface.ts";

export interface AnswerOptions {
  readonly request: TypedChatRequest;
  readonly steps: readonly Step[];
  readonly message: string;
  readonly content: readonly ContentPart[];
  readonly history: readonly Message[];
  /** The session is of another surface: it continues at its head, with what is kept there. */
  readonly isThin: boolean;
  readonly question: ChatMessage;
  readonly begun: ChatMessage;
  readonly streamId: string;
  readonly caller: string;
  readonly access?: Access | undefined;
  readonly requestId: string;
  readonly defaultModel: string;
  readonly gateway: Pick<Gateway, "converse" | "forget">;
  readonly store: Pick<ChatStore, "endTurn">;
  search(query: string, limit: number, signal: AbortSignal): Promise<readonly ChatSource[]>;
  readonly log: Log;
}

/** Longest that what an answer has said waits for its steps to end, when nobody wants it any more. */
const mostLeavingMs = 2000;

/** It is the source of its stream: asked for the next frames only while somebody wants them. */
export class Answer implements StepContext {
  readonly state: PipelineState;
  readonly log: Log;
  readonly #options: AnswerOptions;
  readonly #frames = new FrameWriter();
  readonly #record = new AnswerRecord();
  readonly #cancelling = new AbortController();
  readonly #running: AsyncGenerator<ReplayChunk | RelayedReply, void>;
  /** Its frames are what comes next. */
  #reply: RelayedReply | undefined;
  readonly #kept = Promise.withResolvers<void>();
  #isKept = false;

  constructor(options: AnswerOptions) {
    this.#options = options;
    this.log = options.log;
    this.state = emptyState(options.message);
    this.#running = this.#run();
  }

  /** Hot while a reply runs: its frames come straight from it, past the steps. */
  next(): Promise<ReplayChunk | undefined> {
    const reply = this.#reply;
    return reply === undefined ? this.#goOn(this.#running.next()) : reply.next().then(this.#handOn, this.#replyFailed);
  }

  async #goOn(step: Promise<IteratorResult<ReplayChunk | RelayedReply, void>>): Promise<ReplayChunk | undefined> {
    const { value, done } = await step;
    if (done === true) return undefined;
    if ("bytes" in value) return value;
    this.#reply = value;
    return this.next();
  }

  readonly #handOn = (frames: Uint8Array | undefined): ReplayChunk | Promise<ReplayChunk | undefined> => {
    if (frames !== undefined) return this.#numbered(frames);
    this.#reply = undefined;
    return this.#goOn(this.#running.next());
  };

  /** Its steps, which wait where they yielded it, hear of it. */
  readonly #replyFailed = (error: unknown): Promise<ReplayChunk | undefined> => {
    this.#reply = undefined;
    return this.#goOn(this.#running.throw(error));
  };

  /** A step may have said something meanwhile, or left frames out: ids go on where they are. */
  #numbered(frames: Uint8Array): ReplayChunk {
    const bytes = numberedFrom(this.#frames.lastId + 1, frames);
    this.#frames.lastId = lastIdOf(bytes);
    return { bytes, lastId: this.#frames.lastId };
  }

  /** Resolves when the session remembers what became of it, or cannot. */
  get kept(): Promise<void> {
    return this.#kept.promise;
  }

  /** Nobody wants it any more: what runs is ended, and what was said is kept. */
  cancel(reason: unknown): void {
    const keep = (): void => {
      clearTimeout(timer);
      // All its words were said: what is missing came behind them.
      void this.#keep(this.state.finishReason === undefined ? "stopped" : "complete", undefined);
    };
    // A step that does not listen is not waited for.
    const timer = setTimeout(keep, mostLeavingMs);
    this.#cancelling.abort(reason);
    // Where it stands still, waiting to be asked, nothing hears the signal.
    const ended = this.#running.return().catch(() => {});
    // Not before: what the reply has said is noted as it ends.
    void ended.then(keep);
  }

  get message(): string {
    return this.#options.message;
  }

  get content(): readonly ContentPart[] {
    return this.#options.content;
  }

  get history(): readonly Message[] {
    return this.#options.history;
  }

  get sessionId(): string {
    return this.#options.request.sessionId;
  }

  get caller(): string {
    return this.#options.caller;
  }

  get model(): string | undefined {
    return this.#options.request.model;
  }

  get options(): StepContext["options"] {
    return this.#options.request.options;
  }

  get signal(): AbortSignal {
    return this.#cancelling.signal;
  }

  searchDocuments(query: string, limit: number): Promise<readonly ChatSource[]> {
    return this.#options.search(query, limit, this.signal);
  }

  ask(question: SideQuestion): Promise<string> {
    const { gateway, caller, access, requestId, request } = this.#options;
    return askBeside(question, { gateway, caller, access, requestId, request, signal: this.signal });
  }

  async *generate(instructions: readonly string[]): AsyncIterable<WrittenFrames> {
    for await (const reply of this.relay(instructions)) {
      for (let bytes = await reply.next(); bytes !== undefined; bytes = await reply.next()) {
        yield { isWritten: true, bytes };
      }
    }
  }

  async *relay(instructions: readonly string[]): AsyncIterable<RelayedReply> {
    const { gateway, caller, access, requestId, request, isThin } = this.#options;
    // Of its own: the reply runs ahead of what the step hands on.
    const frames = new FrameWriter(this.#frames.lastId);
    const generation = new Generation(frames, this.state);
    const reply = new RunningReply(generation);
    const response = await gateway.converse(tokenSurface(generation, frames), {
      request: this.#compose(instructions),
      hints: { sessionId: this.sessionId, thin: isThin },
      upstream: request.upstream,
      signal: this.signal,
      caller,
      access,
      requestId,
      outlet: reply,
    });
    this.state.upstream = response.headers.get("x-upstream") ?? undefined;
    const leave = (): void => reply.leave();
    this.signal.addEventListener("abort", leave, { once: true });
    if (this.signal.aborted) leave();
    try {
      yield reply;
      await reply.leaveOut();
    } finally {
      this.signal.removeEventListener("abort", leave);
      this.state.answer += generation.text;
      this.state.reasoning += generation.reasoning;
      // Hung up in the middle of a frame's way: a body that was read to its end is closed already.
      if (!generation.isComplete) leave();
    }
    this.signal.throwIfAborted();
    if (generation.error !== undefined) throw generation.error;
    if (!generation.isComplete)
      throw new GatewayError("upstream-failed", "The answer broke off: send the message again");
  }

  #compose(instructions: readonly string[]): ChatRequest {
    const { request, content, isThin } = this.#options;
    // Who knows the rest is asked with what is new alone.
    const history = isThin ? [] : this.#options.history;
    const { reasoning, web_search, max_tokens, temperature } = request.options;
    const system: Message[] = instructions.map((text) => ({ role: "system", content: [{ type: "text", text }] }));
    return {
      surface: "typed-chat",
      model: request.model,
      messages: [...system, ...history, { role: "user", content }],
      tools: [],
      toolChoice: undefined,
      stream: true,
      includeUsage: true,
      maxTokens: max_tokens,
      reasoning: reasoning === undefined ? {} : { enabled: reasoning },
      sampling: temperature === undefined ? {} : { temperature },
      webSearch: web_search,
      session: {},
      body: {},
    };
  }

  async *#run(): AsyncGenerator<ReplayChunk | RelayedReply, void> {
    try {
      yield this.#write({ metadata: this.#opening() });
      for await (const event of runSteps(this.#options.steps, this)) {
        if (!isWritten(event)) yield this.#write(event);
        else yield "bytes" in event ? this.#numbered(event.bytes) : event;
      }
      await this.#keep("complete", undefined);
      this.#frames.event({ metadata: this.#closing() });
      this.#frames.event("[DONE]");
      yield this.#taken();
    } catch (error) {
      if (this.signal.aborted) return;
      const failure = toGatewayError(error);
      // What a client is told says nothing of its cause.
      if (failure.kind === "internal") this.log.error(failure.message, {}, error);
      else this.log.info(`the answer failed: ${failure.message}`, { kind: failure.kind });
      await this.#keep("failed", failure);
      yield this.#write({ error: failure.message });
    }
  }

  #write(event: ChatStreamEvent): ReplayChunk {
    this.#record.note(event);
    this.#frames.event(event);
    return this.#taken();
  }

  #taken(): ReplayChunk {
    return { bytes: this.#frames.take(), lastId: this.#frames.lastId };
  }

  #opening() {
    const { streamId, question, begun } = this.#options;
    return {
      stream_id: streamId,
      session_id: this.sessionId,
      model: this.#modelName,
      user_message_id: question.id,
      message_id: begun.id,
      parent_id: question.parentId,
    };
  }

  #closing() {
    const { usage, finishReason, upstream } = this.state;
    return {
      stream_id: this.#options.streamId,
      session_id: this.sessionId,
      model: this.#modelName,
      ...(upstream !== undefined && { upstream }),
      finish_reason: finishReason ?? "stop",
      prompt_tokens: usage?.inputTokens ?? 0,
      completion_tokens: usage?.outputTokens ?? 0,
      total_tokens: usage?.totalTokens ?? 0,
    };
  }

  get #modelName(): string {
    return this.state.model ?? this.#options.request.model ?? this.#options.defaultModel;
  }

  /** Once. A store that fails costs the memory of the answer and not the answer. */
  async #keep(status: "complete" | "stopped" | "failed", error: GatewayError | undefined): Promise<void> {
    if (this.#isKept) return;
    this.#isKept = true;
    const { store, begun } = this.#options;
    try {
      await store.endTurn(this.caller, this.sessionId, this.#record.asMessage(begun, this.state, status, error));
    } catch (failure) {
      this.log.error("Cannot keep an answer", {}, failure);
    }
    this.#kept.resolve();
  }
}
