// Single fields of a received body are changed; what stands in between goes out as it came.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseBody } from "../../../../../src/conversation/parse-body.ts";
import { spliceBody } from "../../../../../src/upstreams/openai-compatible/request/splice-body.ts";
import type { Body } from "../../../../../src/upstreams/openai-compatible/dialect.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function splice(text: string, wanted: Body): string | undefined {
  const body = encode(text);
  parseBody(body, "a caller");
  const pieces = spliceBody(body, JSON.parse(text), wanted);
  return pieces === undefined ? undefined : Buffer.concat(pieces).toString();
}

describe("spliceBody", () => {
  test("leaves a body that is wanted as it is in one piece", () => {
    const text = '{"model":"m", "messages":[{"role":"user","content":"a \\"b\\" \\\\"}],\n "x":{"y":[1,2]}}';
    const pieces = spliceBody(encode(text), JSON.parse(text), { model: "m", x: { y: [1, 2] } });
    expect(pieces?.slice(0, -1)).toHaveLength(1);
    expect(Buffer.concat(pieces ?? []).toString()).toBe(text);
  });

  test("replaces a value, puts fields in, and takes fields out with their commas", () => {
    const body = '{"session_id":"s","model":"alias","messages":[],"n":1}';
    expect(splice(body, { model: "qwen", stream: true })).toBe('{"stream":true,"model":"qwen","messages":[]}');
    expect(splice('{"messages":[1],"a":null,"b":2}', { b: 2 })).toBe('{"messages":[1],"b":2}');
    expect(splice('{ "a" : 1 , "messages" : [ ] }', {})).toBe('{"messages" : [ ]}');
  });

  test("keeps numbers and escapes of kept fields as the client wrote them", () => {
    const text = '{"temperature":1.0,"seed":1234567890.50,"messages":[{"content":"\\u00e9\\/"}],"stop":"\\u000a"}';
    const wanted = { temperature: 1, seed: 1234567890.5, stop: "\n", model: "m" };
    expect(splice(text, wanted)).toBe(`{"model":"m",${text.slice(1)}`);
  });

  test("leaves bodies to others whose names are escaped or stand there twice", () => {
    expect(splice('{"messages":[],"mod\\u0065l":"a"}', { model: "b" })).toBeUndefined();
    expect(splice('{"messages":[],"model":"a","model":"b"}', { model: "b" })).toBeUndefined();
    expect(splice('{"model":"a"}', { model: "b" })).toBeUndefined();
  });

  test("takes no name for another one because a byte order mark stands in it", () => {
    expect(JSON.parse(splice('{"messages":[],"\uFEFFmodel":"a"}', { model: "b", "\uFEFFmodel": "a" }) ?? "")).toEqual({
      messages: [],
      model: "b",
      "\uFEFFmodel": "a",
    });
  });

  test("gives what an object with the same fields would give, whatever the values", () => {
    const name = fc.string({ maxLength: 4 }).filter((text) => !["__proto__", "messages"].includes(text));
    const fields = fc.dictionary(fc.oneof(name, fc.constantFrom("tools", "input")), fc.jsonValue({ maxDepth: 3 }), {
      maxKeys: 6,
    });
    // Long ones, and histories that are known by their second half on, are found before.
    const content = fc.constantFrom('Code: {"a":[1]}}} '.repeat(40), "]}".repeat(400), "short", "}");
    const said = fc.array(fc.record({ role: fc.constantFrom("user", "assistant"), content }), { maxLength: 12 });
    fc.assert(
      fc.property(
        fields,
        fields,
        fc.oneof(said, fc.jsonValue()),
        fc.constantFrom(0, 2),
        (written, changes, messages, space) => {
          const [keep = "", ...dropped] = Object.keys(written);
          const body = { ...written, messages };
          const kept = Object.fromEntries(
            Object.entries(written).filter(([key]) => !dropped.includes(key) || key === keep),
          );
          // Values of the generator are JSON.
          const wanted = { ...kept, ...changes } as Body;
          const spliced = splice(JSON.stringify(body, undefined, space), wanted);
          if (spliced === undefined) return Object.keys(body).some((key) => JSON.stringify(key).includes("\\"));
          expect(JSON.parse(spliced)).toEqual(JSON.parse(JSON.stringify({ ...wanted, messages })));
          return true;
        },
      ),
    );
  });
});
