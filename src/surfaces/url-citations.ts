// Where in an answer its sources are meant: Qwen writes [[2]] for the second page that was found.

import type { Source } from "../contract/events.ts";

export interface Citation {
  readonly source: Source;
  /** In UTF-16 units; both 0 for a page that the text does not name. */
  readonly start: number;
  readonly end: number;
}

const mark = /\[\[(\d{1,3})\]\]/g;
/** An answer that names a page a thousand times is told enough. */
const mostMarks = 200;

/** In the order of the text, then what it does not name. */
export function citationsIn(text: string, sources: readonly Source[]): readonly Citation[] {
  if (sources.length === 0) return [];
  const citations: Citation[] = [];
  const named = new Set<Source>();
  for (const { 0: written, 1: number, index } of text.matchAll(mark)) {
    const source = sources[Number(number) - 1];
    if (source === undefined) continue;
    named.add(source);
    citations.push({ source, start: index, end: index + written.length });
    if (citations.length >= mostMarks) break;
  }
  const others = sources.filter((source) => !named.has(source));
  return [...citations, ...others.map((source) => ({ source, start: 0, end: 0 }))];
}
