// What answers add to a shared store that goes away just then: kept as soon as it is back, and once.

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { RedisLimits } from "../../../../src/store/redis/connection.ts";
import { openRedisStore, type SharedStore } from "../../../../src/store/redis/open-store.ts";
import { eventually } from "../../../support/binary.ts";
import { newResponse } from "../../../support/new-response.ts";
import { findRedis, type RedisServer, startRedis } from "../../../support/redis-server.ts";
import { startTcpProxy } from "../../../support/tcp-proxy.ts";
import { sessionTimeoutMs } from "../../../support/test-store.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const executable = findRedis();
/** Short, so that nobody waits long for what a test is about. */
const limits: Partial<RedisLimits> = { answerMs: 200, lateMs: 0, connectMs: 300, reconnectMs: [1, 20] };

const responseOf = (id: string, status: string, text = "") => ({ id, status, output: [{ type: "message", text }] });
const ended = (id: string) =>
  newResponse({ id, previousId: null, response: responseOf(id, "completed", "天气"), input: [] });
const begun = (id: string) => newResponse({ id, previousId: null, response: responseOf(id, "in_progress"), input: [] });
const conversation = { id: "conv", metadata: {}, createdAtMs: Date.now() };

describe.skipIf(executable === undefined)("answers while a shared store is away", () => {
  const open: SharedStore[] = [];
  afterEach(async () => {
    for (const store of open.splice(0)) await store.close();
  });

  async function openStore(url: string): Promise<SharedStore> {
    const store = await openRedisStore({ url, clock: Date.now, sessionTimeoutMs, limits });
    open.push(store);
    return store;
  }

  const startServer = (): Promise<RedisServer> => startRedis(executable ?? "");

  const isGone = (store: SharedStore) =>
    eventually(
      async () => store.unreachable() !== undefined || undefined,
      () => "the store is away",
    );

  async function openThings(store: SharedStore): Promise<void> {
    await store.rooms.responses.remember("caller", begun("later"));
    await store.rooms.conversations.create("caller", conversation, []);
  }

  const answer = ({ rooms }: SharedStore) =>
    Promise.all([
      rooms.responses.remember("caller", ended("at once")),
      rooms.responses.change("caller", "later", responseOf("later", "completed", "天气")),
      rooms.conversations.appendAnswered("caller", "conv", [{ id: "i1" }, { id: "i2" }]),
    ]);

  async function kept({ rooms }: SharedStore) {
    const { responses, conversations } = rooms;
    const [atOnce, later] = await Promise.all(["at once", "later"].map((id) => responses.find("caller", id)));
    return {
      statuses: [atOnce?.response["status"], later?.response["status"]],
      items: await conversations.findItems("caller", "conv"),
    };
  }
  const all = { statuses: ["completed", "completed"], items: [{ id: "i1" }, { id: "i2" }] };

  test("are kept as soon as it is back", async () => {
    await using server = await startServer();
    const store = await openStore(server.url);
    await openThings(store);
    await server.kill();
    await isGone(store);
    const answered = answer(store);
    await server.start();
    await answered;

    expect(await kept(store)).toEqual(all);
  });

  test("are kept as soon as a server that was a replica takes writes", async () => {
    await using server = await startServer();
    const store = await openStore(server.url);
    await openThings(store);
    await server.run("REPLICAOF", "127.0.0.1", "1");
    const answered = answer(store);
    await Bun.sleep(50);
    await server.run("REPLICAOF", "NO", "ONE");
    await answered;

    expect(await kept(store)).toEqual(all);
  });

  test("are kept once where they were written, but nobody was told", async () => {
    await using server = await startServer();
    using proxy = await startTcpProxy(server.port);
    const store = await openStore(`redis://127.0.0.1:${proxy.port}`);
    await openThings(store);
    proxy.swallowAnswers();
    const answered = answer(store);
    await isGone(store);
    proxy.mend();
    await answered;
    const counted = Number(await server.run("GET", "qwen-gateway:response-bytes"));
    const { responses } = store.rooms;
    for (const id of ["at once", "later"]) await responses.forget("caller", id);

    expect(await store.rooms.conversations.findItems("caller", "conv")).toEqual(all.items);
    expect(counted).toBeGreaterThan(0);
    expect(Number(await server.run("GET", "qwen-gateway:response-bytes"))).toBe(0);
  });

  test("that are to begin are refused at once", async () => {
    await using server = await startServer();
    const store = await openStore(server.url);
    await openThings(store);
    await server.kill();
    await isGone(store);
    const { responses, conversations } = store.rooms;

    for (const refused of [
      responses.remember("caller", begun("another")),
      conversations.append("caller", "conv", [{ id: "i3" }]),
    ])
      expect(await refused.catch((error: unknown) => error)).toMatchObject({ kind: "overloaded" });
  });
});
