// Whatever a model writes, however it is cut: the scanner loses nothing, invents nothing, and does not depend on the cuts.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { UpstreamEvent } from "../../src/contract/events.ts";
import { type JsonText, jsonText } from "../../src/contract/json.ts";
import { encodeToolCall } from "../../src/tools/encode-tools.ts";
import { repairArguments } from "../../src/tools/repair-arguments.ts";
import { repairJson } from "../../src/tools/repair-json.ts";
import { scanTools } from "../../src/tools/scan-tools.ts";
import {
  corpusTools,
  createScript,
  cutInto,
  type Piece,
  readCorpus,
  piecesOf,
  scan,
  toolsNamed,
} from "../unit/tools/corpus.ts";
import { patienceMs, runsOf } from "./runs.ts";

const tools = toolsNamed(["get_weather", "write_file", "read", "list_files", "anything"]);

/** Prose without a sign of markup, which begins and ends with a letter. */
const prose = fc.stringMatching(/^[a-z][a-z .,!?\n()é🌦"'\\:-]{0,40}[a-z]$/u);

const jsonValue = fc.jsonValue({ maxDepth: 2 });
const anyArguments = fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), jsonValue, { maxKeys: 4 });
/** Texts that code and documents may hold: tags, quotes, fences. */
const awkward = fc
  .array(
    fc.constantFrom(
      "</tool_call>",
      "<tool_call>",
      "</parameter>",
      "<b>",
      '"',
      "\\",
      "\n",
      "```",
      "{",
      "}",
      "'",
      "x",
      " ",
      "é",
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

const jsonCall = fc.oneof(
  anyArguments.map((args) => ({ name: "anything", args })),
  awkward.map((content) => ({ name: "write_file", args: { path: "a", content } })),
  fc.constant({ name: "list_files", args: {} }),
);

/** Words of all forms and halves of them, in any order. */
const soup = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "<tool_call>",
        "</tool_call>",
        "<function=",
        "<function=read>",
        "<parameter=path>",
        "</parameter>",
        "</function>",
        "```",
        "```json\n",
        "~~~\n",
        '{"name": "read", "arguments": {"path": "x"}}',
        '{"name": "fly", "arguments": {}}',
        '{"name": "read", "arguments": ',
        '"',
        "'",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\n",
        " ",
        "<",
        "text",
        "<tools>",
        "\\",
      ),
      fc.string({ maxLength: 3 }),
    ),
    { maxLength: 25 },
  )
  .map((parts) => parts.join(""));

/** Cases of the corpus, two of them one behind the other, with something taken out and something put in. */
const damaged = fc
  .tuple(
    fc.shuffledSubarray(textsOfCorpus(), { minLength: 1, maxLength: 2 }),
    fc.nat(),
    fc.nat({ max: 12 }),
    soup,
    fc.nat(),
  )
  .map(([texts, from, length, put, place]) => {
    const text = texts.join("\n");
    const start = from % (text.length + 1);
    const short = text.slice(0, start) + text.slice(start + length);
    const at = place % (short.length + 1);
    return place % 3 === 0 ? short.slice(0, at) + put + short.slice(at) : short;
  });

function textsOfCorpus(): string[] {
  return readCorpus().map((one) =>
    piecesOf(one.input)
      .map((piece) => piece.text)
      .join(""),
  );
}

function cutBy(text: string, sizes: readonly number[], channel: Piece["channel"] = "text"): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (let index = 0; at < text.length; index++) {
    const size = sizes.length === 0 ? text.length : Math.max(1, sizes[index % sizes.length]!);
    pieces.push({ channel, text: text.slice(at, at + size) });
    at += size;
  }
  return pieces;
}

const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 8 });

/** Lines of prose and code, with whatever fences are made of at their beginnings, in their middles and at their ends. */
const lines = fc
  .array(
    fc.constantFrom(
      "`",
      "``",
      "```",
      "```js",
      "~",
      "~~~",
      "<",
      "<tool_call>",
      "</b>",
      "words",
      "é",
      "\u00a0",
      "　",
      " ",
      "\n",
      "\\",
      '"',
      "/",
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));

