// Who may begin a reply: bounds in all, and by what the runtime can send at a time; those of callers are the business of
// quotas/. Nobody waits here: above a bound the answer is a refusal at once.

import { GatewayError } from "../../contract/gateway-error.ts";
import { createOpenCounts, type OpenCounts } from "../ledger.ts";
import { type RequestSlots, slotsForReplies, tooManyRequests } from "../../outbound/request-slots.ts";

export interface AdmissionOptions {
  /** Replies that may run at a time. Undefined: any number. */
  readonly maxStreams?: number | undefined;
  /** Given where the runtime queues what is beyond its cap. */
  readonly slots?: RequestSlots | undefined;
  /** Of all gateways of the process. @defaultValue its own */
  readonly counts?: OpenCounts;
}

export interface Admission {
  /**
   * @returns to be called when nothing of the reply runs any more; more than once does no harm
   * @throws {GatewayError} `overloaded`
   */
  enter(): () => void;
}

const retryAfterMs = 1000;

export function createAdmission({ maxStreams, slots, counts = createOpenCounts() }: AdmissionOptions): Admission {
  function check(): void {
    if (maxStreams !== undefined && counts.open >= maxStreams) {
      throw new GatewayError(
        "overloaded",
        `Cannot take this request: ${maxStreams} replies run, and MAX_STREAMS allows no more. Send it again in a moment`,
        { retryAfterMs },
      );
    }
    // A reply that has not sent its request yet will want a slot too; one that ended may hold its slot a little longer.
    if (slots !== undefined && Math.max(counts.open, slots.inFlight) >= slotsForReplies(slots.max)) {
      throw tooManyRequests(slots.max);
    }
  }

  return {
    enter() {
      check();
      counts.open++;
      let isIn = true;
      return () => {
        if (isIn) counts.open--;
        isIn = false;
      };
    },
  };
}
