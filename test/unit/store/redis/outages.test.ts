// A shared store that goes away, stops, answers late, or comes back: nothing waits for ever, nothing is done twice, nothing that
// was given up is done late. Each trap of Bun's Redis client has its test here.

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { openRedisStore, type SharedStore } from "../../../../src/store/redis/open-store.ts";
import type { RedisLimits } from "../../../../src/store/redis/connection.ts";
import { openKeyRing } from "../../../../src/server/auth/key-ring.ts";
import { createStoredKeys } from "../../../../src/server/auth/stored-keys.ts";
import { createLog } from "../../../../src/telemetry/create-log.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { eventually } from "../../../support/binary.ts";
import { newResponse } from "../../../support/new-response.ts";
import { freePort } from "../../../support/ports.ts";
import { findRedis, type RedisServer, startRedis } from "../../../support/redis-server.ts";
import { startTcpProxy } from "../../../support/tcp-proxy.ts";
import {
  begin,
  byHistory,
  converse,
  newConversation,
  node,
  sessionTimeoutMs,
  turnRecord,
} from "../../../support/test-store.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const executable = findRedis();
/** Short, so that nobody waits long for what a test is about. */
const limits: Partial<RedisLimits> = { answerMs: 200, lateMs: 0, connectMs: 300, reconnectMs: [1, 20] };

