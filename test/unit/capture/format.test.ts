// A capture's lines: chunks there and back, and what is wrong with a file that is none.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { bytesField, bytesOf, CaptureError, parseCapture } from "../../../src/capture/format.ts";

const opening =
  '{"type":"capture","version":1,"gateway":"0","requestId":"req_1","startedAt":"2026-01-01T00:00:00.000Z"}';

function problemOf(text: string): string {
  try {
    parseCapture(text);
  } catch (error) {
    if (error instanceof CaptureError) return error.message;
    throw error;
  }
  return "";
}

test("any bytes are the same after a line of JSON", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const line = JSON.parse(JSON.stringify({ type: "bytes", atMs: 0, of: "answer", ...bytesField(bytes) }));
      expect(Buffer.from(bytesOf(line)).equals(bytes)).toBe(true);
    }),
  );
});

test("text stays readable, with a byte order mark and line separators in it", () => {
  const text = "\ufeffdata: 你好\u2028\r\n\u0000";

  expect(bytesField(Buffer.from(text))).toEqual({ text });
  expect(bytesField(Buffer.from(text).subarray(0, 10))).toEqual({ base64: expect.any(String) });
});

describe("parseCapture refuses, and names the line:", () => {
  test.each([
    ["nothing", "", 'its first line is not of type "capture"'],
    ["another kind of file", "hello", "line 1 is no JSON"],
    ["lines without their head", '{"type":"close","atMs":1}', 'its first line is not of type "capture"'],
    [
      "a newer form",
      opening.replace('"version":1', '"version":2'),
      "its form has version 2, and this program reads version 1",
    ],
    ["a line of no known type", `${opening}\n{"type":"other"}`, "line 2 has no known type"],
    [
      "a field of another type",
      `${opening}\n{"type":"answer","atMs":1,"status":"200"}`,
      '"status" of line 2 must be a number',
    ],
    ["a type that every object has", `${opening}\n{"type":"constructor"}`, "line 2 has no known type"],
    [
      "headers that are no pairs",
      `${opening}\n{"type":"answer","atMs":1,"status":200,"headers":{"a":"b"}}`,
      '"headers" of line 2 must be pairs of texts',
    ],
    [
      "headers of other things than texts",
      `${opening}\n{"type":"request","atMs":1,"method":"GET","url":"/","headers":[["a",5]]}`,
      '"headers" of line 2 must be pairs of texts',
    ],
    [
      "fields that may be missing, of another type",
      `${opening}\n{"type":"bytes","atMs":1,"of":"answer","text":5}`,
      '"text" of line 2 must be a string',
    ],
    [
      "a call that is no number",
      `${opening}\n{"type":"end","atMs":1,"of":"answer","how":"failed","call":{}}`,
      '"call" of line 2 must be a number',
    ],
  ])("%s", (_, text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });
});
