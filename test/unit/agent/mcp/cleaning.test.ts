// What becomes of the texts, the JSON, the names and the lists of strangers.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cleanJson } from "../../../../src/agent/mcp/clean-json.ts";
import { cleanLine, cleanText } from "../../../../src/agent/mcp/clean-text.ts";
import { readResult } from "../../../../src/agent/mcp/read-result.ts";
import { maxListChars, type ReadTools, ToolList } from "../../../../src/agent/mcp/read-tools.ts";
import { isSoundName } from "../../../../src/agent/mcp/sound-name.ts";
import { runsOf } from "../../../property/runs.ts";

describe("cleanText", () => {
  test.each([
    ["colours and titles of terminals", "\u001b[1;31mred\u001b[0m\u001b]0;title\u0007!", "red!"],
    ["an escape without an end", "a\u001b]0;title", "a"],
    ["controls", "a\u0000b\u0007c\u007fd\u009be", "abcde"],
    ["marks that turn the order", "pay \u202e001\u202c \u2066x\u2069", "pay 001 x"],
    ["what has no width", "in\u200bvi\u2060si\ufeffble\u00ad", "invisible"],
    ["tags, which hide text from people", "ok\u{e0049}\u{e0067}\u{e006e}", "ok"],
    ["halves of characters", "a\ud800b", "a\ufffdb"],
  ])("takes out %s", (_what, text, clean) => {
    expect(cleanText(text, 100)).toEqual({ text: clean, isCut: false });
  });

  test("leaves lines, tabs, all scripts and joined emoji as they are", () => {
    const text = "a\tb\n你好 грüß نمی‌خواهم 👩‍👩‍👧 \u200f";
    expect(cleanText(text, 100).text).toBe(text);
    expect(cleanText("a\r\nb\rc", 100).text).toBe("a\nb\nc");
  });

  test("cuts between characters, and says so", () => {
    expect(cleanText("ab👍", 3)).toEqual({ text: "ab", isCut: true });
    expect(cleanText("ab👍", 4)).toEqual({ text: "ab👍", isCut: false });
  });

  test("is never longer than asked for, and the same when it is cleaned again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(50), (text, max) => {
        const clean = cleanText(text, max).text;
        expect(clean.length).toBeLessThanOrEqual(max);
        expect(cleanText(clean, max).text).toBe(clean);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what must not be in it
        expect(clean).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
      }),
      runsOf("cleanText", 300),
    );
  });

  test("cleanLine makes one line of it", () => {
    expect(cleanLine("  a\n\n b\u0000 ", 100)).toBe("a b");
  });
});

describe("cleanJson", () => {
  test("cleans texts and keys, however deep", () => {
    expect(cleanJson({ "a\u0000": [{ b: "x\u202ey" }, 1, null, true] }, 1000)).toEqual({
      a: [{ b: "xy" }, 1, null, true],
    });
  });

  test("refuses what is too long or too deep", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level++) deep = [deep];

    expect(cleanJson({ a: "x".repeat(1001) }, 1000)).toBeUndefined();
    expect(cleanJson(new Array(1000).fill(1), 1000)).toBeUndefined();
    expect(cleanJson(deep, 1_000_000)).toBeUndefined();
  });

  test("keeps a key __proto__ a key", () => {
    const cleaned = cleanJson(JSON.parse('{"__proto__":{"isAdmin":true}}'), 1000);

    expect(JSON.stringify(cleaned)).toBe('{"__proto__":{"isAdmin":true}}');
    expect(Object.getPrototypeOf(cleaned)).toBe(Object.prototype);
  });
});

describe("isSoundName", () => {
  test.each(["read_file", "a", "get-sum", "ns/tool.v2", "x".repeat(128), "读取文件", "прочитать", "fichier_é"])(
    "takes %j",
    (name) => {
      expect(isSoundName(name)).toBe(true);
    },
  );

  test.each([
    ["nothing", ""],
    ["too many characters", "x".repeat(129)],
    ["a space", "read file"],
    ["a line end", "read\n"],
    ["a control", "read\u0000"],
    ["what has no width", "re\u200bad"],
    ["marks that turn the order", "\u202edaer"],
    ["a Cyrillic letter among Latin ones", "rеad"],
    ["a Greek letter among Latin ones", "rεad"],
    ["Cyrillic letters that all look Latin", "ѕесрау"],
    ["wide letters", "ｒｅａｄ"],
    ["a letter and its accent apart", "fichier_e\u0301"],
    ["a bracket", "read(x)"],
    ["a quote", 'read"'],
  ])("refuses %s", (_what, name) => {
    expect(isSoundName(name)).toBe(false);
  });
});

function readTools(server: string, listed: readonly unknown[]): ReadTools {
  const list = new ToolList(server);
  list.add(listed);
  return list.read();
}

