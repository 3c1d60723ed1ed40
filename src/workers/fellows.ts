// The other workers of a gateway as one of them sees them: who there is, and the way to each. What lives in one process
// alone, such as a running reply, is reached by its owner.

import { existsSync } from "node:fs";
import { hostname } from "node:os";
import type { LeaseOwner } from "../store/lease-owner.ts";
import type { Link } from "./link.ts";
import type { AskedOfSupervisor, Note, ReloadOutcome, Roster, ServeOrder, Switch } from "./messages.ts";
import { socketPathOf } from "./run-folder.ts";

/** A process of the gateway that can be asked. */
export interface Fellow {
  /** Of no other one. */
  readonly name: string;
  /**
   * A request for its inner door; see server/between-workers/passport.ts. The body of the answer streams.
   * @param path with its query
   * @throws what `fetch` throws when it cannot be reached, and the reason of the signal
   */
  send(path: string, request: FellowRequest): Promise<Response>;
}

export interface FellowRequest {
  readonly method: string;
  readonly headers: Headers;
  readonly body?: Uint8Array | undefined;
  readonly signal: AbortSignal;
}

/** Where is the owner of what runs in one process? One question, whatever store names it and however it is reached. */
export interface FindOwner {
  /** Undefined: there is no way to it from here. */
  find(owner: LeaseOwner): Fellow | undefined;
}

export interface Fellows extends FindOwner {
  /** Of this worker, from 1, among so many. */
  readonly number: number;
  readonly count: number;
  /** Where this worker can be reached. */
  readonly socketPath: string;
  /** This worker does what only one may do. */
  readonly isKeeper: boolean;
  /** The one that does; undefined: this one. Rather one that cannot be reached than two. */
  keeper(): Fellow | undefined;
  /** Those that serve. */
  others(): readonly Fellow[];
  /** Tells all workers, also those that start later. Resolves when they have it. @throws {Error} */
  change(change: Switch): Promise<void>;
  /** Called with what is changed from now on, here or elsewhere. */
  onChange(apply: (change: Switch) => void | Promise<void>): void;
  /** Lines that all workers stand in; see gateway/turns/shared-session-queue.ts. */
  readonly line: {
    enter(key: string, signal: AbortSignal): Promise<void>;
    leave(key: string): void;
  };
  /**
   * Has this group of processes ended when this worker dies without doing so itself.
   * @param pid of its leader
   * @returns what is called when it is over
   */
  guard(pid: number): () => void;
  /**
   * Lets the others know, as far as they can be reached. Resolves when they do. Never rejects.
   * @returns whether it was about something that one of them had
   */
  pass(note: Note): Promise<boolean>;
  onNote(hear: HearNote): void;
  /** Called when other workers come or go. @returns how to hear no more */
  onRoster(hear: () => void): () => void;
  /** Has all workers read the settings again. @throws {Error} when nobody answers */
  reload(): Promise<ReloadOutcome>;
  /** The metrics of all workers. @throws {Error} */
  scrape(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Path of the socket of the built-in emulator. @throws {Error} */
  emulator(): Promise<string>;
}

/** As the supervisor moves them. */
export interface MovedFellows extends Fellows {
  seat(roster: Roster): void;
  apply(change: Switch): Promise<void>;
  hear(note: Note): boolean | Promise<boolean>;
}

/** @returns whether it is about something that was here */
type HearNote = (note: Note) => boolean | Promise<boolean>;

/** Longer than the supervisor takes at most. */
const changeMs = 10_000;
/** Longer than anybody waits for his turn. */
const lineMs = 120_000;
const passMs = 5000;
/** One worker after the other. */
const reloadMs = 300_000;
const scrapeMs = 10_000;
const emulatorMs = 10_000;

export function createFellows(
  { number, count, runFolder, roster: firstRoster, switches }: ServeOrder,
  supervisor: Link<AskedOfSupervisor>,
): MovedFellows {
  let roster = firstRoster;
  let apply: ((change: Switch) => void | Promise<void>) | undefined;
  let hearNote: HearNote | undefined;
  const hearers = new Set<() => void>();
  const here = hostname();

  return {
    number,
    count,
    socketPath: socketPathOf(runFolder, process.pid),
    get isKeeper() {
      return roster.keeper === number;
    },
    keeper() {
      if (roster.keeper === number) return undefined;
      const found = roster.others.find((other) => other.number === roster.keeper);
      return found === undefined ? nobody : createFellow(found.socketPath);
    },
    others: () => roster.others.map(({ socketPath }) => createFellow(socketPath)),
    find({ ownerHost, ownerPid }) {
      // By its socket, not by the roster: it may have been started a moment ago.
      const path = socketPathOf(runFolder, ownerPid);
      return ownerHost === here && existsSync(path) ? createFellow(path) : undefined;
    },
    async change(change) {
      await supervisor.ask("change", change, changeMs);
    },
    onChange(hear) {
      apply = hear;
      for (const change of switches) void hear(change);
    },
    line: {
      async enter(key, signal) {
        signal.throwIfAborted();
        const aborted = Promise.withResolvers<never>();
        const onAbort = (): void => aborted.reject(signal.reason);
        signal.addEventListener("abort", onAbort, { once: true });
        try {
          await Promise.race([supervisor.ask("enterLine", key, lineMs), aborted.promise]);
        } finally {
          signal.removeEventListener("abort", onAbort);
        }
      },
      leave: (key) => void supervisor.ask("leaveLine", key, passMs).catch(() => {}),
    },
    guard(pid) {
      const tell = (isOver: boolean): void =>
        void supervisor.ask("guard", { pid, isOver }, passMs).catch(() => {
          // The supervisor is gone: this worker ends what it runs.
        });
      tell(false);
      return () => tell(true);
    },
    pass: (note) => supervisor.ask("pass", note, passMs).catch(() => false),
    onNote(hear) {
      hearNote = hear;
    },
    hear: (note) => hearNote?.(note) ?? false,
    onRoster(hear) {
      hearers.add(hear);
      return () => hearers.delete(hear);
    },
    reload: () => supervisor.ask("reload", null, reloadMs),
    scrape: () => supervisor.ask("scrape", null, scrapeMs),
    emulator: () => supervisor.ask("emulator", null, emulatorMs),
    seat(next) {
      roster = next;
      for (const hear of hearers) hear();
    },
    async apply(change) {
      await apply?.(change);
    },
  };
}

/** It starts just now. */
const nobody: Fellow = {
  name: "nobody",
  send: () => Promise.reject(new Error("the worker starts just now")),
};

function createFellow(socketPath: string): Fellow {
  return {
    name: socketPath,
    send(path, { method, headers, body, signal }) {
      // What the types of fetch do not know: the socket, and that there is no limit of the platform's own. The host is nobody's.
      const options: RequestInit & { readonly unix: string; readonly timeout: false } = {
        unix: socketPath,
        timeout: false,
        // A connection that is kept may have been closed meanwhile, and a POST is not sent twice.
        keepalive: false,
        method,
        headers,
        signal,
        redirect: "manual",
        ...(body === undefined ? {} : { body: new Uint8Array(body) }),
      };
      return fetch(`http://worker${path}`, options);
    },
  };
}
