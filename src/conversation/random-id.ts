// Ids that nobody can guess and nobody else has.

/** 32 hexadecimal digits. */
export function randomId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}
