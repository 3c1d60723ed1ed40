// Structured calls of servers, with all the ways in which their fragments are wrong.

import { describe, expect, test } from "bun:test";
import type { UpstreamEvent } from "../../../../src/contract/events.ts";
import { isJsonObject } from "../../../../src/contract/json.ts";
import { createToolCalls } from "../../../../src/upstreams/openai-compatible/reply/tool-calls.ts";
import { toolsNamed } from "../../tools/corpus.ts";

const tools = toolsNamed(["get_weather", "read", "list_files"]);

interface Told {
  readonly id: string;
  readonly name: string;
  readonly text: string;
}

function normalize(chunks: readonly unknown[]) {
  let ids = 0;
  let deltas = 0;
  const warnings: string[] = [];
  const calls = new Map<string, { name: string; text: string }>();
  const emit = (event: UpstreamEvent): void => {
    if (event.type === "tool-call-start") {
      if (calls.has(event.callId)) throw new Error("two starts");
      calls.set(event.callId, { name: event.toolName, text: "" });
    } else if (event.type === "tool-call-delta") {
      calls.get(event.callId)!.text += event.argumentsText;
      deltas++;
    }
  };
  const assembly = createToolCalls({
    tools,
    createId: () => `new${ids++}`,
    onWarning: ({ kind }) => warnings.push(kind),
    emit,
  });
  for (const piece of chunks.flat()) if (isJsonObject(piece)) assembly.accept(piece);
  assembly.settle(true);
  const told: Told[] = [...calls].map(([id, call]) => ({ id, ...call }));
  return { told, deltas, warnings, isCutOff: assembly.isCutOff, callCount: assembly.count };
}

const call = (index: unknown, id: unknown, name: unknown, args: unknown) => [
  { index, id, type: "function", function: { name, arguments: args } },
];
const paris = '{"city": "Paris"}';
const rome = '{"city": "Rome"}';

