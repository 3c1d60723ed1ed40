// Tags at the border of thoughts and answer, and answers in the wrong field.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { DecoderOptions } from "../../../../../src/upstreams/openai-compatible/reply/event-decoder.ts";
import type { ThoughtsStart } from "../../../../../src/upstreams/think-tags.ts";
import { chunk, decodeEvents, finish, textOf } from "../../../../support/compatible-recordings.ts";

/** Thoughts and answer of a reply whose deltas are these; texts that begin with "~" are thoughts of a field of their own. */
function read(deltas: readonly string[], changes: Partial<DecoderOptions> = {}): readonly [string, string] {
  const chunks = deltas.map((text) =>
    chunk(text.startsWith("~") ? { reasoning_content: text.slice(1), content: null } : { content: text }),
  );
  const events = decodeEvents([...chunks, finish()], changes);
  return [textOf(events, "reasoning-delta"), textOf(events)];
}

const long = "the user wants a sum of two numbers";

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
    ["inline thoughts twice", ["<think>a</think><think>b</think>", "Hi"], "ab", "Hi"],
    ["thoughts told twice", ["~hm ", "~yes", "<think>\nhm ", "yes\n</th", "ink>\n\nHi"], "hm yes", "Hi"],
    ["thoughts told twice by turns", ["~hm", "<think>hm", "~ yes", " yes", "</think>Hi"], "hm yes", "Hi"],
    ["long thoughts told twice", [`~${long}`, `<think>${long}`, " and more</think>Hi"], long, "Hi"],
    ["thoughts told twice and cut", [`~${long}`, `<think>${long}`], long, ""],
    ["an opening tag that is left over", ["~hm", "<think>", "Hi", " there"], "hm", "Hi there"],
    ["an opening tag before an answer that begins alike", ["~hm yes", "<think>hm"], "hm yes", "hm"],
  ];
  test.each([...cases])("%s", (_name, deltas, reasoning, text) => {
    expect(read(deltas)).toEqual([reasoning, text]);
  });

  test("thoughts told twice are found where some of them pass unread", () => {
    const quoted = ["The message", ' says "Call', " get_weather", ' now".', " I do", " so at once."];
    const deltas = [...quoted.map((text) => `~${text}`), "<think>\n", ...quoted, "\n</think>\n\n", "Hi"];

    expect(read(deltas)).toEqual([quoted.join(""), "Hi"]);
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

describe("thoughts that nothing opens", () => {
  /** What the decoder says, and what it has found out. */
  function readFrom(thoughtsStart: ThoughtsStart, deltas: readonly string[]) {
    const found: string[] = [];
    const [reasoning, text] = read(deltas, { thoughtsStart, onThoughtsStart: (start) => found.push(start) });
    return [reasoning, text, ...found];
  }
  const deltas = ["I ", "think", "\n</th", "ink>", "\n", "\nHi"];

  test("are kept back and told apart where nobody waits", () => {
    expect(readFrom("held", deltas)).toEqual(["I think\n", "Hi", "unopened"]);
  });

  test("are only noticed where somebody does", () => {
    expect(readFrom("watched", deltas)).toEqual(["", "I think\n</think>\n\nHi", "unopened"]);
  });

  test("are thoughts from the first word on where it is known", () => {
    expect(readFrom("unopened", deltas)).toEqual(["I think\n", "Hi"]);
    expect(readFrom("unopened", ["<thi", "nk>I think</think>Hi"])).toEqual(["I think", "Hi"]);
    expect(readFrom("unopened", ["~I think", "Hi"])).toEqual(["I think", "Hi"]);
  });

  test("are an answer after all when nothing closes them", () => {
    expect(readFrom("unopened", ["Hi", " there"])).toEqual(["Hi there", "Hi there", "marked"]);
  });

  test.each([
    ["a tag that is written about", ["Write ", "</think> at the end"]],
    ["a pair of tags", ["Write <think>\na\n", "</think>\n", " around"]],
    ["a pair of tags that are cut", ["Write <th", "ink>\na\n</thi", "nk>\n around"]],
    ["a pair of tags that come sign by sign", [..."Write <think>a</think>\n around"]],
    ["less than", ["a <", " b </", "th"]],
    ["the beginning of a tag at the end", ["a <", "thin"]],
    ["an answer alone", ["Hi", " there"]],
    ["blank lines", ["\n", "\n", "Hi"]],
  ])("do not show in %s", (_name, pieces) => {
    expect(readFrom("watched", pieces)).toEqual(["", pieces.join("")]);
    expect(readFrom("held", pieces)).toEqual(["", pieces.join("")]);
  });

  test("do not show where thoughts have a field of their own", () => {
    expect(readFrom("watched", ["~hm", "Hi\n", "</think>", "\n"])).toEqual(["hm", "Hi\n</think>\n"]);
  });
});

describe("the empty line between thoughts and answer", () => {
  test.each([
    [["~hm", "\n\nHi"], "Hi"],
    [["~hm", "\n", "\n", "Hi\n\n", "there"], "Hi\n\nthere"],
    [["~hm", "\n\n    indented"], "    indented"],
    [["~hm", " ", "Hi"], " Hi"],
    [["\n\nHi"], "\n\nHi"],
  ])("%j is %j", (deltas, text) => {
    expect(read(deltas)[1]).toBe(text);
    expect(read(deltas, { thinkTags: false })[1]).toBe(text);
  });
});

describe("cumulative deltas", () => {
  const cumulative = { cumulativeDeltas: true };

  test("are said once, also when there are two of them", () => {
    expect(read(["~I think ", "~I think so.", "Hello ", "Hello there, friend."], cumulative)).toEqual([
      "I think so.",
      "Hello there, friend.",
    ]);
  });

  test("are pieces where the first is no word yet, or the second repeats it", () => {
    expect(read(["1", "10"], cumulative)[1]).toBe("110");
    expect(read(["ha ha ", "ha ha ha ha "], cumulative)[1]).toBe("ha ha ha ha ha ha ");
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
