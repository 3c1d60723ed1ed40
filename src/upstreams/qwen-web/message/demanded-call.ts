// A reply that must hold a call is collected until it does: one that ends without is not told but asked for once more.

import { EventFilter } from "../../../contract/event-filter.ts";
import type { UpstreamEvent } from "../../../contract/events.ts";
import type { GatewayError } from "../../../contract/gateway-error.ts";
import { jsonText } from "../../../contract/json.ts";
import type { EventDecoder } from "../../../contract/upstream.ts";

interface HeldText {
  readonly type: "text-delta" | "reasoning-delta";
  text: string;
}

/** Pages of an answer that is not told are none of the next one's. */
type HeldSource = Extract<UpstreamEvent, { readonly type: "source" }>;

/** An answer that is longer than this is no introduction to a call any more. UTF-16 units. */
const maxHeldLength = 262_144;

/**
 * Text, thoughts and sources are held back until a call begins; then all goes on as it comes.
 * @param onMissed the reply has ended well without a call: gives the error that takes its place, or undefined to tell it
 */
export function demandCall(decoder: EventDecoder, onMissed: () => GatewayError | undefined): EventDecoder {
  return new DemandedCall(decoder, onMissed);
}

class DemandedCall extends EventFilter {
  readonly #onMissed: () => GatewayError | undefined;
  /** Undefined: nothing is held back any more. */
  #held: (HeldText | HeldSource)[] | undefined = [];
  #heldLength = 0;

  constructor(decoder: EventDecoder, onMissed: () => GatewayError | undefined) {
    super(decoder);
    this.#onMissed = onMissed;
  }

  protected get heldChars(): number {
    return this.#heldLength;
  }

  protected accept(event: UpstreamEvent): void {
    if (this.#held === undefined) return this.say(event);
    switch (event.type) {
      case "text-delta":
      case "reasoning-delta":
        return this.#hold(this.#held, event.type, event.text.text);
      case "source":
        this.#held.push(event);
        return;
      case "tool-call-start":
        this.#release();
        break;
      case "reply-end": {
        const error = this.#onMissed();
        if (error !== undefined) {
          this.#held = undefined;
          return this.say({ type: "reply-error", error });
        }
        this.#release();
        break;
      }
      default:
        break;
    }
    this.say(event);
  }

  #hold(held: (HeldText | HeldSource)[], type: HeldText["type"], text: string): void {
    const last = held.at(-1);
    if (last?.type === type) last.text += text;
    else held.push({ type, text });
    this.#heldLength += text.length;
    if (this.#heldLength > maxHeldLength) this.#release();
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#heldLength = 0;
    for (const event of held) {
      this.say(event.type === "source" ? event : { type: event.type, text: jsonText(event.text) });
    }
  }
}
