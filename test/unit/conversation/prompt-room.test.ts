// How much of a prompt may stay, by what is known of its lengths.

import { describe, expect, test } from "bun:test";
import { promptRoom } from "../../../src/conversation/prompt-room.ts";

describe("promptRoom", () => {
  test("knows nothing without a limit", () => {
    expect(promptRoom({ promptTokens: 5000 }, 5000)).toBeUndefined();
  });

  test("leaves room for the answer that was asked for, and a tenth for the estimate", () => {
    expect(promptRoom({ contextTokens: 10_000, promptTokens: 20_000 }, 20_000, 1000)).toEqual({
      aimTokens: 8100,
      mostTokens: 10_000,
    });
  });

  test("keeps no more than a quarter of the context for the answer", () => {
    expect(promptRoom({ contextTokens: 8000, promptTokens: 20_000 }, 20_000, 32_000)?.aimTokens).toBe(5400);
    expect(promptRoom({ contextTokens: 8000, promptTokens: 20_000 }, 20_000)?.aimTokens).toBe(5400);
    expect(promptRoom({ contextTokens: 100_000, promptTokens: 200_000 }, 200_000)?.aimTokens).toBe(86_313);
  });

  test("goes by the server's own count of what was sent", () => {
    // Its tokens are half as long as they were thought to be.
    expect(promptRoom({ contextTokens: 10_000, promptTokens: 20_000 }, 10_000, 1000)).toEqual({
      aimTokens: 4050,
      mostTokens: 5000,
    });
  });

  test("needs no room for an answer where the limit is the prompt's alone", () => {
    expect(promptRoom({ maxPromptTokens: 10_000, promptTokens: 20_000 }, 20_000, 1000)?.aimTokens).toBe(9000);
  });

  test("prefers the context: the most that a prompt may have was what one answer left", () => {
    const told = { contextTokens: 10_000, maxPromptTokens: 100, promptTokens: 20_000 };
    expect(promptRoom(told, 20_000, 9900)?.aimTokens).toBe(6750);
  });

  test("without a count takes the estimate to be a third too small, and at least the limit", () => {
    expect(promptRoom({ contextTokens: 10_000 }, 20_000, 1000)).toEqual({ aimTokens: 6750, mostTokens: 10_000 });
    expect(promptRoom({ contextTokens: 10_000 }, 5000, 1000)).toEqual({ aimTokens: 3375, mostTokens: 5000 });
  });

  test("takes a count for none that is one more than the most: there the server stopped counting", () => {
    const told = { contextTokens: 10_000, maxPromptTokens: 9000, promptTokens: 9001 };
    expect(promptRoom(told, 20_000, 1000)).toEqual(promptRoom({ contextTokens: 10_000 }, 20_000, 1000));
    const short = { contextTokens: 10_000, promptTokens: 10_001 };
    expect(promptRoom(short, 20_000, 1000)).toEqual(promptRoom({ contextTokens: 10_000 }, 20_000, 1000));
    expect(promptRoom({ ...told, promptTokens: 9002 }, 9002, 1000)?.aimTokens).toBe(8100);
  });
});
