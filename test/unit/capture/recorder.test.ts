// What the edge tells of an exchange: how its answer really ended. A rejection that nobody hears fails the test.

import { expect, test } from "bun:test";
import { createCover } from "../../../src/capture/cover-secrets.ts";
import type { ExchangeCapture } from "../../../src/capture/exchange-capture.ts";
import { Recorder } from "../../../src/capture/recorder.ts";

function createStage() {
  const { promise: put, resolve } = Promise.withResolvers<ExchangeCapture>();
  const figures = { written: 0, dropped: 0, failed: 0, bytes: 0 };
  const recorder = new Recorder({
    spool: { prepare: async () => {}, put: resolve, figures, settled: async () => {} },
    cover: createCover([]),
    maxExchangeBytes: 10_000,
    wants: () => true,
    clock: () => 0,
  });
  return { recorder, put };
}

test("a JSON answer that breaks off is captured as failed", async () => {
  const { recorder, put } = createStage();
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

test.each([
  ["with a host", "HTTP/1.1\r\nHost: localhost\r\nConnection: close"],
  ["with a host that makes no address", "HTTP/1.1\r\nHost: [::1\r\nConnection: close"],
  ["without a host", "HTTP/1.0"],
])("what was asked is captured whole: %s", async (_, head) => {
  const { recorder, put } = createStage();
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const trip = { request, requestId: "req_1" };
      recorder.begin(trip);
      return recorder.answer(trip, new Response("{}", { headers: { "content-type": "application/json" } }), false);
    },
  });
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port!,
    socket: { data() {}, close: () => close() },
  });
  client.write(`GET /v1/messages?beta=true ${head}\r\n\r\n`);
  const capture = await put;
  await closed;

  expect(capture.lines).toContainEqual(expect.objectContaining({ method: "GET", url: "/v1/messages?beta=true" }));
});
