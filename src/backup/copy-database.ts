// A database copied as of one moment, on a thread of its own: a gigabyte takes seconds, and a gateway that runs serves meanwhile.

/** What the thread says when it is done. */
interface Copied {
  readonly code?: string;
  readonly message?: string;
}

/**
 * Text, so that the executable needs no second entry. A reader like any other: whoever writes goes on meanwhile, and what
 * is written then is not in it. What was deleted is not in it either.
 */
const thread = `
import { Database } from "bun:sqlite";
self.onmessage = ({ data: { from, to } }) => {
  try {
    const database = new Database(from, { readwrite: true, create: false });
    try {
      database.run("VACUUM INTO ?", [to]);
    } finally {
      database.close();
    }
    postMessage({});
  } catch (error) {
    postMessage({ code: error.code, message: error.message });
  }
};`;

/** The code is SQLite's, in its short form, such as `SQLITE_FULL`. */
export class CopyError extends Error {
  override readonly name = "CopyError";
  readonly code: string;

  constructor({ code = "", message = "it ended without a word" }: Copied) {
    super(message);
    this.code = code.split("_").slice(0, 2).join("_");
  }
}

/**
 * @param to a file that is not there yet
 * @throws {CopyError} when it cannot be read or written; the reason of the signal, and then the thread may still be writing
 */
export async function copyDatabase(from: string, to: string, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const address = URL.createObjectURL(new Blob([thread], { type: "text/javascript" }));
  const worker = new Worker(address);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  worker.onmessage = ({ data }: MessageEvent<Copied>) =>
    data.message === undefined ? resolve() : reject(new CopyError(data));
  worker.onerror = ({ message }) => reject(new CopyError({ message }));
  worker.postMessage({ from, to });
  try {
    await promise;
  } finally {
    signal?.removeEventListener("abort", abort);
    worker.terminate();
    URL.revokeObjectURL(address);
  }
}
