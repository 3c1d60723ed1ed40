// The outbound interface over sockets of our own: no promise and no thread in between for a byte that arrives, no limit
// of requests in flight. HTTP/1.1 only; proxies and everything else are the platform's business.

import type { ByteSink, ByteSource } from "../contract/byte-source.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { connectionError, type HttpClient, type OutboundRequest, type OutboundResponse } from "./http-client.ts";
import { type ConnectionPool, createConnectionPool } from "./connection-pool.ts";
import { decodeBody } from "./decode-body.ts";
import { encodeRequest, type HeldRequest } from "./http1-request.ts";
import { Http1Error } from "./http1-error.ts";
import type { Http1Headers } from "./http1-headers.ts";
import { Http1Reader, type Http1Sink } from "./http1-reader.ts";
import { LastingHeaders } from "./lasting-headers.ts";
import { createPlatformClient } from "./platform-client.ts";
import { RequestTargets } from "./request-target.ts";
import type { ConnectionUser, SocketConnection } from "./socket-connection.ts";

export interface TcpClientOptions {
  /** Name lookup, connection and handshake together. @defaultValue 10_000 */
  readonly connectTimeoutMs?: number;
  /** How long an idle connection is kept. @defaultValue 30_000 */
  readonly idleMs?: number;
  /** Idle connections kept for each origin and credential. @defaultValue 1024 */
  readonly maxIdle?: number;
  /** Certificate authorities besides the built-in ones, in PEM. */
  readonly ca?: string;
  /** Where the peer's address is none of these, nothing is sent. @defaultValue any */
  readonly allowsAddress?: (address: string) => boolean;
  /** Carries bodies that are streams. @defaultValue the platform's fetch */
  readonly uploads?: HttpClient;
}

export interface TcpClient extends HttpClient {
  /** Closes idle connections; running answers go on. */
  close(): void;
}

/** The connection was closed by its peer while nobody used it: no word of the answer has come. */
class StaleConnection extends Error {
  readonly code = "ECONNRESET";
}

export function createTcpClient(options: TcpClientOptions = {}): TcpClient {
  const pool = createConnectionPool(options);
  const targets = new RequestTargets();
  const lasting = new LastingHeaders();
  const uploads = options.uploads ?? createPlatformClient((request, transport) => fetch(request, transport));

  function send(request: OutboundRequest): Promise<OutboundResponse> {
    if (!isHeld(request)) return uploads.send(request);
    try {
      request.signal.throwIfAborted();
      const target = targets.of(request.url);
      const written = lasting.of(request.lastingHeaders ?? noHeaders);
      const pieces = encodeRequest(request, target, written.fields);
      const key = written.connectionKey(target.origin, request.headers);
      return new Answer(request, target.url, pieces, key, pool).begin();
    } catch (error) {
      return Promise.reject(error instanceof Http1Error ? cannotSend(error) : error);
    }
  }

  return { send, close: () => pool.closeIdle() };
}

function isHeld(request: OutboundRequest): request is HeldRequest {
  return !(request.body instanceof ReadableStream);
}

const noHeaders = {};

function cannotSend(error: Http1Error): GatewayError {
  return new GatewayError("upstream-failed", `Cannot send the request: ${error.message}`, { cause: error });
}

/** What may come before anybody listens, until the socket is paused. */
const maxHeldBytes = 64 * 1024;

const nothing: readonly Uint8Array[] = [];

/** One request, its answer on a connection, and the byte source of the answer's body. */
class Answer implements ByteSource, ConnectionUser, Http1Sink, EventListenerObject {
  readonly #pool: ConnectionPool;
  readonly #url: URL;
  readonly #key: string;
  readonly #signal: AbortSignal;
  readonly #isLast: boolean;
  readonly #reader: Http1Reader;
  #connection: SocketConnection | undefined;
  /** It lay idle before: its peer may have closed it. */
  #isKept = false;
  /** As long as the head has not come. */
  #opening: PromiseWithResolvers<OutboundResponse> | undefined = Promise.withResolvers<OutboundResponse>();
  #pieces: readonly Uint8Array[];
  #sink: ByteSink | undefined;
  /** What came before `start`, or in one read with the chunk at which the source was paused. */
  #held: Uint8Array[] | undefined;
  #heldBytes = 0;
  /** The reader has seen the end of the body. */
  #isWhole = false;
  #isOver = false;
  #isPaused = false;
  /** What went wrong before anybody listened. */
  #failure: { readonly error: unknown } | undefined;

