// A state in words, with a mark in its colour before it. The words alone say it.

import type { StateWords } from "../words.ts";

export function StateText({ words: { tone, text } }: { readonly words: StateWords }) {
  return (
    <span class={`state ${tone}`}>
      <span class="mark" aria-hidden="true" />
      {text}
    </span>
  );
}
