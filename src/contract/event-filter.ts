// A decoder around a decoder: it hears what the other one says, and tells of it what it likes.

import type { UpstreamEvent } from "./events.ts";
import { jsonText } from "./json.ts";
import type { EventDecoder } from "./upstream.ts";

/** What changes a reply stands in `accept`, and says the rest by `say`. */
export abstract class EventFilter implements EventDecoder {
  readonly #decoder: EventDecoder;
  readonly #onEvent = (event: UpstreamEvent): void => this.accept(event);
  #emit: (event: UpstreamEvent) => void = () => {};

  constructor(decoder: EventDecoder) {
    this.#decoder = decoder;
  }

  /** UTF-16 units of what was heard and not said yet. */
  protected abstract readonly heldChars: number;

  /** Of the inner decoder: its view is valid only now. */
  protected abstract accept(event: UpstreamEvent): void;

  /** True from when on nothing more is heard. */
  protected get isOver(): boolean {
    return false;
  }

  get pendingBytes(): number {
    return this.#decoder.pendingBytes + this.heldChars;
  }

  feed(chunk: Uint8Array, emit: (event: UpstreamEvent) => void): void {
    this.#emit = emit;
    if (!this.isOver) this.#decoder.feed(chunk, this.#onEvent);
  }

  end(emit: (event: UpstreamEvent) => void): void {
    this.#emit = emit;
    if (!this.isOver) this.#decoder.end(this.#onEvent);
  }

  protected say(event: UpstreamEvent): void {
    this.#emit(event);
  }

  /** Nothing where there are no words. */
  protected sayText(text: string): void {
    if (text !== "") this.#emit({ type: "text-delta", text: jsonText(text) });
  }
}
