// The stream of a summary that was asked for: it is told when it is whole, since nobody can go on from a part of it.

import type { ChatEvent } from "../contract/events.ts";
import type { EventEncoder } from "../contract/surface.ts";
import { RawText } from "../conversation/raw-text.ts";
import { ByteWriter } from "../sse/byte-writer.ts";

export type ReplyEnd = Extract<ChatEvent, { readonly type: "reply-end" }>;

/**
 * @param answer start, heartbeats and failure are those of any answer
 * @param encodeEnd the frames that tell the summary, and the end
 */
export function createSummaryEncoder(
  answer: EventEncoder,
  encodeEnd: (summary: string, end: ReplyEnd) => Uint8Array,
): EventEncoder {
  const writer = new ByteWriter();
  const text = new RawText();
  return {
    write(event) {
      switch (event.type) {
        case "text-delta":
          return text.append(event.text);
        case "reply-start":
        case "reply-error":
          answer.write(event);
          return writer.bytes(answer.take());
        case "reply-end":
          return writer.bytes(encodeEnd(text.text, event));
        default:
          // Thoughts, and calls that nobody could carry out.
          return;
      }
    },
    writeHeartbeat() {
      answer.writeHeartbeat();
      writer.bytes(answer.take());
    },
    get pendingBytes() {
      return writer.length;
    },
    take: () => writer.take(),
  };
}
