// The streams of the gateway, from the first request to the last: attempts, the waits between them, and coming back for the
// rest. What was delivered is never delivered again: where that cannot be helped, the stream ends with its error.

import { Delivery, isObject } from "./delivery.ts";
import { SSEError, toSSEError } from "./errors.ts";
import type { SSECallbacks } from "./events.ts";
import { exchange, type StreamRequest } from "./exchange.ts";
import { defaultTimeoutMs, type SSEOptions } from "./options.ts";
import { streamAddress } from "./stream-address.ts";
import { systemTimers } from "./timers.ts";
import { Watch } from "./watch.ts";

export interface ReconnectOptions extends Omit<SSEOptions, "maxRetries"> {
  /**
   * Reconnections behind the first attempt.
   * @defaultValue 5
   */
  readonly maxReconnects?: number;
}

export interface ResumeOptions extends Omit<SSEOptions, "resume"> {
  /** The last event that is not wanted again. Absent: all are wanted. */
  readonly lastEventId?: string;
}

/**
 * Sends `body` and delivers the events of the answer. Resolves when the whole answer has come, and rejects with what
 * `onError` was told, or with `aborted` when `signal` stopped it. An attempt that failed before anything was delivered is
 * repeated, unless a repetition cannot help: a refusal, silence, an error that the stream told.
 * @throws {SSEError}
 * @example await streamSSE("/api/chat/stream", { message: "Hello" }, { onToken: (token) => output.append(token) });
 */
export async function streamSSE(
  url: string | URL,
  body: unknown,
  callbacks: SSECallbacks,
  signal?: AbortSignal,
  options: SSEOptions = {},
): Promise<void> {
  const retries = (options.maxRetries ?? 3) - 1;
  await follow({ url: String(url), body, callbacks, signal, options, retries });
}

/**
 * `streamSSE` with one attempt.
 * @throws {SSEError}
 */
export async function connectSSE(
  url: string | URL,
  body: unknown,
  callbacks: SSECallbacks,
  signal?: AbortSignal,
  options: SSEOptions = {},
): Promise<void> {
  await follow({ url: String(url), body, callbacks, signal, options, retries: 0 });
}

/**
 * `streamSSE` for connections that drop: `resume` is on, and there are 5 reconnections after 1, 2, 4, 8 and 16 s, counted
 * from 1 again when something new has come. When they are used up, the error says so.
 * @throws {SSEError}
 */
export async function streamWithReconnect(
  url: string | URL,
  body: unknown,
  callbacks: SSECallbacks,
  signal?: AbortSignal,
  options: ReconnectOptions = {},
): Promise<void> {
  await follow({
    url: String(url),
    body,
    callbacks,
    signal,
    options: { resume: true, ...options },
    retries: options.maxReconnects ?? 5,
    exhausted: "Max reconnection attempts reached",
  });
}

/**
 * Reads a stream that was begun earlier, after a reload for instance, and comes back when the connection drops.
 * @param url Where the stream was begun.
 * @throws {SSEError} also `http` with status 404 or 410, when the server no longer has it
 */
export async function resumeSSE(
  url: string | URL,
  streamId: string,
  callbacks: SSECallbacks,
  signal?: AbortSignal,
  options: ResumeOptions = {},
): Promise<void> {
  const { lastEventId, ...others } = options;
  await follow({
    url: String(url),
    callbacks,
    signal,
    options: { ...others, resume: true },
    retries: (options.maxRetries ?? 3) - 1,
    from: { streamId, lastEventId },
  });
}

interface Journey {
  readonly url: string;
  readonly body?: unknown;
  readonly callbacks: SSECallbacks;
  readonly signal: AbortSignal | undefined;
  readonly options: SSEOptions;
  /** Attempts in a row behind the first, or behind one that brought something new. */
  readonly retries: number;
  /** What is said when they are used up; absent: what the last one failed of. */
  readonly exhausted?: string;
  /** A stream that runs already. */
  readonly from?: { readonly streamId: string; readonly lastEventId: string | undefined };
}

