// What was thrown, which may be anything: its words, and its code.

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Of the system or of a library, such as `ENOENT`; "" where it has none. */
export function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}
