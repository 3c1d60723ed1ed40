// The part of a piece that holds most of what was asked for.

import type { SearchTerm } from "../store/document-store.ts";
import { boundaryAtOrBefore } from "./graphemes.ts";
import type { WordReader } from "./search-words.ts";

const gap = "…";

/** @returns the text itself when it is short enough; else at most `maxChars` of it, with signs where something is left out. */
export function cutSnippet(text: string, terms: readonly SearchTerm[], maxChars: number, reader: WordReader): string {
  if (text.length <= maxChars) return text;
  const wanted = new Set(terms.flat());
  const hits = reader.read(text).filter(({ word }) => wanted.has(word));
  const room = Math.max(maxChars - 2 * gap.length, 1);
  let best = { start: 0, count: 0 };
  for (const [index, first] of hits.entries()) {
    const inside = hits.slice(index).filter(({ end }) => end <= first.start + room);
    const count = new Set(inside.map(({ word }) => word)).size;
    if (count <= best.count) continue;
    // In the middle of what is shown, for the words around them say what they mean.
    const spare = room - ((inside.at(-1)?.end ?? first.end) - first.start);
    best = { start: Math.max(0, first.start - Math.floor(spare / 2)), count };
  }
  const latest = text.length - room;
  const start = best.start === 0 ? 0 : boundaryAtOrBefore(text, Math.min(best.start, latest), 0);
  const end = boundaryAtOrBefore(text, start + room, start);
  return `${start === 0 ? "" : gap}${text.slice(start, end)}${end === text.length ? "" : gap}`;
}
