// The model of a form that arrives in pieces, cut anywhere.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createMultipartSearch, namesOneModel } from "../../../../src/gateway/forward/multipart-model.ts";
import { spliceModel } from "../../../../src/gateway/forward/model-place.ts";

const part = (head: string, content: string): string =>
  `--b\r\ncontent-disposition: form-data; ${head}\r\n\r\n${content}\r\n`;
const file = part('name="file"; filename="model"', 'RIFF\r\n--\r\nname="model"\r\n\r\n--bb');
const model = part('name="model"', "whisper-1");
const type = "multipart/form-data; boundary=b";

/** Looks after each piece, as the body arrives. */
function search(pieces: readonly Buffer[], contentType = type) {
  const found = createMultipartSearch(contentType);
  for (let count = 1; count <= pieces.length; count++) {
    const place = found.look(Buffer.concat(pieces.slice(0, count)));
    if (place !== undefined) return place;
  }
  return undefined;
}

describe("createMultipartSearch", () => {
  test.each([
    ["first", model + file],
    ["behind a file", file + model],
    ["behind a preamble", `hello\r\n${model}`],
  ])("finds a model that stands %s, wherever the body is cut", (_, parts) => {
    const whole = Buffer.from(`${parts}--b--\r\n`);
    for (let at = 1; at < whole.length; at++) {
      expect(search([whole.subarray(0, at), whole.subarray(at)])).toMatchObject({ model: "whisper-1" });
    }
    expect(search([...whole].map((byte) => Buffer.from([byte])))).toMatchObject({ model: "whisper-1" });
  });

  test.each([
    ["a form without one", `${file}--b--\r\n`],
    ["a file that is called so", `${part('name="model"; filename="a"', "x")}--b--\r\n`],
    ["an empty one", `${part('name="model"', "")}--b--\r\n`],
  ])("tells that %s has none", (_, text) => {
    expect(search([Buffer.from(text)])).toBe("none");
  });

  test("waits as long as it may still come", () => {
    expect(search([Buffer.from(file)])).toBeUndefined();
  });

  test.each([
    ['multipart/form-data; boundary="b"', model],
    ["Multipart/Form-Data; charset=utf-8; boundary=b; x=y", model],
    [type, "--b\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name=model\r\n\r\nwhisper-1\r\n"],
  ])("reads %s", (contentType, text) => {
    expect(search([Buffer.from(`${text}--b--\r\n`)], contentType)).toMatchObject({ model: "whisper-1" });
  });

  test.each([
    ["no boundary", "multipart/form-data", model],
    ["no delimiter", type, "x".repeat(20_000)],
    ["an endless head", type, `--b\r\n${"x".repeat(20_000)}`],
    ["an endless name", type, `--b\r\ncontent-disposition: form-data; name="model"\r\n\r\n${"x".repeat(2000)}`],
  ])("refuses %s", (_, contentType, text) => {
    expect(() => search([Buffer.from(text)], contentType)).toThrow("not a valid multipart form");
  });

  test("finds it behind any file, and replaces nothing but it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(400), (content, cut) => {
        const head = Buffer.from('--b0und\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n');
        const before = Buffer.concat([head, content, Buffer.from("\r\n")]);
        const rest = Buffer.from('--b0und\r\ncontent-disposition: form-data; name="model"\r\n\r\na\r\n--b0und--\r\n');
        const whole = Buffer.concat([before, rest]);
        const at = Math.min(cut, whole.length);
        const place = search([whole.subarray(0, at), whole.subarray(at)], "multipart/form-data; boundary=b0und");
        if (place === undefined || place === "none") throw new Error("not found");
        const spliced = Buffer.concat(spliceModel(whole, place, "other"));
        expect(spliced.toString("latin1")).toBe(
          whole.toString("latin1").replace("\r\n\r\na\r\n--b0und--", "\r\n\r\nother\r\n--b0und--"),
        );
      }),
    );
  });
});

describe("namesOneModel", () => {
  const other = part('name="model"', "forbidden");

  test.each([
    ["one before a file", `${model}${part('name="file"; filename="model.wav"', "RIFF")}--b--\r\n`, true],
    ["one behind a field", `${part('name="language"', "en")}${model}--b--\r\n`, true],
    ["none", `${part('name="language"', "en")}--b--\r\n`, false],
    ["two", `${model}${other}--b--\r\n`, false],
    ["one more without quotes", `${model}${part("name=model", "forbidden")}--b--\r\n`, false],
    ["one more in capitals", `${model}${part('NAME="Model"', "forbidden")}--b--\r\n`, false],
    ["one more behind a first name", `${model}${part('name="file"; name="model"', "forbidden")}--b--\r\n`, false],
    ["one more, encoded", `${model}${part("name*=UTF-8''%6Dodel", "forbidden")}--b--\r\n`, false],
    ["one more with escapes", `${model}${part('name="mod\\el"', "forbidden")}--b--\r\n`, false],
    [
      "one more with bare line ends",
      `${model}--b\ncontent-disposition: form-data; name="model"\n\nforbidden\r\n--b--\r\n`,
      false,
    ],
    [
      "one more that a file name shall hide",
      `${model}${part('filename=""; name="model"', "forbidden")}--b--\r\n`,
      false,
    ],
    ["one more behind the end", `${model}--b--\r\n${other}`, false],
  ])("%s", (_what, form, isOne) => expect(namesOneModel(Buffer.from(form), type)).toBe(isOne));

  test("a form with two boundaries is read by nobody in the same way", () => {
    expect(namesOneModel(Buffer.from(`${model}--b--\r\n`), `${type}; boundary=c`)).toBe(false);
  });
});
