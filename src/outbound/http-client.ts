// The way out: one interface for every request to an upstream, with the body as a byte source. The transport stands behind it.

import type { ByteSink, ByteSource } from "../contract/byte-source.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { codeOf } from "../contract/thrown.ts";

export interface OutboundRequest {
  readonly method: "GET" | "POST" | "DELETE" | "PUT";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Further headers, of an object that many requests share and nobody changes: it may be written out once for all of them. */
  readonly lastingHeaders?: Readonly<Record<string, string>>;
  /** Pieces are sent as one body. A stream is sent as it comes; its length stands in `content-length`, if it is known. */
  readonly body?: string | Uint8Array | readonly Uint8Array[] | ReadableStream<Uint8Array> | undefined;
  /** Ends the request at any time, the body included. */
  readonly signal: AbortSignal;
  /**
   * Over a socket of its own, which is closed behind the answer: no other request will have its credentials. Where the platform
   * keeps connections, it does as it does. @defaultValue false
   */
  readonly isLast?: boolean;
}

/** What is read of an answer's headers, by names in lower case. */
export type ResponseHeaders = Pick<Headers, "get" | "getSetCookie">;

export interface OutboundResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: ByteSource;
}

export interface HttpClient {
  /**
   * Resolves with the head; the body has not been read.
   * @throws the signal's reason when it is aborted, else a GatewayError `upstream-failed` that may be retried.
   */
  send(request: OutboundRequest): Promise<OutboundResponse>;
}

/**
 * Reads a whole body as text.
 * @param maxBytes beyond it the rest is given up and what came is returned
 */
export function readText(body: ByteSource, maxBytes: number, signal: AbortSignal): Promise<string> {
  return new TextReader(body, maxBytes, signal).read();
}

/** One body on its way to a text. */
class TextReader implements ByteSink, EventListenerObject {
  readonly #body: ByteSource;
  readonly #maxBytes: number;
  readonly #signal: AbortSignal;
  readonly #answer = Promise.withResolvers<string>();
  /** Mostly there is no other: it is decoded at the end. */
  #first: Uint8Array | undefined;
  /** There is, as soon as a second chunk comes. */
  #decoder: TextDecoder | undefined;
  #text = "";
  #received = 0;

  constructor(body: ByteSource, maxBytes: number, signal: AbortSignal) {
    this.#body = body;
    this.#maxBytes = maxBytes;
    this.#signal = signal;
  }

  read(): Promise<string> {
    this.#signal.addEventListener("abort", this);
    if (this.#signal.aborted) this.handleEvent();
    else this.#body.start(this);
    return this.#answer.promise;
  }

  /** The signal is aborted. */
  handleEvent(): void {
    this.#stop();
    this.#answer.reject(this.#signal.reason);
  }

  chunk(bytes: Uint8Array): void {
    this.#received += bytes.length;
    if (this.#received === bytes.length) this.#first = bytes;
    else this.#decode(bytes);
    if (this.#received < this.#maxBytes) return;
    this.#stop();
    this.#answer.resolve(this.#decoder === undefined ? this.#decodeFirst(true) : this.#text);
  }

  end(): void {
    this.#stop();
    this.#answer.resolve(this.#decoder === undefined ? this.#decodeFirst(false) : this.#text + this.#decoder.decode());
  }

  fail(error: unknown): void {
    this.#stop();
    this.#answer.reject(unreadable(error, this.#signal));
  }

  #decode(bytes: Uint8Array): void {
    if (this.#decoder === undefined) {
      this.#decoder = new TextDecoder();
      this.#text = this.#decoder.decode(this.#first, cutAnywhere);
    }
    this.#text += this.#decoder.decode(bytes, cutAnywhere);
  }

  /** @param isCut what follows is given up: a character that is not whole is left out */
  #decodeFirst(isCut: boolean): string {
    if (this.#first === undefined) return "";
    return isCut ? new TextDecoder().decode(this.#first, cutAnywhere) : wholeDecoder.decode(this.#first);
  }

  #stop(): void {
    this.#signal.removeEventListener("abort", this);
    this.#body.cancel();
  }
}

/** Of an answer that broke off. One that was given up fails with the reason for that, whoever hears of it first. */
export function unreadable(error: unknown, { aborted, reason }: AbortSignal): unknown {
  return aborted ? reason : connectionError("Cannot read the answer of the upstream", error);
}

const cutAnywhere = { stream: true };
const wholeDecoder = new TextDecoder();

/** All headers of a request in one. */
export function joinHeaders({ headers, lastingHeaders }: OutboundRequest): OutboundRequest["headers"] {
  return lastingHeaders === undefined ? headers : { ...lastingHeaders, ...headers };
}

/** A transport's failure as an error that clients may read; the transport's own words stay in `cause`. */
export function connectionError(action: string, cause: unknown): GatewayError {
  const code = codeOf(cause);
  return new GatewayError("upstream-failed", `${action}: ${describeFailure(code)}`, { cause, retryable: true });
}

/** In words that anybody may read. @param code of the runtime, "" for none */
export function describeFailure(code: string): string {
  switch (code) {
    case "ECONNREFUSED":
    case "ConnectionRefused":
      return "nothing answers at its address";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "its name cannot be resolved";
    case "ECONNRESET":
    case "ConnectionClosed":
      return "the connection was closed";
    case "ETIMEDOUT":
      return "no connection could be made in time";
    // Those of http1-error.ts and of Bun's fetch (1.4). Mostly another service listens there, or one that speaks TLS.
    case "InvalidHTTPResponse":
    case "Malformed_HTTP_Response":
      return "its answer is no valid HTTP";
    default:
      return code.includes("CERT") ? "its certificate is not trusted" : "the connection failed";
  }
}
