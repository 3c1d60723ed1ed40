// Titles of tests out of source text: the first text that a `test`, `it` or `describe` is called with.

const callStart = /(?<![\w.$])(?:test|it|describe)\b/g;
/** Forms that run on this machine; `skip` and `todo` prove nothing, `if` and `skipIf` prove it elsewhere only. */
const runningForms: ReadonlySet<string> = new Set(["each", "concurrent", "serial", "only"]);

/** Titles of tests that run, as written: placeholders and template parts stay in them. */
export function readTitles(source: string): string[] {
  const titles: string[] = [];
  for (const { index, 0: word } of source.matchAll(callStart)) {
    const title = readTitle(source, index + word.length);
    if (title !== undefined) titles.push(title);
  }
  return titles;
}

/** Walks over `.each`, its list in parentheses, and white space, up to a parenthesis with a text behind it. */
function readTitle(source: string, start: number): string | undefined {
  let position = start;
  for (;;) {
    const form = /^\s*\.\s*(\w+)/.exec(source.slice(position, position + 60));
    if (form?.[1] !== undefined) {
      if (!runningForms.has(form[1])) return undefined;
      position += form[0].length;
      continue;
    }
    const opening = /^\s*\(\s*/.exec(source.slice(position, position + 200));
    if (opening === null) return undefined;
    const first = position + opening[0].length;
    if (isQuote(source[first])) return source.slice(first + 1, endOfText(source, first));
    position = endOfParentheses(source, position + opening[0].indexOf("("));
  }
}

function isQuote(character: string | undefined): boolean {
  return character === '"' || character === "'" || character === "`";
}

/** Index of the closing quote. */
function endOfText(source: string, start: number): number {
  let position = start + 1;
  while (position < source.length && source[position] !== source[start]) position += source[position] === "\\" ? 2 : 1;
  return position;
}

/** Index behind the closing parenthesis. Texts and comments between are passed over. */
function endOfParentheses(source: string, start: number): number {
  let depth = 0;
  for (let position = start; position < source.length; position += 1) {
    const character = source[position];
    if (isQuote(character)) position = endOfText(source, position);
    else if (character === "/" && source[position + 1] === "/") position = source.indexOf("\n", position);
    else if (character === "(") depth += 1;
    else if (character === ")") {
      depth -= 1;
      if (depth === 0) return position + 1;
    }
  }
  return source.length;
}
