// The history as the rest of the app sees it: nothing at all where nobody wants any; else its file is opened with the first
// exchange that ends, or when somebody asks for what an earlier process has kept.

import { existsSync } from "node:fs";
import type { Config } from "../config/config-schema.ts";
import type { Clock } from "../contract/clock.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { createHistory } from "../history/create-history.ts";
import { type HistoryRecorder, type KeptOf, keptPartsOf } from "../history/ended-exchange.ts";
import type { OpenedHistory } from "../history/write-group.ts";
import type { ServedRoom } from "../server/create-server.ts";
import type { HistoryAccess } from "../server/history-answers.ts";
import type { RoutePlace } from "../server/lazy-routes.ts";
import { largestContentBytes } from "../store/history-budget.ts";
import { inMemory } from "../store/open-database.ts";
import type { HistoryFigures } from "../telemetry/gauges.ts";
import type { Log } from "../telemetry/log.ts";

export interface LazyHistory extends ServedRoom {
  /** Undefined: nothing is kept of anybody. */
  readonly recorder: HistoryRecorder | undefined;
  readonly access: HistoryAccess;
  figures(): HistoryFigures | undefined;
  isFailing(): boolean;
  /** Never rejects. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

export interface HistoryParts {
  readonly config: Pick<Config, "history" | "historyKeep" | "historyMaxBytes">;
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
  const { history: setting, historyKeep: keepMs, historyMaxBytes: maxBytes } = config;
  let opening: Promise<OpenedHistory> | undefined;

  async function load(): Promise<OpenedHistory> {
    const [{ openSqliteHistory }, { createWordReader }] = await Promise.all([
      import("../store/sqlite-history.ts"),
      import("../documents/search-words.ts"),
    ]);
    return { store: openSqliteHistory(path, { maxBytes }, log), reader: createWordReader() };
  }

  function open(): Promise<OpenedHistory> {
    opening ??= load().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  const maxContentBytes = largestContentBytes(maxBytes);
  const isOff = setting === "off" && keptOf === undefined;
  const running = isOff
    ? undefined
    : createHistory({
        keptOf: (caller) => keptPartsOf(caller, setting, keptOf),
        open,
        maxContentBytes,
        keepMs,
        clock,
        log: log.with({ component: "history" }),
      });
  /** Something is kept, by this process or an earlier one. */
  const isUsed = (): boolean => opening !== undefined || (path !== inMemory && existsSync(path));

  const access: HistoryAccess = {
    async open() {
      await running?.flush();
      if (!isUsed()) return undefined;
      try {
        return await open();
      } catch (error) {
        // The sentence of the cause names a path of this machine, which is no client's business.
        throw new GatewayError("internal", "Cannot open the history: the gateway's log says why", { cause: error });
      }
    },
    keptOf: (caller) => keptPartsOf(caller, setting, keptOf),
  };

  return {
    places,
    access,
    recorder: running,
    figures: () => running && { ...running.view(), maxBytes },
    isFailing: () => running?.view().isFailing === true,
    async load(edge) {
      const { historyRoutes } = await import("../server/history-routes.ts");
      return historyRoutes({ ...access, log, ...edge });
    },
    async sweep() {
      if (!isUsed()) return;
      if (running !== undefined) return running.sweep();
      try {
        const { tidy } = await import("../history/write-group.ts");
        await tidy((await open()).store, clock() - keepMs);
      } catch (error) {
        log.warn("Cannot sweep the history, the next sweep will", { reason: String(error) });
      }
    },
    async close() {
      await running?.close();
      const opened = await opening?.catch(() => undefined);
      try {
        opened?.store.close();
      } catch (error) {
        log.warn("Cannot close the history in good order", { reason: String(error) });
      }
    },
  };
}
