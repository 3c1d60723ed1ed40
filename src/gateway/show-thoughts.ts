// Thoughts for clients that have no place for them: as tags before the answer, or not at all. What is remembered of a
// reply is its answer alone, so that it is found again whether its client sends the tags back or not.

import type { ReplyDisplay } from "../contract/answer-format.ts";
import type { ChatReply } from "../contract/chat-reply.ts";
import type { ChatEvent } from "../contract/events.ts";
import { jsonText } from "../contract/json.ts";
import type { EventEncoder } from "../contract/surface.ts";

type Shown = Exclude<ReplyDisplay["thoughts"], "field">;

const opening = "<think>\n";
const closing = "\n</think>\n\n";

export function showThoughts(encoder: EventEncoder, shown: Shown): EventEncoder {
  return {
    write: shown === "tags" ? (event) => writeTags(encoder, event) : hideThoughts(encoder),
    writeHeartbeat: () => encoder.writeHeartbeat(),
    get pendingBytes() {
      return encoder.pendingBytes;
    },
    take: () => encoder.take(),
  };
}

/** Of a whole answer. */
export function shownReply(reply: ChatReply, shown: Shown): ChatReply {
  const { reasoning, ...rest } = reply;
  if (reasoning === "") return reply;
  const text = shown === "tags" ? opening + reasoning + closing + reply.text : reply.text;
  return { ...rest, reasoning: "", text };
}

function writeTags(encoder: EventEncoder, event: ChatEvent): void {
  switch (event.type) {
    case "reasoning-delta":
      return encoder.write({ type: "text-delta", index: event.index, text: event.text });
    case "block-start":
      if (event.block !== "reasoning") return encoder.write(event);
      encoder.write({ type: "block-start", index: event.index, block: "text" });
      return encoder.write({ type: "text-delta", index: event.index, text: jsonText(opening) });
    case "block-end":
      if (event.block !== "reasoning") return encoder.write(event);
      encoder.write({ type: "text-delta", index: event.index, text: jsonText(closing) });
      return encoder.write({ type: "block-end", index: event.index, block: "text" });
    default:
      return encoder.write(event);
  }
}

/** The blocks that are left are numbered anew: clients count them. */
function hideThoughts(encoder: EventEncoder): (event: ChatEvent) => void {
  let hidden = 0;
  return (event) => {
    if (event.type === "reasoning-delta") return;
    if (event.type === "block-end" && event.block === "reasoning") return;
    if (event.type === "block-start" && event.block === "reasoning") hidden++;
    else encoder.write("index" in event && hidden > 0 ? { ...event, index: event.index - hidden } : event);
  };
}
