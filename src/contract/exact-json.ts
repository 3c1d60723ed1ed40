// JSON with numbers that a double cannot hold, such as ids of 64 bits: they stay as they were written.

/** What was written, of the objects and lists that hold such numbers. */
const written = new WeakMap<object, Map<string, WrittenNumber>>();

interface WrittenNumber {
  readonly value: number;
  readonly source: string;
}

/**
 * A longer text is read as `JSON.parse` reads it: to look at each value takes 100 bytes for one of text, and ten times as long.
 * A body of 32 MiB that holds one such number took 3.2 GB and 2.9 s, without this look 0.4 GB and 0.4 s. UTF-16 units.
 */
export const maxExactChars = 2_097_152;

/** A double holds all whole numbers of fewer digits. Without them the text is looked at once, in 5 us for 100 KB. */
const manyDigits = /\d{16}/;
/** In a string they are no number; one that looks so costs a slower look, and changes nothing. */
const longNumber = /[[:,]\s*-?\d{16}/;
/** From 1e21 on a double is written so. */
const exponent = /\de\+/;

/**
 * The value that `JSON.parse` gives. `stringifyExact` writes the numbers in its objects and lists as they stand in the text,
 * up to `maxExactChars`.
 * @throws {SyntaxError}
 */
export function parseExact(text: string): unknown {
  const isLong = text.length > maxExactChars;
  return !isLong && manyDigits.test(text) && longNumber.test(text) ? parse(text, noteNumber) : JSON.parse(text);
}

/** As `JSON.stringify`, but for the numbers that `parseExact` read. */
export function stringifyExact(value: unknown): string {
  const text = JSON.stringify(value);
  return manyDigits.test(text) || exponent.test(text) ? JSON.stringify(value, writeNumber) : text;
}

function noteNumber(this: object, key: string, value: unknown, context: { readonly source?: string }): unknown {
  const { source } = context;
  if (typeof value !== "number" || source === undefined || Number.isSafeInteger(value)) return value;
  const numbers = written.get(this) ?? new Map<string, WrittenNumber>();
  written.set(this, numbers.set(key, { value, source }));
  return value;
}

function writeNumber(this: object, key: string, value: unknown): unknown {
  if (typeof value !== "number") return value;
  const number = written.get(this)?.get(key);
  return number?.value === value ? rawJson(number.source) : value;
}

// Two casts: TypeScript does not know yet what the runtime has.
/** @see https://tc39.es/proposal-json-parse-with-source/ */
const parse = JSON.parse as (text: string, reviver: typeof noteNumber) => unknown;
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
