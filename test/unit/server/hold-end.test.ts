// The end of an answer waits for what it leaves behind, and what comes before it does not.

import { expect, test } from "bun:test";
import { holdEnd } from "../../../src/server/hold-end.ts";

const streamHeaders = { "content-type": "text/event-stream", "x-session-id": "s1" };

/** A stream whose last piece tells that something is to be kept, as the encoder of an answer does. */
function createStage(pieces = ["one ", "two ", "end"]) {
  const kept = Promise.withResolvers<void>();
  const stage = {
    pending: undefined as Promise<void> | undefined,
    cancelled: undefined as unknown,
    keep: kept.resolve,
  };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = pieces.shift();
        if (piece === undefined) return controller.close();
        if (piece === "end") stage.pending = kept.promise;
        controller.enqueue(new TextEncoder().encode(piece));
      },
      cancel(reason) {
        stage.cancelled = reason;
      },
    },
    { highWaterMark: 0 },
  );
  return Object.assign(stage, { answer: new Response(body, { headers: streamHeaders }) });
}

async function readPieces(answer: Response, count: number) {
  const reader = answer.body!.getReader();
  let text = "";
  for (let piece = 0; piece < count; piece++) text += new TextDecoder().decode((await reader.read()).value);
  return { reader, text };
}

test("holdEnd lets all pass that comes before the end, and the end when all is kept", async () => {
  const stage = createStage();
  const held = await holdEnd(stage.answer, () => stage.pending, 60_000);
  const { reader, text } = await readPieces(held, 2);
  expect([held.status, held.headers.get("x-session-id"), text]).toEqual([200, "s1", "one two "]);
  let hasEnded = false;
  const last = reader.read().then(({ value }) => {
    hasEnded = true;
    return new TextDecoder().decode(value);
  });
  await Bun.sleep(10);
  expect(hasEnded).toBe(false);
  stage.keep();

  expect(await last).toBe("end");
  expect((await reader.read()).done).toBe(true);
});

test("holdEnd holds nothing for longer than its limit", async () => {
  const stage = createStage();
  const held = await holdEnd(stage.answer, () => stage.pending, 5);

  expect(await held.text()).toBe("one two end");
});

test("holdEnd waits once, however much comes behind", async () => {
  const stage = createStage(["end", ...Array<string>(100).fill(".")]);
  const held = await holdEnd(stage.answer, () => stage.pending, 100);

  expect(await held.text()).toHaveLength(103);
}, 2000);

test("holdEnd holds a whole answer", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isTold = false;
  const holding = holdEnd(Response.json({ id: 1 }), () => promise, 60_000).then((answer) => {
    isTold = true;
    return answer.json();
  });
  await Bun.sleep(10);
  expect(isTold).toBe(false);
  resolve();

  expect(await holding).toEqual({ id: 1 });
});

test("holdEnd tells the source when its reader leaves", async () => {
  const stage = createStage();
  const held = await holdEnd(stage.answer, () => stage.pending, 60_000);
  const { reader } = await readPieces(held, 1);
  await reader.cancel("left");

  expect(stage.cancelled).toBe("left");
});
