// Addresses that hold their own bytes.

import { describe, expect, test } from "bun:test";
import { bytesOf, dataUrlOf, mostBytesOf, parseDataUrl } from "../../../src/attachments/data-url.ts";

function read(url: string): Uint8Array | undefined {
  const parsed = parseDataUrl(url);
  return parsed === undefined ? undefined : bytesOf(parsed);
}

describe("parseDataUrl", () => {
  test.each([
    ["data:image/png;base64,AAEC", { mediaType: "image/png", isBase64: true, data: "AAEC" }],
    ["DATA:Image/PNG;Base64,AAEC", { mediaType: "image/png", isBase64: true, data: "AAEC" }],
    ["data:text/plain;charset=utf-8;base64,YQ==", { mediaType: "text/plain", isBase64: true, data: "YQ==" }],
    ["data:,a%20b", { mediaType: "", isBase64: false, data: "a%20b" }],
  ])("takes %s apart", (url, parts) => {
    expect(parseDataUrl(url)).toEqual(parts);
  });

  test.each(["https://example.com/a,b", "data:image/png;base64", "database,1", "", `data:${"x".repeat(400)},a`])(
    "leaves %s alone",
    (url) => {
      expect(parseDataUrl(url)).toBeUndefined();
    },
  );
});

describe("bytesOf", () => {
  test.each([
    ["data:;base64,AAEC", [0, 1, 2]],
    ["data:;base64,AAE", [0, 1]],
    ["data:;base64,AAE=", [0, 1]],
    ["data:;base64,-_-_", [0xfb, 0xff, 0xbf]],
    ["data:;base64,AA\nEC", [0, 1, 2]],
    ["data:,a%20%C3%A9", [0x61, 0x20, 0xc3, 0xa9]],
  ])("gives the bytes of %s", (url, bytes) => {
    expect([...(read(url) ?? [])]).toEqual(bytes);
  });

  test.each(["data:;base64,AA*EC", "data:;base64,A=AAA", "data:,%E9%"])("refuses %s", (url) => {
    expect(read(url)).toBeUndefined();
  });

  test("is the inverse of dataUrlOf, and within what mostBytesOf says", () => {
    for (let length = 0; length < 40; length++) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 37 + length) % 256);
      const url = dataUrlOf("image/png", bytes.subarray());
      expect(read(url)).toEqual(Buffer.from(bytes));
      expect(mostBytesOf(parseDataUrl(url)!)).toBeGreaterThanOrEqual(length);
    }
  });
});
