// What stands on the left of either tab. Where there is little room it lies over the rest, while it is open.

import type { ComponentChildren, RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { agentHash, chatHash, type Place } from "../place.ts";
import { IconButton } from "./icons.tsx";

export interface SideListProps {
  readonly label: string;
  readonly box: RefObject<HTMLElement | null>;
  readonly tab: Place["tab"];
  /** Where the chat goes on. */
  readonly sessionId: string | undefined;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function SideList({ label, box, tab, sessionId, isOpen, onClose, children }: SideListProps) {
  const opener = useRef<Element | null>(null);
  useLayoutEffect(() => {
    if (isOpen) {
      opener.current = document.activeElement;
      box.current?.querySelector("button")?.focus();
    } else if (opener.current instanceof HTMLElement) {
      opener.current.focus();
      opener.current = null;
    }
  }, [isOpen]);

  return (
    <>
      {isOpen && (
        <button
          type="button"
          class="backdrop narrow-only"
          aria-label="Close the list"
          tabIndex={-1}
          onClick={onClose}
        />
      )}
      <aside ref={box} class="sidebar" data-open={isOpen} aria-label={label}>
        <div class="sidebar-head">
          <span class="brand">qwen-gateway</span>
          <IconButton icon="close" label="Close" class="quiet narrow-only" onClick={onClose} />
        </div>
        <nav class="tabs" aria-label="Chat or agent">
          <a href={chatHash(sessionId) || "#"} aria-current={tab === "chat" ? "page" : undefined}>
            Chat
          </a>
          <a href={agentHash} aria-current={tab === "agent" ? "page" : undefined}>
            Agent
          </a>
        </nav>
        {children}
      </aside>
    </>
  );
}
