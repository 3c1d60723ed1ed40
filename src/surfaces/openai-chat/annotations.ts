// The pages that an answer is from, as annotations of its message.

import type { Source } from "../../contract/events.ts";
import type { Json } from "../../contract/json.ts";
import { citationsIn } from "../url-citations.ts";

/** @see https://platform.openai.com/docs/guides/tools-web-search?api-mode=chat#output-and-citations */
export function encodeAnnotations(text: string, sources: readonly Source[]): Json {
  return citationsIn(text, sources).map(({ source: { url, title }, start, end }) => ({
    type: "url_citation",
    url_citation: { url, title, start_index: start, end_index: end },
  }));
}
