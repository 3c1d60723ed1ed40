// A place for Markdown. What stands in it is drawn by markdown/, not by Preact.

import { useLayoutEffect, useRef } from "preact/hooks";
import { createGrowingView, type GrowingView } from "../markdown/growing-view.ts";

export interface MarkdownTextProps {
  readonly text: string;
  readonly isWhole: boolean;
}

export function MarkdownText({ text, isWhole }: MarkdownTextProps) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<GrowingView>(undefined);

  useLayoutEffect(() => {
    if (box.current === null) return;
    view.current ??= createGrowingView(box.current, colour);
    view.current.update(text, isWhole);
  }, [text, isWhole]);
  useLayoutEffect(() => () => view.current?.close(), []);

  return <div ref={box} class="prose" />;
}

/** Colours come when the page has nothing better to do, and the first ones when their file has been loaded. */
function colour(block: Element): void {
  const code = block.querySelector<HTMLElement>("code[data-language]:not([data-language=''])");
  if (code === null) return;
  void import("../markdown/highlight.ts").then(
    ({ highlightCode }) => whenIdle(() => highlightCode(code)),
    // Offline, or a new version has taken the file away: code without colours can be read.
    () => {},
  );
}

function whenIdle(task: () => void): void {
  if ("requestIdleCallback" in globalThis) requestIdleCallback(task, { timeout: 1000 });
  else setTimeout(task, 50);
}
