// What the supervisor and its workers ask one another. Plain JSON.

import type { Config } from "../config/config-schema.ts";
import type { Environment, LoadedConfig } from "../config/load-config.ts";
import type { MetricRow } from "../telemetry/merge-metrics.ts";

/** The settings that are in force: the supervisor reads them, so that all workers have the same. */
export interface WorkerSettings {
  readonly config: Config;
  readonly origins: LoadedConfig["origins"];
  readonly environment: Environment;
}

/** Which workers there are. */
export interface Roster {
  /** Those that serve, without the one that is told. */
  readonly others: readonly { readonly number: number; readonly socketPath: string }[];
  /** The one that does what only one may do: it sweeps, and the agent with its tool servers stands there. */
  readonly keeper: number;
}

/** What an administrator switched by hand, for all workers and for those that start later. */
export type Switch =
  | { readonly kind: "pause"; readonly upstream: string; readonly isOn: boolean }
  /** `untilMs` in epoch milliseconds; null: no longer. */
  | { readonly kind: "capture"; readonly sessionId: string; readonly untilMs: number | null };

/** What one worker lets the others know, which need not reach them. */
export type Note =
  | { readonly kind: "leaving-turn"; readonly fingerprint: string; readonly isFree: boolean }
  /** Somebody has deleted it: what still makes it may stop. A stream, or a response in the background. */
  | { readonly kind: "forgotten"; readonly caller: string; readonly id: string }
  /** What is still made in it is not to be kept. `atMs` in epoch milliseconds. */
  | {
      readonly kind: "session-forgotten";
      readonly caller: string;
      readonly sessionId: string;
      readonly atMs: number;
    }
  /** Somebody looks for it, or for all of the caller: what this one alone knows of yet is to be found by all. */
  | { readonly kind: "session-sought"; readonly caller: string; readonly sessionId: string | undefined }
  /** What it has used of its limits counts no more. */
  | { readonly kind: "limits-reset"; readonly subject: string };

/** What came of reading the settings again: what is in force, what is wrong with them, or why they were not read. */
export type ReloadOutcome =
  | {
      readonly changed: readonly string[];
      readonly needsRestart: readonly string[];
      readonly upstreams: readonly string[];
    }
  | { readonly problems: readonly string[] }
  | { readonly reason: string };

export interface ServeOrder {
  /** From 1. */
  readonly number: number;
  /** Of all. */
  readonly count: number;
  /** The one that the first worker took where the settings leave it open. */
  readonly port: number;
  /** Folder of the sockets by which workers reach one another. */
  readonly runFolder: string;
  readonly settings: WorkerSettings;
  readonly roster: Roster;
  readonly switches: readonly Switch[];
}

/** It serves, or why it cannot. */
export type Served =
  | { readonly url: string; readonly port: number; readonly upstreams: readonly string[] }
  | { readonly failed: string; readonly exitCode: 1 | 2 };

/** By the supervisor, of a worker. */
export interface AskedOfWorker {
  serve(order: ServeOrder): Served;
  roster(roster: Roster): null;
  /** @returns what serves by them */
  reload(settings: WorkerSettings): readonly string[];
  apply(change: Switch): null;
  /** @returns whether it had something that this is about, where a note is of such */
  note(note: Note): boolean;
  metrics(nothing: null): readonly MetricRow[];
  /** Answered at once: it ends when its replies have. */
  stop(nothing: null): null;
  ping(nothing: null): null;
}

/** By a worker, of the supervisor. */
export interface AskedOfSupervisor {
  /** Answered when all workers have it. */
  change(change: Switch): null;
  /** Has all workers read the settings again, as SIGHUP does. */
  reload(nothing: null): ReloadOutcome;
  /** For the other workers. Answered when they have it. @returns whether it was about something that one of them had */
  pass(note: Note): boolean;
  /** Answered when the worker may go on with what has this name, which no other one does meanwhile. */
  enterLine(key: string): null;
  leaveLine(key: string): null;
  /** The leader of a group of processes that is not to outlive the worker. Answered at once. */
  guard(group: { readonly pid: number; readonly isOver: boolean }): null;
  /** It takes nothing new and ends what it runs. */
  leaving(nothing: null): null;
  /** The last it says: what it has counted. */
  farewell(rows: readonly MetricRow[]): null;
  /** Of all workers, in the text format of Prometheus. */
  scrape(nothing: null): { readonly contentType: string; readonly text: string };
  /** Path of the socket on which the built-in emulator answers, one for all workers. */
  emulator(nothing: null): string;
}
