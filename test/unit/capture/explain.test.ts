// A capture told as a timeline.

import { expect, test } from "bun:test";
import { explainCapture } from "../../../src/capture/explain.ts";
import { parseCapture } from "../../../src/capture/format.ts";

const rows = [
  { type: "capture", version: 1, gateway: "1.0.0", requestId: "req_1", startedAt: "2026-01-01T00:00:00.000Z" },
  { type: "request", atMs: 0, method: "POST", url: "/v1/chat/completions", headers: [] },
  { type: "bytes", atMs: 1, of: "request", text: "{}" },
  { type: "end", atMs: 1, of: "request", how: "complete" },
  { type: "request", atMs: 2, call: 1, method: "POST", url: "http://a/v1/chat", headers: [], upstream: "one" },
  { type: "end", atMs: 30, call: 1, of: "answer", how: "failed", reason: "the connection was closed" },
  { type: "request", atMs: 40, call: 2, method: "POST", url: "http://a/v1/chat", headers: [], upstream: "one" },
  { type: "answer", atMs: 60, call: 2, status: 200, headers: [["Content-Type", "text/event-stream; charset=utf-8"]] },
  { type: "bytes", atMs: 70, call: 2, of: "answer", text: "abc" },
  { type: "bytes", atMs: 2070, call: 2, of: "answer", base64: "AAEC" },
  { type: "answer", atMs: 2071, status: 200, headers: [] },
  { type: "bytes", atMs: 2072, of: "answer", text: "abcdef" },
  { type: "end", atMs: 2080, of: "answer", how: "given-up" },
  { type: "cut", atMs: 2081, call: 2, of: "answer", chunks: 4, bytes: 900 },
  { type: "end", atMs: 2081, call: 2, of: "answer", how: "given-up" },
  {
    type: "log",
    atMs: 2090,
    level: "info",
    message: "exchange",
    fields: { requestId: "req_1", outcome: "aborted", attempts: 2, outputTokens: 3 },
  },
];

const told = (lines: readonly object[]): string[] => [
  ...explainCapture(parseCapture(lines.map((line) => JSON.stringify(line)).join("\n"))),
];

test("explainCapture tells calls, failures, gaps, cuts and the end, each with its time", () => {
  expect(told([...rows, { type: "close", atMs: 2340, why: "ended" }])).toEqual([
    "req_1, 2026-01-01T00:00:00.000Z, qwen-gateway 1.0.0",
    "",
    "      0 ms  client            POST /v1/chat/completions",
    "      1 ms  client            sent the request body 2 bytes",
    "      2 ms  gateway           asks one: POST http://a/v1/chat [call 1]",
    "     30 ms  one               FAILED while the answer was under way [call 1]: the connection was closed",
    "     40 ms  gateway           asks one: POST http://a/v1/chat [call 2]",
    "     60 ms  one               answers 200 text/event-stream [call 2]",
    "     70 ms  one               first bytes [call 2]",
    "     70 ms                    ... silence of 2000 ms",
    "   2071 ms  gateway           answers 200",
    "   2072 ms  gateway           first bytes",
    "   2080 ms  gateway           said 6 bytes",
    "   2080 ms  gateway           the client left before the end",
    "   2081 ms  capture           cut: 900 more bytes in 4 chunks of the answer [call 2] are not in this file",
    "   2081 ms  one               said 6 bytes [call 2] in 2 chunks over 2000 ms, longest gap 2000 ms at 70 ms",
    "   2081 ms  one               one was not read to its end [call 2]",
    "   2090 ms  gateway           exchange (outcome=aborted attempts=2 outputTokens=3)",
    "   2340 ms  capture           closed: both sides were quiet",
    "",
    "2 calls to upstreams, 1 failed; the client was answered 200.",
    "outcome aborted, attempts 2, outputTokens 3.",
    "1 body did not fit: the capture is not whole.",
  ]);
});

test("explainCapture says that a file ends early, and what had come by then", () => {
  const early = told(rows.slice(0, 9));

  expect(early).toContain("     70 ms  one               said 3 bytes [call 2]");
  expect(early.slice(-2)).toEqual([
    "2 calls to upstreams, 1 failed; the client was answered nothing.",
    "The file ends early: it is not whole.",
  ]);
});
