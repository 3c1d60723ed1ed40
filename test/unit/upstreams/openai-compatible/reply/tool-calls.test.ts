// Calls as servers tell them: each quirk that was seen, and that pieces are never lost nor doubled.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { callsOf, chunk, decodeEvents, finish, textOf } from "../../../../support/compatible-recordings.ts";

interface Piece {
  readonly index?: number | null;
  readonly id?: string | null;
  readonly name?: string | null;
  readonly arguments?: unknown;
}

function toolChunk(...pieces: readonly Piece[]): object {
  const calls = pieces.map(({ index, id, name, arguments: text }) => ({
    ...(index === undefined ? {} : { index }),
    ...(id === undefined ? {} : { id }),
    type: "function",
    function: { ...(name === undefined ? {} : { name }), ...(text === undefined ? {} : { arguments: text }) },
  }));
  return chunk({ content: null, tool_calls: calls });
}

/** The same chunk from a server that numbers no calls. */
const withoutIndexes = (event: object): object =>
  JSON.parse(JSON.stringify(event, (key, value) => (key === "tool_calls" ? value.map(unnumbered) : value)));
const unnumbered = ({ index: _index, ...call }: { readonly index?: number }): object => call;

const decode = (chunks: readonly object[], toolNames: readonly string[] = ["read", "write"]) =>
  decodeEvents([...chunks, finish("tool_calls"), "[DONE]"], { toolNames });

const plain = (chunks: readonly object[], toolNames?: readonly string[]) =>
  callsOf(decode(chunks, toolNames)).map(({ callId, toolName, argumentsText }) => [callId, toolName, argumentsText]);

