// What becomes of a body that a decoder cannot read on.

import { expect, test } from "bun:test";
import type { EventDecoder } from "../../../src/contract/upstream.ts";
import { decodeInto } from "../../../src/outbound/decode-into.ts";

const strict: EventDecoder = {
  pendingBytes: 0,
  feed(chunk, emit) {
    if (chunk.length > 3) throw new Error("too long");
    emit({ type: "reply-start", model: `${chunk.length}` });
  },
  end() {
    throw new Error("not whole");
  },
};

test("decodeInto hands bytes on, and tells what the decoder throws as a body that broke", () => {
  const told: unknown[] = [];
  const sink = decodeInto(
    strict,
    (event) => told.push(event.type),
    (error) => told.push(error),
  );
  sink.chunk(new Uint8Array(3));
  sink.chunk(new Uint8Array(4));
  sink.end();
  sink.fail("reset");
  expect(told).toEqual(["reply-start", new Error("too long"), new Error("not whole"), "reset"]);
});
