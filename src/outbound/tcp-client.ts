// The outbound interface over sockets of our own: no promise and no thread in between for a byte that arrives, no limit
// of requests in flight. HTTP/1.1 only; proxies and everything else are the platform's business.

import type { ByteSink } from "../contract/byte-source.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { connectionError, type HttpClient, type OutboundRequest, type OutboundResponse } from "./http-client.ts";
import { createConnectionPool, type PooledConnection } from "./connection-pool.ts";
import { decodeBody } from "./decode-body.ts";
import { encodeRequest } from "./http1-request.ts";
import { Http1Error } from "./http1-error.ts";
import { Http1Reader } from "./http1-reader.ts";

export interface TcpClientOptions {
  /** Name lookup, connection and handshake together. @defaultValue 10_000 */
  readonly connectTimeoutMs?: number;
  /** How long an idle connection is kept. @defaultValue 30_000 */
  readonly idleMs?: number;
  /** Idle connections kept for each origin and credential. @defaultValue 256 */
  readonly maxIdle?: number;
  /** Certificate authorities besides the built-in ones, in PEM. */
  readonly ca?: string;
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

  async function send(request: OutboundRequest): Promise<OutboundResponse> {
    request.signal.throwIfAborted();
    const url = new URL(request.url);
    const bytes = encodeChecked(request, url);
    const key = `${url.origin}\n${request.headers["authorization"] ?? ""}\n${request.headers["cookie"] ?? ""}`;
    for (let isRepetition = false; ; isRepetition = true) {
      const kept = isRepetition ? undefined : pool.take(key);
      try {
        const connection = kept ?? (await pool.connect(url, request.signal));
        return await exchange(connection, key, request, bytes);
      } catch (error) {
        if (request.signal.aborted) throw request.signal.reason;
        // The peer closed it while it lay idle, before it saw this request: a new one will do.
        if (kept !== undefined && error instanceof StaleConnection) continue;
        throw connectionError("Cannot reach the upstream", error);
      }
    }
  }

  function exchange(
    connection: PooledConnection,
    key: string,
    request: OutboundRequest,
    bytes: Uint8Array,
  ): Promise<OutboundResponse> {
    return new Promise((resolve, reject) => {
      const answer = new Answer(connection, request, {
        head: (status, headers) => resolve(decodeBody({ status, headers, body: answer })),
        failedBeforeHead: reject,
        released: () => pool.give(key, connection),
      });
      answer.begin(bytes);
    });
  }

  return { send, close: () => pool.closeIdle() };
}

function encodeChecked(request: OutboundRequest, url: URL): Uint8Array {
  try {
    return encodeRequest(request, url);
  } catch (error) {
    if (!(error instanceof Http1Error)) throw error;
    throw new GatewayError("upstream-failed", `Cannot send the request: ${error.message}`, { cause: error });
  }
}

interface AnswerHooks {
  head(status: number, headers: Headers): void;
  failedBeforeHead(error: unknown): void;
  /** The connection may carry another request. */
  released(): void;
}

/** One answer on a connection, and the byte source of its body. Paused between the head and `start`. */
class Answer {
  readonly #connection: PooledConnection;
  readonly #signal: AbortSignal;
  readonly #hooks: AnswerHooks;
  readonly #reader: Http1Reader;
  readonly #onAbort = (): void => this.#fail(this.#signal.reason);
  #sink: ByteSink | undefined;
  /** What came in one read with the head, or with the chunk at which the source was paused: no more than one read. */
  readonly #held: Uint8Array[] = [];
  #hasHead = false;
  /** The reader has seen the end of the body. */
  #isWhole = false;
  #isOver = false;
  #isPaused = false;
  /** What went wrong before anybody listened. */
  #failure: { readonly error: unknown } | undefined;

  constructor(connection: PooledConnection, request: OutboundRequest, hooks: AnswerHooks) {
    this.#connection = connection;
    this.#signal = request.signal;
    this.#hooks = hooks;
    this.#reader = new Http1Reader(
      {
        head: (status, headers) => this.#onHead(status, headers),
        body: (bytes) => this.#onBody(bytes),
        complete: (reusable) => this.#onComplete(reusable),
      },
      { method: request.method },
    );
  }

  begin(bytes: Uint8Array): void {
    this.#signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#connection.use({
      data: (chunk) => this.#onData(chunk),
      closed: (error) => this.#onClosed(error),
    });
    this.#connection.write(bytes);
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
    while (this.#held.length > 0 && !this.#isPaused && this.#sink === sink) sink?.chunk(this.#held.shift()!);
    if (this.#isPaused || this.#sink === undefined) return;
    if (this.#isWhole) this.#tellEnd();
    else if (this.#failure !== undefined) this.#tellFailure(this.#failure.error);
    else this.#connection.resume();
  }

  cancel(): void {
    this.#sink = undefined;
    if (!this.#isOver) this.#leave(false);
  }

  #onHead(status: number, headers: Headers): void {
    this.#hasHead = true;
    this.#connection.pause();
    this.#hooks.head(status, headers);
  }

  #onData(chunk: Uint8Array): void {
    if (this.#isOver) return;
    try {
      this.#reader.feed(chunk);
    } catch (error) {
      this.#fail(error);
    }
  }

  #onBody(bytes: Uint8Array): void {
    if (this.#sink !== undefined && !this.#isPaused && this.#held.length === 0) this.#sink.chunk(bytes);
    // The chunk is the socket's again.
    else if (!this.#isOver) this.#held.push(bytes.slice());
  }

  #onComplete(reusable: boolean): void {
    this.#isWhole = true;
    this.#leave(reusable);
    if (this.#sink !== undefined && !this.#isPaused && this.#held.length === 0) this.#tellEnd();
  }

  #tellEnd(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.end();
  }

  #onClosed(cause: unknown): void {
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
    if (!this.#hasHead) return this.#hooks.failedBeforeHead(error);
    if (this.#sink === undefined || this.#isPaused || this.#held.length > 0) this.#failure = { error };
    else this.#tellFailure(error);
  }

  #tellFailure(error: unknown): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.fail(error);
  }

  #leave(reusable: boolean): void {
    this.#isOver = true;
    this.#signal.removeEventListener("abort", this.#onAbort);
    if (reusable) this.#hooks.released();
    else this.#connection.close();
  }
}
