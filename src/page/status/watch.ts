// Keeps the page's state true: asks again and again while the page is looked at, says when there is no answer, and ends streams.

import { combineSignals } from "../../client/combine-signals.ts";
import { RequestError } from "../gateway/api.ts";
import type { Store } from "../store.ts";
import type { Facts, StatusApi } from "./api.ts";
import type { Health, SampleFacts } from "./facts.ts";
import type { Door, StatusState } from "./state.ts";

export interface Watch {
  /** Asks at once, and then again and again. */
  begin(): void;
  /** Asks nothing until it begins again. */
  rest(): void;
  /** @returns when the gateway has said what it thinks of the key */
  useKey(key: string): Promise<void>;
  forgetKey(): void;
  endStream(id: string): Promise<void>;
}

export interface WatchOptions {
  readonly api: StatusApi;
  readonly store: Store<StatusState>;
  readonly key: { read(): string | undefined; save(key: string): void };
  readonly nowMs: () => number;
  /** @returns what takes it back */
  readonly schedule: (task: () => void, delayMs: number) => () => void;
}

export const intervalMs = 5000;
/** For how many rounds it is told what became of a stream, the one at once included. */
const toldRounds = 4;
/** As long as the gateway keeps samples. */
const keptMs = 3_600_000;

export function createWatch({ api, store, key, nowMs, schedule }: WatchOptions): Watch {
  const { get, update } = store;
  let cancelNext: (() => void) | undefined;
  let round: AbortController | undefined;
  /** Aborted when nobody looks any more. */
  let watching = new AbortController();
  /** Another gateway may let in whom the one before did not. */
  let triesDoor = false;
  /** Rounds for which it still says what became of a stream. */
  let noticeRounds = 0;

  async function runRound(): Promise<void> {
    cancelNext?.();
    round?.abort();
    const own = new AbortController();
    round = own;
    const signal = combineSignals(own.signal, watching.signal);
    try {
      await ask(signal);
    } catch (error) {
      if (!signal.aborted) noteTrouble(error);
    }
    // Another one has begun meanwhile, or nobody looks.
    if (signal.aborted) return;
    cancelNext = schedule(() => void runRound(), intervalMs);
  }

  async function ask(signal: AbortSignal): Promise<void> {
    const { door } = get();
    const usedKey = key.read();
    const isClosed = door.state === "wants-key" || door.state === "shut";
    if (isClosed && usedKey === undefined && !triesDoor) return noteHealth(await api.readHealth(signal));
    triesDoor = false;
    try {
      noteFacts(await api.readFacts(usedKey, get().samples.at(-1)?.atMs, signal));
    } catch (error) {
      if (signal.aborted || !isRefusal(error)) throw error;
      key.save("");
      // Told last: until this round is over the form takes no other key, and whoever reads that his is wrong types the next one.
      const close = (): void =>
        update((state) => ({ ...state, door: doorAfter(error, usedKey), facts: undefined, samples: [] }));
      const health = await api.readHealth(signal).finally(close);
      noteHealth(health);
    }
  }

  function noteHealth(health: Health): void {
    const isNew = noteAnswer(health.uptimeMs, get().health?.uptimeMs);
    update((state) => ({ ...state, health }));
    if (isNew) triesDoor = true;
    if (isNew || get().clients.wantsKey === undefined) void askClients();
  }

  function noteFacts({ status, upstreams, accounts, streams, recent }: Facts): void {
    const { door, clients } = get();
    const isNew = noteAnswer(status.uptimeMs, get().facts?.status.uptimeMs);
    const running = new Set(streams.map(({ id }) => id));
    if (noticeRounds > 0) noticeRounds--;
    update((state) => ({
      ...state,
      endingNotice: noticeRounds === 0 ? "" : state.endingNotice,
      door: { state: "open" },
      health: undefined,
      facts: { status, upstreams, accounts, streams },
      samples: joinSamples(state.samples, recent.samples, recent.toMs - keptMs),
      samplesToMs: recent.toMs,
      ending: new Set([...state.ending].filter((id) => running.has(id))),
    }));
    if (isNew || door.state !== "open" || clients.wantsKey === undefined) void askClients();
  }

  /** @returns whether it may be another gateway than before */
  function noteAnswer(uptimeMs: number, beforeMs: number | undefined): boolean {
    const isNew = get().trouble !== undefined || (beforeMs !== undefined && uptimeMs < beforeMs);
    update((state) => ({ ...state, answeredAtMs: nowMs(), trouble: undefined }));
    return isNew;
  }

  function noteTrouble(error: unknown): void {
    // What nobody answers needs no words beside that.
    const trouble = error instanceof RequestError && error.status !== 0 ? error.message : "";
    update((state) => ({ ...state, trouble }));
  }

  let isAskingClients = false;

  /** Apart from the rounds: the list of models may wait for an upstream. */
  async function askClients(): Promise<void> {
    if (isAskingClients) return;
    isAskingClients = true;
    const { signal } = watching;
    try {
      const { wantsKey, models } = await api.readClients(signal);
      update((state) => ({ ...state, clients: { wantsKey, model: models[0] ?? state.clients.model } }));
      const isOpen = get().door.state === "open";
      const preferred = isOpen ? await api.readDefaultModel(key.read(), signal) : undefined;
      if (preferred !== undefined && (models.length === 0 || models.includes(preferred))) {
        update((state) => ({ ...state, clients: { wantsKey, model: preferred } }));
      }
    } catch {
      // What it was shows beside the rest, and the next round asks again.
    } finally {
      isAskingClients = false;
    }
  }

  return {
    begin() {
      watching.abort();
      watching = new AbortController();
      void runRound();
    },
    rest() {
      cancelNext?.();
      watching.abort();
    },
    async useKey(text) {
      key.save(text);
      await runRound();
    },
    forgetKey() {
      key.save("");
      update((state) => ({ ...state, door: { state: "unknown" }, facts: undefined, samples: [] }));
      void runRound();
    },
    async endStream(id) {
      update((state) => ({ ...state, ending: new Set([...state.ending, id]), endingNotice: "" }));
      const notice = await api.endStream(id, key.read()).then(
        () => "The stream was ended. Its client is told so.",
        (error: unknown) => {
          if (error instanceof RequestError && error.status === 404) return "The stream had ended already.";
          return `The stream could not be ended: ${error instanceof Error ? error.message : String(error)}`;
        },
      );
      noticeRounds = toldRounds;
      update((state) => ({
        ...state,
        ending: new Set([...state.ending].filter((other) => other !== id)),
        endingNotice: notice,
      }));
      await runRound();
    },
  };
}

function isRefusal(error: unknown): error is RequestError {
  return error instanceof RequestError && (error.status === 401 || error.status === 403);
}

function doorAfter({ status, message }: RequestError, usedKey: string | undefined): Door {
  // Whom a key would help is told 401 without one.
  if (usedKey === undefined && status === 403) return { state: "shut", sentence: message };
  return { state: "wants-key", isRefused: usedKey !== undefined, sentence: status === 403 ? message : "" };
}

/** The last slot of before may have gone on. */
function joinSamples(
  before: readonly SampleFacts[],
  after: readonly SampleFacts[],
  oldestMs: number,
): readonly SampleFacts[] {
  const firstMs = after[0]?.atMs ?? Number.POSITIVE_INFINITY;
  return [...before.filter(({ atMs }) => atMs < firstMs), ...after].filter(({ atMs }) => atMs >= oldestMs);
}
