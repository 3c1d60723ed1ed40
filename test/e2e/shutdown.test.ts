// SIGTERM: what runs may end, nothing new comes in, and what cannot end is told so.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/binary.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import { readSlowly } from "./slow-reader.ts";
import { startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

async function openStream(stage: Stage, content: string) {
  const body = { messages: [{ role: "user", content }], stream: true };
  return readSlowly(await stage.post("/v1/chat/completions", body));
}

/** Resolves when nobody listens on the port any more. By a socket: a client library might use a connection that it has. */
async function untilRefused(port: number): Promise<void> {
  await eventually(
    async () => {
      try {
        const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
        socket.end();
        return undefined;
      } catch (error) {
        return error;
      }
    },
    () => "a refused connection",
  );
}

describe("SIGQUIT, SIGUSR1, SIGUSR2", () => {
  for (const workers of ["1", "2"]) {
    test(`with ${workers === "1" ? "one process" : "workers"}: the first ends it like SIGTERM, the others cost nothing [R2-061]`, async () => {
      await using stage = await startStage({ environment: { WORKERS: workers } });
      await stage.emulator.script({ match: "go", gate: "go", reply: { chunks: ["begun", " and", " ended"] } });
      await stage.emulator.release("go", 2);
      const reader = await openStream(stage, "go");
      await reader.until("begun");
      const workersLine = stage.gateway.output.find((line) => line.startsWith(`${workers} workers: `)) ?? "";
      const pids = [stage.gateway.pid, ...[...workersLine.matchAll(/\d{2,}/g)].map(Number)];

      for (const pid of pids) for (const signal of ["SIGUSR1", "SIGUSR2"] as const) process.kill(pid, signal);
      stage.gateway.kill("SIGQUIT");
      await stage.gateway.line((line) => line.includes("Stopping"));
      await stage.emulator.release("go", "all");
      const { text, finishReasons, doneCount } = parseChatStream(await reader.rest());

      expect({ text, finishReasons, doneCount }).toEqual({
        text: "begun and ended",
        finishReasons: ["stop"],
        doneCount: 1,
      });
      expect(await stage.gateway.exited).toBe(0);
    });
  }
});

describe("SIGTERM", () => {
  test("under load: streams and whole answers end well, new connections are refused, exit code 0 [R2-061]", async () => {
    await using stage = await startStage();
    const names = Array.from({ length: 20 }, (_, index) => `stream-${index}-`);
    const reply = { chunks: ["begun", " and", " ended"] };
    await stage.emulator.script(...names.map((name) => ({ match: name, gate: name, reply })), {
      match: "whole",
      gate: "whole",
      reply,
    });
    for (const name of names) await stage.emulator.release(name, 2);
    const readers = await Promise.all(names.map((name) => openStream(stage, name)));
    await Promise.all(readers.map((reader) => reader.until("begun")));
    const whole = stage.post("/v1/chat/completions", { messages: [{ role: "user", content: "whole" }] });
    await stage.emulator.until(
      (all) => all.filter((one) => one.on === "completions" && one.status === 200).length === 21,
    );

    stage.gateway.kill("SIGTERM");
    await stage.gateway.line((line) => line.includes("Stopping"));
    await untilRefused(stage.gateway.port);
    for (const name of [...names, "whole"]) await stage.emulator.release(name, "all");
    const streams = (await Promise.all(readers.map((reader) => reader.rest()))).map(parseChatStream);
    const completion: unknown = await (await whole).json();

    const ends = streams.map(({ text, finishReasons, doneCount, error }) => ({
      text,
      finishReasons,
      doneCount,
      error,
    }));
    const wellEnded = { text: "begun and ended", finishReasons: ["stop"], doneCount: 1, error: undefined };
    expect(ends).toEqual(names.map(() => wellEnded));
    expect(completion).toMatchObject({ choices: [{ message: { content: "begun and ended" } }] });
    expect(await stage.gateway.exited).toBe(0);
  });

  test("with a stalled stream and DRAIN_TIMEOUT_MS: a typed error, [DONE], a stop call, exit code 0 [R2-061] [R0-029]", async () => {
    await using stage = await startStage({ environment: { DRAIN_TIMEOUT_MS: "100" } });
    await stage.emulator.script({
      match: "stall",
      reply: { text: "one two three", faults: [{ kind: "stall", after: 2 }] },
    });
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

  test("with a turn that still waits for its session's turn: it is answered too [R2-061]", async () => {
    await using stage = await startStage();
    const words = Array.from({ length: 9 }, (_, index) => `word${index} `);
    await stage.emulator.script(
      { match: "running", gate: "thin", reply: { text: "ran" } },
      // Longer than the moment that the server gives its clients to read their last bytes.
      { match: "waiting", reply: { chunks: words, paceMs: 150 } },
    );
    await stage.emulator.release("thin", 2);
    const thin = (content: string) => ({ messages: [{ role: "user", content }], session_id: "thin", stream: true });
    const first = await readSlowly(await stage.post("/v1/chat/completions", thin("running")));
    await first.until("ran");
    const second = stage.post("/v1/chat/completions", thin("waiting"));
    // Answered behind it, on another connection: the gateway has read the waiting request by then.
    await stage.get("/health");
    stage.gateway.kill("SIGTERM");
    await stage.gateway.line((line) => line.includes("Stopping"));
    await stage.emulator.release("thin", "all");

    expect(parseChatStream(await first.rest()).doneCount).toBe(1);
    expect(parseChatStream(await (await second).text()).text).toBe(words.join(""));
    expect(await stage.gateway.exited).toBe(0);
  });

  test("with a turn that waits behind a stalled one: both are told, exit code 0 [R2-061]", async () => {
    await using stage = await startStage({ environment: { DRAIN_TIMEOUT_MS: "100" } });
    await stage.emulator.script({
      match: "stall",
      reply: { text: "one two three", faults: [{ kind: "stall", after: 2 }] },
    });
    const thin = (content: string) => ({ messages: [{ role: "user", content }], session_id: "thin", stream: true });
    const first = await readSlowly(await stage.post("/v1/chat/completions", thin("stall")));
    await first.until("one");
    const second = stage.post("/v1/chat/completions", thin("waiting"));
    await stage.get("/health");
    stage.gateway.kill("SIGTERM");

    expect(parseChatStream(await first.rest()).error).toMatchObject({ code: "overloaded" });
    const refused = await second;
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { code: "overloaded" } });
    expect(await stage.gateway.exited).toBe(0);
    expect(await stage.emulator.turns()).toHaveLength(1);
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

  test("sent again: it ends at once with 1 and waits for nobody", async () => {
    await using stage = await startStage();
    await stage.emulator.script({
      match: "stall",
      reply: { text: "one two three", faults: [{ kind: "stall", after: 2 }] },
    });
    const reader = await openStream(stage, "stall");
    await reader.until("one");
    let hasEnded = false;
    void stage.gateway.exited.then(() => {
      hasEnded = true;
    });
    // Over and over, because two that follow each other closely are one wish.
    await eventually(
      async () => {
        stage.gateway.kill("SIGTERM");
        return hasEnded ? true : undefined;
      },
      () => "the end of the gateway",
    );

    expect(await stage.gateway.exited).toBe(1);
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
