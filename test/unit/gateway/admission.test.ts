import { describe, expect, test } from "bun:test";
import { type ErrorKind, GatewayError } from "../../../src/contract/gateway-error.ts";
import { createAdmission } from "../../../src/gateway/admission.ts";
import { createRequestSlots } from "../../../src/outbound/request-slots.ts";

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

    for (let index = 0; index < 5000; index++) expect(kindOf(() => admission.enter("a"))).toBe("none");
  });

  test("createAdmission refuses one above the bound for all, whoever asks, until one leaves", () => {
    const admission = createAdmission({ maxStreams: 2 });
    const leave = admission.enter("a");
    admission.enter("b");
    expect(kindOf(() => admission.enter("c"))).toBe("overloaded");
    leave();

    expect(kindOf(() => admission.enter("c"))).toBe("none");
    expect(kindOf(() => admission.enter("c"))).toBe("overloaded");
  });

  test("createAdmission bounds each caller apart", () => {
    const admission = createAdmission({ maxStreamsPerKey: 1 });
    const leave = admission.enter("a");
    expect(kindOf(() => admission.enter("a"))).toBe("rate-limited");
    expect(kindOf(() => admission.enter("b"))).toBe("none");
    leave();

    expect(kindOf(() => admission.enter("a"))).toBe("none");
  });

  test("createAdmission counts a leaver once, however often he says so", () => {
    const admission = createAdmission({ maxStreams: 1, maxStreamsPerKey: 1 });
    const leave = admission.enter("a");
    leave();
    leave();
    admission.enter("a");

    expect(kindOf(() => admission.enter("b"))).toBe("overloaded");
  });

  test("createAdmission keeps slots free for calls that are no replies, and sees those that are still held", () => {
    const slots = createRequestSlots(8);
    const admission = createAdmission({ slots });
    const leaves = Array.from({ length: 6 }, () => admission.enter("a"));
    expect(kindOf(() => admission.enter("a"))).toBe("overloaded");
    for (const leave of leaves) leave();
    const releases = Array.from({ length: 6 }, () => slots.take());
    expect(kindOf(() => admission.enter("a"))).toBe("overloaded");
    releases[0]?.();

    expect(kindOf(() => admission.enter("a"))).toBe("none");
  });
});
