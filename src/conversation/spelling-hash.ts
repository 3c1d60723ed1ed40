// Whether two long spellings are the same, by a hash that costs a tenth of what SHA-256 does. Not for what is stored or told:
// it holds in this process alone, and only against chance. Nobody gains by a collision here: what is taken for the same history
// is another one of the same caller, whose words he must know in order to make one.

/** Pieces are gathered in it: one hash of many is cheaper than many of one. */
const stageBytes = 64 * 1024;
const seeds = crypto.getRandomValues(new BigUint64Array(2));
const encoder = new TextEncoder();
/** Both work on every byte array, and without a view on it. */
const { copy, utf8Write } = Buffer.prototype;

/** Pieces must be told apart by whoever adds them: by their lengths, or by what stands between them. */
export class SpellingHash {
  readonly #stage = new Uint8Array(stageBytes);
  #length = 0;

  /** Begins anew: what was added before is forgotten. */
  restart(): void {
    this.#length = 0;
  }

  text(text: string): void {
    // A UTF-16 unit takes three bytes of UTF-8 at most.
    const mostBytes = text.length * 3;
    if (mostBytes > mostStagedBytes) return this.bytes(encoder.encode(text));
    this.#makeRoom(mostBytes);
    this.#length += utf8Write.call(this.#stage, text, this.#length);
  }

  bytes(bytes: Uint8Array): void {
    if (bytes.length > mostStagedBytes) return this.text(hashOf(bytes));
    this.#makeRoom(bytes.length);
    copy.call(bytes, this.#stage, this.#length);
    this.#length += bytes.length;
  }

  /** Of all that was added since the beginning. More may be added afterwards. */
  get value(): string {
    return hashOf(this.#stage.subarray(0, this.#length));
  }

  /** The hash of what was gathered stands for it from here on. */
  #makeRoom(count: number): void {
    if (this.#length + count <= stageBytes) return;
    const { value } = this;
    this.#length = utf8Write.call(this.#stage, value, 0);
  }
}

/** Of two hashes of 64 bits, which have nothing to do with one another. */
function hashOf(bytes: Uint8Array): string {
  return `${Bun.hash.xxHash3(bytes, seeds[0]!)} ${Bun.hash.wyhash(bytes, seeds[1]!)}`;
}

/** Beside them the hash of what came before has its place. */
const mostStagedBytes = stageBytes - 64;
