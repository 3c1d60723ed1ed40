// What the admin routes look at and change: parts of the app, as it puts them together.

import type { SentBackups } from "../../backup/send-backups.ts";
import type { Capture } from "../../capture/capture.ts";
import type { Origin } from "../../config/load-config.ts";
import type { CallerLimits, Quota } from "../../contract/access.ts";
import type { Clock } from "../../contract/clock.ts";
import type { Json } from "../../contract/json.ts";
import type { AccountView } from "../../contract/upstream.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import type { Quotas } from "../../gateway/quotas/quotas.ts";
import type { Store } from "../../store/store.ts";
import type { ScrapedMetrics } from "../../telemetry/create-metrics.ts";
import type { Log } from "../../telemetry/log.ts";
import type { WatchedUpstream } from "../../telemetry/watch-upstream.ts";
import type { StoredKeys } from "../auth/stored-keys.ts";
import type { Edge } from "../create-server.ts";
import type { HistoryAccess } from "../history/history-answers.ts";
import type { Fellows } from "../../workers/fellows.ts";

export interface AdminAccount extends AccountView {
  readonly source: "added" | "settings";
  readonly credentials: string;
}

/** @see upstreams/qwen-web/accounts/manage-accounts.ts */
export interface AdminAccounts {
  list(): Promise<readonly AdminAccount[]>;
  add(
    credentials: string,
    alias: string | undefined,
  ): Promise<{ readonly account: AdminAccount; readonly isNew: boolean; readonly advice: readonly string[] }>;
  remove(id: string): Promise<void>;
  pause(id: string): Promise<AdminAccount>;
  resume(id: string): Promise<AdminAccount>;
  test(
    id: string,
    message: string | undefined,
  ): Promise<readonly { readonly name: string; readonly passed: boolean; readonly told: string }[]>;
}

/** What a reload of the settings has done. */
export interface Reloaded {
  /** Environment names of the settings that have another value now. */
  readonly changed: readonly string[];
  /** Of those that keep their value until the next start. */
  readonly needsRestart: readonly string[];
  readonly upstreams: readonly string[];
}

export interface AdminParts {
  readonly version: string;
  readonly startedAtMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly gateway: Pick<Gateway, "openReplies" | "queues" | "replies" | "pauses" | "circuits">;
  /** The last hour. */
  readonly samples: ScrapedMetrics["samples"];
  upstreams(): readonly WatchedUpstream[];
  /** The upstream whose accounts are managed here. */
  readonly accountUpstream: string;
  manageAccounts(): Promise<AdminAccounts>;
  readonly store: Pick<Store, "listCallers" | "listSessions" | "getSession">;
  /** @returns false when the caller has no such session. */
  deleteSession(caller: string, sessionId: string): Promise<boolean>;
  readonly keys: StoredKeys;
  /** Has the gateway see at once what has changed of the keys. Never rejects. */
  refreshKeys(): Promise<void>;
  readonly quotas: Pick<Quotas, "list" | "reset">;
  /** Of every caller whose key says nothing else. */
  readonly callerLimits: CallerLimits;
  readonly sessionLimits: Quota["session"];
  readonly capture: Pick<Capture, "watchSession" | "unwatchSession" | "watchedSessions">;
  /** The other workers of this gateway. @defaultValue this process serves alone */
  readonly fellows?: Pick<Fellows, "others" | "change" | "pass"> | undefined;
  readonly history: Pick<HistoryAccess, "open">;
  /** Loaded with the first. */
  readonly backups: Pick<SentBackups, "open">;
  readonly edge: Pick<Edge, "keepOpen" | "stopping">;
  /**
   * Reads the settings again, as SIGHUP does.
   * @throws {ConfigError | GatewayError | Error} when they cannot be used: everything is as it was
   */
  reload(): Promise<Reloaded>;
  /** In force, in the order of their table. */
  settings(): readonly {
    readonly name: string;
    readonly value: Json;
    readonly isSecret: boolean;
    readonly source: Origin;
  }[];
}
