// Arguments made whole and made to fit, without guessing.

import { describe, expect, test } from "bun:test";
import type { Json } from "../../../src/contract/json.ts";
import { repairArguments } from "../../../src/tools/repair-arguments.ts";
import { repairJson } from "../../../src/tools/repair-json.ts";

const schema: Json = {
  type: "object",
  properties: {
    count: { type: "integer" },
    price: { type: "number" },
    text: { type: "string" },
    flag: { type: "boolean" },
    list: { type: "array", items: { type: "integer" } },
    either: { type: ["string", "null"] },
    deep: { allOf: [{ type: "object", properties: { count: { type: "integer" } } }] },
    self: { $ref: "#" },
    "named here": { type: "integer" },
    escaped: { $ref: "#/properties/named%20here" },
    listed: { $ref: "#/properties/deep/allOf/0" },
    named: { $ref: "#name" },
    open: {},
  },
  additionalProperties: { type: "boolean" },
};

describe("repairArguments", () => {
  test.each([
    ['{"count": 1}'],
    ['{ "text" : "5",\n "open": {"x": [1, 1.0, 1e3]} }'],
    ['{"price": 1.50, "count": 123456789012345678901}'],
    ['{"either": null}'],
    ["{}"],
  ])("gives sound arguments back byte for byte: %s", (text) => {
    expect(repairArguments(text, schema)).toEqual({ text, warnings: [] });
  });

  test.each([
    ['{"count": "5"}', '{"count": 5}'],
    ['{"count": " 5 "}', '{"count": 5}'],
    ['{"price": "-1.5e3"}', '{"price": -1.5e3}'],
    ['{"flag": "True"}', '{"flag": true}'],
    ['{"text": 5}', '{"text": "5"}'],
    ['{"text": true}', '{"text": "true"}'],
    ['{"list": "[1, 2]"}', '{"list": [1, 2]}'],
    ['{"list": ["1", 2]}', '{"list": [1, 2]}'],
    ['{"deep": {"count": "5"}}', '{"deep": {"count": 5}}'],
    ['{"self": {"self": {"count": "5"}}}', '{"self": {"self": {"count": 5}}}'],
    ['{"escaped": "5", "listed": {"count": "5"}}', '{"escaped": 5, "listed": {"count": 5}}'],
    ['{"named": "{}", "count": "5"}', '{"named": "{}", "count": 5}'],
    ['{"more": "true"}', '{"more": true}'],
    ['{"open": "5", "count": "5"}', '{"open": "5", "count": 5}'],
  ])("converts %s", (text, converted) => {
    expect(repairArguments(text, schema)).toEqual({ text: converted, warnings: ["arguments-converted"] });
  });

  test.each([['{"count": "five"}'], ['{"count": 1.5}'], ['{"count": "1.5"}'], ['{"flag": 1}'], ['{"list": 5}']])(
    "leaves %s as it is, with a warning",
    (text) => {
      expect(repairArguments(text, schema)).toEqual({ text, warnings: ["arguments-invalid"] });
    },
  );

  test.each(["allOf", "anyOf", "oneOf"])(
    "takes no time for a schema whose %s refers to itself again and again",
    (key) => {
      const itself = Array.from({ length: 30 }, () => ({ $ref: "#" }));
      const text = '{"count": "5"}';

      expect(repairArguments(text, { [key]: itself, properties: { count: { type: "integer" } } })).toEqual({
        text: '{"count": 5}',
        warnings: ["arguments-converted"],
      });
      expect(repairArguments(text, { [key]: itself })).toEqual({ text, warnings: [] });
    },
  );

  // For 2,000 items and 20,000 parts that was 8 s and 19 s.
  test.each(["anyOf", "allOf"])("looks through the parts of %s once, however many values there are", (key) => {
    let looks = 0;
    const item = {
      get [key]() {
        looks++;
        return [{ type: "object", properties: { count: { type: "integer" } } }];
      },
    };
    const items = (value: unknown): string => JSON.stringify({ list: Array(1000).fill({ count: value }) });

    const { text } = repairArguments(items("5"), { properties: { list: { type: "array", items: item } } });

    expect(text).toBe(items(5));
    expect(looks).toBeLessThan(10);
  });

  test.each([[""], ["  "], ["null"], ['""']])("takes %p for an empty object", (text) => {
    expect(repairArguments(text, schema)).toEqual({ text: "{}", warnings: [] });
  });

  test.each([["5"], ["[1]"], ['"text"'], ["nonsense"], ['{"text": "cut']])("passes %s on, with a warning", (text) => {
    const { text: same, warnings } = repairArguments(text, schema);

    expect(same).toBe(text);
    expect(warnings).toContain("arguments-unreadable");
  });

  test("survives a schema that says nothing, or nonsense", () => {
    for (const odd of [{}, null, true, [], { type: 5, properties: [] }, { $ref: "#/none" }, { $ref: "http://x" }]) {
      expect(repairArguments('{"a": "1"}', odd as Json)).toEqual({ text: '{"a": "1"}', warnings: [] });
    }
  });

  test("survives a schema that refers to itself in a circle", () => {
    const circle: Json = { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } };

    expect(repairArguments('{"a": "1"}', circle).text).toBe('{"a": "1"}');
  });
});

describe("repairJson", () => {
  test.each([
    ["{'a': 'b'}", { a: "b" }],
    ['{"a": "b",}', { a: "b" }],
    ['{"a": "b"', { a: "b" }],
    ['{"a": [1, 2', { a: [1, 2] }],
    ['{"a": [1, 2}', { a: [1, 2] }],
    ['{"a": {"b": 1]}', { a: { b: 1 } }],
    ["{a: True, b: None, c: False}", { a: true, b: null, c: false }],
    ['{"a": "x\ny"}', { a: "x\ny" }],
    ['{"a": "\\d \\\' \\u12"}', { a: "\\d ' \\u12" }],
    ['{"a": "he said "no" twice", "b": 1}', { a: 'he said "no" twice', b: 1 }],
    ['{"a": 007}', { a: "007" }],
    ['{"a": 1}}}', { a: 1 }],
    ['{"a": 1}{"a": 1}', { a: 1 }],
  ])("mends %s", (text, value) => {
    expect(JSON.parse(repairJson(text) ?? "")).toEqual(value);
  });

  test.each([['{"a": "b'], ['{"a":'], ['{"a": b}'], ["x"], [""], ['{"a": 1} and {"b": 2}'], ["[".repeat(500)]])(
    "gives %p up",
    (text) => {
      expect(repairJson(text)).toBeUndefined();
    },
  );
});
