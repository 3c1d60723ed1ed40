// What the scanner does with the events of a decoder; the markup itself is the corpus's affair.

import { describe, expect, test } from "bun:test";
import type { UpstreamEvent } from "../../../src/contract/events.ts";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { jsonText } from "../../../src/contract/json.ts";
import { type ScanOptions, scanTools } from "../../../src/tools/scan-tools.ts";
import { createEventDecoder } from "../../../src/upstreams/qwen-web/reply/event-decoder.ts";
import { cutAt, decodeAll, readRecording } from "../../support/recordings.ts";
import { createScript, cutInto, scan, scanEvents, toolsNamed } from "./corpus.ts";

const tools = toolsNamed(["get_weather", "read", "list_files", "write_file"]);
const text = (value: string): UpstreamEvent => ({ type: "text-delta", text: jsonText(value) });
const reasoning = (value: string): UpstreamEvent => ({ type: "reasoning-delta", text: jsonText(value) });
const end: UpstreamEvent = { type: "reply-end", finishReason: "stop" };
const markup = '<tool_call>\n{"name": "list_files", "arguments": {}}\n</tool_call>';

/** The events as they leave, one list for each that came. */
function leave(events: readonly UpstreamEvent[], options: ScanOptions = {}): UpstreamEvent[][] {
  const decoder = scanTools(createScript(events), tools, { createCallId: () => "id", ...options });
  return events.map(() => {
    const left: UpstreamEvent[] = [];
    decoder.feed(new Uint8Array(1), (event) => left.push(event));
    return left;
  });
}

function types(lists: readonly UpstreamEvent[][]): string[] {
  return lists.flat().map((event) => event.type);
}

