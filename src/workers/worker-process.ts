// One worker as the supervisor sees it: a process, and a channel to it.

import { createLink, type Answers, type Link } from "./link.ts";
import type { AskedOfSupervisor, AskedOfWorker } from "./messages.ts";

/** A process that was started as a worker. */
export interface WorkerChild {
  readonly pid: number;
  /** Throws when the channel is closed. */
  send(message: unknown): void;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<WorkerEnd>;
}

export interface WorkerEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** @param hear is called with each message of the process */
export type SpawnWorker = (hear: (message: unknown) => void) => WorkerChild;

/** Of what only has to be known: a worker that does not hear it is found out otherwise. */
const tellMs = 5000;

export class WorkerProcess {
  readonly number: number;
  readonly exited: Promise<WorkerEnd>;
  /** It serves, and takes what comes. */
  isReady = false;
  /** It did, once. */
  hasServed = false;
  missedPings = 0;
  /** Leaders of the groups that it has started, and not ended. */
  readonly guarded = new Set<number>();
  readonly #child: WorkerChild;
  readonly #link: Link<AskedOfWorker>;
  readonly #startedAtMs = performance.now();
  #hasEnded = false;

  constructor(number: number, spawn: SpawnWorker, answers: Answers<AskedOfSupervisor>) {
    this.number = number;
    this.#link = createLink<AskedOfWorker, AskedOfSupervisor>((message) => this.#child.send(message), answers);
    this.#child = spawn((message) => this.#link.receive(message));
    this.exited = this.#child.exited.then((end) => {
      this.isReady = false;
      this.#hasEnded = true;
      this.#link.close(`it ended with ${end.signal ?? `exit code ${end.exitCode}`}`);
      return end;
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get livedMs(): number {
    return performance.now() - this.#startedAtMs;
  }

  /** @throws {LinkError} */
  ask<Kind extends keyof AskedOfWorker>(
    kind: Kind,
    body: Parameters<AskedOfWorker[Kind]>[0],
    withinMs: number,
  ): Promise<ReturnType<AskedOfWorker[Kind]>> {
    return this.#link.ask(kind, body, withinMs);
  }

  /** The same where nothing depends on the answer. Never rejects. */
  async tell<Kind extends keyof AskedOfWorker>(kind: Kind, body: Parameters<AskedOfWorker[Kind]>[0]): Promise<void> {
    await this.ask(kind, body, tellMs).catch(() => {});
  }

  /** Nothing happens when it has ended: its number may be another process's by now. */
  kill(signal: NodeJS.Signals): void {
    if (!this.#hasEnded) this.#child.kill(signal);
  }
}
