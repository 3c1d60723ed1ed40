// The history while the gateway runs: a bounded queue of exchanges that have ended, written in groups behind their answers,
// within the budget of the file. Whatever fails here costs an entry and a warning, never an answer.

import type { Clock } from "../contract/clock.ts";
import { randomId } from "../contract/random-id.ts";
import type { NewExchange } from "../store/history-store.ts";
import type { Log } from "../telemetry/log.ts";
import type { EndedExchange, HistoryRecorder, KeptParts } from "./ended-exchange.ts";
import { type OpenedHistory, tidy, writeGroup } from "./write-group.ts";

export interface HistoryOptions {
  keptOf(caller: string): KeptParts;
  open(): Promise<OpenedHistory>;
  readonly maxContentBytes: number;
  readonly keepMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Why an exchange is not in the history. */
export type HistoryLoss = "queue-full" | "no-room" | "failed";

export interface HistoryView {
  readonly fileBytes: number;
  readonly written: number;
  readonly lost: Readonly<Record<HistoryLoss, number>>;
  /** What made room for newer ones: contents alone, and whole exchanges. */
  readonly droppedContents: number;
  readonly droppedExchanges: number;
  /** The last attempt to write failed. */
  readonly isFailing: boolean;
}

export interface History extends HistoryRecorder {
  /** Resolves when what was added before is written, or lost. Never rejects. */
  flush(): Promise<void>;
  /** Forgets what is older than it is kept. Never rejects. */
  sweep(): Promise<void>;
  view(): HistoryView;
  /** Resolves when everything is written. */
  close(): Promise<void>;
}

/** So long an exchange waits for others, to be written with them. */
const gatherMs = 50;
const mostQueued = 2000;
const mostQueuedBytes = 32 * 1024 * 1024;
const groupExchanges = 32;
/** As `bytesOf` reckons: a transaction of some milliseconds. One that is larger goes alone. */
const groupBytes = 128 * 1024;
/** After a failure; what ends meanwhile is lost, or the queue would fill up with what cannot be written. */
const restMs = 10_000;

type Queued = Omit<NewExchange, "content"> & Pick<EndedExchange, "content">;

export function createHistory(options: HistoryOptions): History {
  const { clock, log, open } = options;
  let queue: Queued[] = [];
  let queuedBytes = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let writing: Promise<void> = Promise.resolve();
  let failedAtMs: number | undefined;
  const counts = { written: 0, droppedContents: 0, droppedExchanges: 0 };
  const lost: Record<HistoryLoss, number> = { "queue-full": 0, "no-room": 0, failed: 0 };
  let opened: OpenedHistory | undefined;

  function isResting(): boolean {
    return failedAtMs !== undefined && clock() - failedAtMs < restMs && clock() >= failedAtMs;
  }

  /** One warning for all that follow, until it works again. */
  function noteFailure(error: unknown): void {
    if (failedAtMs === undefined) {
      log.warn("Cannot write the history: answers go on without it, and it is tried again", { reason: String(error) });
    }
    failedAtMs = clock();
  }

  function noteSuccess(): void {
    if (failedAtMs !== undefined) log.info("The history is written again", { lost: lost.failed });
    failedAtMs = undefined;
  }

  /** What an earlier process left may be too old, or too large for the budget of this one. */
  async function openOnce(): Promise<OpenedHistory> {
    if (opened !== undefined) return opened;
    opened = await open();
    await tidy(opened.store, clock() - options.keepMs);
    return opened;
  }

  function takeGroup(): Queued[] {
    let [count, bytes] = [0, 0];
    for (const one of queue) {
      bytes += bytesOf(one);
      if (count > 0 && (bytes > groupBytes || count >= groupExchanges)) break;
      count++;
    }
    const group = queue.slice(0, count);
    queue = queue.slice(count);
    for (const one of group) queuedBytes -= bytesOf(one);
    return group;
  }

  async function writeAll(): Promise<void> {
    while (queue.length > 0) {
      const group = takeGroup();
      try {
        if (isResting()) throw new Error("the history rests after a failure");
        const done = await writeGroup(await openOnce(), group);
        counts.written += done.written;
        counts.droppedContents += done.droppedContents;
        counts.droppedExchanges += done.droppedExchanges;
        lost["no-room"] += group.length - done.written;
        noteSuccess();
      } catch (error) {
        lost.failed += group.length;
        if (!isResting()) noteFailure(error);
      }
    }
  }

  function write(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(writeAll);
    return writing;
  }

  return {
    keptOf: options.keptOf,
    maxContentBytes: options.maxContentBytes,
    add(exchange) {
      if (isResting()) return void lost.failed++;
      const queued = { ...exchange, exchangeId: `hist_${randomId()}`, ...timesOf(exchange, clock()) };
      const bytes = bytesOf(queued);
      if (queue.length >= mostQueued || queuedBytes + bytes > mostQueuedBytes) return void lost["queue-full"]++;
      queue.push(queued);
      queuedBytes += bytes;
      // Never within the call: whoever ends an exchange still writes its answer.
      timer ??= setTimeout(() => void write(), gatherMs);
    },
    flush: write,
    async sweep() {
      writing = writing.then(async () => {
        try {
          const isOpen = opened !== undefined;
          const { store } = await openOnce();
          if (isOpen) await tidy(store, clock() - options.keepMs);
        } catch (error) {
          noteFailure(error);
        }
      });
      await writing;
    },
    view: () => ({
      fileBytes: opened?.store.fileBytes() ?? 0,
      ...counts,
      lost: { ...lost },
      isFailing: failedAtMs !== undefined,
    }),
    async close() {
      await write();
      clearTimeout(timer);
    },
  };
}

function timesOf({ totalMs }: EndedExchange, endedAtMs: number): { startedAtMs: number; endedAtMs: number } {
  return { startedAtMs: endedAtMs - totalMs, endedAtMs };
}

/** Some of the heap; their content counts most. */
function bytesOf({ content }: Queued): number {
  return 512 + (content === undefined ? 0 : 2 * (content.request.length + content.reply.length));
}
