// What comes out of the streams of the gateway, as types: the typed chat and the agent.

import type { SSEError } from "./errors.ts";

/** A passage that an answer rests on. */
export interface Source {
  readonly chunk_id: string;
  readonly document_id?: string;
  readonly document_name: string;
  readonly text: string;
  /** 0 to 1. */
  readonly score: number;
  /** Of a page on the web, http or https. */
  readonly url?: string;
}

/** Comes first and last. Fields may grow. */
export interface StreamMetadata {
  readonly stream_id?: string;
  readonly session_id?: string;
  readonly model?: string;
  readonly user_message_id?: string;
  readonly message_id?: string;
  readonly parent_id?: string | null;
  readonly upstream?: string;
  readonly finish_reason?: string;
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly total_tokens?: number;
  readonly [name: string]: unknown;
}

/** One event of the typed chat, as its JSON says it. One event may hold several of the keys. */
export type SSEEvent =
  | { readonly stage: string }
  | { readonly token: string }
  | { readonly reasoning: string }
  | { readonly sources: readonly Source[] }
  | { readonly quality_score: number }
  | { readonly follow_up_questions: readonly string[] }
  | { readonly metadata: StreamMetadata }
  | { readonly error: string };

/** The agent says what it does. */
export interface AgentProgress {
  /** Such as `analyzing`, `discovering`, `selecting`, `executing`, `completed`. */
  readonly type: string;
  readonly message: string;
  /** Epoch milliseconds. */
  readonly timestamp: number;
}

/** What came of one command of the agent. */
export interface AgentCommandResult {
  readonly service: string;
  readonly command: string;
  readonly success: boolean;
  /** What it was called with; absent where that is long. */
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
  readonly error?: string;
  readonly durationMs?: number;
}

/** The agent is done. */
export interface AgentResult {
  readonly success: boolean;
  /** Milliseconds. */
  readonly totalExecutionTime: number;
  readonly results: readonly AgentCommandResult[];
  readonly answer?: string;
  readonly needsClarification?: boolean;
  readonly clarificationQuestion?: string;
  /** Commands that wait for a word of the user. */
  readonly pending?: unknown;
  readonly [name: string]: unknown;
}

/** An event before anybody asks what its data mean. */
export interface ParsedSSEEvent {
  /** The type: "message" when the stream names none. */
  readonly event: string;
  /** Data lines, joined by LF. */
  readonly data: string;
  /** Absent: the event has none of its own. */
  readonly id?: string;
}

export interface ReconnectAttempt {
  /** Counts from 1, and from 1 again when a connection has brought something new. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly delayMs: number;
}

/** All of them optional. What has the right type is delivered, 0, "" and [] included. */
export interface SSECallbacks {
  onStage?(stage: string): void;
  onToken?(token: string): void;
  onReasoning?(text: string): void;
  onSources?(sources: readonly Source[]): void;
  onQualityScore?(score: number): void;
  onFollowUps?(questions: readonly string[]): void;
  onMetadata?(metadata: StreamMetadata): void;
  onProgress?(progress: AgentProgress): void;
  onDone?(result: AgentResult): void;
  /** Every event that holds JSON, before the callback of its key: for keys that have none. */
  onEvent?(data: unknown, event: ParsedSSEEvent): void;
  /** "Reconnecting in <delay>ms (attempt <n>/<max>)", before the wait. */
  onReconnect?(message: string, attempt: ReconnectAttempt): void;
  /** Once, when the whole answer has come. Never behind `onError`. */
  onComplete?(): void;
  /** Once, when the stream failed for good. Not when the caller stopped it. The promise rejects with the same error. */
  onError?(error: SSEError): void;
}
