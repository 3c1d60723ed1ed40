// A body that was there as a whole, in pieces that are written out without holding anybody up.

const pieceBytes = 64 * 1024;

/** None is cut within a character. */
export function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length;) {
    let end = Math.min(start + pieceBytes, bytes.length);
    // A character has three bytes behind its first at most; what has more of them is no text.
    for (let back = 0; back < 3 && end < bytes.length && isWithinCharacter(bytes[end]!); back++) end--;
    yield bytes.subarray(start, end);
    start = end;
  }
}

function isWithinCharacter(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
