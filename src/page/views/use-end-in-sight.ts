// Where the reader stands in a text that grows: at the end it stays at the end, elsewhere it stays put.

import { useEffect, useRef, useState } from "preact/hooks";
import { copyText } from "./copy-text.ts";

/** Farther from the end than this, in pixels, the reader reads something else. */
const nearEnd = 24;

export function useEndInSight() {
  const box = useRef<HTMLElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isPinned = useRef(true);
  const [isAtEnd, setAtEnd] = useState(true);

  const goToEnd = () => {
    isPinned.current = true;
    box.current?.scrollTo({ top: box.current.scrollHeight, behavior: "instant" });
  };

  useEffect(() => {
    const frame = box.current;
    const inner = content.current;
    if (frame === null || inner === null) return;
    let lastTop = frame.scrollTop;
    const onScroll = () => {
      const distance = frame.scrollHeight - frame.clientHeight - frame.scrollTop;
      // Only a reader scrolls upwards: what grows moves the end away and leaves the place.
      if (frame.scrollTop < lastTop - 1 && distance > nearEnd) isPinned.current = false;
      else if (distance <= nearEnd) isPinned.current = true;
      lastTop = frame.scrollTop;
      setAtEnd(isPinned.current || distance <= nearEnd);
    };
    // Runs between layout and paint: what has grown is never seen in the wrong place.
    const observer = new ResizeObserver(() => {
      if (isPinned.current) goToEnd();
      onScroll();
    });
    observer.observe(inner);
    observer.observe(frame);
    frame.addEventListener("scroll", onScroll, { passive: true });
    frame.addEventListener("click", copyCode);
    return () => {
      observer.disconnect();
      frame.removeEventListener("scroll", onScroll);
      frame.removeEventListener("click", copyCode);
    };
  }, []);

  return { box, content, isAtEnd, goToEnd };
}

/** For how long a button says that it has copied, in milliseconds. */
const thanksMs = 1500;

/** Buttons of code blocks stand outside of what Preact draws. */
function copyCode(event: MouseEvent): void {
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
