// Markdown without what only machines read: front matter, comments, addresses. Headings, lists, tables and code stay.

import { createBreath } from "./breath.ts";

/** A block of settings at the top is no longer than that. */
const maxFrontMatterChars = 20_000;

// Neither may hold its own opening sign: else each of a thousand brackets in a row is searched for its end.
const link = /!?\[([^[\]\n]{0,1000})\]\([^()\n]{0,2000}\)/g;
const definition = /^ {0,3}\[[^[\]\n]{1,200}\]:[ \t]+\S+[^\n]*$/;
const fence = /^ {0,3}(`{3}|~{3})/;

/** @throws the reason of the signal. */
export async function cleanMarkdown(text: string, signal: AbortSignal): Promise<string> {
  const breath = createBreath(signal);
  const lines: string[] = [];
  let open: string | undefined;
  for (const line of withoutComments(withoutFrontMatter(text.replaceAll(/\r\n?/g, "\n"))).split("\n")) {
    const mark = fence.exec(line)?.[1];
    if (mark !== undefined && (open === undefined || open === mark)) open = open === undefined ? mark : undefined;
    if (open !== undefined || mark !== undefined) lines.push(line);
    else if (!definition.test(line)) lines.push(line.includes("](") ? line.replaceAll(link, "$1") : line);
    await breath.taken();
  }
  return lines.join("\n");
}

function withoutFrontMatter(text: string): string {
  if (!text.startsWith("---\n")) return text;
  const end = text.slice(0, maxFrontMatterChars).indexOf("\n---\n", 3);
  return end === -1 ? text : text.slice(end + "\n---\n".length);
}

function withoutComments(text: string): string {
  let kept = "";
  let position = 0;
  for (;;) {
    const start = text.indexOf("<!--", position);
    const end = start === -1 ? -1 : text.indexOf("-->", start);
    if (end === -1) return kept + text.slice(position);
    kept += text.slice(position, start);
    position = end + "-->".length;
  }
}
