// What else gateways share, held against the SQLite drivers of the same contracts: whatever is asked, in whatever order, both answer
// alike. The oracle's own rules stand in the tests of those drivers.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { AgentTurn } from "../../../../src/store/agent-store.ts";
import type { ChatMessage } from "../../../../src/store/chat-store.ts";
import { openChatDatabase } from "../../../../src/store/chat-database.ts";
import { inMemory } from "../../../../src/store/open-database.ts";
import { openRedisStore, type SharedRooms } from "../../../../src/store/redis/open-store.ts";
import { createSqliteAgent } from "../../../../src/store/sqlite/agent.ts";
import { createSqliteChat } from "../../../../src/store/sqlite/chat.ts";
import { createSqliteConversations } from "../../../../src/store/sqlite/conversations.ts";
import { createSqliteReplayIndex } from "../../../../src/store/sqlite/replay-index.ts";
import { createSqliteResponses } from "../../../../src/store/sqlite/responses.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { findRedis, type RedisServer, startRedis } from "../../../support/redis-server.ts";
import { newResponse } from "../../../support/new-response.ts";
import { createTestClock } from "../../../support/test-store.ts";

const executable = findRedis();
const sessionTimeoutMs = 1000;

type Rooms = Omit<SharedRooms, "spools" | "wishes" | "agent"> & { readonly agent: ReturnType<SharedRooms["agent"]> };
/** One call: what it is called, and what it does on either side. */
type Step = readonly [name: string, run: (rooms: Rooms, nowMs: () => number) => Promise<unknown>];

// Few names, or hardly any call meets what another one has made.
const caller = fc.constantFrom("anna", "anna", "anna", "anna", "bert");
const id = fc.constantFrom("a", "b", "c");
const session = fc.constantFrom("a", "a", "a", "b");
const nothing = fc.constantFrom(undefined, "a", "b", "0-gone");
const text = fc.constantFrom("", 'ä "x" 🗓', "line\nbreak", "back\\slash/ and \u0000");

function stepsOf(step: fc.Arbitrary<Step>): fc.Arbitrary<readonly (Step | number)[]> {
  return fc.array(fc.oneof({ weight: 6, arbitrary: step }, { weight: 1, arbitrary: fc.constantFrom(1, 400, 1001) }), {
    minLength: 10,
    maxLength: 60,
  });
}

const item = (itemId: string, said: string) => ({ id: itemId, said, list: [], nested: {} });

const responseStep: fc.Arbitrary<Step> = fc
  .record({ caller, id, previous: nothing, said: text, runs: fc.boolean(), session, which: fc.nat(9) })
  .map(({ caller, id, previous, said, runs, session, which }): Step => {
    const response = { id, said, status: runs ? "in_progress" : "completed", output: [item("o", said)] };
    switch (which) {
      case 0:
      case 1:
      case 2:
        return [
          "remember",
          async ({ responses }) => {
            // Its id is new wherever it is made, and that of the one before is older: there are no circles.
            if ((await responses.findPath(caller, id)).length > 0 || (previous ?? "") >= id) return undefined;
            await responses.forget(caller, id);
            const previousId = previous ?? null;
            return responses.remember(caller, newResponse({ id, previousId, response, input: [item("i", said)] }));
          },
        ];
      case 3:
        return ["change", ({ responses }) => responses.change(caller, id, response)];
      case 4:
        return ["find", ({ responses }) => responses.find(caller, id)];
      case 5:
        return ["findPath", ({ responses }) => responses.findPath(caller, id)];
      case 6:
        return ["forget", ({ responses }) => responses.forget(caller, id)];
      case 7:
        return ["linkSession", ({ responses }) => responses.linkSession(caller, id, session, 0)];
      case 8:
        return ["takeSession", async ({ responses }) => [...(await responses.takeSession(caller, session))].sort()];
      default:
        return ["sweep", ({ responses }) => responses.sweep()];
    }
  });

