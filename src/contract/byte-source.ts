// Bytes as they come, one synchronous call a chunk: a fetch body and the own transport look alike.

export interface ByteSink {
  /** The bytes are the sink's from here on: it may keep them and hand them on, and nobody writes to them again. */
  chunk(bytes: Uint8Array): void;
  /** The peer ended cleanly. Neither `end` nor `fail` is called twice, nor after `cancel`. */
  end(): void;
  fail(error: unknown): void;
}

export interface ByteSource {
  /** Called once. No chunk is delivered before it, nor while paused. */
  start(sink: ByteSink): void;
  pause(): void;
  resume(): void;
  /** Gives the connection up. Safe at any time and more than once. */
  cancel(): void;
}
