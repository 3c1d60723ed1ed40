// Three gateways that share a store, with HAProxy before them: conversations over all of them at once, while gateways are killed
// and started again, the store is restarted, and HAProxy reads its file anew. Every conversation has to continue its own chain.

import { randomUUID } from "node:crypto";
import { type BinaryProcess, createPlace, eventually, type Place, runBinary, startBinary } from "../support/binary.ts";
import { startEmulatorProcess } from "../support/emulator-process.ts";
import { startHaProxy } from "../support/haproxy.ts";
import { freePort } from "../support/ports.ts";
import { startRedis } from "../support/redis-server.ts";
import type { Soak } from "./figures.ts";
import { createChainJudge, createConversations, type Front, type Load } from "./shared-load.ts";
import { tryResumedStreams } from "./shared-streams.ts";

export interface SharedStoreOptions {
  readonly redis: string;
  readonly haproxy: string;
  readonly conversations: number;
  readonly turns: number;
  readonly parallel: number;
  readonly kills: number;
  /** Requests a minute of the key whose limit is tried. */
  readonly requestsPerMinute: number;
}

const gatewayCount = 3;
const masterKey = "7e".repeat(32);

export async function soakSharedStore(options: SharedStoreOptions): Promise<Soak> {
  await using redis = await startRedis(options.redis, ["--appendfsync", "everysec"]);
  await using emulator = await startEmulatorProcess(["--token-delay-ms", "2"]);
  const environment = {
    STORE_URL: redis.url,
    MASTER_KEY: masterKey,
    LOG_LEVEL: "warn",
    TRUSTED_PROXIES: "127.0.0.1",
    QWEN_TOKEN: "test-token",
    QWEN_BASE_URL: emulator.url,
    QWEN_AUTH_URL: emulator.url,
    QWEN_UPLOAD_URL: emulator.url,
  };
  await using gateways = await startGateways(environment);
  await using haproxy = await startHaProxy(options.haproxy, gateways.ports);
  const createKey = (words: readonly string[]) =>
    keyMadeBy(["keys", "create", ...words, "--json"], environment, gateways.places[0]!);
  const key = await createKey(["talkers"]);
  await untilKeysAreWanted(gateways);
  const front: Front = { url: haproxy.url, headers: { authorization: `Bearer ${key}` } };

  const load = createConversations(options, front);
  const judge = createChainJudge(options.turns);
  const look = async (): Promise<void> => judge.look(await emulator.turns());
  const events = planEvents(options, {
    kill: (index) => gateways.killAndRestart(index),
    killForLong: (index, after) => gateways.killAndRestart(index, () => untilMended(load, after + slack)),
    async restart() {
      await redis.stop();
      await redis.start();
    },
    haproxy,
  });
  await runWith(load, events, look);
  await look();
  const anew = judge.countAnew(load.conversations);
  const sessions = await judge.readSessions(load.conversations, front);
  const at = (index: number): Front => ({ ...front, url: gateways.urls[index]! });
  const kill = (): Promise<void> => gateways.killAndRestart(0);
  const resumed = await tryResumedStreams({ emulator, from: at(0), to: at(1), kill });
  const limited = await tryLimit(await createKey(["limited", "--rpm", `${options.requestsPerMinute}`]), front, options);
  const revoked = await tryRevoked(await createKey(["revoked"]), environment, gateways);

  return {
    name: "shared store",
    figures: [
      { what: "conversations", value: load.conversations.length, unit: "" },
      { what: "acknowledged turns", value: load.acknowledged, unit: "" },
      { what: "gateways killed", value: options.kills + 1, unit: "" },
      { what: "attempts cut", value: load.cut, unit: "" },
      { what: "attempts refused while the store was away", value: load.refused, unit: "" },
      { what: "turns that began anew after they were cut", value: anew.afterCut, unit: "", atMost: 0 },
      {
        what: "turns that began anew without having been cut",
        value: anew.uncut,
        unit: "",
        atMost: 0,
      },
      { what: "turns never seen upstream", value: judge.unseen(load.conversations), unit: "", atMost: 0 },
      {
        what: "turns asked twice without having been cut",
        value: judge.doubled(load.conversations),
        unit: "",
        atMost: 0,
      },
      { what: "answers of another turn", value: load.mixedUp, unit: "", atMost: 0 },
      { what: "refusals of another kind", value: load.odd.length, unit: "", atMost: 0 },
      { what: "sessions with another count than their turns", value: sessions.miscounted, unit: "", atMost: 0 },
      { what: "sessions whose head is not their last answer", value: sessions.misplaced, unit: "", atMost: 0 },
      {
        what: "requests taken above the limit",
        value: limited.taken - options.requestsPerMinute,
        unit: "",
        atMost: options.requestsPerMinute / 100,
      },
      {
        what: "requests missing to the limit",
        value: options.requestsPerMinute - limited.taken,
        unit: "",
        atMost: options.requestsPerMinute / 100,
      },
      { what: "streams read on at another gateway after a kill", value: resumed.streams, unit: "" },
      { what: "of these with a gap", value: resumed.withGap, unit: "", atMost: 0 },
      { what: "answers to a revoked key", value: revoked, unit: "", atMost: 0 },
    ],
  };
}

