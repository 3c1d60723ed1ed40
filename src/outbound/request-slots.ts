// How many requests the runtime still takes. Beyond its cap it queues them silently, and such a request never times out
// by itself: whoever counts can refuse instead.

import { GatewayError } from "../contract/gateway-error.ts";

export interface RequestSlots {
  readonly inFlight: number;
  readonly max: number;
  /**
   * Takes a slot for one request, from its sending to the end of its body.
   * @returns gives it back, once however often it is called
   * @throws {GatewayError} `overloaded` when there is none
   */
  take(): () => void;
}

export function createRequestSlots(max: number): RequestSlots {
  let inFlight = 0;
  return {
    get inFlight() {
      return inFlight;
    },
    max,
    take() {
      if (inFlight >= max) throw tooManyRequests(max);
      inFlight++;
      let isTaken = true;
      return () => {
        if (isTaken) inFlight--;
        isTaken = false;
      };
    },
  };
}

/** Kept free for what is not a reply: stopping one, refreshing a token, deleting a chat. */
const mostSpareSlots = 16;

/** Replies that may run at a time, each of which holds one slot. */
export function slotsForReplies(max: number): number {
  return max - Math.min(mostSpareSlots, Math.floor(max / 4));
}

export function tooManyRequests(max: number): GatewayError {
  return new GatewayError(
    "overloaded",
    `Cannot take this request: the ${max} requests to Qwen that may run at a time are running. Send it again in a moment; BUN_CONFIG_MAX_HTTP_REQUESTS raises the number`,
    { retryAfterMs: 1000, retryable: true },
  );
}
