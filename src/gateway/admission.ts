// Who may begin a reply: bounds in all, for one caller, and by what the runtime can send at a time. Nobody waits here:
// above a bound the answer is a refusal at once.

import { GatewayError } from "../contract/gateway-error.ts";
import { createOpenCounts, type OpenCounts } from "./ledger.ts";
import { type RequestSlots, slotsForReplies, tooManyRequests } from "../outbound/request-slots.ts";

export interface AdmissionOptions {
  /** Replies that may run at a time. Undefined: any number. */
  readonly maxStreams?: number | undefined;
  /** The same for one caller. */
  readonly maxStreamsPerKey?: number | undefined;
  /** Given where the runtime queues what is beyond its cap. */
  readonly slots?: RequestSlots | undefined;
  /** Of all gateways of the process. @defaultValue its own */
  readonly counts?: OpenCounts;
}

export interface Admission {
  /**
   * @returns to be called when nothing of the reply runs any more; more than once does no harm
   * @throws {GatewayError} `overloaded` above the bound for all, `rate-limited` above the one for this caller
   */
  enter(caller: string): () => void;
}

const retryAfterMs = 1000;

export function createAdmission({
  maxStreams,
  maxStreamsPerKey,
  slots,
  counts = createOpenCounts(),
}: AdmissionOptions): Admission {
  function check(caller: string): void {
    if (maxStreams !== undefined && counts.open >= maxStreams) {
      throw new GatewayError(
        "overloaded",
        `Cannot take this request: ${maxStreams} replies run, and MAX_STREAMS allows no more. Send it again in a moment`,
        { retryAfterMs },
      );
    }
    if (maxStreamsPerKey !== undefined && (counts.byCaller.get(caller) ?? 0) >= maxStreamsPerKey) {
      throw new GatewayError(
        "rate-limited",
        `Cannot take this request: ${maxStreamsPerKey} replies run for this API key, and MAX_STREAMS_PER_KEY allows no more. Send it again when one has ended`,
        { retryAfterMs },
      );
    }
    // A reply that has not sent its request yet will want a slot too; one that ended may hold its slot a little longer.
    if (slots !== undefined && Math.max(counts.open, slots.inFlight) >= slotsForReplies(slots.max)) {
      throw tooManyRequests(slots.max);
    }
  }

  function count(caller: string, change: 1 | -1): void {
    counts.open += change;
    const openOfCaller = (counts.byCaller.get(caller) ?? 0) + change;
    if (openOfCaller === 0) counts.byCaller.delete(caller);
    else counts.byCaller.set(caller, openOfCaller);
  }

  return {
    enter(caller) {
      check(caller);
      count(caller, 1);
      let isIn = true;
      return () => {
        if (isIn) count(caller, -1);
        isIn = false;
      };
    },
  };
}
