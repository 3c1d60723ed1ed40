// What OpenAI's clients ask of a picture, in the words of the web backend.

import { expect, test } from "bun:test";
import { parseImageRequest } from "../../../../../src/upstreams/qwen-web/images/image-request.ts";

const parse = (fields: object) => parseImageRequest(JSON.stringify({ prompt: "a cat", ...fields }));

test.each([
  ["1024x1024", "1:1"],
  ["256x256", "1:1"],
  ["1536x1024", "4:3"],
  ["1024x1536", "3:4"],
  ["1792x1024", "16:9"],
  ["1024x1792", "9:16"],
  ["2688x1536", "16:9"],
  ["4:3", "4:3"],
  ["auto", undefined],
  [null, undefined],
  [undefined, undefined],
])("size %p becomes %p", (size, shape) => {
  expect(parse({ size }).size).toBe(shape as ReturnType<typeof parse>["size"]);
});

test.each(["3:2", "1024x400", "0x0", "1024", "large", 1024, "1024x", "999999x999999"])("size %p is refused", (size) => {
  expect(() => parse({ size })).toThrow('Cannot make images with this "size"');
});

test("wishes that change nothing are let be, and the defaults are OpenAI's", () => {
  const asked = parse({ quality: "hd", style: "vivid", user: "u", moderation: "low", background: "auto", n: null });

  expect(asked).toEqual({ prompt: "a cat", count: 1, size: undefined, answerAs: "url" });
});

test.each([0, 5, 1.5, "2", true])("n %p is refused", (n) => {
  expect(() => parse({ n })).toThrow('Cannot make images with this "n"');
});
