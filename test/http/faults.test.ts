// Every refusal of the catalogue before the first word, streamed and whole: status, kind, the one sentence, whether and
// when to ask again, how often Qwen was asked, and that nothing of Qwen's own words or ids gets out.

import { describe, expect, test } from "bun:test";
import { leaks, type RefusalRow, refusalRows, uuid } from "../support/fault-tables.ts";
import { startHarness } from "../support/harness.ts";
import { allTurns, callsOf, type ErrorAnswer, readError, untilIdle, user } from "./client.ts";

const hello = { model: "qwen3-max", messages: [user("Hello")] };

function expectRefusal(answer: ErrorAnswer, row: RefusalRow): void {
  expect({ status: answer.status, code: answer.error.code }).toEqual({ status: row.status, code: row.code });
  expect(answer.error.message).toContain(row.says);
  expect(answer.contentType).toStartWith("application/json");
  expect(answer.headers.get("retry-after")).toBe(row.retryAfter ?? null);
  expect(answer.headers.get("x-should-retry")).toBe(row.final === true ? "false" : null);
  expect(answer.text).not.toMatch(leaks);
  expect(answer.text).not.toMatch(uuid);
}

describe.each([true, false])("with stream %p", (stream) => {
  test.each([...refusalRows])("$name is $status $code [R2-054, R0-031, R0-032]", async (row) => {
    await using harness = await startHarness();
    harness.emulator.script({ times: "always", ...row.script });
    expectRefusal(await readError(await harness.chat({ ...hello, stream })), row);
    expect(allTurns(harness)).toHaveLength(row.attempts ?? 1);
    expect(callsOf(harness, "chats/new")).toHaveLength(row.chats ?? 1);
    await untilIdle(harness);
  });

  test("a refusal of chats/new is told like one of the message, and asks for no answer", async () => {
    const onChats: readonly RefusalRow[] = refusalRows.filter(({ script }) => script.refuse !== undefined);
    for (const row of onChats.filter(({ attempts }) => attempts === undefined)) {
      await using harness = await startHarness();
      harness.emulator.script({ on: "chats/new", times: "always", refuse: row.script.refuse! });
      expectRefusal(await readError(await harness.chat({ ...hello, stream })), row);
      expect(allTurns(harness)).toHaveLength(0);
    }
  });
});

test.each([...refusalRows])(
  "$name behind a head that went out is one frame and [DONE] [R0-028, R0-029]",
  async (row) => {
    await using harness = await startHarness({ environment: { HOLD_HEADERS_MS: "0" } });
    harness.emulator.script({ on: "chats/new", gate: "held" }, { times: "always", ...row.script });
    const response = await harness.chat({ ...hello, stream: true });
    expect(response.status).toBe(200);
    harness.emulator.release("held", "all");
    const body = await response.text();
    const frames = body.split("\n\n").filter((block) => block !== "" && !block.startsWith(":"));
    expect(frames).toHaveLength(2);
    const told = JSON.parse(frames[0]?.slice("data: ".length) ?? "") as { error: { code: string; message: string } };
    expect(told.error.code).toBe(row.code);
    expect(told.error.message).toContain(row.says);
    expect(frames[1]).toBe("data: [DONE]");
    expect(body).not.toMatch(leaks);
    expect(body).not.toMatch(uuid);
  },
);

test("a stack and Qwen's own words stand in the log, and only there [R0-032]", async () => {
  await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
  harness.emulator.script({ refuse: { name: "internal-error", details: "Traceback: secret of Qwen" } });
  const answer = await readError(await harness.chat(hello));
  await untilIdle(harness);
  expect(answer.text).not.toContain("Traceback");
  const line = harness.logLines.find((candidate) => candidate.includes("exchange failed"));
  expect(line).toContain("Traceback: secret of Qwen");
  expect(line).toMatch(/\bat \S+/);
});
