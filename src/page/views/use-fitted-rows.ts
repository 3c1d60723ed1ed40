// A field as high as its text, in browsers that do not fit fields to their texts by themselves, such as WebKit 2.50.

import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

/** Sets the rows of the field: lines that it breaks by itself count, too. Others pass rows over. */
export function useFittedRows(field: RefObject<HTMLTextAreaElement | null>, text: string, mostRows: number): void {
  useLayoutEffect(() => {
    const element = field.current;
    if (element === null || CSS.supports("field-sizing", "content")) return;
    element.rows = 1;
    const rowHeight = Number.parseFloat(getComputedStyle(element).lineHeight);
    const hidden = element.scrollHeight - element.clientHeight;
    element.rows = Math.min(1 + Math.ceil(hidden / rowHeight), mostRows);
  }, [text]);
}
