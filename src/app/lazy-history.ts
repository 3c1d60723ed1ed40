// The history as the rest of the app sees it: nothing at all where nobody wants any; else its file is opened with the first
// exchange that ends, or when somebody asks for what an earlier process has kept.

import { existsSync } from "node:fs";
import type { Config } from "../config/config-schema.ts";
import type { Clock } from "../contract/clock.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { madeOnce } from "../contract/made-once.ts";
import { createHistory, type History } from "../history/create-history.ts";
import { type HistoryRecorder, type KeptOf, keptPartsOf } from "../history/ended-exchange.ts";
import type { OpenedHistory } from "../history/write-group.ts";
import type { ServedRoom } from "../server/create-server.ts";
import type { HistoryAccess } from "../server/history/history-answers.ts";
import type { RoutePlace } from "../server/lazy-routes.ts";
import { largestContentBytes } from "../store/history-budget.ts";
import { inMemory } from "../store/open-database.ts";
import type { HistoryFigures } from "../telemetry/gauges.ts";
import type { Log } from "../telemetry/log.ts";

export interface LazyHistory extends ServedRoom {
  /** Of a service with these settings. Undefined: nothing is kept of anybody. */
  recorderFor(config: HistoryConfig): HistoryRecorder | undefined;
  /** Other settings from now on: how long exchanges are kept, in how much room, and what is told of it. */
  adjust(config: HistoryConfig): void;
  readonly access: HistoryAccess;
  figures(): HistoryFigures | undefined;
  isFailing(): boolean;
  /** Never rejects. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

export type HistoryConfig = Pick<Config, "history" | "historyKeep" | "historyMaxBytes">;

export interface HistoryParts {
  readonly config: HistoryConfig;
  /** What is kept of a caller where it is not what the setting says. @defaultValue the setting holds for all */
  readonly keptOf?: KeptOf | undefined;
  /** Of the database: the path of a file, or `inMemory`. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
}

const places: readonly RoutePlace[] = [
  { method: "GET", path: "/v1/history" },
  { method: "DELETE", path: "/v1/history" },
  { method: "GET", path: "/v1/history/export" },
  { method: "GET", path: "/v1/history/*" },
  { method: "DELETE", path: "/v1/history/*" },
];

export function createLazyHistory({ config, keptOf, path, clock, log }: HistoryParts): LazyHistory {
  let present = config;
  /** From the first service on that keeps anything. */
  let running: History | undefined;
  let applying: Promise<void> = Promise.resolve();

  const history = madeOnce(async (): Promise<OpenedHistory> => {
    const [{ openSqliteHistory }, { createWordReader }] = await Promise.all([
      import("../store/sqlite/history.ts"),
      import("../documents/search-words.ts"),
    ]);
    const { historyMaxBytes: maxBytes } = present;
    return { store: openSqliteHistory(path, { maxBytes }, log), reader: createWordReader() };
  });

  function start(): History {
    return createHistory({
      keptOf: (caller) => keptPartsOf(caller, present.history, keptOf),
      open: () => history.get(),
      get maxContentBytes() {
        return largestContentBytes(present.historyMaxBytes);
      },
      get keepMs() {
        return present.historyKeep;
      },
      clock,
      log: log.with({ component: "history" }),
    });
  }

  /** Something is kept, by this process or an earlier one. */
  const isUsed = (): boolean => history.isAsked || (path !== inMemory && existsSync(path));

  const access: HistoryAccess = {
    async open() {
      await running?.flush();
      if (!isUsed()) return undefined;
      try {
        return await history.get();
      } catch (error) {
        // The sentence of the cause names a path of this machine, which is no client's business.
        throw new GatewayError("internal", "Cannot open the history: the gateway's log says why", { cause: error });
      }
    },
    keptOf: (caller) => keptPartsOf(caller, present.history, keptOf),
  };

  async function sweep(): Promise<void> {
    if (!isUsed()) return;
    if (running !== undefined) return running.sweep();
    try {
      const { tidy } = await import("../history/write-group.ts");
      await tidy((await history.get()).store, clock() - present.historyKeep);
    } catch (error) {
      log.warn("Cannot sweep the history: the next sweep tries again", { reason: String(error) });
    }
  }

  /** What no longer fits the budget, or is too old by now, goes at once. */
  async function applyBudget({ historyMaxBytes: maxBytes }: HistoryConfig): Promise<void> {
    const opened = await history.ifAsked();
    try {
      opened?.store.setBudget({ maxBytes });
    } catch (error) {
      log.warn("Cannot change the budget of the history before the next start", { reason: String(error) });
    }
    await sweep();
  }

  return {
    places,
    access,
    recorderFor({ history: setting, historyMaxBytes }) {
      if (setting === "off" && keptOf === undefined) return undefined;
      running ??= start();
      const { add } = running;
      return {
        keptOf: (caller) => keptPartsOf(caller, setting, keptOf),
        maxContentBytes: largestContentBytes(historyMaxBytes),
        add,
      };
    },
    adjust(next) {
      const isSame = next.historyKeep === present.historyKeep && next.historyMaxBytes === present.historyMaxBytes;
      present = next;
      if (!isSame) applying = applying.then(() => applyBudget(next));
    },
    figures: () => running && { ...running.view(), maxBytes: present.historyMaxBytes },
    isFailing: () => running?.view().isFailing === true && (present.history !== "off" || keptOf !== undefined),
    async load(edge) {
      const { historyRoutes } = await import("../server/history/history-routes.ts");
      return historyRoutes({ ...access, log, ...edge });
    },
    sweep,
    async close() {
      await applying;
      await running?.close();
      const opened = await history.ifAsked();
      try {
        opened?.store.close();
      } catch (error) {
        log.warn("Cannot close the history in good order", { reason: String(error) });
      }
    },
  };
}
