// What the edge tells of an exchange: how its answer really ended. A rejection that nobody hears fails the test.

import { expect, test } from "bun:test";
import { createCover } from "../../../src/capture/cover-secrets.ts";
import type { ExchangeCapture } from "../../../src/capture/exchange-capture.ts";
import { Recorder } from "../../../src/capture/recorder.ts";

test("a JSON answer that breaks off is captured as failed", async () => {
  const { promise: put, resolve } = Promise.withResolvers<ExchangeCapture>();
  const figures = { written: 0, dropped: 0, failed: 0, bytes: 0 };
  const recorder = new Recorder({
    spool: { prepare: async () => {}, put: resolve, figures, settled: async () => {} },
    cover: createCover([]),
    maxExchangeBytes: 10_000,
    wants: () => true,
    clock: () => 0,
  });
  const trip = { request: new Request("http://127.0.0.1/v1/responses/resp_1"), requestId: "req_1" };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.error(new Error("the other worker is gone"));
    },
  });

  recorder.begin(trip);
  const headers = { "content-type": "application/json" };
  const answer = recorder.answer(trip, new Response(body, { headers }), false);
  await answer.text().catch(() => {});
  const capture = await put;

  expect(capture.lines).toContainEqual(
    expect.objectContaining({ type: "end", of: "answer", how: "failed", reason: "the other worker is gone" }),
  );
});
