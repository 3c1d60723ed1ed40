// Clients that leave: Qwen stops generating for them, and nothing of them stays.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eventually } from "../support/binary.ts";
import { readSlowly } from "./slow-reader.ts";
import { startStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({ environment: { LOG_LEVEL: "debug" } });
});
afterAll(() => stage[Symbol.asyncDispose]());

/** Resolves when no reply runs any more. */
async function untilIdle(): Promise<true> {
  return eventually(
    async () => {
      const health: unknown = await (await stage.get("/health")).json();
      return typeof health === "object" && health !== null && "openReplies" in health && health.openReplies === 0
        ? true
        : undefined;
    },
    () => "no open replies",
  );
}

/** Resolves when a stop call has named the generation of this message and Qwen has ended it. */
async function untilStopped(content: string): Promise<SentTurn> {
  const turn = (await stage.emulator.turns()).find((one) => one.content === content)!;
  const wanted = expect.objectContaining({ chat_id: turn.chatId, response_id: turn.responseId! });
  await stage.emulator.until((all) => all.some((one) => one.on === "stop" && Bun.deepMatch({ body: wanted }, one)));
  return (await stage.emulator.turns()).find((one) => one.content === content)!;
}

describe("a client that hangs up", () => {
  test("in the middle of a stream: Qwen's stream ends within a second and is stopped [R0-034] [R0-035] [R0-046]", async () => {
    await stage.emulator.script({ match: "Count from 1 to 100", gate: "middle" });
    await stage.emulator.release("middle", 4);
    const body = { messages: [{ role: "user", content: "Count from 1 to 100" }], stream: true };
    const reader = await readSlowly(await stage.post("/v1/chat/completions", body));
    await reader.until('"content":"1"');
    await reader.leave();
    const { afterMs, eventsDelivered } = await untilStopped("Count from 1 to 100");
    await stage.emulator.release("middle", "all");
    await untilIdle();

    expect(afterMs).toBeLessThan(1000);
    const turn = (await stage.emulator.turns()).find((one) => one.content === "Count from 1 to 100");
    expect(turn?.record.eventsDelivered).toBe(eventsDelivered);
  });

  test("while a whole answer is made: the generation is stopped", async () => {
    await stage.emulator.script({ match: "Count from 1 to 200", gate: "whole" });
    await stage.emulator.release("whole", 4);
    const controller = new AbortController();
    const body = { messages: [{ role: "user", content: "Count from 1 to 200" }] };
    const answer = stage.post("/v1/chat/completions", body, { signal: controller.signal });
    await stage.emulator.until((all) => all.some((one) => one.eventsDelivered === 4 && !one.finished));
    controller.abort();

    expect(answer).rejects.toThrow();
    await untilStopped("Count from 1 to 200");
    await untilIdle();
  });

  test("before the first word: what Qwen began is still learnt and stopped", async () => {
    await stage.emulator.script({ match: "Count from 1 to 300", gate: "early" });
    const controller = new AbortController();
    const body = { messages: [{ role: "user", content: "Count from 1 to 300" }], stream: true };
    const answer = stage.post("/v1/chat/completions", body, { signal: controller.signal });
    await stage.emulator.until((all) =>
      all.some((one) => one.on === "completions" && one.status === 200 && one.eventsDelivered === 0),
    );
    controller.abort();
    expect(answer).rejects.toThrow();
    await stage.emulator.release("early", 1);

    await untilStopped("Count from 1 to 300");
    await untilIdle();
  });

  test("fifty times over: nothing stays open and nothing is written to those who left [R0-036] [R0-037]", async () => {
    await stage.emulator.script({ match: "Count from 1 to 400", gate: "many", times: 50 });
    await stage.emulator.release("many", 150);
    const body = { messages: [{ role: "user", content: "Count from 1 to 400" }], stream: true };
    const readers = await Promise.all(
      Array.from({ length: 50 }, async () => readSlowly(await stage.post("/v1/chat/completions", body))),
    );
    await Promise.all(readers.map((reader) => reader.leave()));
    await untilIdle();

    const left = (await stage.emulator.turns()).filter((turn) => turn.content === "Count from 1 to 400");
    expect(left).toHaveLength(50);
    expect(left.every((turn) => turn.record.endedAtMs !== undefined && !turn.record.finished)).toBe(true);
    const log = stage.gateway.errors.filter((line) => /"level":"error"|unhandled|A background task failed/i.test(line));
    expect(log).toEqual([]);
  });
});
