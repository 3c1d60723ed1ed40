// Where the reader stands in a text that grows: at the end it stays at the end, elsewhere it stays put.

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { copyCode } from "./copy-code.ts";

/** Farther from the end than this, in pixels, the reader reads something else. */
const nearEnd = 24;

export interface EndInSight {
  /** What scrolls. */
  readonly box: RefObject<HTMLElement | null>;
  /** What grows in it. */
  readonly content: RefObject<HTMLDivElement | null>;
  readonly isAtEnd: boolean;
  goToEnd(): void;
}

export function useEndInSight(): EndInSight {
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
