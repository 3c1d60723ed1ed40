// The shared store under the suite of all drivers, on a real server, and what only several gateways can do to it.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { openRedisStore, type SharedStore } from "../../../../src/store/redis/open-store.ts";
import { eventually } from "../../../support/binary.ts";
import { findRedis, type RedisServer, startRedis } from "../../../support/redis-server.ts";
import { startTcpProxy } from "../../../support/tcp-proxy.ts";
import {
  begin,
  byHead,
  byHistory,
  converse,
  createTestClock,
  newConversation,
  node,
  sessionTimeoutMs,
  testStore,
  turnRecord,
} from "../../../support/test-store.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const executable = findRedis();

/** Another gateway, which says that it holds the chat of a running turn. */
function holdTurn(url: string, prefix: string) {
  return Bun.spawn([process.execPath, join(import.meta.dir, "hold-turn.ts"), url, prefix], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

describe.skipIf(executable === undefined)("a shared store [R2-083]", () => {
  let server: RedisServer;
  let count = 0;
  beforeAll(async () => {
    server = await startRedis(executable ?? "");
  });
  afterAll(() => server[Symbol.asyncDispose]());

  testStore("redisStore", async (options) => {
    const shared = { ...options, url: server.url, prefix: `suite-${count++}:` };
    let store = await openRedisStore(shared);
    return {
      store,
      async reopen() {
        await store.close();
        store = await openRedisStore(shared);
        return store;
      },
    };
  });

  /** Two gateways on one server. */
  async function openTwice() {
    const prefix = `two-${count++}:`;
    const clock = createTestClock();
    const options = { url: server.url, prefix, clock: clock.now, sessionTimeoutMs };
    const [one, other] = [await openRedisStore(options), await openRedisStore(options)];
    await untilSeen(prefix, 2);
    return {
      ...{ options, prefix, clock, one, other },
      async close() {
        await one.close();
        await other.close();
      },
    };
  }

  /** It is told a moment after the store is open. */
  const untilSeen = (prefix: string, stores: number) =>
    eventually(
      async () => ((await server.run("HLEN", `${prefix}present`)) === stores ? true : undefined),
      () => `the server sees ${stores} stores`,
    );

  /** As if nobody had heard of these owners for a minute, while the others went on. */
  async function silence(prefix: string, owners: readonly string[]): Promise<void> {
    const longAgo = Date.now() - 60_000;
    for (const owner of owners) await server.run("ZADD", `${prefix}beats`, `${longAgo}`, owner);
    await server.run("HDEL", `${prefix}pulse`, "graceUntil");
  }

  const ownersOf = async (prefix: string) => (await server.run("ZRANGE", `${prefix}beats`, "0", "-1")) as string[];

  async function holderOf(prefix: string, chat = "chat"): Promise<string> {
    return String(await server.run("HGET", `${prefix}l:8:qwen-web:7:account:${chat}`, "owner"));
  }

  /** The one whose connection is not there. */
  async function deadOwner(prefix: string): Promise<string> {
    for (const owner of await ownersOf(prefix)) {
      const [, readers] = (await server.run("PUBSUB", "NUMSUB", `${prefix}here:${owner}`)) as [string, number];
      if (readers === 0) return owner;
    }
    throw new Error("everybody is there");
  }

  /** The chat of the one that was killed continues, before it counts as silent. */
  async function expectNoticed(prefix: string, store: SharedStore): Promise<void> {
    const claim = await begin(store, byHistory(["1"]));
    expect([claim.continuation, claim.interrupted]).toEqual([node("chat", "chat/1"), node("chat", "running")]);
    const silentForMs = Date.now() - Number(await server.run("ZSCORE", `${prefix}beats`, await deadOwner(prefix)));
    expect(silentForMs).toBeLessThan(10_000);
  }

  async function countScripts(work: () => Promise<unknown>): Promise<number> {
    const calls = async (): Promise<number> => {
      const text = String(await server.run("INFO", "commandstats"));
      return Number(/cmdstat_evalsha:calls=(\d+)/.exec(text)?.[1] ?? 0);
    };
    const before = await calls();
    await work();
    return (await calls()) - before;
  }

  test("two gateways on one store see each other's turns at once [R2-079] [R2-039]", async () => {
    const { one, other, close } = await openTwice();
    await converse(one, "chat", "1");
    const claim = await begin(other, byHistory(["1"]));
    expect(await one.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
    expect(await one.beginTurn("caller", byHead("session"))).toBe("busy");
    await other.endTurn(claim, turnRecord("2", node("chat", "node-2")));
    expect((await begin(one, byHistory(["2"]))).continuation.nodeId).toBe("node-2");
    await close();
  });

  test("of 50 parallel turns over two gateways none is lost [R2-079]", async () => {
    const { one, other, close } = await openTwice();
    await converse(one, "chat", "0");
    const claims = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const store = index % 2 === 0 ? one : other;
        const found = await store.beginTurn("caller", byHistory(["0"]));
        const claim =
          found === undefined || found === "busy"
            ? await store.openConversation("caller", newConversation(`chat-${index}`, { priorReplies: 1 }))
            : found;
        await store.endTurn(claim, turnRecord(`turn-${index}`, node(claim.continuation.chatId, `node-${index}`)));
        return claim.continuation.chatId;
      }),
    );
    const nodes: (string | null)[] = [];
    for (let index = 0; index < 50; index++) {
      const store = index % 2 === 0 ? other : one;
      const found = await begin(store, byHistory([`turn-${index}`, "0"]));
      nodes.push(found.continuation.nodeId);
      await store.releaseTurn(found, 0);
    }

    // Whoever comes after the first has ended finds the chat free, and becomes a branch of it.
    expect(claims.filter((chat) => chat === "chat").length).toBeGreaterThan(0);
    expect(nodes).toEqual(Array.from({ length: 50 }, (_, index) => `node-${index}`));
    await close();
  });

  test("a limit over two gateways is exact, however many ask at once [R2-080]", async () => {
    const { one, other, clock, close } = await openTwice();
    const reservation = {
      ...{ subject: "ann", kind: "requests/minute", startMs: clock.now(), atMs: clock.now() },
      ...{ wanted: 1, limit: 137, sinceMs: clock.now() - 60_000, afterMs: clock.now() - 60_000 },
    };
    const reserved = await Promise.all(
      Array.from({ length: 400 }, (_, index) => (index % 2 === 0 ? one : other).reserveAmount(reservation)),
    );
    const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);

    expect(sum(reserved.map(({ granted }) => granted))).toBe(137);
    await close();
  });

  test("replies that run count over two gateways, until their owner is silent or says no more of them [R0-065]", async () => {
    const { one, other, clock, close } = await openTwice();
    const untilMs = clock.now() + 60_000;
    expect(await one.holdReplies("ann", 2, 3, untilMs)).toBe(2);
    expect(await other.holdReplies("ann", 2, 3, untilMs)).toBe(1);
    expect(await one.holdReplies("ann", 3, 3, untilMs)).toBe(2);
    await one.renewReplies(clock.now() + 120_000);
    clock.advance(60_001);
    expect(await other.holdReplies("ann", 3, 3, clock.now() + 60_000)).toBe(1);
    clock.advance(60_000);
    expect(await other.holdReplies("ann", 3, 3, clock.now() + 60_000)).toBe(3);
    await close();
  });

  test("a lease of an owner that has fallen silent is taken over; its late end frees nothing and keeps its turn [R2-079]", async () => {
    const { one, other, prefix, close } = await openTwice();
    await converse(one, "chat", "1");
    const stalled = await begin(one, byHistory(["1"]));
    await one.noteReply(stalled, node("chat", "stalled"));
    await one.probe();
    expect(await other.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
    await silence(prefix, [await holderOf(prefix)]);
    const taken = await begin(other, byHistory(["1"]));
    expect(taken.interrupted).toEqual(node("chat", "stalled"));
    await one.noteReply(stalled, node("chat", "stale"));
    await one.endTurn(stalled, turnRecord("2", node("chat", "stalled"), { settleMs: 9000 }));
    expect(await other.beginTurn("caller", byHistory(["2"]))).toBeUndefined();
    await other.endTurn(taken, turnRecord("2b", node("chat", "node-2b")));

    const late = await begin(one, byHistory(["2"]));
    expect([late.continuation.nodeId, late.interrupted, late.readyAtMs]).toEqual(["stalled", undefined, 0]);
    expect((await one.getSession("caller", "session"))?.conversations.map((each) => each.messageCount)).toEqual([2, 2]);
    await close();
  });

  test("leases outlast a time in which nobody could say that he lives", async () => {
    const { one, other, prefix, options, close } = await openTwice();
    await converse(one, "chat", "1");
    await begin(one, byHistory(["1"]));
    const longAgo = `${Date.now() - 60_000}`;
    for (const owner of await ownersOf(prefix)) await server.run("ZADD", `${prefix}beats`, longAgo, owner);
    await server.run("HSET", `${prefix}pulse`, "last", longAgo);
    // The first who says it again.
    const third = await openRedisStore(options);

    expect(await third.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
    await third.close();
    await other.close();
    await close();
  });

  test("chats of a process of this machine that was killed are free at the next start, with the reply that it left running", async () => {
    const prefix = `killed-${count++}:`;
    const child = holdTurn(server.url, prefix);
    for await (const chunk of child.stdout) if (new TextDecoder().decode(chunk).includes("held")) child.kill("SIGKILL");
    await child.exited;
    const store = await openRedisStore({ url: server.url, prefix, clock: Date.now, sessionTimeoutMs });

    const claim = await begin(store, byHistory(["1"]));
    expect([claim.continuation, claim.interrupted]).toEqual([node("chat", "chat/1"), node("chat", "running")]);
    await store.releaseTurn(claim, 0);
    expect((await begin(store, byHistory(["1"]))).interrupted).toBeUndefined();
    await store.close();
  });

  test("a chat of a gateway of another machine that was killed is free for its next turn, long before it counts as silent [R2-079]", async () => {
    const prefix = `gone-${count++}:`;
    const other = await openRedisStore({ url: server.url, prefix, clock: Date.now, sessionTimeoutMs });
    const child = holdTurn(server.url, prefix);
    for await (const chunk of child.stdout) {
      if (!new TextDecoder().decode(chunk).includes("held")) continue;
      expect(await other.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
      await untilSeen(prefix, 2);
      child.kill("SIGKILL");
    }
    await child.exited;

    await expectNoticed(prefix, other);
    await other.close();
  });

  test("so is one of a gateway that was killed before the server saw it listen [R2-079]", async () => {
    const prefix = `early-${count++}:`;
    using proxy = await startTcpProxy(server.port, 1);
    const other = await openRedisStore({ url: server.url, prefix, clock: Date.now, sessionTimeoutMs });
    await untilSeen(prefix, 1);
    const child = holdTurn(`redis://127.0.0.1:${proxy.port}`, prefix);
    for await (const chunk of child.stdout) if (new TextDecoder().decode(chunk).includes("held")) child.kill("SIGKILL");
    await child.exited;

    await expectNoticed(prefix, other);
    await other.close();
  });

  test("a store that is closed gives its chats back, and leaves nothing of itself", async () => {
    const { one, other, prefix } = await openTwice();
    await converse(one, "chat", "1");
    await one.noteReply(await begin(one, byHistory(["1"])), node("chat", "running"));
    await one.close();
    await one.close();
    const claim = await begin(other, byHistory(["1"]));
    expect(claim.interrupted).toEqual(node("chat", "running"));
    await other.close();

    expect(await ownersOf(prefix)).toEqual([]);
    expect(await server.run("KEYS", `${prefix}held:*`)).toEqual([]);
    expect(await server.run("KEYS", `${prefix}present`)).toEqual([]);
  });

  test("a turn asks once before it begins and once when it ends, and waits for nothing between", async () => {
    const { one, close } = await openTwice();
    await converse(one, "chat", "1");
    let claim = await begin(one, byHistory(["1"]));
    await one.releaseTurn(claim, 0);
    const before = await countScripts(async () => {
      claim = await begin(one, byHistory(["3", "2", "1"], { sessionHint: "hint" }));
    });
    const opened = one.openConversation("caller", newConversation("new"));
    const noted = one.noteReply(claim, node("chat", "node"));
    const atOnce = [Bun.peek.status(await opened.then(() => noted)), Bun.peek.status(noted)];
    const after = await countScripts(async () => {
      await one.endTurn(claim, turnRecord("2", node("chat", "node")));
    });

    expect(before).toBe(1);
    expect(atOnce).toContain("fulfilled");
    // With what was not waited for: the opening, the note.
    expect(after).toBeLessThanOrEqual(3);
    await close();
  });

  test("everything that conversations and callers leave behind runs out by itself", async () => {
    const { one, other, prefix, close } = await openTwice();
    await converse(one, "chat", "1", {
      record: { sessionHint: "hint", settleMs: 1000 },
      conversation: { byHead: true },
    });
    const second = await begin(one, byHistory(["1"], { sessionHint: "hint" }));
    await one.noteReply(second, node("chat", "running"));
    await one.endTurn(second, { ...turnRecord("2", node("chat", "2")), said: [] });
    await converse(other, "chat-2", "1", { conversation: { sessionId: "gone" } });
    await other.deleteSession("caller", "gone");
    await begin(one, byHistory(["2"]));
    const span = { startMs: 0, atMs: 0, sinceMs: 0, afterMs: 0 };
    await one.reserveAmount({ subject: "a", kind: "k", ...span, wanted: 1, limit: 1 });
    await one.addAmounts([{ subject: "a", kind: "k", startMs: 5, amount: 1, lastMs: 5 }]);
    await one.holdReplies("a", 1, 1, Date.now() + 1000);
    await one.leaseAccount("qwen-web", "a", "holder", 1000);
    const keys = (await server.run("KEYS", `${prefix}*`)) as string[];
    const lasting: string[] = [];
    for (const key of keys) if (Number(await server.run("PTTL", key)) === -1) lasting.push(key.slice(prefix.length));

    // One each, whose members are taken out by sweeps.
    expect(lasting.toSorted()).toEqual(["beats", "callers", "expiring", "owners", "present", "pulse", "sequence"]);
    expect(keys.length).toBeGreaterThan(12);
    await close();
  });

  test("deleteSession and sweep leave nothing behind but that it was deleted", async () => {
    const { one, clock, prefix, close } = await openTwice();
    for (let index = 0; index < 120; index++) {
      await converse(one, `chat-${index}`, "1", { record: { sessionHint: index % 2 === 0 ? "hint" : undefined } });
    }
    await one.deleteSession("caller", "session");
    for (let index = 0; index < 60; index++) await converse(one, `chat-${index}`, "1");
    clock.advance(sessionTimeoutMs + 1);
    expect(await one.sweep()).toHaveLength(60);
    const keys = ((await server.run("KEYS", `${prefix}*`)) as string[]).map(
      (key) => key.slice(prefix.length).split(":")[0],
    );

    expect([...new Set(keys)].toSorted()).toEqual(["beats", "owners", "present", "pulse", "sequence", "x"]);
    await close();
  });

  test("a server that has forgotten its scripts is told them again", async () => {
    const { one, close } = await openTwice();
    await server.run("SCRIPT", "FLUSH");
    await converse(one, "chat", "1");
    expect((await begin(one, byHistory(["1"]))).continuation.nodeId).toBe("chat/1");
    await close();
  });

  test("a session name with half a character is no reason to fail", async () => {
    const { one, close } = await openTwice();
    await converse(one, "chat", "1", { conversation: { sessionId: "a\ud800b" } });
    expect((await begin(one, byHistory(["1"]))).continuation.nodeId).toBe("chat/1");
    await close();
  });
});
