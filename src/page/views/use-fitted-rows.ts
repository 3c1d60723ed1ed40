// A field as high as its text, in browsers that do not fit fields to their texts by themselves, such as WebKit 2.50.

import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

/** Sets the rows of the field: lines that it breaks by itself count, too. Others pass rows over. */
export function useFittedRows(field: RefObject<HTMLTextAreaElement | null>, text: string, mostRows: number): void {
  useLayoutEffect(() => {
    const element = field.current;
    const frame = element?.parentElement;
    if (element == null || frame == null || CSS.supports("field-sizing", "content")) return;
    // Measured in a frame that keeps its height: a conversation above would move, and WebKit does not move it back.
    frame.style.minHeight = `${frame.offsetHeight}px`;
    element.rows = 1;
    const rowHeight = Number.parseFloat(getComputedStyle(element).lineHeight);
    const hidden = element.scrollHeight - element.clientHeight;
    // Heights are told in whole pixels.
    element.rows = Math.min(1 + Math.round(hidden / rowHeight), mostRows);
    frame.style.minHeight = "";
  }, [text]);
}