describe.skipIf(executable === undefined)("a shared store that is away", () => {
  const open: SharedStore[] = [];
  afterEach(async () => {
    for (const store of open.splice(0)) await store.close();
  });

  async function openStore(url: string, more: object = {}): Promise<SharedStore> {
    const store = await openRedisStore({ url, clock: Date.now, sessionTimeoutMs, limits, ...more });
    open.push(store);
    return store;
  }

  const startServer = (): Promise<RedisServer> => startRedis(executable ?? "");

  const isBack = (store: SharedStore) =>
    eventually(
      async () => store.unreachable() === undefined || undefined,
      () => "the store is there again",
    );

  const isGone = (store: SharedStore) =>
    eventually(
      async () => store.unreachable() !== undefined || undefined,
      () => "the store is away",
    );

  test("a call fails at once with a sentence for clients, and says when to come back", async () => {
    await using server = await startServer();
    const store = await openStore(server.url);
    await server.kill();
    await isGone(store);
    const failure = await store.beginTurn("caller", byHistory(["1"])).catch((error: unknown) => error);

    expect(failure).toMatchObject({ kind: "overloaded", retryAfterMs: 2000, retryable: true });
    expect(String(failure)).toContain("Cannot reach the gateway's shared store");
    expect(store.unreachable()).toMatchObject({ kind: "overloaded" });
  });

  // The client gives up for good after 20 attempts, which take it 31 s.
  test("it is found again after any number of attempts", async () => {
    await using server = await startServer();
    using proxy = await startTcpProxy(server.port);
    const store = await openStore(`redis://127.0.0.1:${proxy.port}`);
    await converse(store, "chat", "1");
    await server.kill();
    await eventually(
      async () => proxy.connections > 40 || undefined,
      () => `${proxy.connections} attempts`,
    );
    await server.start();
    await isBack(store);

    expect((await begin(store, byHistory(["1"]))).continuation.nodeId).toBe("chat/1");
  });

  // The client has no limit of its own for an answer.
  test("a server that has stopped is given up in time, and its late answer is nobody's", async () => {
    await using server = await startServer();
    const store = await openStore(server.url);
    await converse(store, "chat", "1");
    server.pause();
    const failures = await Promise.all(
      [store.beginTurn("caller", byHistory(["1"])), store.getSession("caller", "session")].map((call) =>
        call.catch((error: unknown) => error),
      ),
    );
    server.resume();

    expect(failures).toMatchObject([{ kind: "overloaded" }, { kind: "overloaded" }]);
    await isBack(store);
    expect((await store.getSession("caller", "session"))?.conversations).toHaveLength(1);
  });

  // A command that its caller has given up is still in the server's socket, and runs when the server goes on.
  test("a claim that was given up is not taken late: the next one gets the chat", async () => {
    await using server = await startServer();
    const store = await openStore(server.url);
    await converse(store, "chat", "1");
    const plain = new Bun.RedisClient(server.url, { autoReconnect: false });
    await plain.connect();
    server.pause();
    const late = plain.set("written-late", "yes").catch(() => {});
    const given = await store.beginTurn("caller", byHistory(["1"])).catch((error: unknown) => error);
    expect(given).toMatchObject({ kind: "overloaded" });
    plain.close();
    await late;
    // Nobody is left who could give it back.
    await store.close();
    server.resume();
    const other = await openStore(server.url);

    expect((await begin(other, byHistory(["1"]))).continuation.nodeId).toBe("chat/1");
    // What a plain command does in the same place.
    expect(await server.run("GET", "written-late")).toBe("yes");
  });

  test("a claim that was taken, but not told in time, is given back", async () => {
    await using server = await startServer();
    using proxy = await startTcpProxy(server.port);
    const store = await openStore(`redis://127.0.0.1:${proxy.port}`);
    const other = await openStore(server.url);
    await converse(store, "chat", "1");
    proxy.swallowAnswers();
    const given = await store.beginTurn("caller", byHistory(["1"])).catch((error: unknown) => error);
    expect(given).toMatchObject({ kind: "overloaded" });
    expect(await server.run("HGET", "qwen-gateway:l:8:qwen-web:7:account:chat", "claim")).toBeString();
    proxy.mend();
    await isBack(store);

    expect((await begin(other, byHistory(["1"]))).continuation.nodeId).toBe("chat/1");
  });

  test("a claim that a restart has interrupted is taken by its own turn, not left to nobody", async () => {
    await using server = await startServer();
    using proxy = await startTcpProxy(server.port);
    const store = await openStore(`redis://127.0.0.1:${proxy.port}`, { limits: { ...limits, answerMs: 2000 } });
    const other = await openStore(server.url);
    await converse(store, "chat", "1");
    proxy.swallowAnswers();
    const begun = begin(store, byHistory(["1"]));
    await eventually(
      async () => (await server.run("HGET", "qwen-gateway:l:8:qwen-web:7:account:chat", "claim")) ?? undefined,
      () => "the chat is leased",
    );
    proxy.mend();
    await server.kill();
    await server.start();
    const claim = await begun;

    expect(claim.continuation.nodeId).toBe("chat/1");
    await isBack(other);
    expect(await other.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
    await store.endTurn(claim, turnRecord("2", node("chat", "node-2")));
    expect((await begin(other, byHistory(["2"]))).continuation.nodeId).toBe("node-2");
  });

  // The client keeps commands of a lost connection and sends them over the next one.
  test("what failed while the store was away is not sent when it comes back", async () => {
    await using server = await startServer();
    const store = await openStore(server.url);
    await server.kill();
    await isGone(store);
    await expect(store.addKey({ ...newKey, prefix: "qg-lost" })).rejects.toMatchObject({ kind: "overloaded" });
    await server.start();
    await isBack(store);

    expect(await store.listKeys()).toEqual([]);
    expect(await store.addKey({ ...newKey, prefix: "qg-kept" })).toBe(true);
  });

  test("a turn that ends while the store is away is kept as soon as it is back, once", async () => {
    await using server = await startServer();
    const store = await openStore(server.url);
    await converse(store, "chat", "1");
    const claim = await begin(store, byHistory(["1"]));
    const fresh = await store.openConversation("caller", newConversation("fresh", { sessionId: "fresh" }));
    await server.kill();
    await isGone(store);
    const never = await store.openConversation("caller", newConversation("never", { sessionId: "never" }));
    const ended = Promise.all([
      store.endTurn(claim, turnRecord("2", node("chat", "node-2"))),
      store.endTurn(fresh, turnRecord("fresh", node("fresh", "node-fresh"))),
      store.endTurn(never, turnRecord("never", node("never", "node-never"))),
    ]);
    await server.start();
    await ended;

    for (const [history, nodeId] of [
      ["2", "node-2"],
      ["fresh", "node-fresh"],
      ["never", "node-never"],
    ] as const) {
      expect((await begin(store, byHistory([history]))).continuation.nodeId).toBe(nodeId);
    }
    expect((await store.getSession("caller", "session"))?.conversations).toMatchObject([{ messageCount: 2 }]);
    expect((await store.getSession("caller", "never"))?.conversations).toMatchObject([{ messageCount: 1 }]);
  });

  test("a turn whose end was written, but not told in time, is not written twice", async () => {
    await using server = await startServer();
    using proxy = await startTcpProxy(server.port);
    const store = await openStore(`redis://127.0.0.1:${proxy.port}`);
    await converse(store, "chat", "1");
    const claims = [await begin(store, byHistory(["1"]))];
    const branch = await converse(store, "other", "a", { conversation: { sessionId: "branch" } });
    await store.endTurn(await begin(store, byHistory(["a"])), turnRecord("b", node("other", "b")));
    claims.push(await begin(store, byHistory(["a"])));
    proxy.swallowAnswers();
    const ended = Promise.all(
      claims.map((claim) =>
        store.endTurn(claim, { ...turnRecord("2", node(claim.continuation.chatId, "node-2")), said: [] }),
      ),
    );
    await isGone(store);
    proxy.mend();
    await ended;

    expect((await store.getSession("caller", "session"))?.conversations).toMatchObject([{ messageCount: 2 }]);
    expect((await store.getSession("caller", branch.sessionId))?.conversations.map((one) => one.messageCount)).toEqual([
      2, 2,
    ]);
  });

  test("a conversation that the server has lost with its last second is kept with its next answer", async () => {
    await using server = await startServer();
    const store = await openStore(server.url);
    const first = await store.openConversation("caller", newConversation("chat"));
    await store.getSession("caller", "session");
    await server.run("FLUSHALL");
    await store.endTurn(first, turnRecord("1", node("chat", "node-1")));

    expect((await begin(store, byHistory(["1"]))).continuation.nodeId).toBe("node-1");
  });

  // The client loses its subscriptions when it reconnects, and says nothing: a key's state is read with each request instead.
  test("a key that is revoked beside a connection that was lost is refused with the next request [R2-084]", async () => {
    await using server = await startServer();
    using proxy = await startTcpProxy(server.port);
    const store = await openStore(`redis://127.0.0.1:${proxy.port}`);
    const other = await openStore(server.url);
    const { key } = await createStoredKeys(other, Date.now).create({ name: "ci" });
    const ring = await openKeyRing({ store, clock: Date.now, log: silentLog });
    expect(await ring.find(key)).toMatchObject({ scopes: { admin: false } });
    await server.kill();
    await isGone(store);
    await expect(ring.find(key)).rejects.toMatchObject({ kind: "overloaded", retryAfterMs: 1000 });
    await server.start();
    await isBack(store);
    await isBack(other);
    expect(await ring.find(key)).toBeDefined();
    await createStoredKeys(other, Date.now).revoke("ci");

    await expect(ring.find(key)).rejects.toThrow("was revoked");
    ring.close();
  });

  // The client would reconnect, and listen no more.
  test("a gateway whose listening connection is lost listens again, and keeps its chats and its store meanwhile [R2-079]", async () => {
    await using server = await startServer();
    const store = await openStore(server.url);
    const other = await openStore(server.url);
    const until = (listening: number) =>
      eventually(
        async () => {
          const channels = (await server.run("PUBSUB", "CHANNELS", "qwen-gateway:here:*")) as string[];
          return channels.length === listening ? true : undefined;
        },
        () => `${listening} gateways listen`,
      );
    await converse(store, "chat", "1");
    const claim = await begin(store, byHistory(["1"]));
    await until(2);
    await server.run("CLIENT", "KILL", "TYPE", "pubsub");

    expect(await other.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
    expect([store.unreachable(), other.unreachable()]).toEqual([undefined, undefined]);
    await until(2);
    await store.endTurn(claim, turnRecord("2", node("chat", "node-2")));
    expect((await begin(other, byHistory(["2"]))).continuation.nodeId).toBe("node-2");
    await store.close();
    await until(1);
  });

  test("a gateway whose server's user may not listen keeps its chats by its pulse alone", async () => {
    await using server = await startServer();
    await server.run("ACL", "SETUSER", "gateway", "on", ">word", "~qwen-gateway:*", "+@all", "-@dangerous", "+info");
    const store = await openStore(`redis://gateway:word@127.0.0.1:${server.port}`);
    const other = await openStore(server.url);
    await converse(store, "chat", "1");
    const claim = await begin(store, byHistory(["1"]));

    expect(await other.beginTurn("caller", byHistory(["1"]))).toBeUndefined();
    await store.endTurn(claim, turnRecord("2", node("chat", "node-2")));
    expect((await begin(other, byHistory(["2"]))).continuation.nodeId).toBe("node-2");
  });

  test("a server that takes no writes is not one that is away, and is noticed when it does again", async () => {
    await using server = await startServer();
    const told: string[] = [];
    const watch = {
      trouble: undefined,
      failed: (place: string) => void told.push(`failed ${place}`),
      written: (place: string) => void told.push(`written ${place}`),
    };
    const store = await openStore(server.url, { watch });
    await converse(store, "chat", "1");
    await server.run("CONFIG", "SET", "maxmemory", "1");
    await expect(store.probe()).rejects.toThrow("its memory is full");
    await server.run("CONFIG", "SET", "maxmemory", "0");
    await store.probe();

    expect([...new Set(told)]).toEqual(["failed shared-store", "written shared-store"]);
  });

  test("a server whose memory is full still revokes a key and lets go of what is deleted or has expired", async () => {
    await using server = await startServer();
    let nowMs = 1000;
    const store = await openStore(server.url, { clock: () => nowMs });
    const { responses, conversations, replays } = store.rooms;
    const scopes = { admin: false };
    const digest = Bun.CryptoHasher.hash("sha256", "secret");
    await store.addKey({ prefix: "qg-a", name: "ci", digest, scopes, limits: {}, lifetimeMs: undefined });
    for (const id of ["asked", "expired"]) {
      await responses.remember("caller", newResponse({ id, previousId: null, response: { id }, input: [] }));
      await conversations.create("caller", { id, metadata: {}, createdAtMs: nowMs }, [{ id: "i1" }]);
    }
    await responses.linkSession("caller", "asked", "session", 0);
    await replays.begin({ streamId: "s1", caller: "caller", createdAtMs: nowMs });
    const end = { state: "ended", isInterrupted: false, endedAtMs: nowMs, expiresAtMs: 2000, bytes: 6 } as const;
    await replays.end("s1", end);
    await converse(store, "chat", "1");
    await server.run("CONFIG", "SET", "maxmemory", "1");

    expect(await store.revokeKey("qg-a")).toBe(true);
    expect((await store.listKeys()).map(({ revokedAtMs }) => revokedAtMs)).toEqual([1000]);
    expect(await responses.takeSession("caller", "session")).toEqual(["asked"]);
    expect(await responses.forget("caller", "asked")).toBe(true);
    expect(await conversations.forgetItem("caller", "asked", "i1")).toBe(true);
    expect(await conversations.forget("caller", "asked")).toBe(true);
    expect(await replays.sweep(2000, 0)).toEqual(["s1"]);
    nowMs += 2 * sessionTimeoutMs;
    await responses.sweep();
    await conversations.sweep();
    expect(await store.sweep()).toHaveLength(1);
    expect(await server.run("KEYS", "qwen-gateway:rs:*")).toEqual([]);
    expect(await server.run("KEYS", "qwen-gateway:n?:*")).toEqual([]);
  });

  test("a server that has become a replica says so to each call, also when the connection was taken anew", async () => {
    await using server = await startServer();
    const lines: string[] = [];
    const log = createLog({ level: "warn", format: "json", write: (line) => void lines.push(line) });
    const store = await openStore(server.url, { log });
    await converse(store, "chat", "1");
    await server.run("REPLICAOF", "127.0.0.1", String(freePort()));
    const sentence = "it is a replica, which takes no writes";
    await expect(store.beginTurn("caller", byHistory(["1"]))).rejects.toThrow(sentence);
    await eventually(
      async () => (String(store.unreachable()).includes(sentence) ? true : undefined),
      () => `the reason is told: ${store.unreachable()}`,
    );
    await expect(store.beginTurn("caller", byHistory(["1"]))).rejects.toThrow(sentence);
    await server.run("REPLICAOF", "NO", "ONE");
    await isBack(store);

    expect((await begin(store, byHistory(["1"]))).continuation.nodeId).toBe("chat/1");
    expect(lines.filter((line) => line.includes("cannot be used"))).toEqual([expect.stringContaining(sentence)]);
  });

  test.each([
    ["its question has not left it", false],
    ["its answer waits for it", true],
  ])("a gateway that stood still itself gives up no server that answers: %s", async (_when, isSent) => {
    await using server = await startServer();
    const store = await openStore(server.url);
    await converse(store, "chat", "1");
    if (isSent) server.pause();
    const session = store.getSession("caller", "session");
    if (isSent) {
      await Bun.sleep(20);
      server.resume();
    }
    const untilMs = performance.now() + 600;
    while (performance.now() < untilMs);

    expect((await session)?.conversations).toHaveLength(1);
    expect(store.unreachable()).toBeUndefined();
  });

  test("what cannot be opened says so without its credentials", async () => {
    await using server = await startRedis(executable ?? "", ["--requirepass", "right-password"]);
    const lines: string[] = [];
    const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) });
    const url = `redis://user-name:wrong-password@127.0.0.1:${server.port}/3`;
    const failure = await openRedisStore({ url, clock: Date.now, sessionTimeoutMs, limits, log, startMs: 100 }).catch(
      (error: unknown) => error,
    );

    expect(String(failure)).toContain(`Cannot open the shared store at redis://127.0.0.1:${server.port}/3`);
    const all = lines.join("\n") + String(failure) + Bun.inspect(failure);
    expect(all).toContain(`${server.port}`);
    expect(all).not.toContain("wrong-password");
    expect(all).not.toContain("user-name");
    const store = await openStore(`valkey://:right-password@127.0.0.1:${server.port}/3`);
    await store.probe();
  });
});

const newKey = {
  name: "ci",
  digest: Bun.CryptoHasher.hash("sha256", "key"),
  scopes: { admin: false },
  limits: {},
  lifetimeMs: undefined,
};
