// Frames are checked by reading them back.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { commentFrame, doneFrame, formatSseEvent, sseFrame } from "../../../src/sse/sse-writer.ts";
import { decodeChunks, decodeText, textOf } from "./sse-stream.ts";

test("formatSseEvent writes one data line and a blank line", () => {
  expect(formatSseEvent("hello")).toBe("data: hello\n\n");
});

test("formatSseEvent writes objects as JSON, line ends escaped", () => {
  expect(formatSseEvent({ text: "a\nb" })).toBe('data: {"text":"a\\nb"}\n\n');
});

test("formatSseEvent names the type before the data", () => {
  expect(formatSseEvent({ ok: true }, "ping")).toBe('event: ping\ndata: {"ok":true}\n\n');
});

test("formatSseEvent makes a data line of each line", () => {
  expect(formatSseEvent("a\nb\r\nc\rd\n")).toBe("data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
});

test("formatSseEvent keeps a line end in the type from starting a field", () => {
  expect(decodeText(formatSseEvent("a", "x\ndata: forged\r\n\r\ny"))).toEqual([
    { type: "x data: forged  y", data: "a", id: "" },
  ]);
});

test("formatSseEvent is undone by the decoder for any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const lines = text.split(/\r\n|\r|\n/).join("\n");
      expect(decodeText(formatSseEvent(text))).toEqual([{ type: "message", data: lines, id: "" }]);
    }),
  );
});

test("sseFrame is formatSseEvent in bytes", () => {
  expect(textOf(sseFrame({ text: "你好" }, "x"))).toBe(formatSseEvent({ text: "你好" }, "x"));
});

test("commentFrame is read as nothing, whatever it says", () => {
  expect(textOf(commentFrame("keepalive"))).toBe(": keepalive\n\n");
  expect(decodeChunks([commentFrame("a\ndata: forged\n\n")])).toEqual([]);
});

test("doneFrame is the end mark of OpenAI's streams", () => {
  expect(textOf(doneFrame)).toBe("data: [DONE]\n\n");
});
