// What is left of a request's attempts and time, and what its client is told when they are spent.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { errorHeaders } from "../../../../src/contract/error-headers.ts";
import { RetryBudget } from "../../../../src/gateway/replies/retry-budget.ts";

const limits = { maxAttempts: 3, maxDelayMs: 8000 };
const passing = new GatewayError("upstream-failed", "x", { retryable: true });

describe("RetryBudget", () => {
  test("repeats an empty answer once", () => {
    const budget = new RetryBudget(limits, 60_000);
    budget.attempts = 1;
    expect([budget.takeEmptyRepetition(), budget.takeEmptyRepetition()]).toEqual([true, false]);
  });

  test("repeats none when no attempt, or no time, is left", () => {
    const spent = new RetryBudget(limits, 60_000);
    spent.attempts = 3;
    expect(spent.takeEmptyRepetition()).toBe(false);
    expect(new RetryBudget(limits, 7000).takeEmptyRepetition()).toBe(false);
  });

  test("has an attempt left as long as there is one, and time for it", () => {
    const budget = new RetryBudget(limits, 60_000);
    budget.attempts = 2;
    expect(budget.hasAttempt).toBe(true);
    budget.attempts = 3;
    expect(budget.hasAttempt).toBe(false);
    expect(new RetryBudget(limits, -1).hasAttempt).toBe(false);
  });

  test("tells a client not to begin anew when the time was spent, not the attempts", () => {
    const budget = new RetryBudget(limits, 60_000);
    budget.attempts = 2;
    expect(errorHeaders(budget.asFinal(passing))["x-should-retry"]).toBe("false");
    budget.attempts = 3;
    expect(budget.asFinal(passing)).toBe(passing);
  });

  test("leaves what may not be repeated, and what names its own time, as it is", () => {
    const budget = new RetryBudget(limits, 60_000);
    const wrong = new GatewayError("invalid-request", "x");
    const later = new GatewayError("overloaded", "x", { retryable: true, retryAfterMs: 120_000 });
    expect([budget.asFinal(wrong), budget.asFinal(later)]).toEqual([wrong, later]);
    expect(errorHeaders(budget.asFinal(later))["x-should-retry"]).toBeUndefined();
  });

  test("keeps kind, sentence, time and cause of what it makes final", () => {
    const cause = new Error("c");
    const error = new GatewayError("upstream-timeout", "sentence", {
      retryable: true,
      retryAfterMs: 1000,
      upstream: "u",
      param: "p",
      cause,
    });
    const { kind, message, retryAfterMs, upstream, param } = error;
    const told = new RetryBudget(limits, 1).asFinal(error);
    expect(told).toMatchObject({ kind, message, retryAfterMs, upstream, param, cause, retryable: false, final: true });
  });
});
