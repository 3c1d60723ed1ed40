// Thoughts for clients that have no place for them: as tags before the answer, or not at all. What is remembered of a
// reply is its answer alone, so that it is found again whether its client sends the tags back or not.

import type { ReplyDisplay } from "../../contract/answer-format.ts";
import type { ChatReply } from "../../contract/chat-reply.ts";
import type { ChatEvent } from "../../contract/events.ts";
import { jsonText } from "../../contract/json.ts";
import type { EventEncoder } from "../../contract/surface.ts";

type Shown = Exclude<ReplyDisplay["thoughts"], "field">;

const opening = "<think>\n";
const closing = "\n</think>\n\n";

export function showThoughts(encoder: EventEncoder, shown: Shown): EventEncoder {
  return {
    write: shown === "tags" ? tagThoughts(encoder) : hideThoughts(encoder),
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

/** Thoughts and the words behind them are one block of text, as they are in a whole answer. */
function tagThoughts(encoder: EventEncoder): (event: ChatEvent) => void {
  /** Blocks that became part of the one before them. */
  let merged = 0;
  /** The block whose thoughts have ended: the words go on in it. */
  let open: number | undefined;
  const say = (index: number, text: string): void => encoder.write({ type: "text-delta", index, text: jsonText(text) });
  const close = (): void => {
    if (open !== undefined) encoder.write({ type: "block-end", index: open, block: "text" });
    open = undefined;
  };
  return (event) => {
    switch (event.type) {
      case "block-start": {
        const isThought = event.block === "reasoning";
        if (open !== undefined && (isThought || event.block === "text")) merged++;
        else {
          close();
          encoder.write(isThought ? { ...event, index: event.index - merged, block: "text" } : moved(event, merged));
        }
        open = undefined;
        if (isThought) say(event.index - merged, opening);
        return;
      }
      case "reasoning-delta":
        return encoder.write({ type: "text-delta", index: event.index - merged, text: event.text });
      case "block-end":
        if (event.block !== "reasoning") return encoder.write(moved(event, merged));
        open = event.index - merged;
        return say(open, closing);
      case "reply-end":
        close();
        return encoder.write(event);
      default:
        return encoder.write(moved(event, merged));
    }
  };
}

/** The blocks that are left are numbered anew: clients count them. */
function hideThoughts(encoder: EventEncoder): (event: ChatEvent) => void {
  let hidden = 0;
  return (event) => {
    if (event.type === "reasoning-delta") return;
    if (event.type === "block-end" && event.block === "reasoning") return;
    if (event.type === "block-start" && event.block === "reasoning") hidden++;
    else encoder.write(moved(event, hidden));
  };
}

function moved(event: ChatEvent, by: number): ChatEvent {
  return "index" in event && by > 0 ? { ...event, index: event.index - by } : event;
}
