// Clients that leave: Qwen stops generating for them, and nothing of them stays.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { eventually } from "../support/binary.ts";
import type { SentTurn } from "../support/emulator-process.ts";
import { readSlowly } from "./slow-reader.ts";
import { startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({ environment: { LOG_LEVEL: "debug" } });
});
afterAll(() => stage[Symbol.asyncDispose]());

/** Resolves when no reply runs any more. */
async function untilIdle(): Promise<void> {
  await eventually(
    async () => {
      const health = await (await stage.get("/health")).text();
      return health.includes('"openReplies":0') ? true : undefined;
    },
    () => "no open replies",
  );
}

async function turnOf(content: string): Promise<SentTurn> {
  return (await stage.emulator.turns()).find((turn) => turn.content === content)!;
}

/** Resolves when a stop call has named the generation of this message. */
async function untilStopped(content: string): Promise<SentTurn> {
  const { chatId, responseId } = await turnOf(content);
  await stage.emulator.until((all) =>
    all.some(({ on, status, body }) => {
      const words = JSON.stringify(body ?? null);
      return on === "stop" && status === 200 && words.includes(chatId) && words.includes(responseId!);
    }),
  );
  return turnOf(content);
}

describe("a client that hangs up", () => {
  test("in the middle of a stream: Qwen's stream ends within a second and is stopped [R0-034] [R0-035] [R0-046]", async () => {
    const content = "Count from 1 to 100";
    await stage.emulator.script({ match: content, gate: "middle" });
    await stage.emulator.release("middle", 4);
    const body = { messages: [{ role: "user", content }], stream: true };
    const reader = await readSlowly(await stage.post("/v1/chat/completions", body));
    await reader.until('"content":"1"');
    const leftAtMs = Date.now();
    await reader.leave();
    const stopped = await untilStopped(content);
    await stage.emulator.release("middle", "all");
    await untilIdle();

    expect(stopped.record.endedAtMs! - leftAtMs).toBeLessThan(1000);
    expect(await turnOf(content)).toMatchObject({ record: { finished: false, eventsDelivered: 4 } });
  });

  test("while a whole answer is made: the generation is stopped [R0-035]", async () => {
    const content = "Count from 1 to 200";
    await stage.emulator.script({ match: content, gate: "whole" });
    await stage.emulator.release("whole", 4);
    const controller = new AbortController();
    const body = { messages: [{ role: "user", content }] };
    const answer = stage
      .post("/v1/chat/completions", body, { signal: controller.signal })
      .catch((error: unknown) => error);
    await stage.emulator.until((all) => all.some((one) => one.eventsDelivered === 4 && one.endedAtMs === undefined));
    controller.abort();

    expect(await answer).toBeInstanceOf(Error);
    expect((await untilStopped(content)).record.finished).toBe(false);
    await untilIdle();
  });

  test("before the first word: what Qwen began is still learnt and stopped [R0-035]", async () => {
    const content = "Count from 1 to 300";
    await stage.emulator.script({ match: content, gate: "early" });
    const controller = new AbortController();
    const body = { messages: [{ role: "user", content }], stream: true };
    const answer = stage
      .post("/v1/chat/completions", body, { signal: controller.signal })
      .catch((error: unknown) => error);
    await stage.emulator.until((all) =>
      all.some((one) => one.on === "completions" && one.status === 200 && one.eventsDelivered === 0),
    );
    controller.abort();
    expect(await answer).toBeInstanceOf(Error);
    await stage.emulator.release("early", 1);

    expect((await untilStopped(content)).record.finished).toBe(false);
    await untilIdle();
  });

  test("a thousand times: files and memory go back to where they were, nothing goes wrong [R0-036] [R0-037]", async () => {
    const content = "Say all that comes to your mind";
    const reply = { text: "never to be ended", faults: [{ kind: "stall" as const, after: 2 }] };
    await stage.emulator.script({ match: content, times: "always", reply });
    const body = { messages: [{ role: "user", content }], stream: true };
    async function round(): Promise<void> {
      const readers = await Promise.all(
        Array.from({ length: 100 }, async () => readSlowly(await stage.post("/v1/chat/completions", body))),
      );
      await Promise.all(readers.map((reader) => reader.until("never")));
      await Promise.all(readers.map((reader) => reader.leave()));
      await untilIdle();
    }
    // The first rounds fill pools and caches.
    for (let times = 0; times < 3; times++) await round();
    const before = await resourcesOf(stage.gateway.pid);
    for (let times = 0; times < 7; times++) await round();
    const after = await resourcesOf(stage.gateway.pid);

    const left = (await stage.emulator.turns()).filter((turn) => turn.content === content);
    expect(left.length).toBeGreaterThan(100);
    expect(left.filter(({ record }) => record.endedAtMs === undefined || record.finished)).toEqual([]);
    expect(after.openFiles).toBeLessThan(before.openFiles + 50);
    expect(after.residentBytes).toBeLessThan(before.residentBytes + 64 * 1024 * 1024);
    expect(stage.gateway.errors.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });

  test("from the live log: the gateway lives on and tells the next one [R0-037]", async () => {
    for (const path of ["/health/live", "/health/ready"]) {
      const reader = await readSlowly(await stage.get("/admin/api/log"));
      await reader.until(": log");
      await stage.get(path);
      await reader.until(path);
      await reader.leave();
    }

    expect((await stage.get("/health")).status).toBe(200);
  });
});

describe("a client that does not read", () => {
  test("holds Qwen back instead of filling the memory [R0-061]", async () => {
    const content = "Say more than anybody reads";
    const chunks = Array.from({ length: 100 }, () => "x".repeat(10_000));
    // 1 GB.
    await stage.emulator.script({ match: content, reply: { chunks, repeat: 1000 } });
    const body = { messages: [{ role: "user", content }], stream: true };
    const reader = await readSlowly(await stage.post("/v1/chat/completions", body));
    await reader.until("xxx");
    const before = await resourcesOf(stage.gateway.pid);
    let delivered = 0;
    let looks = 0;
    // It stands still when a dozen looks in a row see nothing new.
    await eventually(
      async () => {
        const { eventsDelivered } = (await turnOf(content)).record;
        looks = eventsDelivered === delivered ? looks + 1 : 0;
        delivered = eventsDelivered;
        await Bun.sleep(20);
        return looks >= 12 ? true : undefined;
      },
      () => "a reply that stands still",
    );
    const after = await resourcesOf(stage.gateway.pid);
    await reader.leave();
    await untilStopped(content);

    expect(delivered).toBeLessThan(10_000);
    expect(after.residentBytes).toBeLessThan(before.residentBytes + 64 * 1024 * 1024);
  });
});

/** Of another process; zeros where the system does not tell. */
async function resourcesOf(pid: number): Promise<{ openFiles: number; residentBytes: number }> {
  if (process.platform !== "linux") return { openFiles: 0, residentBytes: 0 };
  const status = await Bun.file(`/proc/${pid}/status`).text();
  const residentBytes = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  return { openFiles: readdirSync(`/proc/${pid}/fd`).length, residentBytes };
}
