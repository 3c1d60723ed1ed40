// When the page asks, and what it makes of answers. The network is a script; the browser's side is tried in test/page/status.test.ts.

import { describe, expect, test } from "bun:test";
import { RequestError } from "../../../../src/page/gateway/api.ts";
import type { Facts, StatusApi } from "../../../../src/page/status/api.ts";
import type { Health, SampleFacts } from "../../../../src/page/status/facts.ts";
import { initialState } from "../../../../src/page/status/state.ts";
import { createWatch, intervalMs } from "../../../../src/page/status/watch.ts";
import { createStore } from "../../../../src/page/store.ts";

const nowMs = Date.UTC(2026, 10, 27, 13);

function sample(atMs: number, complete: number): SampleFacts {
  const none = { failed: 0, aborted: 0, refused: 0, firstToken: undefined, liveStreams: 0, errors: {} };
  return { atMs, complete, ...none };
}

function facts(samples: readonly SampleFacts[] = [], uptimeMs = 1000, toMs = nowMs): Facts {
  const accounts = { total: 0, ready: 0 };
  return {
    status: { version: "1", runtime: "bun", uptimeMs, liveStreams: 0, waiting: 0, accounts, rssBytes: 1 },
    upstreams: [],
    accounts: [],
    streams: [],
    recent: { toMs, samples },
  };
}

const wellKnown: Health = { version: "1", uptimeMs: 1000, liveStreams: 0, upstreams: ["u"] };
const refusal = (status: number) => new RequestError(`Refused with ${status}`, status);

/** Lets everything that has been settled run on. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function createWorld() {
  const calls: string[] = [];
  const world = {
    calls,
    kept: undefined as string | undefined,
    /** What the next rounds get; the last one again and again. */
    answers: [facts()] as (Facts | Error | Promise<Facts>)[],
    health: [wellKnown] as (Health | Error)[],
    clients: { wantsKey: false, models: ["m"] } as Awaited<ReturnType<StatusApi["readClients"]>>,
    ended: undefined as Error | undefined,
    tasks: [] as { readonly task: () => void; readonly delayMs: number }[],
    signals: [] as AbortSignal[],
  };
  const api: StatusApi = {
    async readHealth() {
      calls.push("health");
      const answer = world.health.length > 1 ? world.health.shift() : world.health[0];
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error("The script has no answer");
      return answer;
    },
    async readFacts(key, sinceMs, signal) {
      calls.push(`facts key=${key ?? "none"} since=${sinceMs === undefined ? "ever" : (sinceMs - nowMs) / 1000}`);
      world.signals.push(signal);
      const answer = world.answers.length > 1 ? world.answers.shift() : world.answers[0];
      if (answer instanceof Error) throw answer;
      if (answer === undefined) throw new Error("The script has no answer");
      return answer;
    },
    async readClients() {
      calls.push("clients");
      return world.clients;
    },
    async readDefaultModel() {
      calls.push("default model");
      return "of-the-settings";
    },
    async endStream(id) {
      calls.push(`end ${id}`);
      if (world.ended !== undefined) throw world.ended;
    },
    async readDocument() {
      return "";
    },
  };
  const store = createStore(initialState, (task) => task());
  const watch = createWatch({
    api,
    store,
    key: {
      read: () => world.kept,
      save: (key) => {
        world.kept = key === "" ? undefined : key;
      },
    },
    nowMs: () => nowMs,
    schedule(task, delayMs) {
      const entry = { task, delayMs };
      world.tasks.push(entry);
      return () => {
        world.tasks = world.tasks.filter((other) => other !== entry);
      };
    },
  });
  /** The next round, when its time has come. */
  async function nextRound(): Promise<void> {
    const [next] = world.tasks.splice(0, 1);
    next?.task();
    await settle();
  }
  return { world, store, watch, nextRound };
}

