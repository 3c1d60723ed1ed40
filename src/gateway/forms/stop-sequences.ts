// Ends a reply where the client's own mark stands in its text, whatever the upstream makes of such marks: not all obey them,
// and none of those that do says which one it was.

import { EventFilter } from "../../contract/event-filter.ts";
import type { UpstreamEvent } from "../../contract/events.ts";
import type { EventDecoder, UpstreamReply } from "../../contract/upstream.ts";

/** The reply itself where there are no marks, or nothing in it may be changed. @param sequences none of them empty */
export function cutAtSequences(reply: UpstreamReply, sequences: readonly string[] | undefined): UpstreamReply {
  if (sequences === undefined || sequences.length === 0 || reply.passThrough !== undefined) return reply;
  const decoder = new CuttingDecoder(reply.decoder, sequences);
  return {
    account: reply.account,
    model: reply.model,
    body: reply.body,
    decoder,
    // Not `recover`: the stored answer goes on behind the mark.
    onEnd: (ending, error) => reply.onEnd(ending === "complete" && decoder.isCut ? "cut" : ending, error),
  };
}

class CuttingDecoder extends EventFilter {
  /** The mark has come, and the end was told. */
  isCut = false;
  readonly #sequences: readonly string[];
  /** Text that may be the beginning of a mark. */
  #held = "";

  constructor(decoder: EventDecoder, sequences: readonly string[]) {
    super(decoder);
    this.#sequences = sequences;
  }

  protected get heldChars(): number {
    return this.#held.length;
  }

  protected override get isOver(): boolean {
    return this.isCut;
  }

  protected accept(event: UpstreamEvent): void {
    if (this.isCut) return;
    switch (event.type) {
      case "text-delta":
        return this.#scan(this.#held + event.text.text);
      case "reply-start":
      case "usage-update":
        return this.say(event);
      default:
        this.sayText(this.#held);
        this.#held = "";
        this.say(event);
    }
  }

  #scan(text: string): void {
    const found = findFirst(text, this.#sequences);
    if (found === undefined) {
      const heldLength = longestBeginning(text, this.#sequences);
      this.#held = text.slice(text.length - heldLength);
      return this.sayText(text.slice(0, text.length - heldLength));
    }
    this.isCut = true;
    this.#held = "";
    this.sayText(text.slice(0, found.index));
    this.say({ type: "stop-sequence", sequence: found.sequence });
    this.say({ type: "reply-end", finishReason: "stop" });
  }
}

interface Found {
  readonly index: number;
  readonly sequence: string;
}

/** The one that is whole first, as if the text came sign by sign; of two that end together, the longer. */
function findFirst(text: string, sequences: readonly string[]): Found | undefined {
  let first: Found | undefined;
  let firstEnd = Number.POSITIVE_INFINITY;
  for (const sequence of sequences) {
    const index = text.indexOf(sequence);
    const end = index + sequence.length;
    if (index < 0 || end > firstEnd || (end === firstEnd && index > (first?.index ?? 0))) continue;
    first = { index, sequence };
    firstEnd = end;
  }
  return first;
}

/** How much of the end of the text begins a mark. */
function longestBeginning(text: string, sequences: readonly string[]): number {
  let longest = 0;
  for (const sequence of sequences) {
    for (let length = Math.min(sequence.length - 1, text.length); length > longest; length--) {
      if (!text.endsWith(sequence.slice(0, length))) continue;
      longest = length;
      break;
    }
  }
  return longest;
}