const conversationStep: fc.Arbitrary<Step> = fc
  .record({
    caller,
    id,
    items: fc.uniqueArray(id),
    itemId: id,
    after: nothing,
    asc: fc.boolean(),
    said: text,
    which: fc.nat(10),
  })
  .map(({ caller, id, items, itemId, after, asc, said, which }): Step => {
    const made = items.map((one) => item(one, said));
    const order = asc ? "asc" : "desc";
    switch (which) {
      case 0:
      case 1:
        return [
          "create",
          async ({ conversations }, nowMs) => {
            await conversations.forget(caller, id);
            return conversations.create(caller, { id, metadata: { said }, createdAtMs: nowMs() }, made);
          },
        ];
      case 2:
        return ["find", ({ conversations }) => conversations.find(caller, id)];
      case 3:
        return ["setMetadata", ({ conversations }) => conversations.setMetadata(caller, id, { other: said })];
      case 4:
        return ["forget", ({ conversations }) => conversations.forget(caller, id)];
      case 5:
        return ["append", ({ conversations }) => conversations.append(caller, id, made)];
      case 6:
        return ["findItems", ({ conversations }) => conversations.findItems(caller, id, after)];
      case 7:
        return ["listItems", ({ conversations }) => conversations.listItems(caller, id, { order, after, limit: 2 })];
      case 8:
        return ["findItem", ({ conversations }) => conversations.findItem(caller, id, itemId)];
      case 9:
        return ["forgetItem", ({ conversations }) => conversations.forgetItem(caller, id, itemId)];
      default:
        return ["sweep", ({ conversations }) => conversations.sweep()];
    }
  });

const agentStep: fc.Arbitrary<Step> = fc
  .record({ caller, id, session, said: text, limit: fc.constantFrom(1, 3), which: fc.nat(6) })
  .map(({ caller, id, session, said, limit, which }): Step => {
    switch (which) {
      case 0:
      case 1:
        return [
          "ask",
          async ({ agent }, nowMs) => {
            if ((await agent.findQuestion("anna", id)) ?? (await agent.findQuestion("bert", id))) return undefined;
            const [createdAtMs, expiresAtMs] = [nowMs(), nowMs() + 500];
            return agent.ask({ id, caller, kind: "plan", createdAtMs, expiresAtMs, plan: { said, calls: [] } });
          },
        ];
      case 2:
        return ["findQuestion", ({ agent }) => agent.findQuestion(caller, id)];
      case 3:
        return ["takeQuestion", ({ agent }) => agent.takeQuestion(caller, id, "approved")];
      case 4: {
        const turn: AgentTurn = { query: said, calls: [], answer: said };
        return ["rememberTurn", ({ agent }) => agent.rememberTurn(caller, session, id, turn)];
      }
      default:
        return ["findTurns", ({ agent }) => agent.findTurns(caller, session, limit)];
    }
  });

const chatStep: fc.Arbitrary<Step> = fc
  .record({
    ...{ caller, session, message: id, parent: nothing, said: text, hasFiles: fc.boolean(), which: fc.nat(11) },
    elsewhere: fc.boolean(),
  })
  .map(({ caller, session, message, parent, said, hasFiles, which, elsewhere }): Step => {
    const attachments = [{ name: said, url: `data:text/plain,${"x".repeat(400)}` }];
    const messageOf = (role: "user" | "assistant", nowMs: number): ChatMessage => ({
      id: `${message}-${role}`,
      parentId: parent === undefined ? null : `${parent}-assistant`,
      role,
      content: said,
      status: role === "user" ? "complete" : "running",
      createdAtMs: nowMs,
      streamId: role === "user" ? undefined : `stream-${message}`,
      extras: {
        ...(role === "user" && hasFiles ? { attachments } : {}),
        ...(role === "user" && elsewhere ? { continuesElsewhere: true } : {}),
        ...(role === "assistant" ? { stages: [], reasoning: said } : {}),
      },
    });
    switch (which) {
      case 0:
      case 1:
      case 2:
        return [
          "beginTurn",
          async ({ chat }, nowMs) => {
            // Ids are new wherever they are made.
            if ((await chat.findMessage(caller, session, `${message}-assistant`)) !== undefined) return undefined;
            const [question, answer] = [messageOf("user", nowMs()), messageOf("assistant", nowMs())];
            return chat.beginTurn(caller, { sessionId: session, title: said, question, answer });
          },
        ];
      case 3:
      case 4: {
        const end = which === 3 ? "endTurn" : "recoverTurn";
        return [
          end,
          ({ chat }, nowMs) =>
            chat[end](caller, session, { ...messageOf("assistant", nowMs()), status: "failed", content: "!" }),
        ];
      }
      case 5:
        return ["findMessages", ({ chat }) => chat.findMessages(caller, session)];
      case 6:
        return ["findPath", ({ chat }) => chat.findPath(caller, session, parent && `${parent}-assistant`)];
      case 7:
        return ["findPath of none", ({ chat }) => chat.findPath(caller, session, null)];
      case 8:
        return ["findMessage", ({ chat }) => chat.findMessage(caller, session, `${message}-user`)];
      case 9:
        return ["listStreams", async ({ chat }) => [...(await chat.listStreams(caller, session))].sort()];
      case 10:
        return [
          "sessions",
          async ({ chat }) => [await chat.findSession(caller, session), await chat.listSessions(caller, 2)],
        ];
      default:
        return elsewhere
          ? ["deleteSession", ({ chat }) => chat.deleteSession(caller, session)]
          : ["sweep", ({ chat }) => chat.sweep()];
    }
  });

