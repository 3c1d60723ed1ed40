// Lists of opaque hashes, as one comparable value.

/** Equal for equal lists. 128 bits, because it decides whether one application's instructions may reach another. */
export function hashListKey(hashes: readonly string[]): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(hashes)).digest("hex").slice(0, 32);
}
