// What ends the waits of an exchange: its own end always, the clock of an attempt that attempt alone.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { clientLeft } from "../../../../src/gateway/replies/attempt-errors.ts";
import { Collector } from "../../../../src/gateway/replies/collect.ts";
import { createLiveness } from "../../../../src/gateway/replies/liveness.ts";
import { Opening } from "../../../../src/gateway/replies/opening.ts";

const clocks = { firstByteMs: 1000, stallMs: 1000, replyMs: 1000, heartbeatMs: 1000, clientStallMs: 1000 };
const tooLate = new GatewayError("upstream-timeout", "nothing came");

function createOpening(): Opening {
  const nobody = (): never => {
    throw new Error("nothing is sent");
  };
  const identity = { replyId: "r", model: "m", createdAtMs: 0 };
  const consumer = new Collector(identity, { createSent: nobody, encodeReply: nobody });
  return new Opening(createLiveness(clocks), consumer, { clientLeft() {} });
}

describe("Opening", () => {
  test("Opening ends what an attempt waits for when its clock runs out, and not the exchange", () => {
    const opening = createOpening();
    const { signal } = opening;

    opening.expire(tooLate);

    expect(signal.reason).toBe(tooLate);
    expect(opening.reason).toBeUndefined();
  });

  test("Opening gives the next attempt a signal that has not run out", () => {
    const opening = createOpening();
    const first = opening.signal;
    opening.expire(tooLate);

    opening.renew();

    expect(opening.signal.aborted).toBe(false);
    expect(first.aborted).toBe(true);
  });

  test("Opening ends with its exchange, also what is begun afterwards, by the first reason", () => {
    const opening = createOpening();
    const { signal } = opening;
    const reason = clientLeft();

    opening.abort(reason);
    opening.abort(tooLate);
    opening.renew();

    expect(signal.reason).toBe(reason);
    expect(opening.signal.reason).toBe(reason);
    expect(opening.reason).toBe(reason);
  });
});
