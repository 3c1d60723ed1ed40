// Where a body names its model, and the body with another name put there: everything else goes on byte for byte.

export interface ModelPlace {
  readonly model: string;
  /** Bytes from `start` to before `end` are what a new name replaces. */
  readonly start: number;
  readonly end: number;
  /** The bytes that say a name in this kind of body. */
  encode(model: string): Uint8Array;
}

/** @returns the body in pieces; itself alone where the name stays */
export function spliceModel(
  body: Uint8Array,
  place: ModelPlace | undefined,
  model: string | undefined,
): readonly Uint8Array[] {
  if (place === undefined || model === undefined || place.model === model) return [body];
  return [body.subarray(0, place.start), place.encode(model), body.subarray(place.end)];
}
