// Says to a screen reader what the eye sees move.

import { useEffect, useRef } from "preact/hooks";

/** Read ones may go; some stay, because a reader may lag behind. */
const keptSentences = 8;

export interface LiveRegionProps {
  readonly label: string;
  /** Whatever is told of: it is listened to when this is another one. */
  readonly subject: unknown;
  /** @returns what is new */
  readonly listen: () => readonly string[];
}

export function LiveRegion({ label, subject, listen }: LiveRegionProps) {
  const region = useRef<HTMLDivElement>(null);
  useEffect(() => {
    for (const sentence of listen()) {
      const line = document.createElement("p");
      line.textContent = sentence;
      region.current?.append(line);
    }
    while ((region.current?.childElementCount ?? 0) > keptSentences) region.current?.firstElementChild?.remove();
  }, [subject]);

  return <div ref={region} class="unseen" role="log" aria-live="polite" aria-label={label} />;
}
