import { describe, expect, test } from "bun:test";
import { type ErrorKind, GatewayError } from "../../../../src/contract/gateway-error.ts";
import { createAdmission } from "../../../../src/gateway/queues/admission.ts";
import { createRequestSlots } from "../../../../src/outbound/request-slots.ts";

function kindOf(enter: () => unknown): ErrorKind | "none" {
  try {
    enter();
    return "none";
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    expect(error.retryAfterMs).toBe(1000);
    return error.kind;
  }
}

describe("createAdmission", () => {
  test("createAdmission lets everybody in where nothing is bounded", () => {
    const admission = createAdmission({});

    for (let index = 0; index < 5000; index++) expect(kindOf(() => admission.enter())).toBe("none");
  });

  test("createAdmission refuses one above the bound for all, until one leaves", () => {
    const admission = createAdmission({ maxStreams: 2 });
    const leave = admission.enter();
    admission.enter();
    expect(kindOf(() => admission.enter())).toBe("overloaded");
    leave();

    expect(kindOf(() => admission.enter())).toBe("none");
    expect(kindOf(() => admission.enter())).toBe("overloaded");
  });

  test("createAdmission counts a leaver once, however often he says so", () => {
    const admission = createAdmission({ maxStreams: 1 });
    const leave = admission.enter();
    leave();
    leave();
    admission.enter();

    expect(kindOf(() => admission.enter())).toBe("overloaded");
  });

  test("createAdmission keeps slots free for calls that are no replies, and sees those that are still held", () => {
    const slots = createRequestSlots(8);
    const admission = createAdmission({ slots });
    const leaves = Array.from({ length: 6 }, () => admission.enter());
    expect(kindOf(() => admission.enter())).toBe("overloaded");
    for (const leave of leaves) leave();
    const releases = Array.from({ length: 6 }, () => slots.take());
    expect(kindOf(() => admission.enter())).toBe("overloaded");
    releases[0]?.();

    expect(kindOf(() => admission.enter())).toBe("none");
  });
});
