// JSON without some of its pieces, which are values already: a mark stands in the place of each until the rest is parsed.

/** What is not parsed with the rest: where it stands, and what takes its place in the value. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly value: unknown;
  /** Its place is that of a whole value. Absent: of what stands between the quotes of a string. */
  readonly isWhole?: boolean;
}

/**
 * In each piece's place stands the mark, and behind it the index of the piece.
 * @param opening what stands in front of it all
 * @throws {TypeError} when it is not UTF-8, the pieces aside
 */
export function marked(json: Uint8Array, pieces: readonly Piece[], mark: string, opening = ""): string {
  const kept: Uint8Array[] = opening === "" ? [] : [Buffer.from(opening)];
  let end = 0;
  for (const [index, piece] of pieces.entries()) {
    const place = piece.isWhole === true ? `"${mark}${index}"` : `${mark}${index}`;
    kept.push(json.subarray(end, piece.start), Buffer.from(place));
    end = piece.end;
  }
  kept.push(json.subarray(end));
  return decoder.decode(Buffer.concat(kept));
}

const decoder = new TextDecoder("utf-8", { fatal: true });