describe("rule 3: ids, names and indexes", () => {
  test.each([[""], [null], [undefined]])("a continuation with id and name %p belongs to its call", (idle) => {
    const pieces = [
      toolChunk({ index: 0, id: "a", name: "read", arguments: '{"x"' }),
      toolChunk({ index: 0, ...(idle === undefined ? {} : { id: idle, name: idle }), arguments: ":1}" }),
    ];

    expect(plain(pieces)).toEqual([["a", "read", '{"x":1}']]);
  });

  test("another id on the same index is another call", () => {
    const pieces = [
      toolChunk({ index: 0, id: "a", name: "read", arguments: '{"x":1}' }),
      toolChunk({ index: 0, id: "b", name: "write", arguments: "{}" }),
    ];

    expect(plain(pieces)).toEqual([
      ["a", "read", '{"x":1}'],
      ["b", "write", "{}"],
    ]);
  });

  test("calls without an index are told apart by their ids", () => {
    const pieces = [
      toolChunk({ id: "a", name: "read", arguments: '{"x"' }),
      toolChunk({ arguments: ":1" }),
      toolChunk({ id: "b", name: "read", arguments: "{" }),
      toolChunk({ id: "a", arguments: "}" }),
      toolChunk({ id: "b", arguments: "}" }),
    ];

    expect(plain(pieces)).toEqual([
      ["a", "read", '{"x":1}'],
      ["b", "read", "{}"],
    ]);
  });

  test("a name alone behind whole arguments begins a call when other arguments follow, else it was said again", () => {
    const pieces = [
      toolChunk({ index: 0, name: "read", arguments: "" }),
      toolChunk({ index: 0, arguments: '{"x":1}' }),
      toolChunk({ index: 0, name: "read", arguments: "" }),
      toolChunk({ index: 0, arguments: '{"x"' }),
      toolChunk({ index: 0, arguments: ":2}" }),
      toolChunk({ index: 0, name: "read", arguments: "" }),
    ];

    expect(plain(pieces).map(([, name, text]) => [name, text])).toEqual([
      ["read", '{"x":1}'],
      ["read", '{"x":2}'],
    ]);
  });

  test("calls without ids on one index are told apart where the arguments of one are whole", () => {
    const pieces = [
      toolChunk({ index: 0, name: "read", arguments: '{"x":1}' }),
      toolChunk({ index: 0, name: "write", arguments: '{"y":2}' }),
      toolChunk({ index: 0, name: "write", arguments: "" }),
      toolChunk({ index: 0, arguments: '{"y":3}' }),
    ];

    expect(plain(pieces)).toEqual([
      ["made-1", "read", '{"x":1}'],
      ["made-2", "write", '{"y":2}'],
      ["made-3", "write", '{"y":3}'],
    ]);
  });

  test("parallel calls told in turns stay apart", () => {
    const pieces = [
      toolChunk(
        { index: 0, id: "a", name: "read", arguments: "{" },
        { index: 1, id: "b", name: "write", arguments: "{" },
      ),
      toolChunk({ index: 0, arguments: '"x":1}' }),
      toolChunk({ index: 1, arguments: '"y":2}' }),
    ];

    expect(plain(pieces)).toEqual([
      ["a", "read", '{"x":1}'],
      ["b", "write", '{"y":2}'],
    ]);
  });

  test("one id for two calls is given once: the second gets one of its own", () => {
    const pieces = [
      toolChunk({ index: 0, id: "same", name: "read", arguments: "{}" }),
      toolChunk({ index: 1, id: "same", name: "write", arguments: "{}" }),
    ];

    expect(plain(pieces).map(([id]) => id)).toEqual(["same", "made-1"]);
  });

  test("an id goes on with its call under another index", () => {
    const pieces = [
      toolChunk({ index: 0, id: "a", name: "read", arguments: '{"x"' }),
      toolChunk({ index: 1, id: "a", arguments: ":1}" }),
    ];

    expect(plain(pieces)).toEqual([["a", "read", '{"x":1}']]);
  });

  test("an id that changes with every piece opens nothing while the arguments are open", () => {
    // mlx-openai-server before PR 216 (2026-03), Poolside's service (pool#9, 2026-05).
    const pieces = [
      toolChunk({ index: 0, id: "a", name: "read", arguments: "" }),
      toolChunk({ index: 0, id: "b", arguments: '{"x"' }),
      toolChunk({ index: 0, id: "c", arguments: ":1}" }),
      toolChunk({ index: 0, id: "d", name: "write", arguments: "{" }),
      toolChunk({ index: 0, id: "e", arguments: "}" }),
    ];

    expect(plain(pieces)).toEqual([
      ["a", "read", '{"x":1}'],
      ["d", "write", "{}"],
    ]);
    expect(plain(pieces.map(withoutIndexes))).toEqual(plain(pieces));
  });

  test("arguments under an index that nobody has go on with the call before them", () => {
    // Nebius and Cerebras (dirac PR 215, pipecat PR 4688, 2026-06); agno PR 8880 (2026-07) for the second call's head.
    const last = [
      toolChunk({ index: 0, id: "a", name: "read", arguments: "" }),
      toolChunk({ index: 0, arguments: '{"x"' }),
      toolChunk({ index: 1, arguments: "" }),
      toolChunk({ index: 1, arguments: ":1}" }),
    ];
    const second = [
      toolChunk({ index: 0, id: "a", name: "read", arguments: '{"x":1}' }),
      toolChunk({ index: 0, id: "b", name: "write", arguments: "" }),
      toolChunk({ index: 1, arguments: '{"y"' }),
      toolChunk({ index: 1, arguments: ":2}" }),
    ];

    expect(plain(last)).toEqual([["a", "read", '{"x":1}']]);
    expect(plain(second)).toEqual([
      ["a", "read", '{"x":1}'],
      ["b", "write", '{"y":2}'],
    ]);
  });

  test("each call of a whole message is one of its own, whatever its id and index say", () => {
    const call = { type: "function", function: { name: "read", arguments: '{"x":1}' } };
    const lists = [
      [call, call],
      [
        { ...call, id: "" },
        { ...call, id: "" },
      ],
      [
        { ...call, id: "same", index: 0 },
        { ...call, id: "same", index: 0 },
      ],
    ];
    for (const tool_calls of lists) {
      const message = { role: "assistant", content: null, tool_calls };
      const whole = { model: "m", choices: [{ index: 0, message, finish_reason: "tool_calls" }] };
      expect(plain([whole]).map(([, name, text]) => [name, text])).toEqual([
        ["read", '{"x":1}'],
        ["read", '{"x":1}'],
      ]);
    }
  });

  test("a reply that fails invents no arguments", () => {
    const events = decodeEvents([toolChunk({ index: 0, id: "a", name: "read" }), { error: { message: "x" } }], {
      toolNames: ["read"],
    });

    expect(callsOf(events)).toMatchObject([{ argumentsText: "" }]);
  });

  test("an id that comes behind the first arguments opens nothing", () => {
    const pieces = [
      toolChunk({ index: 0, name: "read", arguments: '{"x"' }),
      toolChunk({ index: 0, id: "late", arguments: ":1}" }),
    ];

    expect(plain(pieces)).toEqual([["made-1", "read", '{"x":1}']]);
  });

  test("a name that is repeated is not joined to itself, one in pieces is", () => {
    const repeated = [
      toolChunk({ index: 0, id: "a", name: "read", arguments: "{" }),
      toolChunk({ index: 0, name: "read", arguments: "}" }),
    ];
    const inPieces = [
      toolChunk({ index: 0, id: "a", name: "get_", arguments: "" }),
      toolChunk({ index: 0, name: "weather", arguments: "" }),
      toolChunk({ index: 0, arguments: "{}" }),
    ];
    const snapshots = [
      toolChunk({ index: 0, id: "a", name: "get_" }),
      toolChunk({ index: 0, name: "get_weather", arguments: "{}" }),
    ];

    expect(plain(repeated)).toEqual([["a", "read", "{}"]]);
    expect(plain(inPieces)).toEqual([["a", "get_weather", "{}"]]);
    expect(plain(snapshots)).toEqual([["a", "get_weather", "{}"]]);
  });

  test("a call is told as soon as its name is one of the offered, before its arguments", () => {
    const types = decode([toolChunk({ index: 0, id: "a", name: "read", arguments: "" })]).map(({ type }) => type);

    expect(types).toEqual(["reply-start", "tool-call-start", "tool-call-delta", "reply-end"]);
  });

  test("the legacy form is a call, too", () => {
    const pieces = [
      chunk({ function_call: { name: "read", arguments: '{"x"' } }),
      chunk({ function_call: { arguments: ":1}" } }),
    ];

    expect(plain(pieces)).toEqual([["made-1", "read", '{"x":1}']]);
  });

  test("pieces of a call without any name are told to nobody", () => {
    const events = decode([toolChunk({ index: 0, id: "a", arguments: "{}" })]);

    expect(callsOf(events)).toEqual([]);
    expect(events.at(-1)).toMatchObject({ finishReason: "stop" });
  });
});

