// Events to callbacks: which event goes where, how far the stream has come, and how it ended. One for all attempts.

import { describeFailure, SSEError } from "./errors.ts";
import type { AgentProgress, AgentResult, ParsedSSEEvent, SSECallbacks, Source, StreamMetadata } from "./events.ts";

export type Log = (message: string, detail?: unknown) => void;

export class Delivery {
  /** Events that callbacks have heard of. */
  count = 0;
  /** The end mark came, or an error behind which nothing comes. */
  isEnded = false;
  /** What the stream said went wrong. */
  error: SSEError | undefined;
  streamId: string | undefined;
  lastEventId: string | undefined;
  readonly #callbacks: SSECallbacks;
  readonly #log: Log;
  /** The ids of this connection follow those of an earlier one. */
  #isContinued = false;

  constructor(callbacks: SSECallbacks, log: Log) {
    this.#callbacks = callbacks;
    this.#log = log;
  }

  /** A connection was made that should bring what is behind `lastEventId`. */
  continue(): void {
    this.#isContinued = true;
  }

  take(event: ParsedSSEEvent): void {
    if (this.isEnded || this.#isRepeated(event)) return;
    this.lastEventId = event.id ?? this.lastEventId;
    if (event.data.trim() === "[DONE]") {
      this.isEnded = true;
      return;
    }
    const data = this.#parse(event);
    // Behind an error of the agent only its last word counts.
    if (data === undefined || (this.error !== undefined && event.event !== "done")) return;
    this.count += 1;
    this.#callbacks.onEvent?.(data, event);
    if (typeof data === "object" && data !== null) this.#route(event.event, data as Readonly<Record<string, unknown>>);
    else if (event.event === "error") this.#takeError({ message: data }, true);
  }

  /** Tells the caller, unless it was told or wanted this itself. @returns what the stream ends with */
  fail(error: SSEError): SSEError {
    if (error.code === "aborted") return error;
    // What breaks behind the server's own words says less than they do.
    if (this.error !== undefined) return this.error;
    this.#callbacks.onError?.(error);
    return error;
  }

  /** A server that does not know of `Last-Event-ID` begins at the beginning. */
  #isRepeated(event: ParsedSSEEvent): boolean {
    return this.#isContinued && event.id !== undefined && Number(event.id) <= Number(this.lastEventId ?? Number.NaN);
  }

  #parse(event: ParsedSSEEvent): unknown {
    if (event.data.trim() === "") return undefined;
    try {
      return JSON.parse(event.data);
    } catch {
      // Many servers tell of errors in plain words.
      if (event.event === "error") return event.data;
      this.#log("Skipped an event that is not JSON", event.data);
      return undefined;
    }
  }

  #route(type: string, data: Readonly<Record<string, unknown>>): void {
    const callbacks = this.#callbacks;
    // The casts below trust the server in what lies deeper than the first level, as the types of the callbacks say.
    if (type === "progress") return callbacks.onProgress?.(data as unknown as AgentProgress);
    if (type === "done") {
      this.isEnded = true;
      return callbacks.onDone?.(data as unknown as AgentResult);
    }
    const { stage, token, reasoning, sources, quality_score: score, follow_up_questions: questions, metadata } = data;
    if (isObject(metadata)) {
      if (typeof metadata["stream_id"] === "string") this.streamId = metadata["stream_id"];
      callbacks.onMetadata?.(metadata as StreamMetadata);
    }
    if (typeof stage === "string") callbacks.onStage?.(stage);
    if (Array.isArray(sources)) callbacks.onSources?.(sources as readonly Source[]);
    if (typeof reasoning === "string") callbacks.onReasoning?.(reasoning);
    if (typeof token === "string") callbacks.onToken?.(token);
    if (typeof score === "number") callbacks.onQualityScore?.(score);
    if (Array.isArray(questions)) callbacks.onFollowUps?.(questions as readonly string[]);
    const isNamed = type === "error";
    if (isNamed || (data["error"] ?? false) !== false) this.#takeError(data, isNamed);
  }

  /** The agent's errors have a name and its result behind them; in the typed chat an error is the last event. */
  #takeError(data: Readonly<Record<string, unknown>>, isNamed: boolean): void {
    const { message, code } = describeFailure(data);
    this.error = new SSEError("server", message, { serverCode: code });
    this.isEnded = !isNamed;
    this.#callbacks.onError?.(this.error);
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
