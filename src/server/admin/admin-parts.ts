// What the admin routes look at and change: parts of the app, as it puts them together.

import type { Capture } from "../../capture/capture.ts";
import type { Origin } from "../../config/load-config.ts";
import type { Clock } from "../../contract/clock.ts";
import type { Json } from "../../contract/json.ts";
import type { AccountView } from "../../contract/upstream.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import type { Store } from "../../store/store.ts";
import type { ScrapedMetrics } from "../../telemetry/create-metrics.ts";
import type { Log } from "../../telemetry/log.ts";
import type { WatchedUpstream } from "../../telemetry/watch-upstream.ts";

export interface AdminAccount extends AccountView {
  readonly source: "added" | "settings";
  readonly credentials: string;
}

/** @see upstreams/qwen-web/manage-accounts.ts */
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
  readonly capture: Pick<Capture, "watchSession" | "unwatchSession" | "watchedSessions">;
  /** In force, in the order of their table. */
  settings(): readonly {
    readonly name: string;
    readonly value: Json;
    readonly isSecret: boolean;
    readonly source: Origin;
  }[];
}
