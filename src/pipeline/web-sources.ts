// Pages that the upstream itself has searched, as sources of the typed chat.

import type { ChatSource } from "../contract/chat-stream.ts";
import type { Source } from "../contract/events.ts";
import { beginningOf } from "../contract/excerpt.ts";

const mostPages = 20;
/** In UTF-16 units: servers cut both shorter, and what they send goes to a reader and into the session. */
const mostTitleChars = 300;
const mostTextChars = 1000;

export class WebSources {
  readonly #byAddress = new Map<string, ChatSource>();

  /** Each page once, and what comes behind the twentieth not at all. */
  add({ url, title, snippet }: Source): void {
    const pages = this.#byAddress;
    if (pages.size >= mostPages || pages.has(url)) return;
    pages.set(url, {
      chunk_id: `web-${pages.size + 1}`,
      document_name: beginningOf(title, mostTitleChars),
      text: beginningOf(snippet ?? title, mostTextChars),
      score: 1,
      ...(isWebAddress(url) && { url }),
    });
  }

  get found(): readonly ChatSource[] {
    return [...this.#byAddress.values()];
  }
}

/** Whoever makes a link of it must not run a script by it. */
function isWebAddress(url: string): boolean {
  return /^https?:\/\//i.test(url) && URL.canParse(url);
}