describe("createToolCalls", () => {
  test("joins the fragments of one call", () => {
    const { told, isCutOff } = normalize([
      call(0, "a", "get_weather", ""),
      [{ index: 0, function: { arguments: '{"city": ' } }],
      [{ index: 0, function: { arguments: '"Paris"}' } }],
    ]);

    expect(told).toEqual([{ id: "a", name: "get_weather", text: paris }]);
    expect(isCutOff).toBe(false);
  });

  test("ignores ids and names that are empty or null in later fragments", () => {
    const { told } = normalize([
      call(0, "a", "get_weather", '{"city": '),
      call(0, "", "", '"Pa'),
      call(0, null, null, 'ris"}'),
      call(0, "", "", ""),
    ]);

    expect(told).toEqual([{ id: "a", name: "get_weather", text: paris }]);
  });

  test("keeps parallel calls apart by their index, also interleaved", () => {
    const { told } = normalize([
      [...call(0, "a", "get_weather", '{"city": '), ...call(1, "b", "read", '{"path": ')],
      [...call(1, "", "", '"x"}'), ...call(0, "", "", '"Paris"}')],
    ]);

    expect(told).toEqual([
      { id: "a", name: "get_weather", text: paris },
      { id: "b", name: "read", text: '{"path": "x"}' },
    ]);
  });

  test("makes an id for a call that never gets one", () => {
    const { told } = normalize([call(0, "", "list_files", ""), call(0, undefined, "", "{}")]);

    expect(told).toEqual([{ id: "new0", name: "list_files", text: "{}" }]);
  });

  test("keeps its own id when the server's comes late", () => {
    const { told } = normalize([call(0, "", "get_weather", '{"city": '), call(0, "late", "", '"Paris"}')]);

    expect(told).toEqual([{ id: "new0", name: "get_weather", text: paris }]);
  });

  test("tells two calls apart that share the index 0, by their ids", () => {
    const { told } = normalize([call(0, "a", "get_weather", paris), call(0, "b", "get_weather", rome)]);

    expect(told.map(({ id, text }) => [id, text])).toEqual([
      ["a", paris],
      ["b", rome],
    ]);
  });

  test("tells two calls apart that share the index 0 and have no ids", () => {
    const { told } = normalize([
      call(0, "", "get_weather", paris),
      call(0, "", "get_weather", rome),
      call(0, "", "read", '{"path": "x"}'),
    ]);

    expect(told.map(({ name, text }) => [name, text])).toEqual([
      ["get_weather", paris],
      ["get_weather", rome],
      ["read", '{"path": "x"}'],
    ]);
  });

  test("follows an id over changing indexes", () => {
    const { told } = normalize([call(0, "a", "get_weather", '{"city": '), call(3, "a", "", '"Paris"}')]);

    expect(told).toEqual([{ id: "a", name: "get_weather", text: paris }]);
  });

  test("takes fragments without an index for the call before, and a new name for a new call", () => {
    const { told } = normalize([
      call(undefined, "a", "get_weather", ""),
      [{ function: { arguments: paris } }],
      call(undefined, "b", "read", ""),
      [{ function: { arguments: '{"path": "x"}' } }],
    ]);

    expect(told).toEqual([
      { id: "a", name: "get_weather", text: paris },
      { id: "b", name: "read", text: '{"path": "x"}' },
    ]);
  });

  test("understands whole calls without index or id", () => {
    const { told } = normalize([
      [{ function: { name: "get_weather", arguments: paris } }, { function: { name: "get_weather", arguments: rome } }],
    ]);

    expect(told.map((one) => one.text)).toEqual([paris, rome]);
  });

  test("says a name once that every fragment repeats", () => {
    const { told } = normalize([
      call(0, "a", "get_weather", '{"city": '),
      call(0, "a", "get_weather", '"Paris"'),
      call(0, "a", "get_weather", "}"),
    ]);

    expect(told).toEqual([{ id: "a", name: "get_weather", text: paris }]);
  });

  test("halves a name that was written twice", () => {
    const { told, warnings } = normalize([call(0, "a", "readread", '{"path": "x"}')]);

    expect(told[0]?.name).toBe("read");
    expect(warnings).toEqual(["name-repaired"]);
  });

  test("keeps a server's call of a tool that is not declared", () => {
    const { told } = normalize([call(0, "a", "web_search", "{}")]);

    expect(told).toEqual([{ id: "a", name: "web_search", text: "{}" }]);
  });

  test("says only what is new of arguments that come cumulatively", () => {
    const { told } = normalize([
      call(0, "a", "get_weather", '{"city"'),
      call(0, "", "", '{"city": "Pa'),
      call(0, "", "", paris),
      call(0, "", "", paris),
    ]);

    expect(told).toEqual([{ id: "a", name: "get_weather", text: paris }]);
  });

  test("drops what comes behind whole arguments", () => {
    const { told } = normalize([
      call(0, "a", "get_weather", paris),
      call(0, "", "", "\n"),
      call(0, "", "", "}"),
      call(0, "", "", '"{\\"city\\"}"'),
    ]);

    expect(told[0]?.text).toBe(paris);
  });

  test("writes arguments that come as an object as JSON", () => {
    const { told } = normalize([call(0, "a", "get_weather", { city: "Paris" })]);

    expect(told[0]?.text).toBe('{"city":"Paris"}');
  });

  test("says {} for arguments that never come", () => {
    const { told, isCutOff } = normalize([call(0, "a", "list_files", null), call(1, "b", "list_files", "")]);

    expect(told.map((one) => one.text)).toEqual(["{}", "{}"]);
    expect(isCutOff).toBe(false);
  });

  test("keeps arguments that come before the name", () => {
    const { told } = normalize([call(0, "a", "", '{"city": '), call(0, "", "get_weather", '"Paris"}')]);

    expect(told).toEqual([{ id: "a", name: "get_weather", text: paris }]);
  });

  test("drops a call without a name, with a warning", () => {
    const { told, warnings } = normalize([call(0, "a", "", paris)]);

    expect(told).toEqual([]);
    expect(warnings).toEqual(["call-without-name"]);
  });

  test("says that arguments broke off", () => {
    const { told, isCutOff } = normalize([call(0, "a", "get_weather", '{"city": "Pa')]);

    expect(told[0]?.text).toBe('{"city": "Pa');
    expect(isCutOff).toBe(true);
  });

  test("mends arguments when they have come to their end", () => {
    const { told, warnings } = normalize([
      call(0, "a", "read", "{'path': 'x', "),
      call(0, "", "", "'offset': '5'}"),
      call(1, "b", "get_weather", paris),
    ]);

    expect(told.map((one) => one.text)).toEqual(['{"path": "x", "offset": 5}', paris]);
    expect(warnings).toEqual(["arguments-repaired", "arguments-converted"]);
  });

  test("turns values into the type that the schema declares", () => {
    const { told, warnings } = normalize([call(0, "a", "read", '{"path": "x", "offset": "5"}')]);

    expect(told[0]?.text).toBe('{"path": "x", "offset": 5}');
    expect(warnings).toEqual(["arguments-converted"]);
  });

  test("tells short arguments in one piece, and long ones as they come as long as they are sound", () => {
    const long = `{"path": "${"x".repeat(5000)}"}`;
    const pieces = long.match(/.{1,1000}/g) ?? [];
    const sound = normalize(pieces.map((piece, index) => call(0, "a", index === 0 ? "read" : "", piece)));
    expect(sound.told[0]?.text).toBe(long);
    expect(sound.deltas).toBe(2);
    expect(normalize([call(0, "a", "read", '{"path"'), call(0, "", "", ': "x"}')]).deltas).toBe(1);
  });

  test("waits with long arguments that are broken, to mend them as a whole", () => {
    const broken = `{"path": "${"line\n".repeat(2000)}"}`;
    const pieces = broken.match(/[\s\S]{1,1000}/g) ?? [];
    const { told, deltas, warnings } = normalize(
      pieces.map((piece, index) => call(0, "a", index === 0 ? "read" : "", piece)),
    );
    expect(JSON.parse(told[0]?.text ?? "")).toEqual({ path: "line\n".repeat(2000) });
    expect(deltas).toBe(1);
    expect(warnings).toEqual(["arguments-repaired"]);
  });

  test("never mends what was cut off: that would invent an end", () => {
    const { told, isCutOff } = normalize([call(0, "a", "read", '{"path": "x", "list": [1, 2')]);

    expect(told[0]?.text).toBe('{"path": "x", "list": [1, 2');
    expect(isCutOff).toBe(true);
  });
});