describe("rounds", () => {
  test("follow one another, one at a time, asking for what is new", async () => {
    const { world, watch, store, nextRound } = createWorld();
    world.answers = [facts([sample(nowMs - 20_000, 1), sample(nowMs - 10_000, 2)])];
    watch.begin();
    await settle();

    expect(world.tasks.map(({ delayMs }) => delayMs)).toEqual([intervalMs]);
    world.answers = [facts([sample(nowMs - 10_000, 3), sample(nowMs, 1)])];
    await nextRound();

    expect(world.calls.filter((call) => call.startsWith("facts"))).toEqual([
      "facts key=none since=ever",
      "facts key=none since=-10",
    ]);
    // The slot that went on is told anew.
    expect(store.get().samples.map(({ complete }) => complete)).toEqual([1, 3, 1]);
    expect(world.tasks).toHaveLength(1);
  });

  test("forget samples that are older than an hour by the gateway's clock", async () => {
    const { world, watch, store, nextRound } = createWorld();
    world.answers = [facts([sample(nowMs - 3_599_000, 1), sample(nowMs, 2)]), facts([], 1000, nowMs + 10_000)];
    watch.begin();
    await settle();
    await nextRound();

    expect(store.get().samples.map(({ complete }) => complete)).toEqual([2]);
  });

  test("end when nobody looks, the one under way as well, and begin again at once", async () => {
    const { world, watch, store } = createWorld();
    const { promise, resolve } = Promise.withResolvers<Facts>();
    world.answers = [promise];
    watch.begin();
    await settle();
    watch.rest();
    resolve(facts());
    await settle();

    expect(world.signals[0]?.aborted).toBe(true);
    expect(world.tasks).toEqual([]);
    expect(store.get().trouble).toBeUndefined();
    world.answers = [facts()];
    watch.begin();
    await settle();
    expect(world.calls.filter((call) => call.startsWith("facts"))).toHaveLength(2);
    expect(world.tasks).toHaveLength(1);
  });
});

describe("a gateway that does not answer", () => {
  test("is told with the time of its last answer, what it said stays, and the page goes on asking", async () => {
    const { world, watch, store, nextRound } = createWorld();
    world.answers = [facts(), new RequestError("Cannot be reached", 0), refusal(503), facts([], 10)];
    watch.begin();
    await settle();
    await nextRound();
    expect(store.get()).toMatchObject({ answeredAtMs: nowMs, trouble: "", facts: { status: { version: "1" } } });
    await nextRound();
    // Who stops says so.
    expect(store.get().trouble).toBe("Refused with 503");
    world.clients = { wantsKey: true, models: [] };
    await nextRound();

    expect(store.get().trouble).toBeUndefined();
    // It may be another one.
    expect(world.calls.filter((call) => call === "clients")).toHaveLength(2);
    expect(store.get().clients.wantsKey).toBe(true);
    expect(world.tasks).toHaveLength(1);
  });

  test("and was restarted between two rounds is asked anew how clients come in", async () => {
    const { world, watch, nextRound } = createWorld();
    world.answers = [facts([], 90_000), facts([], 95_000), facts([], 2000)];
    watch.begin();
    await settle();
    await nextRound();
    expect(world.calls.filter((call) => call === "clients")).toHaveLength(1);
    await nextRound();

    expect(world.calls.filter((call) => call === "clients")).toHaveLength(2);
  });
});

describe("keys", () => {
  test("are asked for once, and until there is one only what everybody may know is asked", async () => {
    const { world, watch, store, nextRound } = createWorld();
    world.answers = [refusal(401)];
    watch.begin();
    await settle();
    await nextRound();
    await nextRound();

    expect(world.calls.filter((call) => call.startsWith("facts"))).toHaveLength(1);
    expect(world.calls.filter((call) => call === "health")).toHaveLength(3);
    expect(store.get()).toMatchObject({
      door: { state: "wants-key", isRefused: false },
      health: { upstreams: ["u"] },
      trouble: undefined,
    });
  });

  test("that are wrong are forgotten and told, those that are right open", async () => {
    const { world, watch, store } = createWorld();
    world.answers = [refusal(401)];
    watch.begin();
    await settle();
    await watch.useKey("wrong");

    expect(world.kept).toBeUndefined();
    expect(store.get().door).toEqual({ state: "wants-key", isRefused: true, sentence: "" });
    world.answers = [facts()];
    await watch.useKey("right");
    expect(world.kept).toBe("right");
    expect(world.calls).toContain("facts key=right since=ever");
    expect(store.get().door).toEqual({ state: "open" });
  });

  test("that are taken back close the page again", async () => {
    const { world, watch, store, nextRound } = createWorld();
    world.kept = "right";
    world.answers = [facts([sample(nowMs, 1)]), refusal(403)];
    watch.begin();
    await settle();
    await nextRound();

    expect(store.get()).toMatchObject({
      door: { state: "wants-key", sentence: "Refused with 403" },
      facts: undefined,
      samples: [],
    });
  });

  test("help nobody whom the gateway refuses without asking for one", async () => {
    const { world, watch, store } = createWorld();
    world.answers = [refusal(403)];
    watch.begin();
    await settle();

    expect(store.get().door).toEqual({ state: "shut", sentence: "Refused with 403" });
  });
});

