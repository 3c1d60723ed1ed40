// HTML to text as a reader sees it: blocks on lines of their own, headings as those of Markdown, entities decoded, nothing
// of scripts and styles.

import { Parser } from "htmlparser2";
import { createBreath } from "./breath.ts";
import type { DocumentFile } from "./document-file.ts";
import { unreadable } from "./read-error.ts";

/** Parsed between two looks at the clock. */
const sliceChars = 32 * 1024;
/** The parser's time grows with the square of it, and no page comes near. */
const maxDepth = 2000;

const unseen = new Set([
  "script",
  "style",
  "template",
  "noscript",
  "iframe",
  "object",
  "svg",
  "math",
  "canvas",
  "select",
]);
const blocks = new Set(
  (
    "address article aside blockquote body dd details div dl dt fieldset figcaption figure footer form header hr html " +
    "main nav ol p pre section summary table tbody tfoot thead title tr ul"
  ).split(" "),
);
const cells = new Set(["td", "th"]);

/** @throws {GatewayError} `invalid-request` for nesting without end; or the reason of the signal. */
export async function readHtml(file: DocumentFile, html: string, signal: AbortSignal): Promise<string> {
  const breath = createBreath(signal);
  const writer = createTextWriter();
  let depth = 0;
  /** At which depth stands what nobody sees; 0: nowhere. */
  let unseenFrom = 0;
  let preDepth = 0;
  const parser = new Parser({
    onopentag(name, attributes) {
      depth += 1;
      if (depth > maxDepth) throw unreadable(file, `nests more than ${maxDepth} elements`);
      if (unseenFrom > 0) return;
      if (unseen.has(name) || isHidden(attributes)) unseenFrom = depth;
      else if (/^h[1-6]$/.test(name)) writer.heading(Number(name[1]));
      else if (name === "li") writer.item();
      else if (name === "br") writer.lineEnd();
      else if (cells.has(name)) writer.space();
      else if (blocks.has(name)) writer.paragraph();
      if (name === "pre" && unseenFrom === 0) preDepth += 1;
    },
    ontext(text) {
      if (unseenFrom > 0) return;
      if (preDepth > 0) writer.write(text);
      else writer.flow(text);
    },
    onclosetag(name) {
      if (unseenFrom === depth) unseenFrom = 0;
      else if (unseenFrom === 0) {
        if (blocks.has(name) || /^h[1-6]$/.test(name)) writer.paragraph();
        else if (name === "li") writer.lineEnd();
        if (name === "pre") preDepth -= 1;
      }
      depth -= 1;
    },
  });
  for (let position = 0; position < html.length; position += sliceChars) {
    parser.write(html.slice(position, position + sliceChars));
    await breath.taken();
  }
  parser.end();
  return writer.take();
}

/** By itself; what a style sheet hides is not known here. */
function isHidden({ hidden, style = "" }: Readonly<Record<string, string>>): boolean {
  return hidden !== undefined || /\b(?:display\s*:\s*none|visibility\s*:\s*hidden)\b/i.test(style);
}

/** White space waits until something follows it, so that there is never more than one blank line. */
function createTextWriter() {
  const parts: string[] = [];
  let waiting: "" | " " | "\n" | "\n\n" = "";
  const wait = (space: " " | "\n" | "\n\n"): void => {
    if (space.length > waiting.length || waiting === " ") waiting = space;
  };
  const write = (text: string): void => {
    if (text === "") return;
    parts.push(waiting, text);
    waiting = "";
  };
  return {
    write,
    space: () => waiting === "" && wait(" "),
    lineEnd: () => wait("\n"),
    paragraph: () => wait("\n\n"),
    heading(level: number): void {
      wait("\n\n");
      write(`${"#".repeat(level)} `);
    },
    item(): void {
      wait("\n");
      write("- ");
    },
    /** Text in which white space is only a gap. */
    flow(text: string): void {
      const words = text.replaceAll(/[ \t\r\n\f]+/g, " ");
      if (words.startsWith(" ") && waiting === "") waiting = " ";
      // Only those: a space that must not break belongs to the text.
      write(words.replaceAll(/^ | $/g, ""));
      if (words.endsWith(" ") && waiting === "") waiting = " ";
    },
    take: () => parts.join(""),
  };
}
