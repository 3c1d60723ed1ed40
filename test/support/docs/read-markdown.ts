// Markdown as the tests of the documents read it: blocks of code with what is said about them in comments before them,
// headings with their anchors, links.

export interface CodeBlock {
  /** The word behind the fence, such as `sh`; "" where there is none. */
  readonly language: string;
  readonly text: string;
  /** Of the fence, from 1. */
  readonly line: number;
  /** `<!-- not run: needs docker -->`. */
  readonly notRun: string | undefined;
  /** Commands that are passed over, with the reason: `` <!-- not run: `claude`, an agent --> ``. */
  readonly passedOver: ReadonlyMap<string, string>;
  /** What a reader has at hand and the page does not say: `<!-- before: export KEY=... -->`, of the block's own language. */
  readonly before: string;
  /** Statuses that are not 2xx and meant, one a call: `<!-- answers: 401 -->`. */
  readonly answers: readonly number[];
  /** `<!-- endless -->`: its calls are left after their first line. */
  readonly isEndless: boolean;
  /** `<!-- other: prometheus.yml -->`: a file of another program. */
  readonly other: string | undefined;
  /** `<!-- file: src/a.ts -->`: all of a file that is to be made. */
  readonly file: string | undefined;
  /** `<!-- edit: src/a.ts -->`: lines that are to be put into one. */
  readonly edit: string | undefined;
}

const fence = /^( *)(`{3,}) *([^`\s]*)[^`]*$/;

export function readBlocks(markdown: string): CodeBlock[] {
  const lines = markdown.split("\n");
  const blocks: CodeBlock[] = [];
  for (let index = 0; index < lines.length; index++) {
    const opening = fence.exec(lines[index]!);
    if (opening === null) continue;
    const [, indent = "", ticks = "", language = ""] = opening;
    const first = index + 1;
    do index++;
    while (index < lines.length && lines[index]!.trim() !== ticks);
    const text = lines.slice(first, index).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    blocks.push({ language, text: text.join("\n"), line: first, ...readMarks(commentsBefore(lines, first - 1)) });
  }
  return blocks;
}

/** Comments that stand between a block and the text above it, in their order. */
function commentsBefore(lines: readonly string[], fenceIndex: number): string[] {
  const comments: string[] = [];
  let end = fenceIndex - 1;
  for (;;) {
    while (end >= 0 && lines[end]!.trim() === "") end--;
    if (end < 0 || !lines[end]!.trimEnd().endsWith("-->")) return comments;
    let start = end;
    while (start >= 0 && !lines[start]!.trimStart().startsWith("<!--")) start--;
    if (start < 0) return comments;
    const text = lines
      .slice(start, end + 1)
      .map((line) => line.trim())
      .join("\n");
    comments.unshift(text.slice("<!--".length, -"-->".length).trim());
    end = start - 1;
  }
}

function readMarks(comments: readonly string[]): Omit<CodeBlock, "language" | "text" | "line"> {
  const passedOver = new Map<string, string>();
  const before: string[] = [];
  let notRun: string | undefined;
  let answers: number[] = [];
  let isEndless = false;
  let other: string | undefined;
  let file: string | undefined;
  let edit: string | undefined;
  for (const comment of comments) {
    const [, name = "", value = ""] = /^([a-z ]+?)(?::\s*([\s\S]*))?$/.exec(comment) ?? [];
    const command = /^`([^`]+)`,\s*([\s\S]+)$/.exec(value);
    if (name === "not run" && command !== null) passedOver.set(command[1]!, command[2]!);
    else if (name === "not run") notRun = value;
    else if (name === "before") before.push(value);
    else if (name === "answers") answers = value.split(" ").map(Number);
    else if (name === "endless") isEndless = true;
    else if (name === "other") other = value;
    else if (name === "file") file = value;
    else if (name === "edit") edit = value;
  }
  return { notRun, passedOver, before: before.join("\n"), answers, isEndless, other, file, edit };
}

/** Calls of curl that stand in a sentence: `` `curl http://...` ``. */
export function callsInProse(markdown: string): CodeBlock[] {
  return [...proseOf(markdown).matchAll(/`(curl [^`\n]*http[^`\n]*)`/g)].map(([span, text = ""]) => {
    const line = markdown.slice(0, markdown.indexOf(span)).split("\n").length;
    return { language: "sh", text, line, ...readMarks([]) };
  });
}

/** Without what stands in fences. */
export function proseOf(markdown: string): string {
  return markdown.replaceAll(/^( *)(`{3,})[^`]*\n[\s\S]*?^ *\2 *$/gm, "");
}

/** Anchors of the headings, as GitHub makes them. */
export function anchorsOf(markdown: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, heading = ""] of proseOf(markdown).matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const anchor = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{Pc}\- ]/gu, "")
      .replaceAll(" ", "-");
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    anchors.add(before === 0 ? anchor : `${anchor}-${before}`);
  }
  return anchors;
}

/** Where links and pictures lead, without addresses of the web. */
export function localLinksOf(markdown: string): { readonly path: string; readonly anchor: string }[] {
  const prose = proseOf(markdown).replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => ({ path: target.replace(/#.*/, ""), anchor: /#(.*)$/.exec(target)?.[1] ?? "" }));
}

/** Commands of a `console` block: what follows `$ `, and the lines that it goes on with. */
export function commandsOf(block: CodeBlock): string {
  if (block.language !== "console") return block.text;
  const commands: string[] = [];
  let goesOn = false;
  for (const line of block.text.split("\n")) {
    if (line.startsWith("$ ")) commands.push(line.slice(2));
    else if (goesOn) commands.push(line);
    goesOn = (line.startsWith("$ ") || goesOn) && line.endsWith("\\");
  }
  return commands.join("\n");
}
