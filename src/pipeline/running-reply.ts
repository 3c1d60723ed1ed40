// The frames of one reply as they come, until it ends or is longer than anybody reads. Hot.

import { GatewayError } from "../contract/gateway-error.ts";
import type { RelayedReply } from "./step.ts";
import type { Generation } from "./token-surface.ts";

/** Beyond it a model goes round in circles, and all of it is held until its end. */
const mostAnswerBytes = 16 * 1024 * 1024;

export class RunningReply implements RelayedReply {
  readonly isWritten = true;
  readonly #read: () => Promise<{ readonly value?: Uint8Array | undefined; readonly done: boolean }>;
  readonly #cancel: (reason: unknown) => Promise<void>;
  readonly #generation: Generation;
  #isOver = false;

  constructor(body: ReadableStream<Uint8Array>, generation: Generation) {
    const reader = body.getReader();
    this.#read = () => reader.read();
    this.#cancel = (reason) => reader.cancel(reason);
    this.#generation = generation;
  }

  next(): Promise<Uint8Array | undefined> {
    return this.#read().then(this.#take);
  }

  readonly #take = ({
    value,
    done,
  }: {
    readonly value?: Uint8Array | undefined;
    readonly done: boolean;
  }): Uint8Array | undefined => {
    this.#isOver = done;
    if (this.#generation.bytes > mostAnswerBytes) {
      throw new GatewayError("upstream-failed", "The answer was ended: it is longer than 16 MB");
    }
    return value;
  };

  /** Reads what nobody has asked for: the reply is heard to its end all the same. */
  async leaveOut(): Promise<void> {
    while (!this.#isOver) await this.next();
  }

  leave(reason: unknown): void {
    this.#cancel(reason).catch(() => {});
  }
}
