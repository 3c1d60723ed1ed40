// The beginning of a body, held until it has been looked at; then the body as if nobody had.

import type { ByteSink, ByteSource } from "../contract/byte-source.ts";
import { unreadable } from "./http-client.ts";

/**
 * Resolves with the body when so many bytes are there, or all.
 * @param signal of the request, which ends its body too
 * @throws the signal's reason when it is aborted before; {GatewayError} `upstream-failed` when the body breaks
 */
export async function holdBeginning(body: ByteSource, enoughBytes: number, signal: AbortSignal): Promise<HeldSource> {
  try {
    return await HeldSource.begin(body, enoughBytes);
  } catch (error) {
    throw unreadable(error, signal);
  }
}

export class HeldSource implements ByteSource, ByteSink {
  readonly #source: ByteSource;
  readonly #enoughBytes: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #sink: ByteSink | undefined;
  #isPaused = false;
  #isWhole = false;
  #failure: { readonly error: unknown } | undefined;
  #onEnough: ((failure: { readonly error: unknown } | undefined) => void) | undefined;

  private constructor(source: ByteSource, enoughBytes: number) {
    this.#source = source;
    this.#enoughBytes = enoughBytes;
  }

  /** Resolves with the source when so many bytes are there, or all. @throws what the body failed with before */
  static async begin(source: ByteSource, enoughBytes: number): Promise<HeldSource> {
    const held = new HeldSource(source, enoughBytes);
    const failure = await new Promise<{ readonly error: unknown } | undefined>((resolve) => {
      held.#onEnough = resolve;
      source.start(held);
    });
    if (failure !== undefined) throw failure.error;
    return held;
  }

  /** What is held now. */
  get bytes(): Uint8Array {
    return Buffer.concat(this.#held, this.#heldBytes);
  }

  /** Nothing comes behind what is held. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  start(sink: ByteSink): void {
    this.#sink = sink;
    // Not within the call: whoever starts a source is not ready for its chunks yet.
    queueMicrotask(() => this.#goOn());
  }

  pause(): void {
    this.#isPaused = true;
    this.#source.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#sink !== undefined) this.#goOn();
  }

  cancel(): void {
    this.#sink = undefined;
    this.#held = [];
    this.#source.cancel();
  }

  chunk(bytes: Uint8Array): void {
    if (this.#sink !== undefined && this.#held.length === 0 && !this.#isPaused) return this.#sink.chunk(bytes);
    this.#held.push(bytes.slice());
    this.#heldBytes += bytes.length;
    if (this.#heldBytes < this.#enoughBytes) return;
    this.#source.pause();
    this.#tellEnough(undefined);
  }

  end(): void {
    this.#isWhole = true;
    this.#tellEnough(undefined);
    if (this.#sink !== undefined && this.#held.length === 0) this.#takeSink()?.end();
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.#tellEnough(this.#failure);
    if (this.#sink !== undefined && this.#held.length === 0) this.#takeSink()?.fail(error);
  }

  #goOn(): void {
    while (this.#held.length > 0 && !this.#isPaused && this.#sink !== undefined) {
      const bytes = this.#held.shift()!;
      this.#heldBytes -= bytes.length;
      this.#sink.chunk(bytes);
    }
    if (this.#isPaused || this.#sink === undefined) return;
    if (this.#failure !== undefined) this.#takeSink()?.fail(this.#failure.error);
    else if (this.#isWhole) this.#takeSink()?.end();
    else this.#source.resume();
  }

  #takeSink(): ByteSink | undefined {
    const sink = this.#sink;
    this.#sink = undefined;
    return sink;
  }

  #tellEnough(failure: { readonly error: unknown } | undefined): void {
    this.#onEnough?.(failure);
    this.#onEnough = undefined;
  }
}
