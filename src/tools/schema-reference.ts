// Where a reference within a schema leads, such as `#/$defs/city` (RFC 6901).

/**
 * @returns the names on the way; undefined for a reference to elsewhere or by name, and for one that may be read otherwise by who
 * takes it for an address: those drop controls and the space at its end, and end it at a second #
 */
export function stepsOf(reference: string): readonly string[] | undefined {
  if (!isPlain.test(reference) || reference.endsWith(" ") || !reference.isWellFormed()) return undefined;
  try {
    const steps = decodeURIComponent(reference).split("/").slice(1);
    return steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  } catch {
    // An escape that is none.
    return undefined;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it keeps out
const isPlain = /^#(?:\/[^\u0000-\u001f#]*)?$/;

/** @returns undefined where there is nothing, or null */
export function followSteps(root: unknown, steps: readonly string[]): unknown {
  let place = root;
  for (const step of steps) {
    if (typeof place !== "object" || place === null || !Object.hasOwn(place, step)) return undefined;
    // A cast: an array has its items by their numbers.
    place = (place as Record<string, unknown>)[step];
  }
  return place ?? undefined;
}
