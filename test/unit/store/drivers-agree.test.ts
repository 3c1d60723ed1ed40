// Random histories: whatever is asked of two drivers, in whatever order, they answer alike.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { createMemoryStore } from "../../../src/store/memory-store.ts";
import { openRedisStore } from "../../../src/store/redis/open-store.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open-store.ts";
import type { StoreOptions } from "../../../src/store/store-options.ts";
import type { SessionView, Store, TurnClaim, TurnLookup } from "../../../src/store/store.ts";
import { findRedis, startRedis } from "../../support/redis-server.ts";
import { createTestClock, fingerprintOf, newConversation, node, turnRecord } from "../../support/test-store.ts";
import { useTemporaryFiles } from "./temporary-store.ts";

const newPath = useTemporaryFiles();

const history = fc.constantFrom("1", "2", "3");
const caller = fc.constantFrom("me", "you");
const sessionId = fc.constantFrom("s", "t");
const hint = fc.constantFrom(undefined, "a", "b");
const systemHashes = fc.constantFrom<readonly string[]>([], ["x"], ["x", "y"]);
const which = fc.nat(5);
const settleMs = fc.constantFrom(0, 50);

const command = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("open" as const),
      caller,
      sessionId,
      hint,
      priorReplies: fc.nat(3),
      replaces: fc.option(which),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("begin" as const),
      caller,
      hint,
      systemHashes,
      elided: fc.boolean(),
      histories: fc.uniqueArray(history),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("begin-head" as const), caller, sessionId }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("end" as const),
      which,
      history,
      hint,
      systemHashes,
      settleMs,
      hasNode: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("release" as const), which, settleMs }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("advance" as const), milliseconds: fc.constantFrom(1, 40, 400, 1001) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), caller, sessionId }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("sweep" as const) }) },
  // Not after each command: what nobody looks at may stay unwritten.
  { weight: 3, arbitrary: fc.record({ do: fc.constant("look" as const) }) },
);
type Command = typeof command extends fc.Arbitrary<infer Value> ? Value : never;

/** One driver with its claims, whose ids are its own and therefore never compared. */
class Player {
  readonly #store: Store;
  readonly #clock: ReturnType<typeof createTestClock>;
  readonly #claims: TurnClaim[] = [];
  #nodes = 0;

  constructor(store: Store, clock: ReturnType<typeof createTestClock>) {
    this.#store = store;
    this.#clock = clock;
  }

  async play(command: Command): Promise<unknown> {
    // No two things happen at once: which of them counts as the newer one is not said.
    this.#clock.advance(1);
    switch (command.do) {
      case "open": {
        const { sessionId, hint: sessionHint, priorReplies } = command;
        const replaces = command.replaces === null ? undefined : this.#claims[command.replaces];
        const opened = newConversation(`chat-${++this.#nodes}`, { sessionId, sessionHint, priorReplies, replaces });
        return this.#keep(await this.#store.openConversation(command.caller, opened));
      }
      case "begin": {
        const { systemHashes, hint: sessionHint } = command;
        const prefixes = command.histories.map((one) => ({
          ...fingerprintOf(one),
          ...(command.elided ? { strict: `elided:${one}` } : {}),
        }));
        return this.#begin(command.caller, { by: "history", systemHashes, sessionHint, prefixes });
      }
      case "begin-head": {
        const { sessionId } = command;
        return this.#begin(command.caller, { by: "head", sessionId, systemHashes: [], sessionHint: undefined });
      }
      case "end": {
        const claim = this.#claims[command.which];
        const { systemHashes, settleMs, hint: sessionHint } = command;
        const nodeId = command.hasNode ? `node-${++this.#nodes}` : null;
        const changes = { systemHashes, settleMs, sessionHint };
        if (claim)
          await this.#store.endTurn(
            claim,
            turnRecord(command.history, node(claim.continuation.chatId, nodeId), changes),
          );
        return undefined;
      }
      case "release": {
        const claim = this.#claims[command.which];
        if (claim) await this.#store.releaseTurn(claim, command.settleMs);
        return undefined;
      }
      case "advance":
        return this.#clock.advance(command.milliseconds);
      case "delete":
        return chatsOf(await this.#store.deleteSession(command.caller, command.sessionId));
      case "sweep":
        return chatsOf(await this.#store.sweep());
      case "look":
        return this.#look();
      default:
        return command satisfies never;
    }
  }

  async #look(): Promise<unknown> {
    const listed = [...(await this.#store.listSessions("me", 10)), ...(await this.#store.listSessions("you", 10))];
    const one = await this.#store.getSession("me", "s");
    return [listed.map(withoutIds), one && withoutIds(one)];
  }

  async #begin(caller: string, lookup: TurnLookup): Promise<unknown> {
    const claim = await this.#store.beginTurn(caller, lookup);
    return claim === undefined || claim === "busy" ? claim : this.#keep(claim);
  }

  /** Newest first, so that small numbers reach what runs. */
  #keep(claim: TurnClaim): unknown {
    this.#claims.unshift(claim);
    const { claimId: _claimId, conversationId: _conversationId, readyAtMs, ...comparable } = claim;
    // A time that has passed says the same as none.
    return { ...comparable, waitMs: Math.max(0, readyAtMs - this.#clock.now()) };
  }
}

function withoutIds(session: SessionView): unknown {
  return { ...session, conversations: session.conversations.map((one) => ({ ...one, conversationId: "" })) };
}

function chatsOf(views: readonly { chatId: string; messageCount: number }[] | undefined): unknown {
  return views?.map((one) => `${one.chatId} ${one.messageCount}`).toSorted();
}

type OpenedDriver = (options: StoreOptions) => Store | Promise<Store>;

/** Whatever memoryStore answers is what the other one has to answer. */
async function playAgainstMemory(open: OpenedDriver, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 40 }), async (commands) => {
      const clocks = [createTestClock(), createTestClock()] as const;
      const stores = [
        createMemoryStore({ clock: clocks[0].now, sessionTimeoutMs: 1000 }),
        await open({ clock: clocks[1].now, sessionTimeoutMs: 1000 }),
      ] as const;
      const memory = new Player(stores[0], clocks[0]);
      const other = new Player(stores[1], clocks[1]);
      for (const one of [...commands, { do: "look" as const }]) {
        expect(await other.play(one)).toEqual(await memory.play(one));
      }
      for (const store of stores) await store.close();
    }),
    { numRuns },
  );
}

// Each run creates a file: a machine that is busy with something else takes its time.
test("memoryStore and sqliteStore answer every sequence of calls alike", async () => {
  await playAgainstMemory((options) => openSqliteStore({ ...options, path: newPath() }), 150);
}, 30_000);

const redis = findRedis();

test.skipIf(redis === undefined)(
  "memoryStore and redisStore answer every sequence of calls alike [R2-083]",
  async () => {
    await using server = await startRedis(redis ?? "");
    let count = 0;
    await playAgainstMemory(
      (options) => openRedisStore({ ...options, url: server.url, prefix: `run-${count++}:` }),
      150,
    );
  },
  30_000,
);
