// What a caller may choose about a stream.

import type { Timers } from "./timers.ts";

/** `fetch`, as far as it is needed here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface RequestOptions {
  /** Sent with every request, such as `Authorization`. */
  readonly headers?: Headers | Readonly<Record<string, string>>;
  /**
   * Longest silence in milliseconds: no head, and then no byte, keep-alive comments included. 0 waits for ever.
   * @defaultValue 60_000
   */
  readonly timeout?: number;
  /** @defaultValue the global `fetch` */
  readonly fetch?: Fetch;
  /** For tests that do not wait. */
  readonly timers?: Timers;
}

export interface SSEOptions extends RequestOptions {
  /**
   * Attempts in all, the first included.
   * @defaultValue 3
   */
  readonly maxRetries?: number;
  /**
   * Milliseconds before the second attempt; it doubles with each one.
   * @defaultValue 1000
   */
  readonly retryDelay?: number;
  /**
   * Longest time for everything, attempts and waits included, in milliseconds.
   * @defaultValue no limit
   */
  readonly totalTimeout?: number;
  /**
   * Asks the server to go on when the connection drops (`resumable: true` in the body), and comes back for the rest.
   * Then `maxRetries` counts attempts in a row that brought nothing new.
   * @defaultValue false
   */
  readonly resume?: boolean;
  /**
   * Hears of events that were skipped, and of reconnections that no callback hears of.
   * @defaultValue console.warn
   */
  readonly log?: (message: string, detail?: unknown) => void;
}

export const defaultTimeoutMs = 60_000;
