// Uploaded files as the rest of the app sees them: their code and their database are opened when somebody asks.

import { existsSync } from "node:fs";
import { dataUrlOf } from "../attachments/data-url.ts";
import type { Config } from "../config/config-schema.ts";
import type { Clock } from "../contract/clock.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { madeOnce } from "../contract/made-once.ts";
import type { FindFile } from "../gateway/file-references.ts";
import type { ServedRoom } from "../server/create-server.ts";
import type { RoutePlace } from "../server/lazy-routes.ts";
import type { FileStore } from "../store/file-store.ts";
import type { LogCopying } from "../store/open-database.ts";
import type { Log } from "../telemetry/log.ts";

export interface LazyFiles extends ServedRoom {
  readonly find: FindFile;
  /** Never rejects. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

export interface FilesParts {
  /** As it is now. */
  config(): Config;
  /** Of the database: the path of a file, or `inMemory`. */
  readonly path: string;
  readonly copying: LogCopying;
  readonly clock: Clock;
  readonly log: Log;
}

const places: readonly RoutePlace[] = [
  { method: "POST", path: "/v1/files" },
  { method: "GET", path: "/v1/files" },
  { method: "GET", path: "/v1/files/*" },
  { method: "DELETE", path: "/v1/files/*" },
];

/** Of one caller. */
const mostFiles = 2000;

export function createLazyFiles({ config, path, copying, clock, log }: FilesParts): LazyFiles {
  const store = madeOnce(async (): Promise<FileStore> => {
    try {
      const { openSqliteFiles } = await import("../store/sqlite/files.ts");
      return openSqliteFiles(path, clock, log, copying);
    } catch (error) {
      // The sentence of the cause names a path of this machine, which is no client's business.
      throw new GatewayError("internal", "Cannot open the uploaded files: the gateway's log says why", {
        cause: error,
      });
    }
  });

  /** Somebody has uploaded something, now or in an earlier process. */
  const isUsed = (): boolean => store.isAsked || existsSync(path);

  return {
    places,
    async load(edge) {
      const { fileRoutes } = await import("../server/files/file-routes.ts");
      const { maxFileBytes, filesMaxBytes: maxBytes, filesKeepMs: keepMs } = config();
      const limits = { maxFiles: mostFiles, maxBytes };
      return fileRoutes({ openStore: () => store.get(), limits, maxFileBytes, keepMs, clock, ...edge });
    },
    async find(caller, id) {
      if (!isUsed()) return undefined;
      const opened = await store.get();
      const file = await opened.find(caller, id);
      const content = file === undefined ? undefined : await opened.readContent(caller, id);
      if (file === undefined || content === undefined) return undefined;
      return { name: file.name, url: dataUrlOf(file.mediaType, content) };
    },
    async sweep() {
      if (!isUsed()) return;
      try {
        await (await store.get()).sweep();
      } catch (error) {
        log.error("Cannot sweep the uploaded files: the next sweep tries again", {}, error);
      }
    },
    async close() {
      (await store.ifAsked())?.close();
    },
  };
}
