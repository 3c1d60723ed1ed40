// The buttons of code blocks, which stand outside of what Preact draws.

import { copyText } from "./copy-text.ts";

/** For how long a button says that it has copied, in milliseconds. */
const thanksMs = 1500;

/** Hears the clicks of whatever holds such blocks. */
export function copyCode(event: MouseEvent): void {
  const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>(".copy-code") : null;
  const code = button?.closest("figure")?.querySelector("code");
  if (button == null || code == null) return;
  copyText((code.textContent ?? "").replace(/\n$/, "")).then(
    () => {
      button.textContent = "Copied";
      setTimeout(() => {
        button.textContent = "Copy";
      }, thanksMs);
    },
    // It keeps its word, which says enough.
    () => {},
  );
}
