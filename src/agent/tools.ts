// Tools of MCP servers as the agent sees them: found, called, and told apart by what they say of themselves.

import type { Access } from "../contract/access.ts";
import type { Json, JsonObject } from "../contract/json.ts";

/** Hints of the server, not promises. Absent: it did not say. */
export interface ToolHints {
  readonly readOnly?: boolean;
  readonly destructive?: boolean;
  readonly idempotent?: boolean;
  readonly openWorld?: boolean;
}

export interface AgentTool {
  /** Name of its server in the settings. */
  readonly server: string;
  /** As the server calls it. */
  readonly name: string;
  readonly description: string;
  /** JSON schema of the arguments. */
  readonly inputSchema: JsonObject;
  readonly hints: ToolHints;
  /** SHA-256 over server, name, description, schema and hints: what was approved is this and nothing that calls itself so. */
  readonly hash: string;
}

/** A server asks the person something in the middle of a call. */
export interface Elicitation {
  readonly message: string;
  /** JSON schema of a flat object. */
  readonly schema: JsonObject;
}

export type ElicitationAnswer =
  { readonly action: "accept"; readonly content: JsonObject } | { readonly action: "decline" | "cancel" };

export interface ToolCallOptions {
  /** Aborted: the server is told (`notifications/cancelled`), and the call rejects at once. */
  readonly signal: AbortSignal;
  onProgress?(message: string): void;
  /** What the run may use holds for what the server asks the model. @defaultValue everything */
  readonly access?: Access | undefined;
  /** Absent: the server is declined. */
  elicit?(asked: Elicitation): Promise<ElicitationAnswer>;
}

/** What a call gave, bounded and without control characters: data, never instructions. */
export interface ToolResult {
  readonly text: string;
  readonly structured?: Json;
  readonly isError: boolean;
  /** It was longer and has been cut. */
  readonly isCut: boolean;
}

export type ServerState = "idle" | "connecting" | "ready" | "failed" | "disabled";

export interface ToolServerView {
  readonly name: string;
  readonly state: ServerState;
  readonly transport: "stdio" | "http" | "sse";
  /** As far as they were listed. */
  readonly tools: number;
  /** Why it failed, in a sentence without secrets. */
  readonly error: string | undefined;
  /** Somebody has to sign in; `error` says how. */
  readonly needsSignIn?: true;
}

/** All configured servers. Connections are made when they are first needed. */
export interface ToolServers {
  /** At once, from what is known. */
  views(user: string): readonly ToolServerView[];
  /** The tools of all servers that answer; a server that fails is told by `views`, not thrown. Cached for a while. */
  discover(user: string, signal: AbortSignal): Promise<readonly AgentTool[]>;
  /** @throws {GatewayError} when the server cannot be reached, is gone, or takes too long */
  call(user: string, tool: AgentTool, input: JsonObject, options: ToolCallOptions): Promise<ToolResult>;
  /** Ends all connections and child processes. */
  close(): Promise<void>;
}