/** The same text in JSON that has to be decoded before anything is known of it. */
function hiddenText(text: string): JsonText {
  const escapes = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at).toString(16).padStart(4, "0"));
  const json = new TextEncoder().encode(`"${escapes.map((hex) => `\\u${hex}`).join("")}"`);
  return { bytes: json, start: 0, end: json.length, json, text };
}

/** What leaves with each piece. */
function leaves(pieces: readonly Piece[], spell: (text: string) => JsonText): string[][] {
  const events = pieces.map(({ channel, text }): UpstreamEvent => ({ type: typeOf(channel), text: spell(text) }));
  let calls = 0;
  const decoder = scanTools(createScript([...events, { type: "reply-end", finishReason: "stop" }]), corpusTools, {
    createCallId: () => `${++calls}`,
  });
  return [...events, undefined].map(() => {
    const left: string[] = [];
    decoder.feed(new Uint8Array(1), (event) => {
      const last = left.at(-1);
      // A held text may leave with the next one or right before it.
      if ("text" in event && last?.startsWith(event.type) === true) left[left.length - 1] = last + event.text.text;
      else left.push("text" in event ? `${event.type} ${event.text.text}` : JSON.stringify(event));
    });
    return left;
  });
}

function typeOf(channel: Piece["channel"]): "text-delta" | "reasoning-delta" {
  return channel === "text" ? "text-delta" : "reasoning-delta";
}