interface Gateways extends AsyncDisposable {
  readonly ports: readonly number[];
  readonly places: readonly Place[];
  readonly urls: readonly string[];
  /** @param isAway resolves when it may come back. @defaultValue at once */
  killAndRestart(index: number, isAway?: () => Promise<void>): Promise<void>;
}

async function startGateways(environment: Readonly<Record<string, string>>): Promise<Gateways> {
  const ports = Array.from({ length: gatewayCount }, freePort);
  const places = ports.map(() => createPlace());
  const start = (index: number): Promise<BinaryProcess> =>
    startBinary([], { ...environment, PORT: `${ports[index]}` }, places[index]!);
  const running = await Promise.all(ports.map((_, index) => start(index)));
  return {
    ports,
    places,
    urls: ports.map((port) => `http://127.0.0.1:${port}`),
    async killAndRestart(index, isAway) {
      const gateway = running[index]!;
      gateway.kill("SIGKILL");
      await gateway.exited;
      await isAway?.();
      running[index] = await start(index);
    },
    async [Symbol.asyncDispose]() {
      for (const gateway of running) await gateway[Symbol.asyncDispose]();
      for (const place of places) place[Symbol.dispose]();
    },
  };
}

/** A gateway that had no keys looks for them now and then. */
async function untilKeysAreWanted({ urls }: Gateways): Promise<void> {
  const statuses = (): Promise<number[]> =>
    Promise.all(urls.map(async (url) => (await fetch(`${url}/v1/models`)).status));
  await eventually(
    async () => ((await statuses()).every((status) => status === 401) ? true : undefined),
    () => "all gateways want a key",
  );
}

interface Event {
  /** Acknowledged turns after which it happens. */
  readonly after: number;
  run(): Promise<void>;
}

/** Spread over the turns: a machine that is slow has the same number of them. */
function planEvents(
  { conversations, turns, kills }: SharedStoreOptions,
  parts: {
    kill(index: number): Promise<void>;
    killForLong(index: number, after: number): Promise<void>;
    restart(): Promise<void>;
    haproxy: { reload(): Promise<void> };
  },
): Event[] {
  const total = conversations * turns;
  const kill = Array.from({ length: kills }, (_, index) => {
    const after = Math.round((total * (index + 1)) / (kills + 2));
    // One that comes back says that its former process is dead; of one that stays away the others have to find out.
    return { after, run: () => (index % 8 === 7 ? parts.killForLong : parts.kill)(index % gatewayCount, after) };
  });
  return [
    ...kill,
    { after: Math.round(total / 3), run: () => parts.haproxy.reload() },
    { after: Math.round(total / 2), run: () => parts.restart() },
    // Its connections to the store are new: some of them may not stand yet.
    { after: Math.round(total / 2) + killedAfterRestart, run: () => parts.kill(0) },
  ].sort((one, other) => one.after - other.after);
}

