// The same clients on a gateway in this very process, where what waits in it can be counted: timers, and signals that
// somebody listens to. Qwen stands in a process of its own.

import { heapStats } from "bun:jsc";
import { eventually } from "../support/binary.ts";
import { startEmulatorProcess } from "../support/emulator-process.ts";
import { startHarness } from "../support/harness.ts";
import type { Soak } from "./figures.ts";
import { createMixedLoad, mixedToolServers, orderFaults } from "./mixed-load.ts";

export interface TimersOptions {
  readonly warmUpClients: number;
  readonly clients: number;
  readonly parallel: number;
}

/** Of clients and gateway together, whatever traffic came between two counts. */
const mostNewTimers = 4;
const mostNewSignals = 16;

/** Each client comes to its end, or is told that it did not. */
const never = new AbortController().signal;

export async function soakTimers({ warmUpClients, clients, parallel }: TimersOptions): Promise<Soak> {
  await using emulator = await startEmulatorProcess();
  await using harness = await startHarness({
    environment: {
      AGENT_OPEN: "true",
      HISTORY: "content",
      LOG_LEVEL: "error",
      MCP_SERVERS: JSON.stringify(mixedToolServers),
      QWEN_BASE_URL: emulator.url,
      QWEN_AUTH_URL: emulator.url,
      QWEN_UPLOAD_URL: emulator.url,
    },
  });
  await orderFaults(emulator);
  const load = createMixedLoad({ url: () => harness.url, headers: {}, parallel });
  await load.run(never, warmUpClients);
  const before = await countWhatWaits(harness.url);
  await load.run(never, clients);
  const after = await countWhatWaits(harness.url);

  if (load.wrong.length > 0) console.error([...new Set(load.wrong)].slice(0, 10).join("\n"));
  return {
    name: "timers",
    figures: [
      { what: "clients that came to their end", value: clients - load.wrong.length, unit: "" },
      { what: "timers after the warm-up", value: before.timers, unit: "" },
      { what: "new timers", value: after.timers - before.timers, unit: "", atMost: mostNewTimers },
      { what: "new signals", value: after.signals - before.signals, unit: "", atMost: mostNewSignals },
      { what: "clients lost, or answered otherwise", value: load.wrong.length, unit: "", atMost: 0 },
    ],
  };
}

interface Waiting {
  readonly timers: number;
  readonly signals: number;
}

/** The least that is seen in a while: some end a moment after their reply, and objects go with the next collection. */
async function countWhatWaits(url: string): Promise<Waiting> {
  await eventually(
    async () => ((await (await fetch(`${url}/health`)).text()).includes('"openReplies":0') ? true : undefined),
    () => "no open replies",
  );
  let least: Waiting = { timers: Infinity, signals: Infinity };
  for (let look = 0; look < 10; look++) {
    await Bun.sleep(300);
    Bun.gc(true);
    const { Timeout = 0, AbortSignal: signals = 0 } = heapStats().objectTypeCounts;
    least = { timers: Math.min(least.timers, Timeout), signals: Math.min(least.signals, signals) };
  }
  return least;
}
