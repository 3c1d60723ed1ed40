// The event loop is everybody's: of all runs together one takes a step in a turn of it, and what arrives meanwhile is
// answered before the next does. Without that, twenty runs that were told something in one turn would all go on within it.

export class Steps {
  readonly #waiting: (() => void)[] = [];
  readonly #takeOne = (): void => {
    const step = this.#waiting.shift();
    if (this.#waiting.length > 0) setImmediate(this.#takeOne);
    step?.();
  };

  /** Resolves in a turn of the event loop that no other run goes on in, after those that asked before. */
  next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#waiting.push(resolve) === 1) setImmediate(this.#takeOne);
    return promise;
  }

  /** The same work; whoever asked for it goes on in a step of its own. */
  paced<Values extends unknown[], Result>(
    work: (...values: Values) => Promise<Result>,
  ): (...values: Values) => Promise<Result> {
    return async (...values) => {
      try {
        return await work(...values);
      } finally {
        await this.next();
      }
    };
  }
}
