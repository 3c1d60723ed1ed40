// Lines as both of the splitter's users rely on them.

import { describe, expect, test } from "bun:test";
import { LineSplitter } from "../../../src/sse/line-splitter.ts";
import { bytesOf, cutAt, singleBytes, textOf } from "./sse-stream.ts";

function linesOf(chunks: readonly Uint8Array[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter({ line: (bytes, start, end) => lines.push(textOf(bytes.subarray(start, end))) });
  for (const chunk of chunks) splitter.feed(chunk);
  splitter.end();
  return lines;
}

describe("lineSplitter", () => {
  test("delivers each line once at whatever line end and cut [R1-033]", () => {
    const bytes = bytesOf("a\r\n:b\r\r\n\n\rc\n\r\r\nd");
    const lines = ["a", ":b", "", "", "", "c", "", "", "d"];

    expect(linesOf([bytes])).toEqual(lines);
    expect(linesOf(singleBytes(bytes))).toEqual(lines);
    for (let first = 1; first < bytes.length; first++) {
      for (let second = first; second < bytes.length; second++) {
        expect(linesOf(cutAt(bytes, [first, second]))).toEqual(lines);
      }
    }
  });

  test("carries one long line after another", () => {
    const lines = ["x".repeat(10_000), "y".repeat(10_000), "z".repeat(100_000), "short"];
    const bytes = bytesOf(lines.join("\n"));

    expect(linesOf(singleBytes(bytes))).toEqual(lines);
    expect(linesOf(cutAt(bytes, [4000, 9000, 15_000, 21_000, 99_000, 120_004]))).toEqual(lines);
  });

  test("gives the offset behind the line end", () => {
    const offsets: number[] = [];
    const splitter = new LineSplitter({ line: () => offsets.push(splitter.offset) });

    splitter.feed(bytesOf("a\nb\r\nc\rd\r"));
    splitter.feed(bytesOf("\ne\n"));

    expect(offsets).toEqual([2, 5, 7, 9, 3]);
  });

  test("ignores empty chunks, also between CR and LF", () => {
    expect(linesOf([bytesOf("a\r"), bytesOf(""), bytesOf("\nb")])).toEqual(["a", "b"]);
  });
});
