// Doing something again: attempts, growing and jittered delays, one deadline. Decides nothing about what may be repeated.

import { longestTimerMs } from "../config/setting-kinds.ts";
import { GatewayError } from "../contract/gateway-error.ts";

export interface RetryOptions {
  /** Attempts in all. @defaultValue 3 */
  readonly maxAttempts?: number;
  /** Delay before the second attempt, in milliseconds; it doubles from then on. @defaultValue 500 */
  readonly baseDelayMs?: number;
  /** @defaultValue 8000 */
  readonly maxDelayMs?: number;
  /** Epoch milliseconds after which no attempt starts. @defaultValue none */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** @defaultValue what a GatewayError says of itself; any other error but an abort may be repeated */
  readonly isRetryable?: (error: unknown) => boolean;
  /** Called before each wait. */
  readonly onRetry?: (error: unknown, attempt: number, delayMs: number) => void;
  /** From 0 to 1; jitter takes up to half of each delay away. @defaultValue Math.random */
  readonly random?: () => number;
}

/**
 * Runs `operation` until it succeeds, fails for good, or attempts or time are spent; then the last error is thrown.
 * @param operation gets the attempt's number, from 1
 */
export async function withRetry<T>(operation: (attempt: number) => Promise<T>, options: RetryOptions = {}): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation(attempt);
    } catch (error) {
      const delayMs = delayAfter(error, attempt, options);
      if (delayMs === undefined) throw error;
      options.onRetry?.(error, attempt, delayMs);
      await sleep(delayMs, options.signal);
    }
  }
}

/**
 * How many milliseconds to wait after a failed attempt, for whoever counts attempts himself.
 * @param attempt its number, from 1
 * @returns undefined when there is to be no further attempt
 */
export function delayAfter(error: unknown, attempt: number, options: RetryOptions): number | undefined {
  const { maxAttempts = 3, isRetryable = saysRetryable, deadlineMs } = options;
  if (attempt >= maxAttempts || options.signal?.aborted || !isRetryable(error)) return undefined;
  const delayMs = Math.max(retryDelay(attempt, options), askedDelay(error));
  return deadlineMs !== undefined && Date.now() + delayMs > deadlineMs ? undefined : delayMs;
}

/** Milliseconds to wait after the given attempt (from 1): base, twice, four times, at most `maxDelayMs`, less jitter. */
export function retryDelay(attempt: number, options: RetryOptions = {}): number {
  const full = Math.min((options.baseDelayMs ?? 500) * 2 ** (attempt - 1), options.maxDelayMs ?? 8000);
  const random = options.random ?? Math.random;
  return Math.round(full * (1 - random() / 2));
}

function saysRetryable(error: unknown): boolean {
  if (error instanceof GatewayError) return error.retryable;
  return !(error instanceof Error && error.name === "AbortError");
}

function askedDelay(error: unknown): number {
  return error instanceof GatewayError && !error.atOnce ? (error.retryAfterMs ?? 0) : 0;
}

/** Waits. @throws the signal's reason as soon as it is aborted */
export function sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      },
      Math.min(delayMs, longestTimerMs),
    );
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
