// JSON out of a model's words: bare, within a code fence, or with a sentence around it.

const fence = /```(?:json)?\s*([\s\S]*?)```/i;

/** @returns undefined when there is none. */
export function readJson(text: string): unknown {
  const fenced = fence.exec(text)?.[1];
  for (const candidate of [text, fenced, between(text, "{", "}"), between(text, "[", "]")]) {
    if (candidate === undefined) continue;
    try {
      return JSON.parse(candidate);
    } catch {
      // The next one may be.
    }
  }
  return undefined;
}

function between(text: string, open: string, close: string): string | undefined {
  const start = text.indexOf(open);
  const end = text.lastIndexOf(close);
  return start >= 0 && end > start ? text.slice(start, end + 1) : undefined;
}
