// JSON out of a model's words: bare, within a code fence, or with a sentence around it.

const fence = "```";

/** @returns undefined when there is none. */
export function readJson(text: string): unknown {
  for (const candidate of candidatesOf(text)) {
    try {
      return JSON.parse(candidate);
    } catch {
      // The next one may be.
    }
  }
  return undefined;
}

function* candidatesOf(text: string): Iterable<string> {
  yield text;
  yield withinFence(text);
  const object = between(text, "{", "}");
  const list = between(text, "[", "]");
  // What opens first is around the other, or beside it.
  yield* text.indexOf("[") < text.indexOf("{") ? [list, object] : [object, list];
}

/** By hand: an expression for it takes seconds for a long text that never closes its fence. */
function withinFence(text: string): string {
  const start = text.indexOf(fence) + fence.length;
  const end = text.indexOf(fence, start);
  return end < 0 ? "" : text.slice(start, end).replace(/^json/i, "");
}

/** "", which is no JSON, when there is nothing between them. */
function between(text: string, open: string, close: string): string {
  const start = text.indexOf(open);
  return start < 0 ? "" : text.slice(start, text.lastIndexOf(close) + 1);
}
