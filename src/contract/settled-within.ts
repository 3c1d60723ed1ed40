// How long somebody waits for work that goes on all the same.

/**
 * @param limitMs milliseconds; nothing of the wait is left when the work is faster
 * @returns false when the limit came first
 * @throws what the work throws before it
 */
export function settledWithin(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, limitMs, false);
    work.then(
      () => {
        clearTimeout(timer);
        resolve(true);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
