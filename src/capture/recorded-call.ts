// One call of a captured exchange to an upstream.

import {
  type HttpClient,
  joinHeaders,
  type OutboundRequest,
  type OutboundResponse,
  type ResponseHeaders,
} from "../outbound/http-client.ts";
import type { Cover } from "./cover-secrets.ts";
import type { ExchangeCapture } from "./exchange-capture.ts";
import type { Wire } from "./format.ts";
import { piecesOf } from "./pieces.ts";
import { tellReason } from "./reason-of.ts";
import { RecordedSource } from "./recorded-source.ts";
import { recordStream, type StreamHooks } from "./recorded-stream.ts";

export interface CallContext {
  readonly wire: Wire;
  readonly calling: { readonly capture: ExchangeCapture; readonly upstream: string };
  readonly recorder: {
    readonly cover: Cover;
    /** Runs what follows as this exchange's. */
    as(calling: CallContext["calling"], work: () => void): void;
  };
}

/** @throws what sending throws, after it is noted */
export async function recordCall(
  http: HttpClient,
  request: OutboundRequest,
  { wire, recorder, calling }: CallContext,
): Promise<OutboundResponse> {
  const { cover } = recorder;
  const { capture, upstream } = calling;
  const call = capture.calls({
    method: request.method,
    url: cover.url(request.url),
    headers: cover.headers(Object.entries(joinHeaders(request))),
    upstream,
    wire,
  });
  const body = noteBody(request.body, {
    chunk: (bytes) => capture.bytes("request", bytes, call),
    over: (how, error) => capture.ends({ of: "request", how, ...tellReason(error, cover) }, call),
  });
  try {
    const response = await http.send(body === request.body ? request : { ...request, body });
    capture.answered({ status: response.status, headers: cover.headers(listHeaders(response.headers)) }, call);
    const source = new RecordedSource(response.body, {
      chunk: (bytes) => capture.bytes("answer", bytes, call),
      over: (how, error) => capture.ends({ of: "answer", how, ...tellReason(error, cover) }, call),
      run: (work) => recorder.as(calling, work),
    });
    return { ...response, body: source };
  } catch (error) {
    const how = request.signal.aborted ? "given-up" : "failed";
    capture.ends({ of: "answer", how, ...tellReason(error, cover) }, call);
    throw error;
  }
}

/** @returns what is to be sent in its place: of a stream one that is noted while it is sent */
function noteBody(body: OutboundRequest["body"], hooks: StreamHooks): OutboundRequest["body"] {
  if (body === undefined) return body;
  if (body instanceof ReadableStream) return recordStream(body, hooks);
  const parts = typeof body === "string" ? [Buffer.from(body)] : body instanceof Uint8Array ? [body] : body;
  for (const part of parts) for (const piece of piecesOf(part)) hooks.chunk(piece);
  hooks.over("complete");
  return body;
}

/** Both kinds of headers that there are can be listed; the contract asks for less. */
function listHeaders(headers: ResponseHeaders): Iterable<readonly [string, string]> {
  return Symbol.iterator in headers ? (headers as Iterable<readonly [string, string]> & ResponseHeaders) : [];
}