describe("the recorded streams of servers", () => {
  test.each([
    [
      "DashScope, parallel calls with ids that become empty",
      [
        call(0, "call_a", "get_weather", '{"location":'),
        [{ index: 0, id: "", type: "function", function: { arguments: ' "Hangzhou"}' } }],
        call(1, "call_b", "get_weather", '{"location'),
        [{ index: 1, id: "", type: "function", function: { arguments: '": "Shanghai"}' } }],
        [{ index: 1, id: "", type: "function", function: { arguments: "" } }],
      ],
      [
        ["call_a", "get_weather", '{"location": "Hangzhou"}'],
        ["call_b", "get_weather", '{"location": "Shanghai"}'],
      ],
    ],
    [
      "Ollama, whole calls that are all number 0",
      [call(0, "call_1", "get_weather", paris), call(0, "call_2", "read", '{"path":"x"}')],
      [
        ["call_1", "get_weather", paris],
        ["call_2", "read", '{"path":"x"}'],
      ],
    ],
    [
      "SGLang, with null for what does not change",
      [call(0, "call_8", "get_weather", ""), call(0, null, null, '{"city": '), call(0, null, null, '"Paris"}')],
      [["call_8", "get_weather", paris]],
    ],
    [
      "LM Studio, with an id that stays empty",
      [call(0, "", "list_files", ""), [{ index: 0, type: "function", function: { name: "", arguments: "{}" } }]],
      [["new0", "list_files", "{}"]],
    ],
  ] as const)("%s", (_name, chunks, expected) => {
    const { told } = normalize(chunks);

    expect(told.map(({ id, name, text }) => [id, name, text])).toEqual(expected.map((one) => [...one]));
  });
});