  /** @param key of the connections that may carry it */
  constructor(request: HeldRequest, url: URL, pieces: readonly Uint8Array[], key: string, pool: ConnectionPool) {
    this.#pool = pool;
    this.#url = url;
    this.#key = key;
    this.#signal = request.signal;
    this.#isLast = request.isLast === true;
    this.#pieces = pieces;
    this.#reader = new Http1Reader(this, request);
  }

  begin(): Promise<OutboundResponse> {
    const { promise } = this.#opening!;
    const kept = this.#isLast ? undefined : this.#pool.take(this.#key);
    this.#isKept = kept !== undefined;
    if (kept === undefined) this.#connect();
    else this.#use(kept);
    return promise;
  }

  #connect(): void {
    this.#pool.connect(this.#url, this.#signal).then(
      (connection) => this.#use(connection),
      (error: unknown) => this.#refuse(error),
    );
  }

  #use(connection: SocketConnection): void {
    this.#connection = connection;
    this.#isOver = false;
    this.#signal.addEventListener("abort", this);
    connection.use(this);
    connection.write(this.#pieces);
  }

  /** It failed before its head. */
  #refuse(error: unknown): void {
    if (this.#isKept && error instanceof StaleConnection && !this.#signal.aborted) {
      // The peer closed it while it lay idle, before it saw this request: a new one will do.
      this.#isKept = false;
      return this.#connect();
    }
    const { aborted, reason } = this.#signal;
    this.#opening?.reject(aborted ? reason : connectionError("Cannot reach the upstream", error));
  }

  /** The signal is aborted. */
  handleEvent(): void {
    this.#fail(this.#signal.reason);
  }

  start(sink: ByteSink): void {
    this.#sink = sink;
    // Not within the call: whoever starts a source is not ready for its chunks yet.
    queueMicrotask(() => this.#goOn());
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    if (!this.#isOver) this.#connection?.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#sink !== undefined) this.#goOn();
  }

  /** Delivers what was held back, then the end if it has come, else lets the socket read on. */
  #goOn(): void {
    const sink = this.#sink;
    while (this.#held !== undefined && !this.#isPaused && this.#sink === sink) sink?.chunk(this.#takeHeld(this.#held));
    if (this.#isPaused || this.#sink === undefined) return;
    if (this.#isWhole) this.#tellEnd();
    else if (this.#failure !== undefined) this.#tellFailure(this.#failure.error);
    else this.#connection?.resume();
  }

  #takeHeld(held: Uint8Array[]): Uint8Array {
    const bytes = held.shift()!;
    this.#heldBytes -= bytes.length;
    if (held.length === 0) this.#held = undefined;
    return bytes;
  }

  cancel(): void {
    this.#sink = undefined;
    if (!this.#isOver) this.#leave(false);
  }

  head(status: number, headers: Http1Headers): void {
    const opening = this.#opening;
    this.#opening = undefined;
    this.#pieces = nothing;
    opening?.resolve(decodeBody({ status, headers, body: this }));
  }

  data(chunk: Uint8Array): void {
    if (this.#isOver) return;
    try {
      this.#reader.feed(chunk);
    } catch (error) {
      this.#fail(error);
    }
  }

  body(bytes: Uint8Array): void {
    if (this.#sink !== undefined && !this.#isPaused && this.#held === undefined) return this.#sink.chunk(bytes);
    if (this.#isOver) return;
    this.#held ??= [];
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > maxHeldBytes) this.#connection?.pause();
  }

  complete(reusable: boolean): void {
    this.#isWhole = true;
    // An answer may come before the request is out: what is left of it must not end within the next one.
    this.#leave(reusable && !this.#isLast && this.#connection?.isWritten === true);
    if (this.#sink !== undefined && !this.#isPaused && this.#held === undefined) this.#tellEnd();
  }

  #tellEnd(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.end();
  }

  closed(cause: unknown): void {
    if (this.#isOver) return;
    if (this.#reader.isUntouched) return this.#fail(new StaleConnection("the connection was closed", { cause }));
    try {
      if (cause !== undefined) throw cause;
      this.#reader.end();
    } catch (error) {
      this.#fail(error instanceof Http1Error ? Object.assign(new Error(error.message), { code: "ECONNRESET" }) : error);
    }
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#leave(false);
    if (this.#opening !== undefined) return this.#refuse(error);
    if (this.#sink === undefined || this.#isPaused || this.#held !== undefined) this.#failure = { error };
    else this.#tellFailure(error);
  }

  #tellFailure(error: unknown): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.fail(error);
  }

  #leave(reusable: boolean): void {
    this.#isOver = true;
    this.#signal.removeEventListener("abort", this);
    const connection = this.#connection;
    if (connection === undefined) return;
    if (reusable) this.#pool.give(this.#key, connection);
    else connection.close();
  }
}
