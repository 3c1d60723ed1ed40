// The outbound interface over a `fetch`: the platform's, or the in-process emulator's.

import type { ByteSink, ByteSource } from "../contract/byte-source.ts";
import { connectionError, type HttpClient, type OutboundRequest } from "./http-client.ts";

export type FetchFunction = (request: Request) => Promise<Response>;

/** Bun's own options of a request: its idle timeout is switched off because the gateway keeps its own clocks. */
interface BunRequestInit extends RequestInit {
  timeout: false;
}

export function createFetchClient(fetchFunction: FetchFunction): HttpClient {
  return {
    async send(request) {
      try {
        const response = await fetchFunction(toRequest(request));
        return {
          status: response.status,
          headers: response.headers,
          body: response.body === null ? emptySource : fromStream(response.body),
        };
      } catch (error) {
        if (request.signal.aborted) throw request.signal.reason;
        throw connectionError("Cannot reach the upstream", error);
      }
    },
  };
}

function toRequest(request: OutboundRequest): Request {
  const init: BunRequestInit = {
    method: request.method,
    headers: request.headers,
    signal: request.signal,
    redirect: "manual",
    timeout: false,
  };
  if (request.body !== undefined) init.body = request.body;
  return new Request(request.url, init);
}

/** A web stream as a byte source: one read at a time, none while paused. */
export function fromStream(stream: ReadableStream<Uint8Array>): ByteSource {
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