describe("rule 3: arguments", () => {
  const say = (...texts: readonly unknown[]) => [
    toolChunk({ index: 0, id: "a", name: "read", arguments: texts[0] }),
    ...texts.slice(1).map((text) => toolChunk({ index: 0, arguments: text })),
  ];

  const cases: readonly (readonly [name: string, pieces: readonly unknown[], expected: string])[] = [
    ["pieces", ['{"x', '":', "1}"], '{"x":1}'],
    ["snapshots", ['{"x', '{"x":', '{"x":1}'], '{"x":1}'],
    ["two snapshots", ['{"x":', '{"x":1}'], '{"x":1}'],
    ["a nested value that begins as the whole did", ['{"x":', '{"x":1}', "}"], '{"x":{"x":1}}'],
    ["a nested value in two pieces", ['{"x":', '{"x":1}}'], '{"x":{"x":1}}'],
    ["a repetition of the whole at the end", ['{"x', '":1}', '{"x":1}'], '{"x":1}'],
    ["an empty piece at the end", ['{"x":1}', ""], '{"x":1}'],
    ["an object", [{ x: 1 }], '{"x":1}'],
    ["nothing: an empty object, which clients can parse", [null], "{}"],
    ["markup that is left over behind a whole value", ['{"x":1}', "</tool_call>"], '{"x":1}'],
    ["broken JSON that only looks whole: mended at its end", ["{'x': '}", "'}"], '{"x": "}"}'],
  ];
  test.each([...cases])("%s", (_name, pieces, expected) => {
    expect(plain(say(...pieces))).toEqual([["a", "read", expected]]);
  });

  test("arguments that break off end the reply with length, whatever the server says (qwen-code's guard)", () => {
    expect(decode(say('{"x": "unfini')).at(-1)).toMatchObject({ finishReason: "length" });
    expect(decode(say('{"x": [1, 2')).at(-1)).toMatchObject({ finishReason: "length" });
  });

  test("arguments that are no JSON are mended, and passed on where they cannot be", () => {
    expect(decode(say("{'x': 1}")).at(-1)).toMatchObject({ finishReason: "tool_calls" });
    expect(plain(say("{'x': 1}"))).toEqual([["a", "read", '{"x": 1}']]);
    expect(plain(say('{"x" 1}'))).toEqual([["a", "read", '{"x" 1}']]);
  });

  test("pieces behind the finish still belong to the call", () => {
    const events = decodeEvents([...say('{"x"'), finish("tool_calls"), ...say(":1}"), "[DONE]"], {});

    expect(callsOf(events)[0]).toMatchObject({ argumentsText: '{"x":1}' });
  });

  test("a JSON text cut anywhere comes out whole", () => {
    const values = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 });
    fc.assert(
      fc.property(values, fc.array(fc.nat({ max: 200 }), { maxLength: 6 }), (value, cuts) => {
        const text = JSON.stringify(value);
        const places = [0, ...cuts.map((cut) => cut % text.length).sort((one, other) => one - other), text.length];
        const pieces = places.slice(1).map((end, index) => text.slice(places[index], end));
        expect(plain(say(...pieces))).toEqual([["a", "read", text]]);
      }),
      { numRuns: 300 },
    );
  });
});

