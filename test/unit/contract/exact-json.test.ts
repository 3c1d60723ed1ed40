import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { maxExactChars, parseExact, stringifyExact } from "../../../src/contract/exact-json.ts";

const roundTrip = (text: string) => stringifyExact(parseExact(text));

const deep = `${"[".repeat(1000)}1234567890123456789${"]".repeat(1000)}`;

describe("exact JSON", () => {
  test.each([
    '{"id":1234567890123456789}',
    '{"id":-9223372036854775808,"max":18446744073709551615}',
    "[98765432109876543210,[9007199254740993]]",
    '{"a":{"b":[{"c":1234567890123456789}]},"d":"1234567890123456789"}',
    '{"__proto__":1234567890123456789}',
    '{"a":1234567890123456789.5}',
    deep,
  ])("keeps the digits of %.60s", (text) => {
    expect(roundTrip(text)).toBe(text);
  });

  test("gives the value that JSON.parse gives", () => {
    const text = '{"id": 1234567890123456789, "list": [1, 2.5, "x", null, true]}';

    expect(parseExact(text)).toEqual(JSON.parse(text));
  });

  test("writes a number that took the place of another as it is", () => {
    // A cast: the object is the one above.
    const value = parseExact('{"id":1234567890123456789}') as { id: number };
    value.id = 2 ** 62;

    expect(stringifyExact(value)).toBe(JSON.stringify(value));
  });

  test("is JSON.stringify for all that JSON.parse reads exactly", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value: unknown = JSON.parse(text);
        expect(stringifyExact(parseExact(JSON.stringify(value)))).toBe(JSON.stringify(value));
      }),
    );
  });

  test("reads texts that are too long as JSON.parse does", () => {
    const text = `[1234567890123456789,"${"x".repeat(maxExactChars)}"]`;

    expect(roundTrip(text)).toBe(JSON.stringify(JSON.parse(text)));
  });

  test("refuses what is no JSON", () => {
    expect(() => parseExact('{"id":1234567890123456789')).toThrow(SyntaxError);
  });
});
