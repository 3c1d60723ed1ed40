// One request and its answer, read to the end. Whether there is another one is decided elsewhere.

import type { Delivery } from "./delivery.ts";
import { SSEError, toHttpError, toSSEError } from "./errors.ts";
import { createEventReader } from "./event-reader.ts";
import type { Fetch, RequestOptions } from "./options.ts";
import type { Watch } from "./watch.ts";

export interface StreamRequest {
  readonly url: string;
  readonly method: "GET" | "POST" | "DELETE";
  readonly headers: Headers;
  readonly body?: string;
  readonly keepalive?: boolean;
}

/**
 * @param mayEndUnmarked Whether an end without end mark is an end too; else the connection counts as dropped.
 * @throws {SSEError} it failed, or the watch ended it
 */
export async function exchange(
  request: StreamRequest,
  delivery: Delivery,
  watch: Watch,
  options: RequestOptions,
  mayEndUnmarked: () => boolean,
): Promise<void> {
  const response = await send(request, watch, options);
  // Of a stream that is read on: nothing is left of it.
  if (response.status !== 204 || request.body) {
    delivery.streamId = response.headers?.get("x-stream-id") ?? delivery.streamId;
    await readEvents(response, delivery, watch, mayEndUnmarked);
  }
  if (delivery.error !== undefined) throw delivery.error;
}

/** The answer, if its status is 2xx. */
export async function send(request: StreamRequest, watch: Watch, options: RequestOptions): Promise<Response> {
  watch.check();
  // Looked up at each request: pages and tests replace the global one.
  const fetch: Fetch = options.fetch ?? globalThis.fetch;
  const { url, ...init } = request;
  const asked = fetch(url, { ...init, signal: watch.signal });
  const response = await watch.race(asked).catch((reason: unknown) => {
    // What answers too late is not left open.
    void asked.then(discard, () => {});
    throw toSSEError(watch.signal.aborted ? watch.signal.reason : reason, "network");
  });
  watch.touch();
  if (response.ok) return response;
  const refusal = await watch.race(readJson(response)).catch(() => undefined);
  watch.check();
  throw toHttpError(response, refusal);
}

/** Rejects where it is a page of a proxy, or nothing: the status has to do. */
async function readJson(response: Response): Promise<unknown> {
  return response.json();
}

function openBody(response: Response) {
  const { status } = response;
  // A stand-in for fetch may come without headers; only a head that says something else is wrong.
  const type = response.headers?.get("content-type");
  if (type && !/^text\/event-stream\b/i.test(type)) {
    discard(response);
    throw new SSEError("http", `Cannot read stream: expected "text/event-stream", the server sent "${type}"`, {
      status,
    });
  }
  try {
    // Null where there is none. That of a stand-in may be a stream of Node, or be read already by whoever logs it.
    return response.body!.getReader();
  } catch (cause) {
    throw new SSEError("http", "Cannot read stream: the answer has no readable body", { status, cause });
  }
}

async function readEvents(
  response: Response,
  delivery: Delivery,
  watch: Watch,
  mayEndUnmarked: () => boolean,
): Promise<void> {
  const reader = openBody(response);
  // Ends a pending read also where the body knows nothing of the signal. A stand-in may know nothing of it either.
  const cancel = () => void reader.cancel?.()?.catch(() => {});
  watch.signal.addEventListener("abort", cancel);
  const decoder = new TextDecoder();
  const events = createEventReader((event) => {
    // A callback may have stopped the stream in the middle of a chunk.
    if (!watch.signal.aborted) delivery.take(event);
  });
  try {
    while (!delivery.isEnded) {
      const { done, value } = await reader.read().catch((reason: unknown) => {
        watch.check();
        throw toSSEError(reason, "network");
      });
      watch.check();
      watch.touch();
      events.feed(decoder.decode(value, { stream: !done }));
      watch.check();
      if (!done) continue;
      const rest = events.end();
      if (rest !== undefined && (mayEndUnmarked() || rest.data.trim() === "[DONE]")) delivery.take(rest);
      if (delivery.isEnded || delivery.error !== undefined || mayEndUnmarked()) return;
      throw new SSEError("network");
    }
  } finally {
    watch.signal.removeEventListener("abort", cancel);
    cancel();
    reader.releaseLock();
  }
}

function discard(response: Response): void {
  // That of a stand-in may be a stream of Node.
  void response.body?.cancel?.()?.catch(() => {});
}
