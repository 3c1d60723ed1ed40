// Lists of opaque hashes, as one comparable value.

/** Equal for equal lists. 128 bits, because it decides whether one application's instructions may reach another. */
export function hashListKey(hashes: readonly string[]): string {
  return Bun.SHA256.hash(JSON.stringify(hashes), "hex").slice(0, 32);
}