describe("scanTools", () => {
  test("is the decoder itself where no tool is declared", () => {
    const decoder = createScript([]);

    expect(scanTools(decoder, [])).toBe(decoder);
  });

  test("passes events without markup on as they are", () => {
    const events = [
      { type: "reply-start", model: "m" } as const,
      reasoning("Hm."),
      text("The"),
      text(' sky "is"'),
      text("\nblue"),
      text(" `so` <b>"),
      { type: "source", source: { url: "u", title: "t", snippet: undefined } } as const,
      { type: "usage-update", usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 } } as const,
      end,
    ];

    const left = leave(events).flat();

    expect(left).toHaveLength(events.length);
    for (const [index, event] of left.entries()) expect(event).toBe(events[index]!);
  });

  test("holds nothing back behind which the model declines", () => {
    const left = leave([reasoning("a <tool"), { type: "refusal-delta", text: jsonText("No.") }, end]);

    expect(types(left.slice(1))).toEqual(["reasoning-delta", "refusal-delta", "reply-end"]);
  });

  test("holds back only what may begin a call", () => {
    const left = leave([text("a <"), text("b> c <tool"), text("box> d"), end]);

    expect(left.map((list) => list.map((event) => ("text" in event ? event.text.text : event.type)))).toEqual([
      ["a"],
      [" <b> c"],
      [" <toolbox> d"],
      ["reply-end"],
    ]);
  });

  test.each([["[Note: it"], ["{1}"], ["```jsx"], ["```\nx"], ["<tool_call> is"], ["{ (a"]])(
    "does not hold %p back",
    (value) => {
      expect(leave([text(value)])[0]).toHaveLength(1);
    },
  );

  test("tells a call as soon as it is whole, in one start and one delta", () => {
    const left = leave([text(markup.slice(0, -13)), text(markup.slice(-13)), end]);

    expect(left[0]).toEqual([
      { type: "tool-call-start", callId: "id", toolName: "list_files" },
      { type: "tool-call-delta", callId: "id", argumentsText: "{}" },
    ]);
    expect(left[1]).toEqual([]);
  });

  test("tells text of the same delta before the call", () => {
    expect(types(leave([text(`First.\n${markup}\nThen.`), end]))).toEqual([
      "text-delta",
      "tool-call-start",
      "tool-call-delta",
      "text-delta",
      "reply-end",
    ]);
  });

  test("leaves a tag that ends a sentence in it, also right before a call", () => {
    const outcome = scan([{ channel: "text", text: `Calls begin with <tool_call>\n${markup}` }], tools);

    expect(outcome.text.trim()).toBe("Calls begin with <tool_call>");
    expect(outcome.calls.map((call) => call.name)).toEqual(["list_files"]);
  });

  test("ends a reply with calls with tool_calls, unless it was cut", () => {
    const length: UpstreamEvent = { type: "reply-end", finishReason: "length" };
    const continuation = { chatId: "c", nodeId: "n", responseId: "n", parentId: null };

    expect(leave([text(markup), { ...end, continuation }])[1]).toEqual([
      { type: "reply-end", finishReason: "tool_calls", continuation },
    ]);
    expect(leave([text(markup), length])[1]).toEqual([length]);
    expect(leave([text("No."), end])[1]).toEqual([end]);
  });

  test("gives out what it held back when the reply fails, and no call of it", () => {
    const error: UpstreamEvent = { type: "reply-error", error: new GatewayError("upstream-failed", "x") };
    const left = leave([reasoning(markup), text(markup.slice(0, 30)), error]);

    expect(types(left)).toEqual(["reasoning-delta", "text-delta", "reply-error"]);
  });

  test("lets a server's own calls through, without the white space and the opening tag before them", () => {
    const started: UpstreamEvent = { type: "tool-call-start", callId: "a", toolName: "read" };
    const rest: UpstreamEvent = { type: "tool-call-delta", callId: "a", argumentsText: "{}" };
    const left = leave([text("Ok."), text("\n\n<tool_call>\n"), started, rest, text("\n</tool_call>\n"), end]);

    expect(types(left)).toEqual(["text-delta", "tool-call-start", "tool-call-delta", "reply-end"]);
    expect(left.at(-1)?.[0]).toMatchObject({ finishReason: "tool_calls" });
  });

  test("keeps other text before a server's own call", () => {
    const started: UpstreamEvent = { type: "tool-call-start", callId: "a", toolName: "read" };
    const outcome = scanEvents([text("a <"), started, text("\nb"), end], tools);

    expect(outcome).toMatchObject({ text: "a <\nb", calls: [{ name: "read" }] });
  });

  test("gives a call that grows beyond the limit out as text", () => {
    const long = `<tool_call>\n{"name": "write_file", "arguments": {"path": "${"x".repeat(500)}"}}\n</tool_call>`;
    const outcome = scan(cutInto([{ channel: "text", text: long }], 10), tools, "stop", { maxHeldLength: 200 });

    expect(outcome).toMatchObject({ text: long, calls: [], warnings: ["held-too-long"] });
  });

  /** vLLM's parser of Qwen3-Coder (PR 33965, 2026-05). */
  test("leaves out what the server's own parser left of a call", () => {
    const left = "</parameter>\n</function>\n</tool_call>";
    const call = { type: "tool-call-start", callId: "c", toolName: "read" } as const;
    for (const pieces of [[left], [...left]]) {
      const events = leave([call, ...pieces.map((piece) => text(piece)), end]).flat();

      expect(events.map(({ type }) => type)).toEqual(["tool-call-start", "reply-end"]);
    }
  });

  test("counts what it holds back as pending", () => {
    const decoder = scanTools(createScript([text("Ok.\n<tool_")]), tools);
    decoder.feed(new Uint8Array(1), () => {});

    expect(decoder.pendingBytes).toBe("\n<tool_".length);
  });

  test("gives each call an id of its own", () => {
    const left = leave([text(`${markup}\n${markup}`), end], { createCallId: () => crypto.randomUUID() }).flat();
    const ids = left.flatMap((event) => (event.type === "tool-call-start" ? [event.callId] : []));

    expect(new Set(ids).size).toBe(2);
  });

  test("reads hostile text in a time that grows with its length", () => {
    const hostile = [
      '<tool_call>{"name": "read", "arguments": {"path": "',
      "<tool_call>\n<function=read>\n<parameter=path>\n</parameter>",
      '\n</tool_call>"',
      "```json\n{",
      "<function=read><parameter=a>",
      '<tool_call>{"name":"read"',
      "\n     ",
      "</tool_call",
    ];
    for (const part of hostile) {
      const long = part.repeat(Math.ceil(400_000 / part.length));
      const before = performance.now();

      scan(cutInto([{ channel: "text", text: `Go.\n${long}` }], 40), tools);

      // Tens of milliseconds where this was measured; a quadratic reader needs minutes.
      expect(performance.now() - before).toBeLessThan(10_000);
    }
  });
});

describe("the web backend's stream", () => {
  const recording = readRecording("syn-05-emulated-tool-call-split.sse");
  const decode = (chunks: readonly Uint8Array[]) => {
    const decoder = createEventDecoder({ chatId: "c", model: "qwen3-max" });
    return decodeAll(scanTools(decoder, tools, { createCallId: () => "id" }), chunks);
  };

  test("gives the call that its text holds", () => {
    const events = decode([recording]).filter((event) => event.type !== "usage-update");

    expect(events.slice(1).map(({ continuation: _, ...event }) => event)).toEqual([
      { type: "text-delta", text: "I'll look" },
      { type: "text-delta", text: " that up." },
      { type: "tool-call-start", callId: "id", toolName: "get_weather" },
      { type: "tool-call-delta", callId: "id", argumentsText: '{"city": "Paris"}' },
      { type: "reply-end", finishReason: "tool_calls" },
    ]);
  });

  test("gives the same, cut at every byte", () => {
    const whole = decode([recording]);

    for (let at = 1; at < recording.length; at++) expect(decode(cutAt(recording, at))).toEqual(whole);
  });
});
