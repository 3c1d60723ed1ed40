// Lists of requirements as issues write them: a prefix, then numbers and ranges.

export type IdRanges = readonly (readonly [
  prefix: string,
  numbers: readonly (number | readonly [first: number, last: number])[],
])[];

/** Such as "R0-001", in the order of the list. */
export function listIds(ranges: IdRanges): readonly string[] {
  return ranges.flatMap(([prefix, numbers]) =>
    numbers.flatMap((entry) => {
      const [first, last] = typeof entry === "number" ? [entry, entry] : entry;
      return Array.from({ length: last - first + 1 }, (_, index) => prefix + String(first + index).padStart(3, "0"));
    }),
  );
}
