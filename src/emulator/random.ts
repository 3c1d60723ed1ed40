// Everything that varies: numbers and ids that follow from a seed and a name, so that equal runs are equal.

export interface Random {
  /** At least 0, below 1. */
  next(): number;
  pick<Item>(items: readonly [Item, ...Item[]]): Item;
  /** Both bounds included. */
  between(least: number, most: number): number;
}

/** The same parts give the same sequence. */
export function createRandom(...parts: readonly (string | number)[]): Random {
  let state = hash32(parts.join("\u0000"));
  function next(): number {
    // mulberry32: small, even, and good enough for wording.
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
  return {
    next,
    pick: (items) => items[Math.floor(next() * items.length)] ?? items[0],
    between: (least, most) => least + Math.floor(next() * (most - least + 1)),
  };
}

/** A version 4 uuid that follows from its parts. */
export function createUuid(...parts: readonly (string | number)[]): string {
  const hex = new Bun.CryptoHasher("md5").update(parts.join("\u0000")).digest("hex");
  const variant = "89ab"[Number.parseInt(hex.slice(16, 17), 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

// FNV-1a.
function hash32(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value | 0;
}
