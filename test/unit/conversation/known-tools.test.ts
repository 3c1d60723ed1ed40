// The same bytes are the same list, other bytes are another one, and what is kept of them has an end.

import { expect, test } from "bun:test";
import { stringifyExact } from "../../../src/contract/exact-json.ts";
import { parseBody } from "../../../src/conversation/parse-body.ts";

const encoder = new TextEncoder();
const named = (name: string, length = 2000): unknown[] => [{ name, description: "It works. ".repeat(length / 10) }];

function toolsOf(tools: unknown, indent?: number): unknown {
  const body = { model: "qwen3-max", messages: [{ role: "user", content: "x".repeat(600) }], tools, stream: true };
  return (parseBody(encoder.encode(JSON.stringify(body, null, indent))) as typeof body).tools;
}

test("tools that come with the same bytes are the same object, wherever they stand in the body", () => {
  const first = toolsOf(named("same"));

  expect(first).toEqual(named("same"));
  expect(toolsOf(named("same"))).toBe(first);
  expect((parseBody(encoder.encode(JSON.stringify({ tools: named("same") }))) as { tools: unknown }).tools).toBe(first);
});

test("numbers that a double cannot hold are written again as they came", () => {
  const text = `[{"name":"exact","description":"${"It works. ".repeat(200)}","parameters":{"maximum":9223372036854775807}}]`;
  const body = `{"messages":[{"role":"user","content":"${"x".repeat(600)}"}],"tools":${text}}`;
  const { tools } = parseBody(encoder.encode(body)) as { tools: unknown };

  expect(stringifyExact(tools)).toBe(text);
});

test("tools that differ in one sign, or only begin like others, are others", () => {
  const first = toolsOf(named("begin"));

  expect(toolsOf(named("began"))).toEqual(named("began"));
  expect(toolsOf([...named("begin"), ...named("more")])).toEqual([...named("begin"), ...named("more")]);
  expect(toolsOf(named("begin"), 1)).toEqual(named("begin"));
  expect(toolsOf(named("begin"))).toBe(first);
});

test("the tools that were not used for longest are forgotten first", () => {
  const kept = toolsOf(named("kept"));
  const forgotten = toolsOf(named("forgotten"));
  for (let at = 0; at < 31; at++) {
    toolsOf(named(`other ${at}`));
    expect(toolsOf(named("kept"))).toBe(kept);
  }

  expect(toolsOf(named("forgotten"))).toEqual(forgotten);
  expect(toolsOf(named("forgotten"))).not.toBe(forgotten);
});

test("a list beyond all that is kept is read, and kept by nobody", () => {
  const huge = named("huge", 3_000_000);
  const first = toolsOf(huge);

  expect(first).toEqual(huge);
  expect(toolsOf(huge)).not.toBe(first);
});
