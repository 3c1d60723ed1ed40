// What the agent remembers in SQLite: questions that are answered once, turns of a session, the log of calls.

import { describe, expect, test } from "bun:test";
import type { AgentStore, AuditedCall } from "../../../../src/store/agent-store.ts";
import { openChatDatabase } from "../../../../src/store/chat-database.ts";
import { inMemory } from "../../../../src/store/open-database.ts";
import { createSqliteAgent } from "../../../../src/store/sqlite/agent.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { useTemporaryFiles } from "../temporary-store.ts";

const nextFile = useTemporaryFiles();

function open(path: string = inMemory): { store: AgentStore; nowMs: number } {
  const stage = { nowMs: 1_000_000_000 };
  const database = openChatDatabase(path, silentLog);
  const store = createSqliteAgent(database, { clock: () => stage.nowMs, sessionTimeoutMs: 1000, auditMs: 5000 });
  return Object.assign(stage, { store });
}

const question = {
  id: "q1",
  caller: "anna",
  kind: "plan",
  createdAtMs: 1_000_000_000,
  expiresAtMs: 1_000_000_500,
  plan: { state: { query: 'ä "x" 🗓', calls: [1] } },
} as const;

const call: AuditedCall = {
  caller: "anna",
  sessionId: "s",
  server: "calendar",
  tool: "delete_event",
  risk: "destructive",
  decision: "approved",
  argumentsDigest: "ab12",
};

describe("questions", () => {
  test("come back whole to whom they belong", async () => {
    const { store } = open();
    await store.ask(question);

    expect(await store.findQuestion("anna", "q1")).toEqual({ ...question, state: "waiting" });
    expect(await store.findQuestion("bert", "q1")).toBeUndefined();
    expect(await store.findQuestion("anna", "q2")).toBeUndefined();
  });

  test("are taken once, and their plan is forgotten then", async () => {
    const { store } = open();
    await store.ask(question);

    expect(await store.takeQuestion("bert", "q1", "approved")).toBe(false);
    expect(await store.takeQuestion("anna", "q1", "rejected")).toBe(true);
    expect(await store.takeQuestion("anna", "q1", "approved")).toBe(false);
    expect(await store.findQuestion("anna", "q1")).toMatchObject({ state: "rejected", plan: undefined });
  });

  test("are taken once by two processes, too", async () => {
    const path = nextFile();
    const [one, other] = [open(path), open(path)];
    await one.store.ask(question);

    const taken = await Promise.all([one, other].map(({ store }) => store.takeQuestion("anna", "q1", "approved")));

    expect(taken.sort()).toEqual([false, true]);
  });

  test("cannot be taken when they have expired, and are swept a day later", async () => {
    const stage = open();
    await stage.store.ask(question);
    stage.nowMs += 500;

    expect(await stage.store.takeQuestion("anna", "q1", "approved")).toBe(false);
    await stage.store.sweep();
    expect(await stage.store.findQuestion("anna", "q1")).toMatchObject({ state: "waiting" });
    stage.nowMs += 24 * 60 * 60_000 + 1;
    await stage.store.sweep();
    expect(await stage.store.findQuestion("anna", "q1")).toBeUndefined();
  });
});

describe("turns", () => {
  const turn = (query: string) => ({ query, calls: [], answer: "Well." });

  test("are the newest of a session, oldest first, of one caller", async () => {
    const stage = open();
    for (const query of ["a", "b", "c"]) {
      stage.nowMs += 1;
      await stage.store.rememberTurn("anna", "s", `t-${query}`, turn(query));
    }
    await stage.store.rememberTurn("bert", "s", "t", turn("d"));

    expect(await stage.store.findTurns("anna", "s", 2)).toEqual([turn("b"), turn("c")]);
    expect(await stage.store.findTurns("anna", "t", 2)).toEqual([]);
  });

  test("are written again as they have become", async () => {
    const { store } = open();
    await store.rememberTurn("anna", "s", "t", turn("a"));
    await store.rememberTurn("anna", "s", "t", turn("b"));

    expect(await store.findTurns("anna", "s", 5)).toEqual([turn("b")]);
  });

  test("expire", async () => {
    const stage = open();
    await stage.store.rememberTurn("anna", "s", "t", turn("a"));
    stage.nowMs += 1001;

    expect(await stage.store.findTurns("anna", "s", 5)).toEqual([]);
    await stage.store.sweep();
    stage.nowMs -= 1001;
    expect(await stage.store.findTurns("anna", "s", 5)).toEqual([]);
  });
});

describe("calls", () => {
  test("are noted before they are made, and again when they end", async () => {
    const stage = open();
    const key = await stage.store.beginCall(call);
    const begun = { ...call, createdAtMs: stage.nowMs, durationMs: undefined, success: undefined };
    expect(await stage.store.listCalls("anna", 5)).toEqual([begun]);

    await stage.store.endCall(key, { durationMs: 12.4, success: true });

    expect(await stage.store.listCalls("anna", 5)).toEqual([{ ...begun, durationMs: 12, success: true }]);
    expect(await stage.store.listCalls("bert", 5)).toEqual([]);
  });

  test("are forgotten by age", async () => {
    const stage = open();
    for (let index = 0; index < 1200; index++) await stage.store.beginCall(call);
    stage.nowMs += 5001;
    await stage.store.beginCall(call);

    await stage.store.sweep();

    expect(await stage.store.listCalls("anna", 5000)).toHaveLength(1);
  });
});
