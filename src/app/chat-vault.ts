// What is kept of conversations beside the gateway's turns: one database and one place of replays for the life of the process,
// whatever the settings are. Opened when somebody first asks for it, or when it has something to forget.

import type { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import type { Config } from "../config/config-schema.ts";
import type { Clock } from "../contract/clock.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import type { RunningAnswers } from "../pipeline/typed-chat.ts";
import type { ReplayLimits, Replays } from "../replay/replays.ts";
import type { ChatStoreState } from "../server/diagnosis.ts";
import { chatMigrations } from "../store/chat-database.ts";
import { inspectDatabase } from "../store/inspect-database.ts";
import { inMemory } from "../store/open-database.ts";
import type { AgentStore } from "../store/agent-store.ts";
import type { ChatStore } from "../store/chat-store.ts";
import type { StorageWatch } from "../store/storage-trouble.ts";
import type { ResponseStore } from "../store/response-store.ts";
import type { Log } from "../telemetry/log.ts";

export interface OpenVault {
  readonly database: Database;
  readonly store: ChatStore;
  /** Swept whether the agent is at work here or not. */
  readonly agentStore: AgentStore;
  /** Answers of another surface, which their clients refer to. */
  readonly responses: ResponseStore;
  readonly replays: Replays;
  /** Answers of the typed chat that are not kept yet. */
  readonly running: RunningAnswers;
  /** Writes something that changes nothing. */
  probe(): Promise<void>;
  /** Ends what still runs, and closes the database. */
  close(): Promise<void>;
}

export interface ChatVault {
  /** Somebody has used it, now or in an earlier process. */
  isUsed(): boolean;
  /** @throws {GatewayError} when its database cannot be opened */
  open(): Promise<OpenVault>;
  /** How its database is. Looks at the file, at most once a second, while it is not open. */
  check(): ChatStoreState;
  /** Finds out whether its database can be written again, if it could not. Never rejects. */
  probe(): Promise<void>;
  /** Other settings from now on. */
  adjust(): void;
  close(): Promise<void>;
}

export interface VaultParts {
  /** As they are now. */
  config(): Config;
  /** Of the database: the path of a file, or `inMemory`. */
  readonly path: string;
  /** Of the answers that can be read on. Undefined: they are kept in memory. */
  readonly replayDirectory: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly watch: StorageWatch;
}

/** How long a look at the file counts. */
const freshMs = 1000;

export function createChatVault(parts: VaultParts): ChatVault {
  let opening: Promise<OpenVault> | undefined;
  let opened: OpenVault | undefined;
  let failure: unknown;
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  let checked: ChatStoreState = { state: "unused" };

  async function open(): Promise<OpenVault> {
    try {
      const { openVault } = await import("./open-vault.ts");
      opened = openVault(parts);
      failure = undefined;
      return opened;
    } catch (error) {
      // The next request tries again.
      opening = undefined;
      failure = error;
      // The sentence of the cause names a path of this machine, which is no client's business.
      throw new GatewayError("internal", "Cannot open the typed chat: the gateway's log says why", { cause: error });
    }
  }

  function look(): ChatStoreState {
    const isThere = parts.path !== inMemory && existsSync(parts.path);
    if (!isThere && failure === undefined) return { state: "unused" };
    try {
      if (isThere) inspectDatabase(parts.path, chatMigrations.length);
      if (failure === undefined) return { state: "ok" };
      return failedBy(failure);
    } catch (error) {
      return failedBy(error);
    }
  }

  return {
    isUsed: () => opening !== undefined || existsSync(parts.path),
    open() {
      opening ??= open();
      return opening;
    },
    check() {
      const nowMs = performance.now();
      if (opened !== undefined) return { state: "ok" };
      if (nowMs - checkedAtMs >= freshMs) {
        checkedAtMs = nowMs;
        checked = look();
      }
      return checked;
    },
    async probe() {
      // What comes of it the watch is told.
      if (parts.watch.trouble !== undefined) await opened?.probe().catch(() => {});
    },
    adjust: () => opened?.replays.adjust(replayLimits(parts.config())),
    async close() {
      const vault = await opening?.catch(() => undefined);
      await vault?.close();
    },
  };
}

function failedBy(error: unknown): ChatStoreState {
  return { state: "failed", reason: error instanceof Error ? error.message : String(error) };
}

export function replayLimits(config: Config): ReplayLimits {
  return {
    maxStreamBytes: config.replayMaxStreamBytes,
    maxTotalBytes: config.replayMaxBytes,
    keepMs: config.replayKeepMs,
    graceMs: config.replayGraceMs,
    keepAliveMs: config.sseKeepaliveMs,
    clientStallMs: config.clientStallMs,
  };
}
