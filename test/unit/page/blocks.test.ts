// Growing Markdown: what is settled stays as it is, whatever follows, and nothing is lost on the way.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createGrowingBlocks, readFence, showable } from "../../../src/page/markdown/blocks.ts";

const sample = `# Title

A paragraph that
goes on.

- one
- two

  still two

\`\`\`js
const a = 1;

const b = 2;
\`\`\`

| a | b |
|---|---|
| 1 | 2 |

> quoted

The end [x].

[x]: https://example.org
`;

function grow(text: string, sizes: readonly number[]) {
  const blocks = createGrowingBlocks();
  const settled: string[] = [];
  let length = 0;
  for (const size of sizes) {
    length = Math.min(text.length, length + size);
    const change = blocks.update(text.slice(0, length), false);
    settled.push(...change.settled);
    expect(settled.join("") + change.tail).toBe(text.slice(0, length));
  }
  settled.push(...blocks.update(text, true).settled);
  return settled;
}

describe("createGrowingBlocks", () => {
  test("loses nothing, however the text is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 60 }), (sizes) => {
        expect(grow(sample, sizes).join("")).toBe(sample);
      }),
    );
  });

  test("settles the same blocks token by token as at once", () => {
    const atOnce = grow(sample, []);

    expect(
      grow(
        sample,
        Array.from({ length: sample.length }, () => 1),
      ),
    ).toEqual(atOnce);
    expect(atOnce).toHaveLength(8);
  });

  test("keeps the growing block short, so that the work does not grow with the text", () => {
    const blocks = createGrowingBlocks();
    const paragraph = `${"word ".repeat(60)}\n\n`;
    let longest = 0;
    for (let count = 1; count <= 100; count += 1) {
      longest = Math.max(longest, blocks.update(paragraph.repeat(count), false).tail.length);
    }

    expect(longest).toBeLessThanOrEqual(paragraph.length);
  });
});

describe("showable", () => {
  test.each([
    ["A line\n-", "A line"],
    ["A line\n---", "A line"],
    ["A line\n1.", "A line"],
    ["A line\n- ", "A line"],
    ["A line\n- item", "A line\n- item"],
    ["##", ""],
    ["A - B", "A - B"],
  ])("of %j is %j", (tail, shown) => {
    expect(showable(tail)).toBe(shown);
  });
});

describe("readFence", () => {
  test.each([
    ["```js\nlet a;\n", "js", "let a;\n"],
    ["```js\nlet a;\n``", "js", "let a;\n"],
    ["```js\nlet a;\n```", "js", "let a;\n"],
    ["```js\nlet a;\n```\n", "js", "let a;\n"],
    ["~~~\na\n```\n", "", "a\n```\n"],
    ["```\n", "", ""],
    ["``` python title\nx = `", "python", "x = `"],
  ])("of %j", (tail, language, code) => {
    expect(readFence(tail)).toEqual({ language, code });
  });

  test.each(["text", "```js", "``` a`b\n"])("of %j is none", (tail) => {
    expect(readFence(tail)).toBeUndefined();
  });
});
