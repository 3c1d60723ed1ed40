// What was thrown, which may be anything: its words, and its code.

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Whether it is the reason of a signal of `AbortSignal.timeout`. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === "TimeoutError";
}

/** Of the system or of a library, such as `ENOENT`; "" where it has none. */
export function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}