describe("ToolList", () => {
  const hashOf = (tool: object): string | undefined => readTools("s", [tool]).tools[0]?.hash;
  const tool = {
    name: "a",
    description: "b",
    inputSchema: { type: "object", properties: { x: { type: "string" } } },
    annotations: { readOnlyHint: true },
  };

  test("pins name, description, schema and hints, and no order of keys", () => {
    const { inputSchema: _, ...rest } = tool;
    const reordered = { inputSchema: { properties: { x: { type: "string" } }, type: "object" }, ...rest };
    const changed = [
      { ...tool, name: "c" },
      { ...tool, description: "b." },
      { ...tool, inputSchema: { type: "object", properties: { x: { type: "number" } } } },
      { ...tool, annotations: { readOnlyHint: false } },
      { ...tool, annotations: {} },
    ].map(hashOf);

    expect(hashOf(reordered)).toBe(hashOf(tool));
    expect(new Set([hashOf(tool), readTools("t", [tool]).tools[0]?.hash, ...changed])).toHaveProperty("size", 7);
  });

  test("pins also what is cut off of a description", () => {
    const long = "x".repeat(10_000);

    expect(hashOf({ ...tool, description: `${long}1` })).not.toBe(hashOf({ ...tool, description: `${long}2` }));
  });

  test("leaves out what is no tool, and keeps the others", () => {
    const listed = [
      null,
      1,
      {},
      { name: 1 },
      { name: "b", inputSchema: "x" },
      { name: "t", execution: { taskSupport: "required" } },
      tool,
    ];

    expect(readTools("s", listed)).toMatchObject({ tools: [{ name: "a" }], refused: 6 });
  });

  test("reads no more of a list than it has time for", () => {
    const inputSchema = { type: "object", description: "x".repeat(65_000) };
    const listed = Array.from({ length: 2000 }, (_, index) => ({ name: `tool_${index}`, inputSchema }));
    const startedAtMs = performance.now();

    const { tools, refused } = readTools("s", listed);

    expect(tools.length).toBe(Math.floor(maxListChars / 65_100));
    expect(refused).toBe(2000 - tools.length);
    expect(performance.now() - startedAtMs).toBeLessThan(2000);
  });

  test("is not held up by schemas that are too long, either", () => {
    const inputSchema = {
      type: "object",
      properties: Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [at, {}])),
    };
    const listed = Array.from({ length: 2000 }, (_, index) => ({ name: `tool_${index}`, inputSchema }));

    expect(readTools("s", [...listed.slice(0, 10), { name: "short" }]).tools).toHaveLength(1);
    expect(readTools("s", [...listed, { name: "short" }]).tools).toHaveLength(0);
  });

  test("takes a tool without schema, description and hints", () => {
    expect(readTools("s", [{ name: "a" }]).tools[0]).toMatchObject({
      description: "",
      inputSchema: { type: "object" },
      hints: {},
    });
  });

  test("takes fields of null for none", () => {
    const { tools } = readTools("s", [{ name: "a", description: null, inputSchema: null, annotations: null }]);

    expect(tools).toEqual(readTools("s", [{ name: "a" }]).tools);
    expect(tools).toHaveLength(1);
  });

  test("does not take hints that are no truth values", () => {
    const [read] = readTools("s", [{ name: "a", annotations: { readOnlyHint: "true", destructiveHint: 0 } }]).tools;
    expect(read?.hints).toEqual({});
  });
});

describe("readResult", () => {
  test("takes anything without failing", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const { text, isError } = readResult({ content: value, structuredContent: value, isError: value });
        expect([typeof text, typeof isError]).toEqual(["string", "boolean"]);
      }),
      runsOf("readResult", 300),
    );
  });

  test.each([
    ["a text in place of the list", "done"],
    ["a block in place of the list", { type: "text", text: "done" }],
    ["texts in place of blocks", ["done"]],
    ["a block without its type", [{ text: "done" }]],
  ])("loses no word of content that is not exact: %s", (_what, content) => {
    expect(readResult({ content })).toEqual({ text: "done", isError: false, isCut: false });
  });

  test("takes data of null for none", () => {
    const content = [{ type: "text", text: "done" }];

    expect(readResult({ content, structuredContent: null })).toEqual({ text: "done", isError: false, isCut: false });
  });

  test("cuts many pieces together, and data that is too long by itself", () => {
    const pieces = new Array(5000).fill({ type: "text", text: "x".repeat(1000) });

    const cut = readResult({ content: pieces });
    const data = readResult({
      content: [{ type: "text", text: "short" }],
      structuredContent: { a: "x".repeat(200_000) },
    });

    expect(cut.text.length).toBeLessThanOrEqual(101_000);
    expect(cut.isCut).toBe(true);
    expect(data).toEqual({ text: "short", isError: false, isCut: true });
  });
});
