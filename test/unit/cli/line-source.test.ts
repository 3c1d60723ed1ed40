// Lines out of standard input, however it is cut, and secrets out of a terminal.

import { describe, expect, test } from "bun:test";
import { createLineSource, type LineInput } from "../../../src/cli/line-source.ts";

function inputOf(chunks: readonly (string | Uint8Array)[], modes?: boolean[]): LineInput {
  async function* give() {
    yield* chunks;
  }
  const terminal = modes === undefined ? {} : { isTTY: true, setRawMode: (isRaw: boolean) => modes.push(isRaw) };
  return { [Symbol.asyncIterator]: give, ...terminal };
}

async function readAll(input: LineInput, hidden = false) {
  let shown = "";
  const source = createLineSource(input, (text) => {
    shown += text;
  });
  const lines: (string | undefined)[] = [];
  do lines.push(await source.readLine("? ", { hidden }));
  while (lines.at(-1) !== undefined && lines.length < 20);
  return { lines, shown };
}

describe("createLineSource", () => {
  test("gives lines one by one, wherever chunks end, and the last one without its end", async () => {
    const { lines, shown } = await readAll(inputOf(["a", "b\nc", "\r\n\n", "last"]));

    expect(lines).toEqual(["ab", "c", "", "last", undefined]);
    expect(shown).toBe("? ".repeat(5));
  });

  test("joins a character that is cut between two chunks", async () => {
    const bytes = new TextEncoder().encode("é\n");

    expect((await readAll(inputOf([bytes.subarray(0, 1), bytes.subarray(1)]))).lines).toEqual(["é", undefined]);
  });

  test("ends a line that does not end", async () => {
    expect((await readAll(inputOf(["x".repeat(70_000), "y\n"]))).lines).toEqual([undefined]);
  });

  test("reads secrets of a pipe like any line", async () => {
    expect((await readAll(inputOf(["sk-a\nsk-b\n"]), true)).lines).toEqual(["sk-a", "sk-b", undefined]);
  });

  test("reads secrets of a terminal without its echo, and obeys the keys that correct", async () => {
    const modes: boolean[] = [];
    const { lines, shown } = await readAll(
      inputOf(["wrong\u0015sk-x\u007fa\r", "sk-\u001bb\n", "\u0004"], modes),
      true,
    );

    expect(lines).toEqual(["sk-a", "sk-b", undefined]);
    expect(modes).toEqual([true, false, true, false, true, false]);
    expect(shown).toBe("? \n".repeat(3));
  });

  test("gives up on Ctrl-C, and gives the terminal back", async () => {
    const modes: boolean[] = [];
    expect((await readAll(inputOf(["sk-\u0003"], modes), true)).lines).toEqual([undefined]);
    expect(modes).toEqual([true, false]);
  });
});
