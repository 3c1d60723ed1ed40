// Tags at the border of thoughts and answer, and answers in the wrong field.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { DecoderOptions } from "../../../../src/upstreams/openai-compatible/event-decoder.ts";
import { chunk, decodeEvents, finish, textOf } from "../../../support/compatible-recordings.ts";

/** Thoughts and answer of a reply whose deltas are these; texts that begin with "~" are thoughts of a field of their own. */
function read(deltas: readonly string[], changes: Partial<DecoderOptions> = {}): readonly [string, string] {
  const chunks = deltas.map((text) =>
    chunk(text.startsWith("~") ? { reasoning_content: text.slice(1), content: null } : { content: text }),
  );
  const events = decodeEvents([...chunks, finish()], changes);
  return [textOf(events, "reasoning-delta"), textOf(events)];
}

describe("rule 6: tags", () => {
  const cases: readonly (readonly [name: string, deltas: readonly string[], reasoning: string, text: string])[] = [
    ["a closing tag at the start of the answer", ["~hm", "</think>\n\nHi"], "hm", "Hi"],
    ["a closing tag in pieces", ["~hm", "</", "thi", "nk", ">", "\n", "\nHi"], "hm", "Hi"],
    ["a closing tag at the end of the thoughts", ["~hm", "~</thi", "~nk>", "Hi"], "hm", "Hi"],
    ["an opening tag behind thoughts", ["~hm", "<think>", "</think>", "Hi"], "hm", "Hi"],
    ["a stray closing tag at the very start", ["</think>", "Hi"], "", "Hi"],
    ["thoughts between inline tags", ["<thi", "nk>\nhm ", "hm</th", "ink>\n\nHi", " there"], "\nhm hm", "Hi there"],
    ["inline thoughts that never end", ["<think>hm", " hm"], "hm hm", ""],
    ["a tag in the middle of an answer", ["Write ", "</think>", " at the end"], "", "Write </think> at the end"],
    ["what only begins like a tag", ["<th", "e>", " end"], "", "<the> end"],
    ["what only begins like a tag, behind thoughts", ["~a </th", "~is", "Hi"], "a </this", "Hi"],
    ["less than", ["~a <", "~ b", "c <", " d"], "a < b", "c < d"],
    ["white space at the start of an answer", ["\n", "\nHi"], "", "\n\nHi"],
    ["white space alone", [" "], "", " "],
    ["thoughts again behind the answer", ["~a", "b", "~c", "</think>d"], "ac", "bd"],
  ];
  test.each([...cases])("%s", (_name, deltas, reasoning, text) => {
    expect(read(deltas)).toEqual([reasoning, text]);
  });

  test("are left alone where the dialect has none", () => {
    expect(read(["~hm", "</think>Hi"], { thinkTags: false })).toEqual(["hm", "</think>Hi"]);
  });

  test("text without tags passes whole, however it is cut", () => {
    const text = fc.stringMatching(/^[a-c <>/\n]{0,30}$/).filter((value) => !/<\/?think>/.test(value));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 8 }), (pieces) => {
        expect(read(pieces)).toEqual(["", pieces.join("")]);
        expect(read(pieces.map((piece) => `~${piece}`))).toEqual([pieces.join(""), ""]);
      }),
    );
  });
});

describe("rescue (a): an answer in the field of thoughts", () => {
  test("any text, where thinking was off", () => {
    expect(read(["~the ", "~answer"], { rescue: "any" })).toEqual(["", "the answer"]);
  });

  test("is told as thoughts as soon as an answer comes", () => {
    expect(read(["~hm", "Hi"], { rescue: "any" })).toEqual(["hm", "Hi"]);
  });

  test("JSON alone, where JSON was asked for (LM Studio #1698)", () => {
    expect(read(['~{"a":', "~1}"], { rescue: "json" })).toEqual(["", '{"a":1}']);
    expect(read(["~I think so"], { rescue: "json" })).toEqual(["I think so", ""]);
  });

  test("thoughts are told before an error, and before a call", () => {
    const call = chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "read", arguments: "{}" } }] });
    const types = (events: readonly object[]) => decodeEvents(events, { rescue: "any" }).map(({ type }) => type);

    expect(types([chunk({ reasoning: "hm" }), { error: { message: "x" } }])).toEqual([
      "reply-start",
      "reasoning-delta",
      "reply-error",
    ]);
    expect(types([chunk({ reasoning: "hm" }), call, finish()]).slice(0, 3)).toEqual([
      "reply-start",
      "reasoning-delta",
      "tool-call-start",
    ]);
  });

  test("keeps no more than an answer may be long", () => {
    const long = "x".repeat(600_000);

    expect(read([`~${long}`, `~${long}`], { rescue: "any" })).toEqual([long + long, ""]);
  });
});
