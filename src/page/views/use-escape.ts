// Escape, wherever the focus is.

import { useEffect, useRef } from "preact/hooks";
import { isComposing } from "./is-composing.ts";

/** Escape, unless an open dialog or a field that is being edited has taken it. */
export function useEscape(act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented || isComposing(event)) return;
      if (document.querySelector("dialog[open]") === null) latest.current();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
}
