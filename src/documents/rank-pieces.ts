// Two orders of pieces, by words and by meaning, made into one.

import type { StoredVector } from "../store/document-store.ts";

export interface NearPiece {
  readonly pieceKey: number;
  /** 0 to 1. */
  readonly cosine: number;
}

/** Places count as 1/(60 + place): the constant of the paper on reciprocal rank fusion, which nobody has bettered since. */
const placeOffset = 60;
/** First in both orders. */
const bestSum = 2 / (placeOffset + 1);

/** @param orders keys of pieces, the best first. @returns each key's score: 1 for the first of both, 0.5 for that of one. */
export function fuseOrders(orders: readonly (readonly number[])[]): Map<number, number> {
  const sums = new Map<number, number>();
  for (const order of orders) {
    for (const [index, key] of order.entries()) {
      sums.set(key, (sums.get(key) ?? 0) + 1 / (placeOffset + index + 1));
    }
  }
  const fused = [...sums].sort(([oneKey, one], [otherKey, other]) => other - one || oneKey - otherKey);
  return new Map(fused.map(([key, sum]) => [key, sum / bestSum]));
}

/** Those that point where the question points, the nearest first. Vectors of another length are passed over. */
export async function findNearest(
  question: Float32Array,
  batches: AsyncIterable<readonly StoredVector[]>,
  limit: number,
  signal: AbortSignal,
): Promise<NearPiece[]> {
  let nearest: NearPiece[] = [];
  for await (const batch of batches) {
    signal.throwIfAborted();
    for (const { pieceKey, values } of batch) {
      if (values.length !== question.length) continue;
      const cosine = product(question, values);
      if (cosine > 0) nearest.push({ pieceKey, cosine: Math.min(cosine, 1) });
    }
    nearest = nearest.sort((one, other) => other.cosine - one.cosine || one.pieceKey - other.pieceKey).slice(0, limit);
  }
  return nearest;
}

function product(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < one.length; index += 1) sum += (one[index] ?? 0) * (other[index] ?? 0);
  return sum;
}
