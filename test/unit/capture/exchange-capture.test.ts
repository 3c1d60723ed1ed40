// One exchange as it is held: bounded, cut where it does not fit, closed once.

import { expect, test } from "bun:test";
import { MemoryBudget } from "../../../src/capture/budget.ts";
import { createCover } from "../../../src/capture/cover-secrets.ts";
import { ExchangeCapture } from "../../../src/capture/exchange-capture.ts";
import { parseCapture } from "../../../src/capture/format.ts";
import { RecordedSource } from "../../../src/capture/recorded-source.ts";
import { recordStream } from "../../../src/capture/recorded-stream.ts";
import { encodeCapture } from "../../../src/capture/write-capture.ts";
import { capturedBody } from "../../support/captures.ts";

function create(maxBytes = 10_000, budget = new MemoryBudget(1_000_000)) {
  let nowMs = 1000;
  const heard: string[] = [];
  const capture = new ExchangeCapture({
    requestId: "req_1",
    startedAtMs: 0,
    maxBytes,
    budget,
    now: () => nowMs,
    onQuiet: () => void heard.push("quiet"),
    onBusy: () => void heard.push("busy"),
  });
  return {
    capture,
    heard,
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

async function written(capture: ExchangeCapture, secrets: readonly string[] = []) {
  const pieces = await encodeCapture(capture, { cover: createCover(secrets), gateway: "0" });
  return parseCapture(pieces.join(""));
}

test("a body that does not fit is cut from there to its end, and says by how much", () => {
  const { capture } = create(1000);
  capture.answered({ status: 200, headers: [] });
  for (let chunk = 0; chunk < 10; chunk++) capture.bytes("answer", new Uint8Array(100));
  capture.ends({ of: "answer", how: "complete" });
  capture.close("ended");

  expect(capture.lines.filter(({ type }) => type === "bytes")).toHaveLength(3);
  expect(capture.lines).toContainEqual({ type: "cut", atMs: 0, of: "answer", chunks: 7, bytes: 700 });
  expect(capture.heldBytes).toBeLessThanOrEqual(1000);
});

test("all captures together hold no more than their budget, and give it back", () => {
  const budget = new MemoryBudget(500);
  const [first, second] = [create(10_000, budget).capture, create(10_000, budget).capture];
  first.bytes("request", new Uint8Array(250));
  second.bytes("request", new Uint8Array(250));
  first.forget();
  second.bytes("answer", new Uint8Array(250));
  second.close("ended");

  expect(second.lines.map(({ type }) => type)).toEqual(["bytes", "cut", "close"]);
});

test("lines beside bytes are bounded, too", () => {
  const { capture } = create();
  for (let line = 0; line < 5000; line++) capture.logged({ level: "info", message: "x", fields: {} });

  expect(capture.lines).toHaveLength(2000);
});

test("it is quiet when both sides are, and busy again with a call that follows", () => {
  const { capture, heard } = create();
  const call = capture.calls({ method: "POST", url: "http://a/", headers: [] });
  capture.answered({ status: 200, headers: [] });
  capture.ends({ of: "answer", how: "complete" });
  expect(heard).toEqual(["busy", "busy"]);
  capture.ends({ of: "answer", how: "complete" }, call);
  expect(heard.at(-1)).toBe("quiet");
  capture.calls({ method: "POST", url: "http://a/stop", headers: [] });
  expect(heard.at(-1)).toBe("busy");
});

test("what comes after its close is not noted", () => {
  const { capture, pass } = create();
  pass(1.234);
  capture.close("stopped");
  capture.bytes("answer", new Uint8Array(10));
  capture.ends({ of: "answer", how: "complete" });

  expect(capture.lines).toEqual([{ type: "close", atMs: 1.23, why: "stopped" }]);
});

test("a secret across chunks is written over, and each chunk keeps its length", async () => {
  const { capture } = create();
  for (const part of ["data: se", "cret-of", "-mine\n", "\n"]) capture.bytes("answer", Buffer.from(part));
  capture.close("ended");

  const file = await written(capture, ["secret-of-mine"]);

  expect(capturedBody(file, "answer")).toBe("data: **************\n\n");
  expect(file.lines.flatMap((line) => (line.type === "bytes" ? [line.text?.length] : []))).toEqual([8, 7, 6, 1]);
});

test("a secret across the steps of a large body is written over", async () => {
  const { capture } = create(1_000_000);
  const text = `${"x".repeat(65_530)}secret-of-mine${"x".repeat(65_000)}`;
  capture.bytes("request", Buffer.from(text));
  capture.close("ended");

  expect(capturedBody(await written(capture, ["secret-of-mine"]), "request")).not.toContain("secret");
});

test("recordStream reads nothing that its reader has not asked for, and passes a cancel on", async () => {
  let pulled = 0;
  const ends: string[] = [];
  const source = new ReadableStream<Uint8Array>(
    { pull: (controller) => controller.enqueue(new Uint8Array([++pulled])), cancel: () => void ends.push("source") },
    { highWaterMark: 0 },
  );
  const reader = recordStream(source, { chunk: () => {}, over: (how) => void ends.push(how) }).getReader();
  await reader.read();
  await reader.read();
  await reader.cancel();

  expect(pulled).toBe(2);
  expect(ends).toEqual(["given-up", "source"]);
});

test("RecordedSource tells one end, whoever ends it first", () => {
  const ends: string[] = [];
  const chunks: number[] = [];
  let isCancelled = false;
  const source = new RecordedSource(
    {
      start: (sink) => sink.chunk(new Uint8Array(3)),
      pause() {},
      resume() {},
      cancel() {
        isCancelled = true;
      },
    },
    { chunk: (bytes) => void chunks.push(bytes.length), over: (how) => void ends.push(how), run: (work) => work() },
  );
  source.start({ chunk() {}, end() {}, fail() {} });
  source.end();
  source.cancel();

  expect({ ends, chunks, isCancelled }).toEqual({ ends: ["complete"], chunks: [3], isCancelled: true });
});
