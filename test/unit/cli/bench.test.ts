// The bench reports what the hot rooms cost. How much that is, no test says: machines differ.

import { expect, test } from "bun:test";
import { benchDecoder, benchEncoder } from "../../../src/cli/bench/hot-rooms.ts";

test("bench tells the cost of transformation as a ratio to plain code within one run [R0-012]", () => {
  const [decoder] = benchDecoder();
  const [encoder] = benchEncoder();

  expect(decoder).toMatch(/^decoder, .* [\d.,]+ M ev\/s +[\d.]+ x naive$/);
  expect(encoder).toMatch(/^encoder, .* [\d.,]+ ns +[\d.]+ x naive$/);
});
