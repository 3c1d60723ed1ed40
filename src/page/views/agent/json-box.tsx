// A box of JSON or text that scrolls by keyboard too.

import { writeJson } from "../../agent/arguments-text.ts";

export interface JsonBoxProps {
  /** What it is, for a screen reader. */
  readonly label: string;
  readonly value: unknown;
}

export function JsonBox({ label, value }: JsonBoxProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="json" tabIndex={0} aria-label={label}>
      <pre>{writeJson(value)}</pre>
    </section>
  );
}
