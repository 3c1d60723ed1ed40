// Chats that were made for a turn which came to nothing: given to the next one, but not while Qwen still writes in them.

import { expect, test } from "bun:test";
import { startHarness } from "../support/harness.ts";
import { answerTo, callsOf, untilIdle, user } from "./client.ts";

test("a chat whose client left before Qwen answered is given to nobody before its generation is stopped", async () => {
  await using harness = await startHarness();
  const held = 4;
  harness.emulator.script({ match: "Held", gate: "held", times: held });
  const left = Array.from({ length: held }, (_, index) => {
    const controller = new AbortController();
    const body = { stream: true, messages: [user(`Held ${index}`)] };
    const answer = harness.chat(body, { signal: controller.signal }).catch((error: unknown) => error);
    return { controller, answer };
  });
  await harness.emulator.until(() => callsOf(harness, "completions").length === held);
  for (const { controller } of left) controller.abort();
  await Promise.all(left.map(({ answer }) => answer));
  await untilIdle(harness);

  expect(await answerTo(harness, [user('Say "free"')])).toBe("free");
  expect(callsOf(harness, "completions").filter((call) => call.refusal !== undefined)).toEqual([]);
});

test("a chat whose client left before Qwen answered serves the repetition once it is stopped, and nobody else", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ match: "Held", gate: "held" });
  const controller = new AbortController();
  const body = { stream: true, messages: [user("Held")] };
  const answer = harness.chat(body, { signal: controller.signal }).catch((error: unknown) => error);
  await harness.emulator.until(() => callsOf(harness, "completions").length === 1);
  controller.abort();
  await answer;
  harness.emulator.release("held");
  await harness.emulator.until(() => callsOf(harness, "stop").some((call) => call.endedAtMs !== undefined));
  await untilIdle(harness);

  await answerTo(harness, [user("Held")]);
  expect(callsOf(harness, "chats/new")).toHaveLength(1);
  expect(await answerTo(harness, [user('Say "free"')])).toBe("free");
  expect(callsOf(harness, "chats/new")).toHaveLength(2);
});

test.each(["chat-not-exist", "chat-in-progress"] as const)(
  "a chat of a failed turn that is refused as %s costs its repetition nothing, not even an attempt",
  async (refuse) => {
    await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
    harness.emulator.script({ refuse: "internal-error" }, { refuse });
    expect((await harness.chat({ messages: [user("Hello")] })).status).toBe(502);
    expect(await answerTo(harness, [user("Hello")])).not.toBe("");
    expect(callsOf(harness, "completions")).toHaveLength(3);
    expect(callsOf(harness, "chats/new")).toHaveLength(2);
  },
);
