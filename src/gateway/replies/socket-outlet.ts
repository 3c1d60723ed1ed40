// A reply straight to a socket of the server: no queue of a stream between them, no promise for each chunk, and 4 KB less.

import type { Liveness, Watched } from "./liveness.ts";
import type { OpenOutlet, OutletSource } from "./reply-outlet.ts";

export interface SocketBodyOptions {
  readonly liveness: Liveness;
  /** The client does not read what it was sent: its connection may be closed. */
  readonly onAbandoned?: (() => void) | undefined;
}

/** What the runtime gives a direct stream whose reader is a socket. */
interface SocketSink {
  /** @returns how many bytes, or a promise while the socket takes no more: they are kept, and it resolves when it does again */
  write(bytes: Uint8Array): number | Promise<unknown>;
  flush(): unknown;
  end(): unknown;
}

/** What pours itself into an outlet. */
export interface PouredReply {
  pourInto(outlet: OpenOutlet): void;
  /** The reader has left before anything was poured. */
  cancel(): void;
}

/**
 * The body of an answer of `Bun.serve`. Nobody else may read it: whoever does is sent all at once, however slowly he reads.
 * @see https://bun.com/docs/api/streams#direct-readablestream
 */
export function socketBody(reply: PouredReply, options: SocketBodyOptions): ReadableStream<Uint8Array> {
  let outlet: SocketOutlet | undefined;
  return new ReadableStream<Uint8Array>({
    type: "direct",
    pull(sink: unknown): Promise<void> {
      outlet = new SocketOutlet(sink as SocketSink, options);
      reply.pourInto(outlet);
      return outlet.over;
    },
    cancel(): void {
      if (outlet === undefined) reply.cancel();
      else outlet.cancel();
    },
  });
}

class SocketOutlet implements OpenOutlet {
  /** The runtime ends the answer when it resolves. */
  readonly over: Promise<void>;
  readonly #sink: SocketSink;
  readonly #options: SocketBodyOptions;
  readonly #resolveOver: () => void;
  #source: OutletSource | undefined;
  #isBehind = false;
  #isOver = false;
  /** The reply is over, and its client behind. */
  #wait: Watched | undefined;

  constructor(sink: SocketSink, options: SocketBodyOptions) {
    this.#sink = sink;
    this.#options = options;
    ({ promise: this.over, resolve: this.#resolveOver } = Promise.withResolvers<void>());
  }

  open(source: OutletSource): void {
    this.#source = source;
  }

  /** The socket has a buffer of its own: it wants more until that is full. */
  get desiredSize(): number {
    return this.#isBehind || this.#isOver ? 0 : 1;
  }

  enqueue(bytes: Uint8Array): void {
    if (this.#isOver) return;
    const written = this.#sink.write(bytes);
    if (typeof written === "number") return void this.#sink.flush();
    if (this.#isBehind) return;
    this.#isBehind = true;
    const goOn = (): void => this.#goOn();
    // It also settles when the client has left, which `cancel` tells.
    void written.then(goOn, goOn);
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#isBehind) this.#awaitReader();
    else this.#end();
  }

  cancel(): void {
    this.#stopWaiting();
    if (!this.#isOver) this.#source?.cancel();
    this.#isOver = true;
    this.#resolveOver();
  }

  #goOn(): void {
    this.#isBehind = false;
    if (!this.#isOver) void this.#source?.pull();
    else if (this.#wait !== undefined) this.#end();
  }

  /** An answer that has ended is nobody's any more: whoever never reads its last bytes would keep the connection for ever. */
  #awaitReader(): void {
    const { liveness, onAbandoned } = this.#options;
    const nowMs = liveness.now();
    const giveUp = (): void => {
      onAbandoned?.();
      this.#end();
    };
    this.#wait = {
      startedAtMs: nowMs,
      lastByteAtMs: undefined,
      pausedAtMs: nowMs,
      lastWriteAtMs: nowMs,
      expire: giveUp,
      cut: giveUp,
      heartbeat: () => {},
    };
    liveness.watch(this.#wait);
  }

  #stopWaiting(): void {
    if (this.#wait !== undefined) this.#options.liveness.unwatch(this.#wait);
    this.#wait = undefined;
  }

  #end(): void {
    this.#stopWaiting();
    this.#sink.end();
    this.#resolveOver();
  }
}
