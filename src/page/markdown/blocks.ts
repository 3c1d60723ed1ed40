// Growing Markdown cut into blocks that will not change any more and the one that still grows. So the work for a new piece
// depends on its block, not on the whole text. Pure.

import { Marked } from "marked";

export interface GrowingBlocks {
  /**
   * @param text all of it so far: what was given before, and more. Without CR, which the grammar would take away.
   * @param isWhole nothing follows: the last block is settled too.
   */
  update(text: string, isWhole: boolean): BlockChange;
}

export interface BlockChange {
  /** Blocks settled since the last call, in order. */
  readonly settled: readonly string[];
  /** The block that still grows. */
  readonly tail: string;
}

const grammar = new Marked({ gfm: true });

export function createGrowingBlocks(): GrowingBlocks {
  let settledLength = 0;

  return {
    update(text, isWhole) {
      const open = text.slice(settledLength);
      if (isWhole) {
        settledLength = text.length;
        return { settled: cut(open), tail: "" };
      }
      const settled = cut(open).slice(0, -1);
      const length = settled.reduce((sum, block) => sum + block.length, 0);
      settledLength += length;
      return { settled, tail: open.slice(length) };
    },
  };
}

/** Blocks with the blank lines behind them. Joined they are the text. */
function cut(text: string): string[] {
  const blocks: string[] = [];
  for (const { type, raw } of grammar.lexer(text)) {
    if (type === "space" && blocks.length > 0) blocks[blocks.length - 1] += raw;
    else blocks.push(raw);
  }
  return blocks;
}

/** Marks that begin a line, and nothing behind them yet. */
const unfinishedMarks = /(?:^|\n)[ \t>]*(?:[-=*+#|`~_ \t]+|\d{1,9}[.)]?)$/;

/**
 * The growing block as it may be shown. A last line that holds marks alone is held back: `-` beneath a paragraph would be a
 * heading for the blink until its list item comes.
 */
export function showable(tail: string): string {
  const match = unfinishedMarks.exec(tail);
  return match === null ? tail : tail.slice(0, match.index);
}

const fence = /^ {0,3}(?:(`{3,})([^`\n]*)|(~{3,})([^\n]*))\n/;
/** The line that ends the code, or the beginning of it: it is no code. */
const closing = { "`": /(?:^|\n)[ \t]*`+\s*$/, "~": /(?:^|\n)[ \t]*~+\s*$/ };

export interface Fence {
  readonly language: string;
  readonly code: string;
}

/** The growing block as code, with its end or without; undefined when it is something else. */
export function readFence(tail: string): Fence | undefined {
  const match = fence.exec(tail);
  if (match === null) return undefined;
  const [head, backticks, info, , otherInfo] = match;
  const code = tail.slice(head.length);
  const end = closing[backticks === undefined ? "~" : "`"].exec(code);
  return {
    language: (info ?? otherInfo ?? "").trim().split(/\s/, 1)[0] ?? "",
    code: end === null ? code : code.slice(0, end.index + (end[0].startsWith("\n") ? 1 : 0)),
  };
}
