// `bun run soak`: the soaks in full length and the properties with many more runs, a quarter of an hour. Builds the executable.
// A table at the end tells what was measured and which bounds it had to keep; the exit code is 1 when one was not kept.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { soakAbortedStreams } from "../test/soak/aborted-streams.ts";
import { brokenBounds, rounded, type Soak } from "../test/soak/figures.ts";
import { findHaProxy } from "../test/support/haproxy.ts";
import { findRedis } from "../test/support/redis-server.ts";
import { soakKills } from "../test/soak/kills.ts";
import { soakMixedTraffic } from "../test/soak/mixed-traffic.ts";
import { soakSharedStore } from "../test/soak/shared-store.ts";
import { soakSlowReaders } from "../test/soak/slow-readers.ts";
import { soakTimers } from "../test/soak/timers.ts";

const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "10000" },
    kills: { type: "string", default: "50" },
    conversations: { type: "string", default: "200" },
    turns: { type: "string", default: "10" },
    seconds: { type: "string", default: "20" },
    minutes: { type: "string", default: "10" },
    "property-factor": { type: "string", default: "5" },
  },
});

const soaks: Readonly<Record<string, () => Promise<Soak>>> = {
  "aborted streams": () => soakAbortedStreams({ streams: Number(values.streams), warmUp: 2000, parallel: 100 }),
  "slow readers": () => soakSlowReaders({ readers: 10, seconds: Number(values.seconds) }),
  "mixed traffic": () => soakMixedTraffic({ warmUpClients: 2000, seconds: Number(values.minutes) * 60, parallel: 16 }),
  timers: () => soakTimers({ warmUpClients: 300, clients: 2000, parallel: 8 }),
  "kill -9 under load": () => soakKills({ kills: Number(values.kills), talkers: 8 }),
  "shared store": soakShared,
  properties: soakProperties,
};

const done: Soak[] = [];
for (const [name, run] of Object.entries(soaks)) {
  console.log(`== ${name}`);
  const startedAtMs = performance.now();
  const soak = await run().catch((error: unknown): Soak => {
    console.error(error);
    return { name, figures: [{ what: "soaks that broke off", value: 1, unit: "", atMost: 0 }] };
  });
  const seconds = (performance.now() - startedAtMs) / 1000;
  done.push({ ...soak, figures: [...soak.figures, { what: "time", value: seconds, unit: "s" }] });
}
printTable(done);
const broken = done.flatMap(brokenBounds);
for (const sentence of broken) console.log(sentence);
console.log(broken.length === 0 ? "All bounds were kept" : `${broken.length} bounds were not kept`);
process.exit(broken.length === 0 ? 0 : 1);

/** Three gateways, one of them killed every 80 turns or so. */
async function soakShared(): Promise<Soak> {
  const [redis, haproxy] = [findRedis(), findHaProxy()];
  if (redis === undefined || haproxy === undefined) throw new Error("it wants redis-server and haproxy");
  const [conversations, turns] = [Number(values.conversations), Number(values.turns)];
  const kills = Math.max(1, Math.round((conversations * turns) / 80));
  return soakSharedStore({ redis, haproxy, conversations, turns, parallel: 24, kills, requestsPerMinute: 600 });
}

/** In a process of their own: the test runner prints the seed, with which a failure comes again. */
async function soakProperties(): Promise<Soak> {
  const child = Bun.spawn([process.execPath, "test", "--timeout", "600000", "./test/property"], {
    cwd: join(import.meta.dir, ".."),
    env: { ...process.env, PROPERTY_FACTOR: values["property-factor"] },
    stdio: ["ignore", "inherit", "pipe"],
  });
  const report = await new Response(child.stderr).text();
  process.stdout.write(report);
  await child.exited;
  const count = (word: string): number => Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(report)?.[1] ?? 0);
  return {
    name: "properties",
    figures: [
      { what: "properties that held", value: count("pass"), unit: "" },
      { what: "times as many runs as in the tests", value: Number(values["property-factor"]), unit: "" },
      {
        what: "properties that failed",
        value: child.exitCode === 0 ? 0 : Math.max(1, count("fail")),
        unit: "",
        atMost: 0,
      },
    ],
  };
}

function printTable(all: readonly Soak[]): void {
  console.log(`\n${"soak".padEnd(20)}${"figure".padEnd(48)}${"value".padStart(14)}${"at most".padStart(12)}`);
  for (const { name, figures } of all) {
    for (const { what, value, unit, atMost } of figures) {
      const shown = `${rounded(value)} ${unit}`.trim();
      const bound = atMost === undefined ? "" : rounded(atMost);
      const mark = atMost === undefined ? "" : value <= atMost ? "  ok" : "  TOO MUCH";
      console.log(`${name.padEnd(20)}${what.padEnd(48)}${shown.padStart(14)}${bound.padStart(12)}${mark}`);
    }
  }
  console.log("");
}
