// The words of the markup, and how a text that may still grow is compared with them.

/** Tags around calls. The first is Qwen's own; the others are what its models fall into. */
const wrappers: readonly string[] = ["tool_call", "tools", "function_call", "tool_calls"];

export const openings: readonly string[] = wrappers.map((name) => `<${name}>`);
export const functionOpening = "<function=";
export const parameterOpening = "<parameter=";
export const functionClosing = "</function>";
export const toolCallOpening = "<tool_call>";
export const toolCallClosing = "</tool_call>";
/** Behind a call that the server has told, also what its parser left of that (vLLM PR 33965, 2026-05). */
export const innerClosings: readonly string[] = ["</parameter>", functionClosing];
export const closings: readonly string[] = [...wrappers.map((name) => `</${name}>`), ...innerClosings];

/** Words behind ``` that may hold a call. Blocks of any other language are samples. */
export const callFences: ReadonlySet<string> = new Set([
  "",
  "json",
  "xml",
  "tool_call",
  "tool_calls",
  "tool",
  "tool_code",
]);

/**
 * The word that stands at `at`; "partial" when the text ends within what may become one of them.
 * Longer words go first, where one begins like another.
 */
export function wordAt(text: string, at: number, words: readonly string[]): string | "partial" | undefined {
  let isPartial = false;
  for (const word of words) {
    if (text.startsWith(word, at)) return word;
    if (at + word.length > text.length && word.startsWith(text.slice(at))) isPartial = true;
  }
  return isPartial ? "partial" : undefined;
}

/** Index of the white space that stands right before `end`, not before `from`. */
export function spaceBefore(text: string, end: number, from: number): number {
  while (end > from && isSpaceAt(text, end - 1)) end--;
  return end;
}

export function isSpaceAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 32 || code === 10 || code === 13 || code === 9;
}

export function skipSpaceAt(text: string, at: number): number {
  while (at < text.length && isSpaceAt(text, at)) at++;
  return at;
}

/** How many times the sign at `at` is repeated. */
export function runLength(text: string, at: number): number {
  const code = text.charCodeAt(at);
  let end = at + 1;
  while (end < text.length && text.charCodeAt(end) === code) end++;
  return end - at;
}