describe("scanTools", () => {
  test(
    "lets go of as much with each piece, whether its bytes tell that it is plain or it has to be read",
    () => {
      const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 8 });
      const channels = fc.constantFrom("text" as const, "reasoning" as const);
      const texts = fc.array(fc.tuple(fc.oneof(lines, soup, damaged, prose), channels), { maxLength: 4 });
      fc.assert(
        fc.property(texts, sizes, (parts, cut) => {
          const pieces = parts
            .flatMap(([text, channel]) => cutBy(text, cut, channel))
            .filter(({ text }) => text !== "");

          expect(leaves(pieces, jsonText)).toEqual(leaves(pieces, hiddenText));
        }),
        runsOf("what is let go of", 1500),
      );
    },
    patienceMs,
  );

  test("gives texts and calls back as they were put together, however they are cut", () => {
    const parts = fc.array(fc.record({ text: prose, calls: fc.array(jsonCall, { maxLength: 2 }) }), { maxLength: 3 });
    fc.assert(
      fc.property(parts, cuts, (turns, sizes) => {
        const written = turns.map(({ text, calls }) =>
          [
            text,
            ...calls.map(({ name, args }) =>
              encodeToolCall({ callId: "", toolName: name, argumentsText: JSON.stringify(args) }),
            ),
          ].join("\n"),
        );

        const outcome = scan(cutBy(written.join("\n"), sizes), tools);

        expect(outcome.text).toBe(turns.map(({ text }) => text).join("\n"));
        expect(outcome.calls.map((call) => [call.name, JSON.stringify(call.arguments)])).toEqual(
          turns.flatMap(({ calls }) => calls.map(({ name, args }) => [name, JSON.stringify(args)])),
        );
      }),
      { numRuns: 500 },
    );
  });

  test("reads values of parameters back byte for byte, however they are cut", () => {
    const value = fc.oneof(prose, soup).filter((text) => !/<\/?(?:function|tool_call|parameter)/.test(text));
    fc.assert(
      fc.property(value, cuts, (content, sizes) => {
        const call = `<tool_call>\n<function=write_file>\n<parameter=path>\na\n</parameter>\n<parameter=content>\n${content}\n</parameter>\n</function>\n</tool_call>`;

        const outcome = scan(cutBy(call, sizes), tools);

        expect(outcome.calls.map((one) => one.arguments)).toEqual([{ path: "a", content }]);
        expect(outcome.text).toBe("");
      }),
      { numRuns: 500 },
    );
  });

  test("does not depend on the cuts, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.oneof(soup, damaged),
        cuts,
        fc.constantFrom("text" as const, "reasoning" as const),
        (text, sizes, channel) => {
          const whole = scan([{ channel, text }], corpusTools);

          expect(scan(cutBy(text, sizes, channel), corpusTools)).toEqual(whole);
          expect(scan(cutInto([{ channel, text }], 1), corpusTools)).toEqual(whole);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("keeps text without a call byte for byte, whatever comes", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("text" as const, "reasoning" as const), soup)), (parts) => {
        const pieces = parts.map(([channel, text]) => ({ channel, text })).filter((piece) => piece.text !== "");
        const outcome = scan(pieces, toolsNamed(["get_weather"]));
        const said = (channel: string) => pieces.flatMap((piece) => (piece.channel === channel ? piece.text : ""));

        expect(outcome.calls).toEqual([]);
        expect(outcome.text).toBe(said("text").join(""));
        expect(outcome.reasoning).toBe(said("reasoning").join(""));
      }),
      { numRuns: 1000 },
    );
  });

  test("calls only declared tools, with arguments that the text holds", () => {
    fc.assert(
      fc.property(fc.oneof(soup, damaged), (text) => {
        for (const call of scan([{ channel: "text", text }], corpusTools).calls) {
          expect(corpusTools.map((tool) => tool.name)).toContain(call.name);
          // Escapes aside: true of True and null of None are the only words that a repair writes.
          const words = call.text.replaceAll(/\\./g, " ").match(/[a-z]{2,}/gi) ?? [];
          for (const word of words)
            expect(text.toLowerCase().replaceAll("none", "none null")).toContain(word.toLowerCase());
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("keeps all text of two cases of the corpus, one behind the other, or finds their calls", () => {
    const plain = readCorpus().filter((one) => typeof one.input === "string" && one.finish === undefined);
    fc.assert(
      fc.property(fc.constantFrom(...plain), fc.constantFrom(...plain), cuts, (first, second, sizes) => {
        const text = [first, second].map((one) => piecesOf(one.input)[0]!.text).join("\n\n");

        const whole = scan([{ channel: "text", text }], corpusTools);

        expect(scan(cutBy(text, sizes), corpusTools)).toEqual(whole);
        if (whole.calls.length === 0) expect(whole.text).toBe(text);
      }),
      { numRuns: 500 },
    );
  });
});

describe("repairArguments", () => {
  test("gives any object back byte for byte where the schema says nothing", () => {
    fc.assert(
      fc.property(anyArguments, fc.constantFrom(0, 2), (args, indent) => {
        const text = JSON.stringify(args, undefined, indent);

        expect(repairArguments(text, {})).toEqual({ text, warnings: [] });
      }),
    );
  });

  test("mends what a lost end and single quotes break, and never more than that", () => {
    fc.assert(
      fc.property(anyArguments, fc.integer({ min: 0, max: 3 }), (args, lost) => {
        const text = JSON.stringify(args);
        const brackets = /[\]}]*$/.exec(text)?.[0].length ?? 0;
        const broken = text.slice(0, text.length - Math.min(lost, brackets));

        expect(JSON.parse(repairJson(broken) ?? "")).toEqual(JSON.parse(text));
      }),
    );
  });

  test("gives JSON of an object, or the text as it came, whatever comes", () => {
    fc.assert(
      fc.property(soup, fc.constantFrom(...corpusTools), (text, tool) => {
        const repaired = repairArguments(text, tool.parameters);

        if (repaired.warnings.includes("arguments-unreadable")) expect(repaired.text).toBe(text);
        else expect(typeof JSON.parse(repaired.text)).toBe("object");
      }),
      { numRuns: 1000 },
    );
  });
});