describe("another gateway at the same address", () => {
  test("that wants no key is opened, though the one before did", async () => {
    const { world, watch, store, nextRound } = createWorld();
    world.answers = [refusal(401), facts()];
    watch.begin();
    await settle();
    world.health = [new RequestError("Cannot be reached", 0), { ...wellKnown, uptimeMs: 10 }];
    await nextRound();
    expect(store.get()).toMatchObject({ trouble: "", door: { state: "wants-key" } });
    await nextRound();
    // The form stays until it is known that none is needed.
    expect(store.get()).toMatchObject({ trouble: undefined, door: { state: "wants-key" } });
    await nextRound();

    expect(store.get().door).toEqual({ state: "open" });
  });

  test("that was opened to others meanwhile may be closed, and is asked once", async () => {
    const { world, watch, store, nextRound } = createWorld();
    world.answers = [refusal(403), refusal(401)];
    watch.begin();
    await settle();
    world.health = [{ ...wellKnown, uptimeMs: 10 }];
    await nextRound();
    await nextRound();
    await nextRound();

    expect(store.get().door).toEqual({ state: "wants-key", isRefused: false, sentence: "" });
    expect(world.calls.filter((call) => call.startsWith("facts"))).toHaveLength(2);
  });
});

describe("clients", () => {
  test("are shown the model of the settings once a key has opened them", async () => {
    const { world, watch, store } = createWorld();
    world.answers = [refusal(401)];
    world.clients = { wantsKey: true, models: [] };
    watch.begin();
    await settle();
    expect(store.get().clients).toEqual({ wantsKey: true, model: "qwen3-max" });
    world.answers = [facts()];
    await watch.useKey("right");
    await settle();

    expect(store.get().clients).toEqual({ wantsKey: true, model: "of-the-settings" });
  });

  test("are shown the model of the settings where it is one that is served", async () => {
    const { world, watch, store } = createWorld();
    world.clients = { wantsKey: false, models: ["first", "of-the-settings"] };
    watch.begin();
    await settle();

    expect(store.get().clients).toEqual({ wantsKey: false, model: "of-the-settings" });
  });

  test("are shown one that is served where that of the settings is not", async () => {
    const { world, watch, store } = createWorld();
    world.clients = { wantsKey: false, models: ["first", "second"] };
    watch.begin();
    await settle();

    expect(store.get().clients).toEqual({ wantsKey: false, model: "first" });
  });
});

describe("ending a stream", () => {
  test.each([
    [200, "The stream was ended. Its client is told so."],
    [404, "The stream had ended already."],
    [500, "The stream could not be ended: Refused with 500"],
  ])("that is answered by %d says what came of it, and looks at once", async (status, notice) => {
    const { world, watch, store, nextRound } = createWorld();
    watch.begin();
    await settle();
    world.ended = status === 200 ? undefined : refusal(status);
    const ended = watch.endStream("s1");

    expect([...store.get().ending]).toEqual(["s1"]);
    await ended;
    expect(store.get()).toMatchObject({ endingNotice: notice, ending: new Set() });
    expect(world.calls.at(-1)).toBe("facts key=none since=ever");
    expect(world.tasks).toHaveLength(1);
    // It is not told for ever.
    for (let count = 0; count < 3; count++) await nextRound();
    expect(store.get().endingNotice).toBe("");
  });
});
