// The body of an upstream's answer on its way in: noted chunk by chunk, handed on as it came.

import type { ByteSink, ByteSource } from "../contract/byte-source.ts";

export interface SourceHooks {
  chunk(bytes: Uint8Array): void;
  /** Called once. `error` where it failed. */
  over(how: "complete" | "failed" | "given-up", error?: unknown): void;
  /** Runs what the reader does with a chunk, so that the calls it makes are known as this exchange's. */
  run(work: () => void): void;
}

export class RecordedSource implements ByteSource, ByteSink {
  readonly #source: ByteSource;
  readonly #hooks: SourceHooks;
  #sink: ByteSink | undefined;
  #isOver = false;

  constructor(source: ByteSource, hooks: SourceHooks) {
    this.#source = source;
    this.#hooks = hooks;
  }

  start(sink: ByteSink): void {
    this.#sink = sink;
    this.#source.start(this);
  }

  pause(): void {
    this.#source.pause();
  }

  resume(): void {
    this.#source.resume();
  }

  cancel(): void {
    this.#end("given-up");
    this.#source.cancel();
  }

  chunk(bytes: Uint8Array): void {
    this.#hooks.chunk(bytes);
    this.#hooks.run(() => this.#sink?.chunk(bytes));
  }

  end(): void {
    this.#end("complete");
    this.#hooks.run(() => this.#sink?.end());
  }

  fail(error: unknown): void {
    this.#end("failed", error);
    this.#hooks.run(() => this.#sink?.fail(error));
  }

  #end(how: "complete" | "failed" | "given-up", error?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#hooks.over(how, error);
  }
}
