// A client that leaves, in process and without a socket between: how soon Qwen is told, and what stays of the turn.

import { describe, expect, test } from "bun:test";
import type { QwenWebEmulator } from "../../src/emulator/qwen-web-emulator.ts";
import { startInProcess } from "../support/in-process.ts";

const question = { role: "user", content: "Say: one two three four" };

/** Whether `what` happens before a timer of this many milliseconds, set now, has run. */
function happensWithin(limitMs: number, what: Promise<unknown>): Promise<boolean> {
  const timer = new Promise<false>((resolve) => setTimeout(() => resolve(false), limitMs));
  return Promise.race([what.then(() => true as const), timer]);
}

function isStopped(emulator: QwenWebEmulator): Promise<void> {
  return emulator.until((requests) => requests.some((request) => request.on === "stop"));
}

describe("a hang-up", () => {
  test("in a stream stops Qwen within 10 ms, with the id of its answer [R0-034, R0-035]", async () => {
    await using gateway = await startInProcess();
    const { emulator } = gateway;
    emulator.script({ gate: "held" });
    emulator.release("held", 2);
    const reader = (await gateway.ask([question], true)).body!.getReader();
    await reader.read();
    const isInTime = happensWithin(10, isStopped(emulator));
    await reader.cancel();
    expect(await isInTime).toBe(true);
    const turn = emulator.requests.find((request) => request.turn !== undefined)?.turn;
    expect(emulator.requests.find((request) => request.on === "stop")?.body).toEqual({
      chat_id: turn?.chatId,
      response_id: turn?.responseId,
    });
  });

  test("of a client that waits for the whole answer stops Qwen within 10 ms [R0-035]", async () => {
    await using gateway = await startInProcess();
    const { emulator } = gateway;
    const controller = new AbortController();
    emulator.script({ gate: "held" });
    emulator.release("held", 2);
    const answer = gateway.ask([question], false, controller.signal);
    await emulator.until((requests) => requests.some((request) => request.eventsDelivered === 2));
    const isInTime = happensWithin(10, isStopped(emulator));
    controller.abort();
    expect(await isInTime).toBe(true);
    await answer;
  });

  test("before Qwen has told its id reads on until it has, and stops then [R0-035]", async () => {
    await using gateway = await startInProcess({ HOLD_HEADERS_MS: "0" });
    const { emulator } = gateway;
    emulator.script({ gate: "held" });
    const reader = (await gateway.ask([question], true)).body!.getReader();
    await emulator.until((requests) => requests.some((request) => request.turn !== undefined));
    await reader.cancel();
    emulator.release("held", 1);
    await isStopped(emulator);
    expect(emulator.requests.find((request) => request.turn !== undefined)?.finished).toBe(false);
  });

  test("before Qwen ever tells its id gives up after 2 s", async () => {
    await using gateway = await startInProcess({ HOLD_HEADERS_MS: "0" });
    const { emulator } = gateway;
    emulator.script({ gate: "held" });
    const reader = (await gateway.ask([question], true)).body!.getReader();
    await emulator.until((requests) => requests.some((request) => request.turn !== undefined));
    const startedAtMs = performance.now();
    await reader.cancel();
    await emulator.until((requests) => requests.some((request) => request.turn !== undefined && request.aborted));
    const tookMs = performance.now() - startedAtMs;
    expect(tookMs).toBeGreaterThan(1900);
    expect(tookMs).toBeLessThan(4000);
    expect(emulator.requests.filter((request) => request.on === "stop")).toHaveLength(0);
  });

  test("while its chat is being made leaves that to the repetition of its message", async () => {
    await using gateway = await startInProcess();
    const { emulator } = gateway;
    const controller = new AbortController();
    emulator.script({ on: "chats/new", gate: "held" });
    const answer = gateway.ask([question], false, controller.signal);
    await emulator.until((requests) => requests.some((request) => request.on === "chats/new"));
    controller.abort();
    await answer;
    emulator.release("held");
    await emulator.until((requests) =>
      requests.some(({ on, endedAtMs }) => on === "chats/new" && endedAtMs !== undefined),
    );
    await (await gateway.ask([question], false)).text();
    expect(emulator.requests.filter(({ on }) => on === "chats/new")).toHaveLength(1);
  });

  test("leaves the turn record at the old node", async () => {
    await using gateway = await startInProcess();
    const { emulator } = gateway;
    const first = { role: "user", content: "My name is Ada." };
    // The shape is what the test asserts.
    const { choices } = (await (await gateway.ask([first], false)).json()) as { choices: [{ message: object }] };
    const history = [first, choices[0].message];
    const turns = () => emulator.requests.flatMap((request) => (request.turn === undefined ? [] : [request]));
    const node = turns()[0]?.turn?.responseId;
    emulator.script({ gate: "held" });
    emulator.release("held", 2);
    const reader = (await gateway.ask([...history, question], true)).body!.getReader();
    await reader.read();
    await reader.cancel();
    await isStopped(emulator);
    const answer = await (await gateway.ask([...history, { role: "user", content: "What is my name?" }], false)).text();
    expect(answer).toContain("Ada");
    expect(turns().map(({ body }) => (body as { parent_id: string | null }).parent_id)).toEqual([
      null,
      node ?? "",
      node ?? "",
    ]);
  });
});
