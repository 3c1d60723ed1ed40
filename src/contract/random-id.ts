// Ids that nobody can guess and nobody else has.

/** 32 hexadecimal digits. */
export function randomId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}

/**
 * 32 hexadecimal digits that sort by when they were made (a UUID of version 7, 74 bits of it random): for keys in a store.
 * Rows of one time lie side by side then. With keys in no order each row has pages of its own, which costs three times as
 * much.
 */
export function orderedId(): string {
  return Bun.randomUUIDv7("buffer").toHex();
}
