// examples/react/chat.tsx in a document of its own: a person who types, and what he sees.

import { join } from "node:path";
import type { Window } from "happy-dom";
import { createElement, type FunctionComponent } from "react";
import { openDocument } from "./react-stage.ts";

export interface ChatExample extends AsyncDisposable {
  /** Types, sends, and waits until the answer is whole. */
  say(text: string): Promise<void>;
  /** Role and words of each message on the page. */
  messages(): (readonly [role: string | null, text: string])[];
}

// Not by its literal name: the example is checked with the types of browsers, this file without.
const path: string = join(import.meta.dir, "../../../examples/react/chat.tsx");

export async function openChatExample(url: string): Promise<ChatExample> {
  const page = await openDocument();
  const { Chat } = (await import(path)) as { readonly Chat: FunctionComponent<{ readonly url: string }> };
  await page.renderHook(() => undefined, undefined, { show: () => createElement(Chat, { url }) });
  // What openDocument has put there.
  const { window } = globalThis as unknown as { readonly window: Window };
  const one = (selector: string) => window.document.querySelector(selector)!;

  return {
    async say(text) {
      await page.perform(() => {
        // React reads what was typed only if it was not set through the element itself.
        Object.getOwnPropertyDescriptor(window.HTMLInputElement.prototype, "value")!.set!.call(one("input"), text);
        one("input").dispatchEvent(new window.Event("input", { bubbles: true }));
      });
      await page.perform(() => {
        one("form").dispatchEvent(new window.Event("submit", { bubbles: true, cancelable: true }));
      });
      await page.until(() => one("form button").textContent === "Send");
    },
    messages: () =>
      [...window.document.querySelectorAll("article")].map((article) => [
        article.getAttribute("data-role"),
        article.querySelector("p")?.textContent ?? "",
      ]),
    [Symbol.asyncDispose]: () => page.close(),
  };
}
