// What the agent does for one query, as those see it who ask: its progress, its result, its questions.

import type { Access } from "../contract/access.ts";
import type { Json, JsonObject } from "../contract/json.ts";
import type { Message, ToolCall, ToolChoice, ToolDefinition } from "../contract/chat-request.ts";
import type { ToolServerView } from "./tools.ts";

/** Rows R4-011 to R4-014. */
export interface AgentProgress {
  readonly type: "analyzing" | "discovering" | "selecting" | "executing" | "completed";
  readonly message: string;
  /** Epoch milliseconds, never less than that of the one before. */
  readonly timestamp: number;
}

/** One call of a tool, as `done` tells it. */
export interface AgentCallResult {
  /** The server. */
  readonly service: string;
  /** The tool. */
  readonly command: string;
  readonly success: boolean;
  /** What it was called with; left out where that is long. */
  readonly arguments?: JsonObject;
  readonly result?: Json;
  readonly error?: string;
  readonly durationMs: number;
}

/** What waits for a person: R4-015. */
export interface PendingConfirmation {
  readonly confirmation_id: string;
  readonly commands: readonly { readonly service: string; readonly command: string; readonly arguments: JsonObject }[];
  readonly risk: "write" | "destructive";
  /** Epoch milliseconds. */
  readonly expires_at: number;
  /** A server asks for data instead: what it asks for. */
  readonly question?: { readonly message: string; readonly schema: JsonObject };
}

export interface AgentResult {
  /** False exactly when there is an `error`. What waits for a person, or asks, has not failed. */
  readonly success: boolean;
  /** Milliseconds of work, also before a confirmation, without the wait for it. */
  readonly totalExecutionTime: number;
  /** Of the whole run, also before a confirmation. */
  readonly results: readonly AgentCallResult[];
  /** In words. */
  readonly answer?: string;
  readonly needsClarification?: boolean;
  readonly clarificationQuestion?: string;
  readonly pending?: PendingConfirmation;
  /** Why it failed: the `error` event that goes before. */
  readonly error?: { readonly code: string; readonly message: string };
  readonly session_id: string;
}

export interface RunOptions {
  /** Progress is told, to `onProgress`. @defaultValue true */
  readonly streaming?: boolean;
  onProgress?(progress: AgentProgress): void;
  /** Ends the run. Of a `GatewayError` that is its reason the message is told. */
  readonly signal?: AbortSignal;
  /** A follow-up knows what was done before in it. @defaultValue a new one */
  readonly sessionId?: string;
  readonly model?: string;
  readonly requestId?: string;
  /** What the user may use of the gateway. @defaultValue everything */
  readonly access?: Access | undefined;
}

export type Decision = "approve" | "reject";

export interface AgentEngine {
  /**
   * Never rejects for what goes wrong within a run: that is the result's `error`. It rejects before the first progress
   * or not at all.
   * @throws {GatewayError} `invalid-request` for a query that is none
   */
  processQuery(userId: string, query: string, options?: RunOptions): Promise<AgentResult>;
  /**
   * Goes on with what waited, once. It rejects before the first progress or not at all.
   * @param changed arguments instead of those that were asked about, where one command waits; or the data that a server
   * has asked for
   * @throws {GatewayError} `not-found` when there is no such question of this user, `gone` when it has expired or was
   * answered, `invalid-request` for changed arguments that do not fit: the question still waits then
   */
  confirm(
    userId: string,
    confirmationId: string,
    decision: Decision,
    options?: RunOptions & { readonly changed?: JsonObject },
  ): Promise<AgentResult>;
  /** Forgets a question. @returns false when there is none of this user */
  drop(userId: string, confirmationId: string): Promise<boolean>;
  /** Ends a running query of this user. @returns false when it runs no more */
  cancel(userId: string, sessionId: string): Promise<boolean>;
  capabilities(userId: string, signal: AbortSignal): Promise<AgentCapabilities>;
  /** Commands that the tools at hand can carry out, made from their schemas. */
  examples(userId: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Resolves when no run is under way. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export interface AgentCapabilities {
  readonly services: readonly (ToolServerView & {
    readonly commands: readonly {
      readonly name: string;
      readonly description: string;
      readonly risk: "read" | "write" | "destructive" | "denied";
    }[];
  })[];
}

/** One question to the model. */
export interface ModelQuestion {
  readonly messages: readonly Message[];
  readonly tools: readonly ToolDefinition[];
  readonly toolChoice: ToolChoice | undefined;
  readonly model: string | undefined;
  readonly maxTokens: number;
  readonly temperature?: number | undefined;
  /** Questions of one name follow one another: an upstream that keeps chats goes on in the same. Absent: it stands alone. */
  readonly conversation?: string;
  readonly userId: string;
  readonly access?: Access | undefined;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

export interface ModelAnswer {
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  readonly totalTokens: number;
}

/** Asks the model over any upstream, native or emulated tools alike. @throws {GatewayError} */
export type AskModel = (question: ModelQuestion) => Promise<ModelAnswer>;

/** No question of this name will follow soon. One that does all the same begins anew. */
export type ForgetConversation = (userId: string, conversation: string) => void;
