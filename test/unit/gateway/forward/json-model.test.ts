// Finding and replacing the model of a JSON body without parsing it: held against the parser that everybody has.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { findJsonModel } from "../../../../src/gateway/forward/json-model.ts";
import { spliceModel } from "../../../../src/gateway/forward/model-place.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function splice(text: string, model: string | undefined): string {
  const body = bytes(text);
  return Buffer.concat(spliceModel(body, findJsonModel(body), model)).toString();
}

describe("findJsonModel", () => {
  test.each([
    ['{"model":"a"}', "a"],
    [' {\n"input" : "\\"model\\":\\"b\\"" , "model" : "a" } ', "a"],
    ['{"a":{"model":"b"},"model":"a","c":[{"model":"c"}]}', "a"],
    ['{"mod\\u0065l":"a"}', "a"],
    ['{"model":"a\\"\\\\b"}', 'a"\\b'],
    ['{"model":"b","model":"a"}', "a"],
    ['{"input":"ends in a backslash \\\\","model":"a"}', "a"],
    ['\ufeff{"model":"a"}', "a"],
  ])("finds it in %s", (text, model) => {
    expect(findJsonModel(bytes(text))?.model).toBe(model);
  });

  test.each(["{}", '{"input":"x"}', '{"model":null}', '{"model":""}', '{"x":{"model":"a"}}'])(
    "finds none in %s",
    (text) => {
      expect(findJsonModel(bytes(text))).toBeUndefined();
    },
  );

  test.each([
    "",
    "[]",
    '"model"',
    "{",
    '{"model"',
    '{"model":',
    '{"model":"a',
    '{"model":"a"',
    '{"model":"a"}}',
    '{"a":[1,2}',
    '{"a" 1}',
    '{"a":1 "b":2}',
    "{model:1}",
  ])("refuses %p", (text) => {
    expect(() => findJsonModel(bytes(text))).toThrow("not a valid JSON object");
  });

  test.each(['{"model":7}', '{"model":{}}', '{"model":["a"]}', '{"model":true}'])(
    "refuses the model of %s by name",
    (text) => {
      expect(() => findJsonModel(bytes(text))).toThrow('"model" must be a text');
    },
  );

  test("agrees with the parser on every object, however it is spaced", () => {
    const objects = fc.dictionary(fc.oneof(fc.constant("model"), fc.string()), fc.jsonValue());
    fc.assert(
      fc.property(objects, fc.string({ minLength: 1 }), fc.constantFrom(0, 1, 3), (object, model, space) => {
        const whole = { ...object, model };
        const text = JSON.stringify(whole, null, space);
        expect(findJsonModel(bytes(text))?.model).toBe(model);
        // Not of `whole`: JSON knows no -0.
        expect(JSON.parse(splice(text, "other"))).toEqual({ ...(JSON.parse(text) as object), model: "other" });
      }),
    );
  });
});

describe("spliceModel", () => {
  test("changes the name and not one byte besides", () => {
    expect(splice('{ "input":"é" ,"model" :"a", "n":1e2}', 'b"c')).toBe('{ "input":"é" ,"model" :"b\\"c", "n":1e2}');
  });

  test.each(["a", undefined])("hands the very same bytes on when the name stays (%p)", (model) => {
    const body = bytes('{"model":"a"}');
    expect(spliceModel(body, findJsonModel(body), model)[0]).toBe(body);
  });
});
