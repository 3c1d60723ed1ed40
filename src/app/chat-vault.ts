// What is kept of conversations beside the gateway's turns: one database and one place of replays for the life of the process,
// whatever the settings are. Opened when somebody first asks for it, or when it has something to forget.

import type { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import type { Config } from "../config/config-schema.ts";
import type { Clock } from "../contract/clock.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import type { RunningAnswers } from "../pipeline/typed-chat.ts";
import type { ReplayLimits, Replays } from "../replay/replays.ts";
import type { AgentStore } from "../store/agent-store.ts";
import type { ChatStore } from "../store/chat-store.ts";
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
  /** Ends what still runs, and closes the database. */
  close(): Promise<void>;
}

export interface ChatVault {
  /** Undefined: as long as nobody needed it. */
  readonly failure: unknown;
  readonly isOpen: boolean;
  /** Somebody has used it, now or in an earlier process. */
  isUsed(): boolean;
  /** @throws {GatewayError} when its database cannot be opened */
  open(): Promise<OpenVault>;
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
}

export function createChatVault(parts: VaultParts): ChatVault {
  let opening: Promise<OpenVault> | undefined;
  let opened: OpenVault | undefined;
  let failure: unknown;

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

  return {
    get failure() {
      return failure;
    },
    get isOpen() {
      return opened !== undefined;
    },
    isUsed: () => opening !== undefined || existsSync(parts.path),
    open() {
      opening ??= open();
      return opening;
    },
    adjust: () => opened?.replays.adjust(replayLimits(parts.config())),
    async close() {
      const vault = await opening?.catch(() => undefined);
      await vault?.close();
    },
  };
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
