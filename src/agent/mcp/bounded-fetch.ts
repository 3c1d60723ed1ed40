// The `fetch` of the HTTP transports: bounds what a server may send, makes its answers exact, and fails a request whose
// answer will not come.
// The SDK reads bodies of any size, and waits on when a stream ends before it has brought the answer.

import { createEventWatch } from "./event-watch.ts";
import { createExactBody } from "./exact-body.ts";

export type FetchLike = (url: string | URL, init?: RequestInit) => Promise<Response>;

export interface BoundedFetchOptions {
  readonly maxMessageBytes: number;
  readonly fetch: FetchLike;
  /** A request will not be answered any more. Told also where it has been: nobody waits then. */
  unanswered(id: number, reason: "oversized" | "ended"): void;
  /** A stream that belongs to no request was too long. */
  broken(): void;
  /** A stream for messages of the server's own is opened. */
  listening(): void;
}

/** A stream that has ended, which the SDK asks the server to go on with. */
interface InterruptedStream {
  /** Of its last event. Servers that count anew in each stream have several of one id. */
  readonly eventId: string;
  /** Of the request. */
  readonly id: number;
  /** The request was refused in it, or is called off: the SDK asks all the same, and gives up the connection where it cannot. */
  isOver: boolean;
  isAskedFor: boolean;
}

/** More is not read of an answer that is a refusal. */
const maxRefusalBytes = 65_536;

export function createBoundedFetch(options: BoundedFetchOptions): FetchLike {
  /** Bodies of running requests, by id: those of a cancelled one are not read to their end. */
  const running = new Map<number, AbortController>();
  const interrupted = new Set<InterruptedStream>();

  async function ask(url: string | URL, init: RequestInit, id: number | undefined): Promise<Response> {
    const cancelled = new AbortController();
    if (id !== undefined) running.set(id, cancelled);
    const signal = init.signal == null ? cancelled.signal : AbortSignal.any([init.signal, cancelled.signal]);
    try {
      // Bun's own option: streams of servers are silent for as long as there is nothing to say.
      const response = await options.fetch(url, { ...init, signal, ...{ timeout: false } });
      if (response.body === null) {
        if (id !== undefined) running.delete(id);
        return response;
      }
      const body = bound(response, response.body, id, cancelled.signal);
      const { status, statusText, headers } = response;
      return new Response(body, { status, statusText, headers });
    } catch (error) {
      if (id !== undefined) running.delete(id);
      throw error;
    }
  }

  function bound(
    response: Response,
    body: ReadableStream<Uint8Array>,
    id: number | undefined,
    cancelled: AbortSignal,
  ): ReadableStream<Uint8Array> {
    const contentType = response.headers.get("content-type");
    const isStream = /^text\/event-stream\b/i.test(contentType ?? "");
    const exact = response.ok ? createExactBody(contentType, id) : undefined;
    const watch = createEventWatch(response.ok ? options.maxMessageBytes : maxRefusalBytes, isStream);
    const reader = body.getReader();
    const onEnd = (): void => {
      if (id !== undefined) running.delete(id);
    };
    const fail = (reason: "oversized" | "ended"): void => {
      onEnd();
      if (id !== undefined) options.unanswered(id, reason);
      else if (reason === "oversized") options.broken();
    };
    /** @returns false: nobody will ask for the rest */
    const isTakenUp = (): boolean => {
      const eventId = exact?.resumesBehind();
      if (eventId === undefined) return false;
      const isOver = cancelled.aborted || exact?.hasRefused() === true;
      if (id !== undefined) interrupted.add({ eventId, id, isOver, isAskedFor: false });
      return true;
    };
    const end = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
      const rest = exact?.end();
      if (rest !== undefined && rest.length > 0) controller.enqueue(rest);
      // A whole body is parsed behind this, and what is no message fails by itself.
      if (isStream ? !isTakenUp() : exact?.isUnanswered()) queueMicrotask(() => setTimeout(fail, 0, "ended"));
      else onEnd();
      controller.close();
    };
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          let taken: Uint8Array | undefined;
          while (taken === undefined || taken.length === 0) {
            const { value, done } = await reader.read();
            if (done) return end(controller);
            if (watch.isTooLong(value)) {
              void reader.cancel().catch(() => undefined);
              controller.error(new Error("the answer is too long"));
              return fail("oversized");
            }
            taken = exact === undefined ? value : exact.feed(value);
          }
          controller.enqueue(taken);
        } catch (error) {
          controller.error(error);
          if (isStream && !isTakenUp()) fail("ended");
          else onEnd();
        }
      },
      cancel(reason) {
        onEnd();
        return reader.cancel(reason);
      },
    });
  }

  function callOff(id: number): void {
    running.get(id)?.abort();
    for (const stream of interrupted) if (stream.id === id) stream.isOver = true;
  }

  async function listen(url: string | URL, init: RequestInit): Promise<Response> {
    const eventId = new Headers(init.headers).get("last-event-id");
    const stream = [...interrupted].find((one) => one.eventId === eventId && !one.isAskedFor);
    if (stream === undefined) return await ask(url, init, undefined);
    stream.isAskedFor = true;
    try {
      // By this status servers say that there is no such stream, which the SDK leaves at that.
      const response = stream.isOver ? new Response(null, { status: 405 }) : await ask(url, init, stream.id);
      if (response.ok || response.status === 405) interrupted.delete(stream);
      if (response.status === 405) options.unanswered(stream.id, "ended");
      return response;
    } finally {
      // With any other refusal it asks once more, and then gives up the connection.
      stream.isAskedFor = false;
    }
  }

  return async (url, init = {}) => {
    if (init.method === "GET") {
      options.listening();
      return await listen(url, init);
    }
    const sent = readSent(init.body);
    if (sent.cancels !== undefined) callOff(sent.cancels);
    return await ask(url, init, sent.asks);
  };
}

/** Which request is sent, and which one is called off. */
export function readSent(body: unknown): {
  readonly asks?: number;
  readonly method?: string;
  readonly cancels?: number;
} {
  // Only our own messages, which are short at this end: the SDK writes method, parameters and then the id.
  if (typeof body !== "string" || !body.startsWith("{")) return {};
  try {
    const message: unknown = JSON.parse(body);
    if (typeof message !== "object" || message === null) return {};
    if (!("method" in message) || typeof message.method !== "string") return {};
    if ("id" in message && typeof message.id === "number") return { asks: message.id, method: message.method };
    if (message.method !== "notifications/cancelled" || !("params" in message)) return {};
    const { params } = message;
    if (typeof params !== "object" || params === null || !("requestId" in params)) return {};
    return typeof params.requestId === "number" ? { cancels: params.requestId } : {};
  } catch {
    return {};
  }
}
