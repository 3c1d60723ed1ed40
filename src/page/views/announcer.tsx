// The live region of a conversation.

import { useRef } from "preact/hooks";
import { type Announcements, createAnnouncements } from "../conversation/announcements.ts";
import type { Message } from "../conversation/message.ts";
import { LiveRegion } from "./live-region.tsx";

export function Announcer({ answer }: { readonly answer: Message | undefined }) {
  const announcements = useRef<Announcements>(undefined);
  announcements.current ??= createAnnouncements();
  const { current } = announcements;
  return <LiveRegion label="Progress of the answer" subject={answer} listen={() => current.update(answer)} />;
}
