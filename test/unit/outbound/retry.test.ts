// Attempts, delays and limits of doing something again.

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { retryDelay, withRetry } from "../../../src/outbound/retry.ts";

const passing = () => new GatewayError("upstream-failed", "passing", { retryable: true });
const quick = { baseDelayMs: 1, maxDelayMs: 1 };

function failing(times: number, error: () => unknown = passing): { run: () => Promise<string>; calls: () => number } {
  let calls = 0;
  return {
    calls: () => calls,
    async run() {
      calls++;
      if (calls <= times) throw error();
      return "done";
    },
  };
}

describe("withRetry", () => {
  test("repeats what may pass until it succeeds", async () => {
    const operation = failing(2);
    expect(await withRetry(operation.run, quick)).toBe("done");
    expect(operation.calls()).toBe(3);
  });

  test("throws the last error when the attempts are spent", async () => {
    const operation = failing(9);
    await expect(withRetry(operation.run, { ...quick, maxAttempts: 3 })).rejects.toThrow("passing");
    expect(operation.calls()).toBe(3);
  });

  test("does not repeat what will not pass", async () => {
    const operation = failing(1, () => new GatewayError("upstream-auth", "no"));
    await expect(withRetry(operation.run, quick)).rejects.toThrow("no");
    expect(operation.calls()).toBe(1);
  });

  test("starts no attempt behind the deadline", async () => {
    const operation = failing(1);
    await expect(withRetry(operation.run, { baseDelayMs: 60_000, deadlineMs: Date.now() + 1000 })).rejects.toThrow(
      "passing",
    );
    expect(operation.calls()).toBe(1);
  });

  test("waits as long as the error asks, if that fits the deadline", async () => {
    const waits: number[] = [];
    const operation = failing(1, () => new GatewayError("overloaded", "later", { retryable: true, retryAfterMs: 30 }));
    await withRetry(operation.run, { ...quick, onRetry: (_error, _attempt, delayMs) => void waits.push(delayMs) });
    expect(waits).toEqual([30]);
  });

  test("waits where the error asks for more than a timer can", async () => {
    const controller = new AbortController();
    const operation = failing(1, () => new GatewayError("overloaded", "later", { retryable: true, retryAfterMs: 3e9 }));

    const outcome = withRetry(operation.run, { signal: controller.signal });
    await Promise.race([outcome, Bun.sleep(10)]);
    controller.abort(new Error("left"));

    await expect(outcome).rejects.toThrow("left");
    expect(operation.calls()).toBe(1);
  });

  test("ends its wait when the signal is aborted", async () => {
    const controller = new AbortController();
    const options = {
      baseDelayMs: 60_000,
      signal: controller.signal,
      onRetry: () => controller.abort(new Error("left")),
    };
    await expect(withRetry(failing(1).run, options)).rejects.toThrow("left");
  });
});

test("retryDelay doubles up to its maximum and takes up to half away", () => {
  const options = { baseDelayMs: 100, maxDelayMs: 300, random: () => 0 };
  expect([1, 2, 3, 4].map((attempt) => retryDelay(attempt, options))).toEqual([100, 200, 300, 300]);
  expect(retryDelay(1, { ...options, random: () => 1 })).toBe(50);
});
