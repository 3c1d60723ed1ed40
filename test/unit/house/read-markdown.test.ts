// What the tests of the documents see of a document.

import { describe, expect, test } from "bun:test";
import { anchorsOf, callsInProse, commandsOf, localLinksOf, readBlocks } from "../../support/docs/read-markdown.ts";

const fenced = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\`\n`;

describe("readBlocks", () => {
  test("tells language, text and line of each block, also of those in lists", () => {
    const markdown = `# A\n\n${fenced("sh", "one\n\ntwo")}\n1. In a list:\n\n   \`\`\`ts\n   const a = {\n     b: 1,\n   };\n   \`\`\`\n`;

    expect(readBlocks(markdown).map(({ language, text, line }) => [language, text, line])).toEqual([
      ["sh", "one\n\ntwo", 3],
      ["ts", "const a = {\n  b: 1,\n};", 11],
    ]);
  });

  test("does not take a fence within a longer one for its end", () => {
    expect(readBlocks(`\`\`\`\`text\n${fenced("sh", "a")}\`\`\`\`\n`)).toMatchObject([{ language: "text" }]);
  });

  test("reads the comments right in front of a block, and those alone", () => {
    const marks =
      "<!-- not run: `claude`, an interactive agent -->\n<!-- before:\nexport A=1\nb\n-->\n\n<!-- answers: 200 401 -->";
    const markdown = `<!-- not run: needs docker -->\n\nSome words.\n\n${marks}\n\n${fenced("sh", "claude")}`;
    const [block] = readBlocks(markdown);

    expect(block).toMatchObject({ notRun: undefined, before: "export A=1\nb", answers: [200, 401], isEndless: false });
    expect([...block!.passedOver]).toEqual([["claude", "an interactive agent"]]);
  });

  test("tells why a block is not run", () => {
    expect(readBlocks(`<!-- not run: needs docker -->\n${fenced("sh", "docker ps")}`)[0]?.notRun).toBe("needs docker");
  });
});

test("commandsOf a console are the lines behind the prompt, and those they go on with", () => {
  const [block] = readBlocks(fenced("console", "$ one \\\n    two\nits output\n$ three"));

  expect(commandsOf(block!)).toBe("one \\\n    two\nthree");
});

test("callsInProse are those of sentences, not those of blocks", () => {
  const markdown = `One:\n\n${fenced("sh", "curl http://a/")}\nAsk \`curl http://b/c\`, with \`curl\` and \`-N\`.\n`;

  expect(callsInProse(markdown).map(({ text, line }) => [text, line])).toEqual([["curl http://b/c", 7]]);
});

test("anchorsOf makes them as GitHub does, and none of code", () => {
  const markdown = `# A \`b\` & [C](d.md)\n\n${fenced("sh", "# no heading")}\n## Twice\n\n## Twice\n\n## Was \`_x\` ist, 1.5?\n`;

  expect([...anchorsOf(markdown)]).toEqual(["a-b--c", "twice", "twice-1", "was-_x-ist-15"]);
});

test("localLinksOf leaves out the web and code", () => {
  const markdown = "[a](b.md#c), ![p](images/p.png), [w](https://x.example), `[no](link.md)`, [here](#there)";

  expect(localLinksOf(markdown)).toEqual([
    { path: "b.md", anchor: "c" },
    { path: "images/p.png", anchor: "" },
    { path: "", anchor: "there" },
  ]);
});
