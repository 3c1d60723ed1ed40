// The head of the page: what this is, whether it answers, where else to go.

import { useRef } from "preact/hooks";
import { IconButton } from "../../views/icons.tsx";
import { ThemeSwitch } from "../../views/theme-switch.tsx";
import type { StatusState } from "../state.ts";
import { clockWords } from "../words.ts";

export interface MastheadProps {
  readonly state: StatusState;
  readonly hasKey: boolean;
  readonly onForgetKey: () => void;
  readonly onSaveDocument: () => void;
}

export function Masthead({ state, hasKey, onForgetKey, onSaveDocument }: MastheadProps) {
  const isOpen = state.door.state === "open";
  return (
    <header class="masthead">
      <h1>qwen-gateway</h1>
      <Pulse state={state} />
      <nav aria-label="Elsewhere">
        <a href="chat">Chat</a>
        <a href="health">Health</a>
        {isOpen && hasKey && (
          // A link sends no key.
          <button type="button" class="link" onClick={onSaveDocument}>
            Save openapi.json
          </button>
        )}
        {isOpen && !hasKey && (
          <>
            <a href="openapi.json">openapi.json</a>
            <a href="metrics">Metrics</a>
          </>
        )}
      </nav>
      {hasKey && <IconButton icon="out" label="Forget the admin key" onClick={onForgetKey} />}
      <ThemeSwitch />
    </header>
  );
}

/** Said when it changes; the time that moves along is for the eye alone. */
function Pulse({ state: { answeredAtMs, trouble } }: { readonly state: StatusState }) {
  const wasLost = useRef(false);
  const isLost = trouble !== undefined;
  const isBack = wasLost.current && !isLost;
  if (isLost) wasLost.current = true;
  return (
    <p class={isLost ? "pulse lost" : "pulse"}>
      <span class="mark" aria-hidden="true" />
      {pulseWords(answeredAtMs, trouble)}
      <span class="unseen" role="status">
        {isLost ? pulseWords(answeredAtMs, trouble) : isBack ? "The gateway answers again." : ""}
      </span>
    </p>
  );
}

function pulseWords(answeredAtMs: number | undefined, trouble: string | undefined): string {
  if (trouble === undefined) return answeredAtMs === undefined ? "Asking…" : `As of ${clockWords(answeredAtMs)}`;
  return answeredAtMs === undefined ? "No answer yet" : `No answer since ${clockWords(answeredAtMs)}`;
}
