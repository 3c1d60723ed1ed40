// Vectors for documents and questions, from whatever an upstream answers.

import { expect, test } from "bun:test";
import { embedThrough } from "../../../src/app/embed-through.ts";

const { signal } = new AbortController();
const vectorsFrom = (answer: () => Response, texts: readonly string[] = ["owls"]) =>
  embedThrough({ forward: async () => answer() }, "m")(texts, signal);

test("vectors stand where their texts do, by the numbers that an answer gives them", async () => {
  const data = [
    { index: 1, embedding: [0, 2] },
    { index: 0, embedding: [1, 0] },
  ];
  const vectors = await vectorsFrom(() => Response.json({ data }), ["owls", "mice"]);
  expect(vectors.map((values) => [...values])).toEqual([
    [1, 0],
    [0, 2],
  ]);
});

test.each([4_000_000_000, -1])("an answer that numbers a vector %d holds none", async (index) => {
  const answer = () => Response.json({ data: [{ index, embedding: [1] }] });
  await expect(vectorsFrom(answer)).rejects.toThrow("holds no vectors");
});

test("an answer without an end is given up at 8 MiB", async () => {
  let isCancelled = false;
  const piece = new TextEncoder().encode("0.5,".repeat(16_384));
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(piece),
    cancel() {
      isCancelled = true;
    },
  });
  await expect(vectorsFrom(() => new Response(endless))).rejects.toThrow("longer than 8388608 bytes");
  expect(isCancelled).toBe(true);
});