/** Whatever was cut has been answered by the others. @param most turns that may have ended by now */
async function untilMended(load: Load, most: number): Promise<void> {
  // The clients see it after this process does.
  await eventually(
    async () => (load.mending > 0 || load.acknowledged >= most ? true : undefined),
    () => "somebody was cut, or nobody had to be",
  );
  await eventually(
    async () => (load.mending === 0 ? true : undefined),
    () => `${load.mending} turns that were cut are answered`,
  );
}

/** Turns that may end while something happens. */
const slack = 20;
/** Turns between the store's restart and a kill. */
const killedAfterRestart = 5;

/** The emulator forgets what it was asked long ago: it is looked at on the way. */
async function runWith(load: Load, events: readonly Event[], look: () => Promise<void>): Promise<void> {
  const waiting = [...events];
  // What happens, happens among turns: these wait for it where it takes longer than they do.
  const allow = (): void => load.allow((waiting[0]?.after ?? Number.POSITIVE_INFINITY) + slack);
  allow();
  const all = load.run();
  let isOver = false;
  const over = all.finally(() => (isOver = true));
  const lookEvery = 100;
  let nextLook = lookEvery;
  while (!isOver) {
    await Promise.race([over, load.progress(Math.min(waiting[0]?.after ?? Number.POSITIVE_INFINITY, nextLook))]);
    if (load.acknowledged >= nextLook) {
      nextLook += lookEvery;
      await look();
    }
    const event = waiting[0];
    if (event === undefined || load.acknowledged < event.after) continue;
    await event.run();
    waiting.shift();
    allow();
  }
  await all;
  if (waiting.length > 0) throw new Error(`${waiting.length} events did not happen`);
}

/** Many at once over all gateways, until each has refused for a while. */
async function tryLimit(
  key: string,
  front: Front,
  { requestsPerMinute }: SharedStoreOptions,
): Promise<{ taken: number }> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  let taken = 0;
  const ask = async (): Promise<void> => {
    const body = JSON.stringify({ model: "qwen3-max", messages: [{ role: "user", content: `Say "${randomUUID()}"` }] });
    const response = await fetch(`${front.url}/v1/chat/completions`, { method: "POST", headers, body });
    await response.text();
    if (response.status === 200) taken++;
    else if (response.status !== 429) throw new Error(`a request was answered with ${response.status}`);
  };
  const batch = 20;
  for (let asked = 0; asked < requestsPerMinute * 1.5; asked += batch)
    await Promise.all(Array.from({ length: batch }, ask));
  return { taken };
}

/** @returns how many gateways still answer it */
async function tryRevoked(
  key: string,
  environment: Readonly<Record<string, string>>,
  { urls, places }: Gateways,
): Promise<number> {
  const ask = async (url: string): Promise<number> => {
    const response = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    await response.text();
    return response.status;
  };
  const before = await Promise.all(urls.map(ask));
  if (before.some((status) => status !== 200)) throw new Error(`a new key was answered with ${before.join(", ")}`);
  const { exitCode, errors } = await runBinary(["keys", "revoke", "revoked"], environment, places[0]!);
  if (exitCode !== 0) throw new Error(`a key could not be revoked: ${errors}`);
  return (await Promise.all(urls.map(ask))).filter((status) => status !== 401).length;
}

async function keyMadeBy(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  place: Place,
): Promise<string> {
  const { exitCode, output, errors } = await runBinary(words, environment, place);
  if (exitCode !== 0) throw new Error(`a key could not be made: ${errors}`);
  // The shape is what the command promises.
  return (JSON.parse(output) as { key: string }).key;
}
