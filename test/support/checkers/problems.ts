// What a checker found wrong, as sentences; and how it looks into JSON that may be anything.

export class Problems {
  readonly found: string[] = [];

  /** Notes the sentence unless the rule holds. */
  must(holds: boolean, sentence: string): void {
    if (!holds && !this.found.includes(sentence)) this.found.push(sentence);
  }
}

/** What stands at the path; undefined where there is no such place. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let found = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null) return undefined;
    // Looked at before it is used, whatever it is.
    found = (found as Record<string | number, unknown>)[step];
  }
  return found;
}

/** The same as a list; empty where it is none. */
export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

export function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

export function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function parsesAsJson(text: unknown): boolean {
  try {
    JSON.parse(String(text));
    return true;
  } catch {
    // The question itself.
    return false;
  }
}

/** Unix time in seconds: milliseconds would be a thousand times as much. */
export function isUnixSeconds(value: unknown): boolean {
  return isCount(value) && value > 0 && value < 100_000_000_000;
}
