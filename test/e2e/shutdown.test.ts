// SIGTERM: what runs may end, nothing new comes in, and what cannot end is told so.

import { describe, expect, test } from "bun:test";
import { eventually } from "../support/binary.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import { readSlowly } from "./slow-reader.ts";
import { startStage, type Stage } from "./stage.ts";

async function openStream(stage: Stage, content: string) {
  const body = { messages: [{ role: "user", content }], stream: true };
  return readSlowly(await stage.post("/v1/chat/completions", body));
}

describe("SIGTERM", () => {
  test("under load: streams and whole answers end well, new connections are refused, exit code 0 [R2-061]", async () => {
    await using stage = await startStage();
    await stage.emulator.script({ match: "Count from 1 to 40", gate: "load", times: "always" });
    await stage.emulator.release("load", 60);
    const readers = await Promise.all(Array.from({ length: 20 }, () => openStream(stage, "Count from 1 to 40")));
    await Promise.all(readers.map((reader) => reader.until('"content":"1"')));
    const whole = stage.post("/v1/chat/completions", { messages: [{ role: "user", content: "Count from 1 to 40" }] });
    await stage.emulator.until((all) => all.filter((one) => one.on === "completions" && one.status === 200).length === 21);

    stage.gateway.kill("SIGTERM");
    await stage.gateway.line((line) => line.includes("Stopping"));
    const refused = await eventually(
      async () => {
        // A connection of its own: one that is open already may still ask.
        const answer = await fetch(`${stage.gateway.url}/health`, { keepalive: false }).catch((error: unknown) => error);
        return answer instanceof Error ? answer : undefined;
      },
      () => "a refused connection",
    );
    await stage.emulator.release("load", "all");
    const streams = (await Promise.all(readers.map((reader) => reader.rest()))).map(parseChatStream);
    const completion: unknown = await (await whole).json();

    expect(refused).toMatchObject({ code: "ConnectionRefused" });
    const numbers = Array.from({ length: 40 }, (_, index) => index + 1).join(" ");
    for (const { text, finishReasons, doneCount, error } of streams) {
      expect({ text, finishReasons, doneCount, error }).toEqual({
        text: numbers,
        finishReasons: ["stop"],
        doneCount: 1,
        error: undefined,
      });
    }
    expect(completion).toMatchObject({ choices: [{ message: { content: numbers } }] });
    expect(await stage.gateway.exited).toBe(0);
  });

  test("with a stalled stream and DRAIN_TIMEOUT_MS: a typed error, [DONE], a stop call, exit code 0 [R2-061] [R0-029]", async () => {
    await using stage = await startStage({ environment: { DRAIN_TIMEOUT_MS: "100" } });
    await stage.emulator.script({ match: "stall", reply: { text: "one two three", faults: [{ kind: "stall", after: 2 }] } });
    const reader = await openStream(stage, "stall");
    await reader.until('"content":"one');
    stage.gateway.kill("SIGTERM");
    const stream = parseChatStream(await reader.rest());

    expect(stream.error).toMatchObject({ type: "overloaded_error", code: "overloaded" });
    expect(stream.finishReasons).toEqual([]);
    expect(stream.doneCount).toBe(1);
    expect(await stage.gateway.exited).toBe(0);
    expect(await stage.emulator.requests("stop")).toHaveLength(1);
  });

  test("before the first word and with DRAIN_TIMEOUT_MS: an HTTP status instead of a stream [R2-061]", async () => {
    await using stage = await startStage({ environment: { DRAIN_TIMEOUT_MS: "100" } });
    await stage.emulator.script({ match: "silence", refuse: "silence" });
    const body = { messages: [{ role: "user", content: "silence" }], stream: true };
    const answer = stage.post("/v1/chat/completions", body);
    await stage.emulator.until((all) => all.some((one) => one.on === "completions"));
    stage.gateway.kill("SIGTERM");
    const response = await answer;

    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: { code: "overloaded" } });
    expect(await stage.gateway.exited).toBe(0);
  });

  test("with nothing to do: it ends at once with 0, as it does on SIGINT", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      await using stage = await startStage();
      await stage.get("/health");
      const startedAtMs = performance.now();
      stage.gateway.kill(signal);

      expect(await stage.gateway.exited).toBe(0);
      expect(performance.now() - startedAtMs).toBeLessThan(5000);
    }
  });

  test("a turn that ends in the drain is kept [R0-024] [R2-078]", async () => {
    await using stage = await startStage();
    await stage.emulator.script({ match: "last words", gate: "drain", reply: { text: "last words indeed" } });
    await stage.emulator.release("drain", 2);
    const reader = await openStream(stage, "last words");
    await reader.until("last");
    stage.gateway.kill("SIGTERM");
    await stage.gateway.line((line) => line.includes("Stopping"));
    await stage.emulator.release("drain", "all");
    const { text } = parseChatStream(await reader.rest());
    expect(await stage.gateway.exited).toBe(0);
    await stage.crashAndRestart();
    const messages = [
      { role: "user", content: "last words" },
      { role: "assistant", content: text },
      { role: "user", content: "Say again" },
    ];
    await stage.post("/v1/chat/completions", { messages });

    const [first, second] = await stage.emulator.turns();
    expect(second).toMatchObject({ chatId: first!.chatId, parentId: first!.responseId! });
  });
});