const replayStep: fc.Arbitrary<Step> = fc
  .record({ caller, id, bytes: fc.nat(9), state: fc.constantFrom("ended", "too-long", "not-kept"), which: fc.nat(9) })
  .map(({ caller, id, bytes, state, which }): Step => {
    switch (which) {
      case 0:
      case 1:
        return [
          "begin",
          ({ replays }, nowMs) =>
            replays.begin({ streamId: id, caller, createdAtMs: nowMs() }).catch(() => "there is one already"),
        ];
      case 2:
        return ["giveUp", ({ replays }) => replays.giveUp(id, "not-kept")];
      case 3:
      case 4:
        return [
          "end",
          ({ replays }, nowMs) =>
            replays.end(id, {
              ...{ state: state as "ended", isInterrupted: bytes === 0, bytes },
              ...{ endedAtMs: nowMs(), expiresAtMs: nowMs() + 300 },
            }),
        ];
      case 5:
        return ["find", ({ replays }) => replays.find(id)];
      case 6:
        return ["lists", async ({ replays }) => [await replays.listRunning(), await replays.listOldestEnded(2)]];
      case 7:
        return ["expire", ({ replays }) => replays.expire([id])];
      case 8:
        return ["findKept", async ({ replays }) => [...(await replays.findKept(["a", "b", "c"]))].sort()];
      default:
        return ["sweep", async ({ replays }, nowMs) => [...(await replays.sweep(nowMs(), nowMs() - 400))].sort()];
    }
  });

describe.skipIf(executable === undefined)("rooms of a shared store", () => {
  let server: RedisServer;
  let count = 0;
  beforeAll(async () => {
    server = await startRedis(executable ?? "");
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test.each([
    ["responses", responseStep],
    ["conversations", conversationStep],
    ["agent", agentStep],
    ["chat", chatStep],
    ["replays", replayStep],
  ])(
    "%s answers every sequence of calls as SQLite does [R2-083]",
    async (_, step) => {
      await fc.assert(
        fc.asyncProperty(stepsOf(step), async (steps) => {
          const clock = createTestClock();
          const database = openChatDatabase(inMemory, silentLog);
          const options = { clock: clock.now, sessionTimeoutMs };
          const sqlite: Rooms = {
            chat: createSqliteChat(database, options),
            responses: createSqliteResponses(database, options),
            conversations: createSqliteConversations(database, options),
            replays: createSqliteReplayIndex(database, options),
            agent: createSqliteAgent(database, options),
          };
          const store = await openRedisStore({ ...options, url: server.url, prefix: `rooms-${count++}:` });
          const shared: Rooms = { ...store.rooms, agent: store.rooms.agent(sqlite.agent) };
          for (const each of steps) {
            // No two things happen at once: which of them counts as the newer one is not said.
            clock.advance(typeof each === "number" ? each : 1);
            if (typeof each === "number") continue;
            const [name, run] = each;
            expect([name, await run(shared, clock.now)]).toEqual([name, await run(sqlite, clock.now)]);
          }
          await store.close();
          database.close();
        }),
        { numRuns: 40 },
      );
    },
    60_000,
  );
});
