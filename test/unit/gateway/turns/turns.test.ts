// The end of a turn and the store: an answer waits for it, but not for long.

import { expect, test } from "bun:test";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { createTurns } from "../../../../src/gateway/turns/turns.ts";
import { createMemoryStore } from "../../../../src/store/memory-store.ts";
import type { Store, TurnClaim, TurnRecord } from "../../../../src/store/store.ts";
import { parseRequest } from "../../../../src/surfaces/openai-chat/parse-request.ts";
import { createLog } from "../../../../src/telemetry/create-log.ts";

const keeper = { name: "web", keepsConversations: true };
const continuation = { chatId: "chat-1", nodeId: "node-1", responseId: "node-1", parentId: null };

/** One turn of a new conversation whose end the store writes by `endTurn`. */
async function endOne(endTurn: (write: () => Promise<void>) => Promise<void>, more: Partial<Store> = {}) {
  const memory = createMemoryStore({ clock: Date.now, sessionTimeoutMs: 60_000 });
  const store: Store = Object.assign(Object.create(memory) as Store, {
    endTurn: (claim: TurnClaim, record: TurnRecord) => endTurn(() => memory.endTurn(claim, record)),
    openConversation: memory.openConversation.bind(memory),
    noteReply: memory.noteReply.bind(memory),
    beginTurn: memory.beginTurn.bind(memory),
    ...more,
  });
  const lines: string[] = [];
  const log = createLog({ level: "info", format: "json", write: (line) => void lines.push(line) });
  const turns = createTurns({ store, match: "history", commitMs: 20, log });
  const request = parseRequest({ model: "qwen", messages: [{ role: "user", content: "Hello" }] });
  const turn = turns.create(request, "caller", { sessionId: undefined, thin: false });
  await turn.begin(AbortSignal.timeout(5000), [keeper]);
  const reply = { account: "a", model: "qwen" } as Parameters<typeof turn.started>[1];
  await turn.started("web", reply, continuation);
  const by = { upstream: "web", account: "a", model: "qwen", settleMs: 0, message: undefined };
  await turn.commit({ ...by, continuation, fingerprint: turn.createDigest().finish() });
  return { lines, memory };
}

test("an answer does not wait for a slow store, and its turn is remembered all the same", async () => {
  const slow = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  const { lines, memory } = await endOne(async (write) => {
    await slow.promise;
    await write();
    written.resolve();
  });
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { level: "warn", message: "An answer ends before its turn is remembered: the store is slow" },
  ]);

  slow.resolve();
  await written.promise;

  expect((await memory.listSessions("caller", 10)).length).toBe(1);
  expect(lines).toHaveLength(1);
});

test("an answer that ends while the store is away is no line of its own: the outage has one", async () => {
  const never = new Promise<void>(() => {});
  const { lines } = await endOne(() => never, { unreachable: () => new GatewayError("overloaded", "it is away") });

  expect(lines).toEqual([]);
});

test("a turn that cannot be remembered is an error of the log, late as well", async () => {
  const broken = "Cannot commit a turn: its conversation will start a new chat";
  const atOnce = await endOne(() => Promise.reject(new Error("disk full")));
  expect(atOnce.lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ level: "error", message: broken }]);

  const slow = Promise.withResolvers<void>();
  const late = await endOne(() => slow.promise);
  slow.reject(new Error("disk full"));
  await Promise.resolve();
  await new Promise(setImmediate);
  expect(late.lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { level: "warn" },
    { level: "error", message: broken },
  ]);
});

test("a store that cannot be written costs a client with its whole history the chat and not the answer", async () => {
  const memory = createMemoryStore({ clock: Date.now, sessionTimeoutMs: 60_000 });
  const store: Store = Object.assign(Object.create(memory) as Store, {
    beginTurn: () => Promise.reject(new Error("database or disk is full")),
  });
  const lines: string[] = [];
  const log = createLog({ level: "info", format: "json", write: (line) => void lines.push(line) });
  const turns = createTurns({ store, match: "history", commitMs: 20, log });
  const request = parseRequest({
    model: "qwen",
    messages: [
      { role: "user", content: "Hello" },
      { role: "assistant", content: "Hi" },
      { role: "user", content: "Again" },
    ],
  });
  const turn = turns.create(request, "caller", { sessionId: undefined, thin: false });

  await turn.begin(AbortSignal.timeout(5000), [keeper]);

  expect(turn.upstream).toBeUndefined();
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { level: "error", message: "Cannot look for a conversation: a new chat takes its place" },
  ]);
  // Of a thin client nobody else knows what was said.
  const thin = turns.create(parseRequest({ model: "qwen", messages: [{ role: "user", content: "Again" }] }), "caller", {
    sessionId: "a",
    thin: true,
  });
  expect(thin.begin(AbortSignal.timeout(5000), [keeper])).rejects.toThrow("disk is full");
});