describe("rule 5: calls decide the finish", () => {
  test("stop with calls is tool_calls: vLLM says stop for a named tool", () => {
    const events = decodeEvents([toolChunk({ index: 0, id: "a", name: "read", arguments: "{}" }), finish("stop")]);

    expect(events.at(-1)).toMatchObject({ finishReason: "tool_calls" });
  });
});

describe("calls without end", () => {
  const tooLong = "longer than 32 MiB";

  test("nobody holds them, however many there are", () => {
    const pieces = Array.from({ length: 10_000 }, (_, index) => ({ index, id: `call-${index}`, name: "read" }));
    expect(() => decode([toolChunk(...pieces)])).toThrow(tooLong);
  });

  test.each(["name", "arguments"])("nobody holds %s that a call is not told by", (field) => {
    const long = "x".repeat(8 * 1024 * 1024);
    const pieces = Array.from({ length: 5 }, (_, index) => toolChunk({ index: 0, [field]: index + long }));
    expect(() => decode(pieces)).toThrow(tooLong);
  });

  test("arguments that are repeated with each piece count once", () => {
    const whole = `{"x":"${"y".repeat(1024 * 1024)}"}`;
    const ends = Array.from({ length: 33 }, (_, index) => whole.length - 33 + index);
    const pieces = ends.map((end) => toolChunk({ index: 0, id: "a", name: "read", arguments: whole.slice(0, end) }));

    expect(plain([...pieces, toolChunk({ index: 0, id: "a", arguments: whole })])).toEqual([["a", "read", whole]]);
  });
});

describe("white space before a call", () => {
  const call = toolChunk({ index: 0, id: "a", name: "read", arguments: "{}" });

  test("is no answer (vLLM 3.3)", () => {
    const blank = [chunk({ reasoning: "hm" }), chunk({ content: "\n" }), chunk({ content: "\n" }), call];

    expect(textOf(decode(blank))).toBe("");
    expect(textOf(decode([chunk({ content: "Let me look." }), chunk({ content: "\n\n" }), call]))).toBe("Let me look.");
  });

  test("stays where text follows, or nothing", () => {
    expect(textOf(decode([chunk({ content: "a" }), chunk({ content: "\n\n" }), chunk({ content: "b" }), call]))).toBe(
      "a\n\nb",
    );
    expect(textOf(decode([chunk({ content: "a" }), chunk({ content: "\n" })]))).toBe("a\n");
  });
});
