import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { closingQuote, skipSpace } from "../../../src/contract/json-bytes.ts";

const bytesOf = (json: string) => new TextEncoder().encode(json);

describe("closingQuote", () => {
  test("finds the end of every string that JSON can write, short and long, whatever follows", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        const string = bytesOf(JSON.stringify(text));

        expect(closingQuote(bytesOf(`${JSON.stringify(text)},"\\""`), 1)).toBe(string.length - 1);
      }),
    );
  });

  test.each(["", "open", `${"x".repeat(40)}\\"`, '\\\\\\"'])("finds none in a string %j that does not end", (inner) => {
    expect(closingQuote(bytesOf(`"${inner}`), 1)).toBe(-1);
  });
});

describe("skipSpace", () => {
  test("goes over the four white spaces of JSON, and over no other", () => {
    expect(skipSpace(bytesOf(" \t\r\n{"), 0)).toBe(4);
    expect(skipSpace(bytesOf("\u000b{"), 0)).toBe(0);
  });

  test("ends behind the last byte", () => {
    expect(skipSpace(bytesOf("1  "), 1)).toBe(3);
  });
});
