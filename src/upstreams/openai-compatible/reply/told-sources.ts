// Pages that a server says its answer is from: as OpenAI annotates a message, and as Model Studio tells of its search.

import { AnswerRoom } from "../../../contract/answer-too-long.ts";
import type { Source } from "../../../contract/events.ts";
import { isJsonObject } from "../../../contract/json.ts";
import { textOf } from "../../read-fields.ts";

/** Each page once. */
export class ToldSources {
  readonly #addresses = new Set<string>();
  /** Of what is told: it may be held until the answer ends. */
  readonly #room = new AnswerRoom();

  /** @param annotations of a delta or a message: `url_citation` with the page inside (OpenAI) or beside it */
  fromAnnotations(annotations: unknown): readonly Source[] {
    return this.#all(annotations, (annotation) => {
      const isCitation = annotation["type"] === "url_citation";
      const { url_citation: inner } = annotation;
      return isCitation ? (isJsonObject(inner) ? inner : annotation) : undefined;
    });
  }

  /** @param info `search_info`, as the native protocol of Model Studio has it */
  fromSearch(info: unknown): readonly Source[] {
    return isJsonObject(info) ? this.#all(info["search_results"], (result) => result) : [];
  }

  #all(list: unknown, pageOf: (entry: Fields) => Fields | undefined): readonly Source[] {
    if (!Array.isArray(list)) return [];
    return list.filter(isJsonObject).flatMap((entry) => {
      const { url, title, content, snippet } = pageOf(entry) ?? {};
      if (typeof url !== "string" || url === "" || this.#addresses.has(url)) return [];
      this.#addresses.add(url);
      const source = { url, title: textOf(title) ?? url, snippet: textOf(snippet) ?? textOf(content) };
      this.#room.addEntry(url, source.title, source.snippet);
      return [source];
    });
  }
}

type Fields = { readonly [field: string]: unknown };
