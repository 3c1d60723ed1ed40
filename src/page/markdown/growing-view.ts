// Shows Markdown that grows: settled blocks are drawn once, the growing one anew, open code by what is new of it.

import { createGrowingBlocks, readFence, showable } from "./blocks.ts";
import { codeFigure, renderMarkdown } from "./render-markdown.ts";

/** A link target defined elsewhere in the text: blocks drawn alone do not know it. */
const definition = /^ {0,3}\[[^\]]+\]:/m;

/**
 * Drawing the growing block may take this part of the time at most. A block of tens of thousands of characters, such as one
 * endless list, is drawn less often instead of freezing the page.
 */
const busyShare = 0.25;

export interface GrowingView {
  /** @param isWhole nothing follows */
  update(text: string, isWhole: boolean): void;
  /** Draws no more. */
  close(): void;
}

/** @param onSettled hears of blocks that will not be drawn again */
export function createGrowingView(box: HTMLElement, onSettled: (block: Element) => void): GrowingView {
  let blocks = createGrowingBlocks();
  let shown = "";
  let isDone = false;
  let tailNodes: ChildNode[] = [];
  let openCode: { readonly language: string; readonly text: Text } | undefined;
  let restUntilMs = 0;
  /** What came while the view rested. */
  let waiting: ReturnType<typeof setTimeout> | undefined;

  function dropTail(): void {
    for (const node of tailNodes) node.remove();
    tailNodes = [];
    openCode = undefined;
  }

  function settle(markdown: string): void {
    const fragment = renderMarkdown(markdown);
    const elements = [...fragment.children];
    box.append(fragment);
    elements.forEach(onSettled);
  }

  function drawTail(tail: string): void {
    const fence = readFence(tail);
    if (fence !== undefined && openCode !== undefined && fence.language === openCode.language) {
      const { text } = openCode;
      if (fence.code.startsWith(text.data)) {
        text.appendData(fence.code.slice(text.length));
        return;
      }
    }
    dropTail();
    if (fence === undefined) {
      const fragment = renderMarkdown(showable(tail));
      tailNodes = [...fragment.childNodes];
      box.append(fragment);
      return;
    }
    const code = document.createElement("code");
    const text = document.createTextNode(fence.code);
    code.append(text);
    const figure = codeFigure(fence.language, code);
    box.append(figure);
    tailNodes = [figure];
    openCode = { language: fence.language, text };
  }

  function beginAgain(): void {
    blocks = createGrowingBlocks();
    box.replaceChildren();
    tailNodes = [];
    openCode = undefined;
    restUntilMs = 0;
  }

  function draw(text: string, isWhole: boolean): void {
    const startedAtMs = performance.now();
    // Another text, or links that only the whole text explains.
    if (!text.startsWith(shown) || isDone || (isWhole && shown !== "" && definition.test(text))) beginAgain();
    const { settled, tail } = blocks.update(text, isWhole);
    if (settled.length > 0) {
      dropTail();
      // As a whole where nothing has been drawn yet: then its links are explained too.
      if (isWhole && box.childNodes.length === 0) settle(settled.join(""));
      else settled.forEach(settle);
    }
    if (tail === "") dropTail();
    else drawTail(tail);
    shown = text;
    isDone = isWhole;
    restUntilMs = startedAtMs + (performance.now() - startedAtMs) / busyShare;
  }

  return {
    update(received, isWhole) {
      const text = received.replaceAll("\r", "");
      clearTimeout(waiting);
      if (text === shown && isWhole === isDone) return;
      const restMs = isWhole ? 0 : restUntilMs - performance.now();
      if (restMs <= 0) draw(text, isWhole);
      else waiting = setTimeout(draw, restMs, text, isWhole);
    },
    close: () => clearTimeout(waiting),
  };
}
