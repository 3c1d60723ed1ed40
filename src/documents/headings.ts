// The headings of a Markdown text, and which of them a place in it stands under.

export interface Heading {
  /** Where its line begins. */
  readonly start: number;
  /** 1 to 6. */
  readonly level: number;
  readonly title: string;
}

/** More is no heading but a paragraph in disguise. */
const maxTitleChars = 120;
/** Of all headings above a piece together. */
const maxPathChars = 300;

/** Not those in fenced code, where the sign begins comments. */
export function findHeadings(text: string): Heading[] {
  const headings: Heading[] = [];
  let fence: string | undefined;
  for (let start = 0; start < text.length;) {
    const lineEnd = text.indexOf("\n", start);
    const end = lineEnd === -1 ? text.length : lineEnd;
    // No line is looked at whole: one may be as long as the document.
    const line = text.slice(start, Math.min(end, start + 200));
    const mark = /^ {0,3}(`{3}|~{3})/.exec(line)?.[1];
    if (mark !== undefined && (fence === undefined || fence === mark)) fence = fence === undefined ? mark : undefined;
    const heading = fence === undefined ? parseHeading(line, start) : undefined;
    if (heading !== undefined) headings.push(heading);
    start = end + 1;
  }
  return headings;
}

function parseHeading(line: string, start: number): Heading | undefined {
  const signs = /^(#{1,6})[ \t]/.exec(line)?.[1];
  if (signs === undefined) return undefined;
  const title = line.slice(signs.length).trim().slice(0, maxTitleChars).toWellFormed();
  return title === "" ? undefined : { start, level: signs.length, title };
}

/** Asked for places in ascending order, each a little behind the one before. */
export function createHeadingPaths(headings: readonly Heading[]): (place: number) => string {
  const open: Heading[] = [];
  let next = 0;
  return (place) => {
    for (let heading = headings[next]; heading !== undefined && heading.start < place; heading = headings[next]) {
      closeDownTo(heading.level);
      open.push(heading);
      next += 1;
    }
    // A heading that begins right here stands in what follows, and ends those beside it.
    const here = headings[next];
    if (here?.start === place) closeDownTo(here.level);
    const path = open.map(({ title }) => title).join(" > ");
    return path.length <= maxPathChars ? path : path.slice(-maxPathChars).toWellFormed();
  };

  function closeDownTo(level: number): void {
    while (open.length > 0 && (open.at(-1)?.level ?? 0) >= level) open.pop();
  }
}
