// What the backend's own tools have found or made: pages and pictures, each told once however often a round repeats it.

import { AnswerRoom } from "../../../contract/answer-too-long.ts";
import type { Source } from "../../../contract/events.ts";
import type { QwenDelta } from "../../../wire/qwen-web.ts";
import { textOf } from "../../read-fields.ts";

type Extra = NonNullable<QwenDelta["extra"]>;

export class NativeResults {
  /** Addresses. */
  readonly #told = new Set<string>();
  /** Of what is told: it may be held until the answer ends. */
  readonly #room = new AnswerRoom();

  sources(extra: Extra): Source[] {
    return itemsOf(extra.web_search_info ?? extra.tool_result?.docs).flatMap((page) => {
      const url = this.#newAddress(page?.url);
      if (url === undefined) return [];
      const source = { url, title: textOf(page?.title) ?? url, snippet: textOf(page?.snippet) };
      this.#room.addWords(source.title.length + (source.snippet?.length ?? 0));
      return [source];
    });
  }

  /** Addresses of pictures that were made within a conversation in words. */
  pictures(extra: Extra): string[] {
    return itemsOf(extra.image_list).flatMap((picture) => this.#newAddress(picture?.image) ?? []);
  }

  #newAddress(value: unknown): string | undefined {
    const address = textOf(value);
    if (address === undefined || this.#told.has(address)) return undefined;
    this.#room.addEntry(address);
    this.#told.add(address);
    return address;
  }
}

/** The wire is somebody else's: it may hold anything in place of a list, and in a list. */
function itemsOf<Item>(list: readonly Item[] | undefined): readonly (Item | null | undefined)[] {
  return Array.isArray(list) ? list : [];
}
