// What is written comes out once and whole, whoever else writes at the same time.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter } from "../../../src/sse/byte-writer.ts";

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test("ByteWriter gives what was written since the last take", () => {
  const writer = new ByteWriter();
  writer.text("a😀");
  writer.bytes(new TextEncoder().encode("b"));
  expect(decode(writer.take())).toBe("a😀b");
  expect(writer.take()).toHaveLength(0);
});

test("ByteWriter copies what it is given", () => {
  const writer = new ByteWriter();
  const view = new TextEncoder().encode("abc");
  writer.bytes(view);
  view.fill(0);
  expect(decode(writer.take())).toBe("abc");
});

test("ByteWriter keeps writers apart that write and take in any order, and never touches what was taken", () => {
  const step = fc.tuple(
    fc.nat({ max: 3 }),
    fc.oneof(fc.constant("take"), fc.string({ unit: "binary", minLength: 100, maxLength: 600 })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const writers = Array.from({ length: 4 }, () => new ByteWriter());
      const written = ["", "", "", ""];
      const taken: { readonly bytes: Uint8Array; readonly text: string }[] = [];
      const take = (index: number): void => {
        taken.push({ bytes: writers[index]!.take(), text: written[index]! });
        written[index] = "";
      };
      for (const [index, text] of steps) {
        if (text === "take") take(index);
        else {
          writers[index]!.text(text.toWellFormed());
          written[index] += text.toWellFormed();
        }
      }
      for (const index of writers.keys()) take(index);
      for (const { bytes, text } of taken) expect(decode(bytes)).toBe(text);
    }),
    { numRuns: 300 },
  );
});

test("ByteWriter keeps what it had gathered when others take its place", () => {
  const [first, second, third] = [new ByteWriter(), new ByteWriter(), new ByteWriter()];
  first.text("first");
  second.text("second");
  for (let count = 0; count < 40; count++) {
    third.text("x".repeat(1000));
    third.take();
  }
  first.text(" overwrites nothing");
  expect([decode(first.take()), decode(second.take())]).toEqual(["first overwrites nothing", "second"]);
});

test("ByteWriter gathers more than a stage holds, short of it and beyond it alike", () => {
  const [first, second] = [new ByteWriter(), new ByteWriter()];
  const piece = "y".repeat(30_000);
  for (let count = 0; count < 5; count++) first.text(piece);
  second.text("z");
  first.text("end");
  expect([decode(first.take()), decode(second.take())]).toEqual([`${piece.repeat(5)}end`, "z"]);
});
