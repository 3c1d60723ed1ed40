// The outbound interface over a `fetch`: the platform's, or the in-process emulator's.

import type { ByteSink, ByteSource } from "../contract/byte-source.ts";
import { codeOf } from "../contract/thrown.ts";
import { connectionError, type HttpClient, joinHeaders, type OutboundRequest } from "./http-client.ts";
import type { RequestSlots } from "./request-slots.ts";

export type FetchFunction = (request: Request, options?: TransportOptions) => Promise<Response>;

/**
 * Bun's own options. Measured on 1.4.5: they count beside a request only, not within it.
 * The idle timeout is switched off because the gateway keeps its own clocks.
 */
export interface TransportOptions {
  readonly timeout: false;
  /** False: over a connection of its own. */
  readonly keepalive?: false;
  /** False: bodies stay packed. */
  readonly decompress?: false;
}

/** @param slots given where the runtime bounds how many requests run at a time */
export function createFetchClient(fetchFunction: FetchFunction, slots?: RequestSlots): HttpClient {
  /** Origins that have answered: a connection to them may be kept, and have been closed meanwhile by the other side. */
  const answered = new Set<string>();

  /** A request that met a connection which was closed before is sent once more, over a new one. */
  async function fetchFresh(request: OutboundRequest, origin: string): Promise<Response> {
    // A stream cannot be sent twice, so it goes over a connection that nobody can have closed meanwhile.
    if (request.body instanceof ReadableStream) {
      return await fetchFunction(toRequest(request), { timeout: false, keepalive: false });
    }
    try {
      return await fetchFunction(toRequest(request), { timeout: false });
    } catch (error) {
      // Bun repeats a GET by itself. Unless a connection may have been kept, the reset is an answer of its own.
      const isStale = !request.signal.aborted && codeOf(error) === "ECONNRESET" && answered.delete(origin);
      if (!isStale) throw error;
      return await fetchFunction(toRequest(request), { timeout: false, keepalive: false });
    }
  }

  return {
    async send(request) {
      const { origin } = new URL(request.url);
      const release = slots?.take() ?? noSlot;
      try {
        const response = await fetchFresh(request, origin);
        if (answered.size < maxOrigins) answered.add(origin);
        if (response.body === null) release();
        return {
          status: response.status,
          headers: response.headers,
          body: response.body === null ? emptySource : fromStream(response.body, release),
        };
      } catch (error) {
        release();
        if (request.signal.aborted) throw request.signal.reason;
        throw connectionError("Cannot reach the upstream", error);
      }
    },
  };
}

function toRequest(request: OutboundRequest): Request {
  const init: RequestInit = {
    method: request.method,
    headers: joinHeaders(request),
    signal: request.signal,
    redirect: "manual",
  };
  if (request.body !== undefined) init.body = toBody(request.body);
  return new Request(request.url, init);
}

/** A Blob joins the pieces by the only copy that is made of them. */
function toBody(body: NonNullable<OutboundRequest["body"]>): string | Uint8Array | Blob | ReadableStream<Uint8Array> {
  if (typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream) return body;
  return new Blob([...body]);
}

function noSlot(): void {}

/** Upstreams are few; addresses that users give must not fill the memory. */
const maxOrigins = 1000;

/**
 * A web stream as a byte source: one read at a time, none while paused.
 * @param onDone called once, when nothing is read any more: at the end, a failure or a cancel
 */
export function fromStream(stream: ReadableStream<Uint8Array>, onDone: () => void = noSlot): ByteSource {
  const reader = stream.getReader();
  let sink: ByteSink | undefined;
  let paused = false;
  let reading = false;
  let done = false;

  const onRead = (result: { done: boolean; value?: Uint8Array | undefined }): void => {
    reading = false;
    if (done) return;
    if (result.done) {
      done = true;
      onDone();
      sink?.end();
      return;
    }
    if (result.value !== undefined) sink?.chunk(result.value);
    read();
  };
  const onError = (error: unknown): void => {
    reading = false;
    if (done) return;
    done = true;
    onDone();
    sink?.fail(error);
  };
  function read(): void {
    if (reading || paused || done) return;
    reading = true;
    reader.read().then(onRead, onError);
  }

  return {
    start(newSink) {
      sink = newSink;
      read();
    },
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      if (sink !== undefined) read();
    },
    cancel() {
      if (done) return;
      done = true;
      onDone();
      // Nothing can be done about a failure to give up.
      reader.cancel().catch(() => {});
    },
  };
}

const emptySource: ByteSource = {
  start(sink) {
    sink.end();
  },
  pause() {},
  resume() {},
  cancel() {},
};

/** Bytes that are there already, as a source. */
export function fromBytes(bytes: Uint8Array): ByteSource {
  let cancelled = false;
  return {
    start(sink) {
      queueMicrotask(() => {
        if (cancelled) return;
        sink.chunk(bytes);
        if (!cancelled) sink.end();
      });
    },
    pause() {},
    resume() {},
    cancel() {
      cancelled = true;
    },
  };
}
