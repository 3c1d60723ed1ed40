// What was said, in a box that scrolls by itself, with a way to its end for whoever has left it.

import type { ComponentChildren } from "preact";
import { Icon } from "./icons.tsx";
import type { EndInSight } from "./use-end-in-sight.ts";

export interface TranscriptFrameProps {
  readonly label: string;
  /** Absent: it does not grow. */
  readonly end?: EndInSight;
  readonly children: ComponentChildren;
}

export function TranscriptFrame({ label, end, children }: TranscriptFrameProps) {
  return (
    <div class="transcript-frame">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section ref={end?.box ?? null} class="transcript" tabIndex={0} aria-label={label}>
        <div ref={end?.content ?? null} class="column">
          {children}
        </div>
      </section>
      {end?.isAtEnd === false && (
        <button type="button" class="to-end" onClick={end.goToEnd}>
          <Icon name="down" /> Newest
        </button>
      )}
    </div>
  );
}
