// Large bodies in pieces: nothing is lost, no character is cut.

import { expect, test } from "bun:test";
import { bytesField } from "../../../src/capture/format.ts";
import { piecesOf } from "../../../src/capture/pieces.ts";

test.each(["a", "é", "你", "😀"])("piecesOf cuts no %s in two", (character) => {
  for (const shift of ["", "x", "xx", "xxx"]) {
    const bytes = Buffer.from(shift + character.repeat(200_000));

    const pieces = [...piecesOf(bytes)];

    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
    expect(pieces.every((piece) => piece.length <= 65_536 && "text" in bytesField(piece))).toBe(true);
  }
});

test("piecesOf comes to an end with bytes that are no text", () => {
  const bytes = new Uint8Array(200_000).fill(0x80);

  expect(Buffer.concat([...piecesOf(bytes)]).equals(bytes)).toBe(true);
  expect([...piecesOf(new Uint8Array())]).toEqual([]);
});