async function follow(journey: Journey): Promise<void> {
  const { callbacks, options, signal, from } = journey;
  const timers = options.timers ?? systemTimers;
  const delivery = new Delivery(callbacks, logOf(options));
  delivery.streamId = from?.streamId;
  delivery.lastEventId = from?.lastEventId;
  const whole = new Watch(signal, options.totalTimeout ?? 0, timers);
  try {
    const request = compose(journey, from && delivery);
    await attempt(journey, request, delivery, whole);
  } catch (error) {
    // What a callback threw is the caller's own.
    throw error instanceof SSEError ? delivery.fail(error) : error;
  } finally {
    whole.release();
  }
  callbacks.onComplete?.();
}

/** One request after the other, until one brings the end. */
async function attempt(journey: Journey, first: StreamRequest, delivery: Delivery, whole: Watch): Promise<void> {
  const { options, retries } = journey;
  // Where there may be a rest to come back for, only the mark is an end.
  const mayEndUnmarked = () => !options.resume || (delivery.count > 0 && !canComeBack(journey, delivery));
  let request = first;
  let failures = 0;
  for (;;) {
    const countBefore = delivery.count;
    const watch = new Watch(whole.signal, options.timeout ?? defaultTimeoutMs, options.timers ?? systemTimers);
    try {
      return await exchange(request, delivery, watch, options, mayEndUnmarked);
    } catch (error) {
      const next = nextRequest(error, journey, first, delivery);
      if (next === undefined || whole.signal.aborted) throw error;
      failures = delivery.count > countBefore ? 1 : failures + 1;
      if (failures > retries) throw exhaust(error as SSEError, journey);
      request = next;
      await pauseBefore(failures, error as SSEError, journey, whole);
    } finally {
      watch.release();
    }
  }
}

/** What may be tried after a failure; undefined: nothing that would not repeat something, or fail again. */
function nextRequest(
  error: unknown,
  journey: Journey,
  first: StreamRequest,
  delivery: Delivery,
): StreamRequest | undefined {
  if (!(error instanceof SSEError) || !error.isTransient) return undefined;
  if (canComeBack(journey, delivery)) return compose(journey, delivery);
  // A server that was silent for so long has begun to work on it: to ask again would be to ask twice.
  return delivery.count > 0 || error.code === "timeout" ? undefined : first;
}

/** The server knows the stream, and we can say where we are in it. */
function canComeBack({ options }: Journey, delivery: Delivery): boolean {
  const { streamId, lastEventId, count } = delivery;
  return options.resume === true && streamId !== undefined && (count === 0 || lastEventId !== undefined);
}

/** @param delivery How far an earlier one has come: for the rest of it. Absent: the first one */
function compose({ url, body, options }: Journey, delivery?: Delivery): StreamRequest {
  try {
    const headers = new Headers(options.headers);
    headers.set("accept", "text/event-stream");
    if (delivery === undefined) {
      headers.set("content-type", "application/json");
      const sent = options.resume && isObject(body) ? { ...body, resumable: true } : body;
      return { url, method: "POST", headers, body: JSON.stringify(sent) };
    }
    const { lastEventId, streamId = "" } = delivery;
    if (lastEventId !== undefined) {
      headers.set("last-event-id", lastEventId);
      delivery.continue();
    }
    return { url: streamAddress(url, streamId), method: "GET", headers };
  } catch (cause) {
    // Of a header that none may be, or of a body that is no JSON. The runtime's words would quote a key.
    throw toSSEError(cause, "http");
  }
}

function exhaust(error: SSEError, { retries, exhausted }: Journey): SSEError {
  if (exhausted === undefined || retries === 0) return error;
  return new SSEError(error.code, exhausted, { cause: error, status: error.status });
}

async function pauseBefore(attempt: number, error: SSEError, journey: Journey, whole: Watch): Promise<void> {
  const { callbacks, options, retries } = journey;
  const backoffMs = (options.retryDelay ?? 1000) * 2 ** (attempt - 1);
  const delayMs = Math.max(backoffMs, error.retryAfterMs ?? 0);
  const message = `Reconnecting in ${delayMs}ms (attempt ${attempt}/${retries})`;
  if (callbacks.onReconnect) callbacks.onReconnect(message, { attempt, maxAttempts: retries, delayMs });
  else logOf(options)(message);
  await whole.pause(delayMs);
}

function logOf(options: SSEOptions): (message: string, detail?: unknown) => void {
  return options.log ?? ((message, detail) => console.warn(message, ...(detail === undefined ? [] : [detail])));
}
