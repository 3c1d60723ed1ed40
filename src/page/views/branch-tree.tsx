// The tree of the conversation as a list to walk in: every branch, with the path that is shown marked.

import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { titleOf } from "../conversation/conversation.ts";
import { rowsOf } from "../conversation/tree-rows.ts";
import type { Tree } from "../conversation/tree.ts";
import { IconButton } from "./icons.tsx";

export interface BranchTreeProps {
  readonly tree: Tree;
  readonly onGoTo: (messageId: string) => void;
  readonly onClose: () => void;
}

export function BranchTree({ tree, onGoTo, onClose }: BranchTreeProps) {
  const rows = useMemo(() => rowsOf(tree), [tree]);
  const list = useRef<HTMLUListElement>(null);
  useLayoutEffect(() => {
    const opener = document.activeElement;
    list.current?.querySelector<HTMLElement>("[aria-current]")?.focus();
    return () => opener instanceof HTMLElement && opener.focus();
  }, []);

  function walk(event: KeyboardEvent): void {
    const step = steps[event.key];
    if (step === undefined || list.current === null) return;
    event.preventDefault();
    const buttons = [...list.current.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    buttons[Math.min(Math.max(step(at, buttons.length), 0), buttons.length - 1)]?.focus();
  }

  const lastOnPath = rows.findLast(({ isOnPath }) => isOnPath);
  return (
    <aside class="tree-panel" aria-label="Tree of the conversation">
      <div class="sidebar-head">
        <h2>Tree</h2>
        <IconButton icon="close" label="Close the tree" onClick={onClose} />
      </div>
      <ul ref={list} class="tree" onKeyDown={walk}>
        {rows.map(({ message, column, isBranch, isOnPath }) => (
          <li
            key={message.id}
            class={`tree-row ${isOnPath ? "on-path" : ""} ${isBranch ? "is-branch" : ""}`}
            data-column={Math.min(column, deepestColumn)}
          >
            <button
              type="button"
              aria-current={message === lastOnPath?.message ? "true" : undefined}
              onClick={() => onGoTo(message.id)}
            >
              <span class="who">{message.role === "user" ? "You" : "Answer"}</span>
              <span class="ellipsis">{snippet(message.content) || statusWords[message.status]}</span>
            </button>
          </li>
        ))}
      </ul>
    </aside>
  );
}

/** Further columns would leave no room for words. */
const deepestColumn = 8;

const steps: Readonly<Record<string, (at: number, length: number) => number>> = {
  ArrowDown: (at) => at + 1,
  ArrowUp: (at) => at - 1,
  Home: () => 0,
  End: (_, length) => length - 1,
};

const statusWords = {
  sending: "Sending…",
  running: "Answering…",
  complete: "Empty",
  stopped: "Stopped",
  failed: "Failed",
} as const;

function snippet(content: string): string {
  return titleOf(content.replaceAll(/[*_`#>]+/g, ""));
}
