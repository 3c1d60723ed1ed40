// What the readers of a call's body have in common: they read on as text comes, each sign once, and say when it is whole.

import type { ToolDefinition } from "../contract/chat-request.ts";
import type { ToolWarningKind } from "./tool-warning.ts";

/** A call as found in text, its arguments repaired, not yet named by an id. */
export interface FoundCall {
  readonly tool: ToolDefinition;
  readonly argumentsText: string;
  readonly warnings: readonly ToolWarningKind[];
}

/**
 * - `more`: whole when more has come
 * - `whole`: the body ends where reading stopped; `calls` has them
 * - `failed`: this is no call of a declared tool
 */
export type ReaderState = "more" | "whole" | "failed";

export interface CallReader {
  readonly state: ReaderState;
  /** Valid once the state is `whole`. */
  readonly calls: readonly FoundCall[];
  /** A declared tool's name has been read. */
  readonly toolName: string | undefined;
  /** The closing tag around the call was read with it. */
  readonly hasReadClosing: boolean;
  /**
   * Reads on from `at`.
   * @returns the index up to which it has read: what follows has to come again, with more behind it
   */
  read(text: string, at: number): number;
  /**
   * The reply ended of itself: whole after all, if nothing but closing marks is missing.
   * @returns text behind the call that was taken for a part of it
   */
  finish(): string;
}
