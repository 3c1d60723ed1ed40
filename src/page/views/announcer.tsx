// The live region: says to a screen reader what the eye sees move.

import { useEffect, useRef } from "preact/hooks";
import { type Announcements, createAnnouncements } from "../conversation/announcements.ts";
import type { Message } from "../conversation/message.ts";

/** Read ones may go; some stay, because a reader may lag behind. */
const keptSentences = 8;

export function Announcer({ answer }: { readonly answer: Message | undefined }) {
  const region = useRef<HTMLDivElement>(null);
  const announcements = useRef<Announcements>(undefined);
  announcements.current ??= createAnnouncements();

  useEffect(() => {
    for (const sentence of announcements.current?.update(answer) ?? []) {
      const line = document.createElement("p");
      line.textContent = sentence;
      region.current?.append(line);
    }
    while ((region.current?.childElementCount ?? 0) > keptSentences) region.current?.firstElementChild?.remove();
  }, [answer]);

  return <div ref={region} class="unseen" role="log" aria-live="polite" aria-label="Progress of the answer" />;
}
