// The outbound interface over sockets of our own: no promise and no thread in between for a byte that arrives, no limit
// of requests in flight. HTTP/1.1 only; proxies and everything else are the platform's business.

import type { ByteSink, ByteSource } from "../contract/byte-source.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { connectionError, type HttpClient, type OutboundRequest, type OutboundResponse } from "./http-client.ts";
import { type ConnectionPool, createConnectionPool } from "./connection-pool.ts";
import { decodeBody } from "./decode-body.ts";
import { createFetchClient } from "./fetch-client.ts";
import { encodeRequest, type HeldRequest } from "./http1-request.ts";
import { Http1Error } from "./http1-error.ts";
import type { Http1Headers } from "./http1-headers.ts";
import { Http1Reader, type Http1Sink } from "./http1-reader.ts";
import { type RequestTarget, RequestTargets } from "./request-target.ts";
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
  const uploads = options.uploads ?? createFetchClient((request, transport) => fetch(request, transport));

  function send(request: OutboundRequest): Promise<OutboundResponse> {
    return isHeld(request) ? sendHeld(request) : uploads.send(request);
  }

  async function sendHeld(request: HeldRequest): Promise<OutboundResponse> {
    request.signal.throwIfAborted();
    const target = targets.of(request.url);
    const pieces = encodeChecked(request, target);
    const key = `${target.origin}\n${request.headers["authorization"] ?? ""}\n${request.headers["cookie"] ?? ""}`;
    for (let isRepetition = false; ; isRepetition = true) {
      const kept = isRepetition ? undefined : pool.take(key);
      try {
        const connection = kept ?? (await pool.connect(target.url, request.signal));
        return await new Promise((resolve, reject) => {
          new Answer(connection, request, { pool, key, resolve, reject }).begin(pieces);
        });
      } catch (error) {
        if (request.signal.aborted) throw request.signal.reason;
        // The peer closed it while it lay idle, before it saw this request: a new one will do.
        if (kept !== undefined && error instanceof StaleConnection) continue;
        throw connectionError("Cannot reach the upstream", error);
      }
    }
  }

  return { send, close: () => pool.closeIdle() };
}

function isHeld(request: OutboundRequest): request is HeldRequest {
  return !(request.body instanceof ReadableStream);
}

function encodeChecked(request: HeldRequest, target: RequestTarget): readonly Uint8Array[] {
  try {
    return encodeRequest(request, target);
  } catch (error) {
    if (!(error instanceof Http1Error)) throw error;
    throw new GatewayError("upstream-failed", `Cannot send the request: ${error.message}`, { cause: error });
  }
}

/** What becomes of an answer's head, and of its connection afterwards. */
interface AnswerOwner {
  readonly pool: ConnectionPool;
  readonly key: string;
  resolve(response: OutboundResponse): void;
  /** It failed before its head. */
  reject(error: unknown): void;
}

/** What may come before anybody listens, until the socket is paused. */
const maxHeldBytes = 64 * 1024;

/** One answer on a connection, and the byte source of its body. */
class Answer implements ByteSource, ConnectionUser, Http1Sink, EventListenerObject {
  readonly #connection: SocketConnection;
  readonly #signal: AbortSignal;
  readonly #owner: AnswerOwner;
  readonly #reader: Http1Reader;
  #sink: ByteSink | undefined;
  /** What came before `start`, or in one read with the chunk at which the source was paused. */
  #held: Uint8Array[] | undefined;
  #heldBytes = 0;
  #hasHead = false;
  /** The reader has seen the end of the body. */
  #isWhole = false;
  #isOver = false;
  #isPaused = false;
  /** What went wrong before anybody listened. */
  #failure: { readonly error: unknown } | undefined;

  constructor(connection: SocketConnection, request: OutboundRequest, owner: AnswerOwner) {
    this.#connection = connection;
    this.#signal = request.signal;
    this.#owner = owner;
    this.#reader = new Http1Reader(this, { method: request.method });
  }

  begin(pieces: readonly Uint8Array[]): void {
    this.#signal.addEventListener("abort", this, { once: true });
    this.#connection.use(this);
    this.#connection.write(pieces);
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
    if (!this.#isOver) this.#connection.pause();
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
    else this.#connection.resume();
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
    this.#hasHead = true;
    this.#owner.resolve(decodeBody({ status, headers, body: this }));
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
    if (this.#heldBytes > maxHeldBytes) this.#connection.pause();
  }

  complete(reusable: boolean): void {
    this.#isWhole = true;
    // An answer may come before the request is out: what is left of it must not end within the next one.
    this.#leave(reusable && this.#connection.isWritten);
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
    if (!this.#hasHead) return this.#owner.reject(error);
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
    const { pool, key } = this.#owner;
    if (reusable) pool.give(key, this.#connection);
    else this.#connection.close();
  }
}
