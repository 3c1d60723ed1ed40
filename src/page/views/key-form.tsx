// Asks for the key that the gateway wants.

import { useLayoutEffect, useRef, useState } from "preact/hooks";

export interface KeyFormWords {
  readonly label: string;
  readonly help: string;
  readonly refusal: string;
}

export interface KeyFormProps {
  /** There was a key, and the gateway did not know it. */
  readonly isRefused: boolean;
  readonly onKey: (key: string) => Promise<void>;
  /** @defaultValue those for an API key */
  readonly words?: KeyFormWords;
}

const keyWords: KeyFormWords = {
  label: "This gateway needs an API key",
  help: "It stays in this tab and is forgotten when you close it.",
  refusal: "The gateway does not know this key. Check it, or ask whoever runs the gateway for another.",
};

export function KeyForm({ isRefused, onKey, words = keyWords }: KeyFormProps) {
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => field.current?.focus(), []);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const key = field.current?.value.trim() ?? "";
    if (key === "" || isBusy) return;
    setBusy(true);
    await onKey(key);
    setBusy(false);
    field.current?.select();
  }

  return (
    <form class="key-form" onSubmit={submit}>
      <label for="key">{words.label}</label>
      <div class="row">
        <input
          id="key"
          ref={field}
          type="password"
          class="field"
          autocomplete="off"
          spellcheck={false}
          aria-describedby="key-help"
          aria-invalid={isRefused}
        />
        <button type="submit" class="primary" disabled={isBusy}>
          Continue
        </button>
      </div>
      <p id="key-help" class="faint" role={isRefused ? "alert" : undefined}>
        {isRefused ? words.refusal : words.help}
      </p>
    </form>
  );
}
