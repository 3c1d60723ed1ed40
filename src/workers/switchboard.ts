// What administrators switch by hand: known to all workers, and to those that start later. Forgotten with the supervisor, as
// one process forgets it.

import type { Switch } from "./messages.ts";
import type { WorkerProcess } from "./worker-process.ts";

export interface Switchboard {
  /** Resolves when all workers that serve have it. */
  change(change: Switch): Promise<null>;
  /** What is on. */
  all(): readonly Switch[];
  /** What a worker has to be told that was told these, earlier. */
  since(known: readonly Switch[]): readonly Switch[];
}

/** More than anybody switches by hand: the oldest are forgotten. */
const mostSwitches = 1000;

export function createSwitchboard(workers: () => readonly WorkerProcess[]): Switchboard {
  const switches = new Map<string, Switch>();
  return {
    async change(change) {
      const key = keyOf(change);
      switches.delete(key);
      if (isOn(change)) switches.set(key, change);
      const [oldest] = switches.keys();
      if (switches.size > mostSwitches && oldest !== undefined) switches.delete(oldest);
      await Promise.all(workers().map((worker) => worker.tell("apply", change)));
      return null;
    },
    all: () => [...switches.values()].filter(isOn),
    since(known) {
      const isStillOn = (change: Switch) => isOn(switches.get(keyOf(change)) ?? switchedOff(change));
      const gone = known.filter((change) => !isStillOn(change)).map(switchedOff);
      return [...gone, ...[...switches.values()].filter((change) => isOn(change) && !known.includes(change))];
    },
  };
}

function keyOf(change: Switch): string {
  return change.kind === "pause" ? `pause ${change.upstream}` : `capture ${change.sessionId}`;
}

function switchedOff(change: Switch): Switch {
  return change.kind === "pause" ? { ...change, isOn: false } : { ...change, untilMs: null };
}

function isOn(change: Switch): boolean {
  if (change.kind === "pause") return change.isOn;
  return change.untilMs !== null && change.untilMs > Date.now();
}
