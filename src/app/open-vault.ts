// The vault of the typed chat opened: its database with its stores, and the replays. Loaded with the first request for it.

import type { Database } from "bun:sqlite";
import type { Config } from "../config/config-schema.ts";
import type { Clock } from "../contract/clock.ts";
import { chatEndingFrame, isChatEnding } from "../pipeline/ending-frame.ts";
import type { RunningAnswers } from "../pipeline/typed-chat.ts";
import { createReplays } from "../replay/create-replays.ts";
import type { EndingFrames, ReplayLimits, Replays } from "../replay/replays.ts";
import type { AgentStore } from "../store/agent-store.ts";
import type { ChatStore } from "../store/chat-store.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import type { SharedRooms } from "../store/redis/open-store.ts";
import type { ResponseStore } from "../store/response-store.ts";
import type { StorageWatch } from "../store/storage-trouble.ts";
import type { Log } from "../telemetry/log.ts";
import { openChatDatabase } from "../store/chat-database.ts";
import { erasureOf } from "../store/sqlite/erasure.ts";
import type { LogCopying } from "../store/open-database.ts";
import { rewriteVersion } from "../store/migrate.ts";
import { createStopWishes, type StopWishes } from "../store/stop-wishes.ts";
import { transactionsOf } from "../store/sqlite/shared-transactions.ts";
import { createSqliteAgent } from "../store/sqlite/agent.ts";
import { createSqliteConversations } from "../store/sqlite/conversations.ts";
import { createSqliteChat } from "../store/sqlite/chat.ts";
import { createSqliteReplayIndex } from "../store/sqlite/replay-index.ts";
import { createSqliteResponses } from "../store/sqlite/responses.ts";
import { isResponseEnding, responseEndingFrames } from "../surfaces/openai-responses/ending-frames.ts";
import { isResponseId } from "../surfaces/openai-responses/items.ts";

export interface OpenVault {
  readonly database: Database;
  readonly store: ChatStore;
  /** Swept whether the agent is at work here or not. */
  readonly agentStore: AgentStore;
  /** Answers of another surface, which their clients refer to. */
  readonly responses: ResponseStore;
  readonly conversations: ConversationStore;
  readonly replays: Replays;
  /** Stops what runs at another gateway. Undefined: there is none. */
  readonly wishes: StopWishes | undefined;
  /** Answers of the typed chat that are not kept yet. */
  readonly running: RunningAnswers;
  /** Other settings from now on. */
  adjust(): void;
  /** Writes something that changes nothing. */
  probe(): Promise<void>;
  /** Ends what still runs, and closes the database. */
  close(): Promise<void>;
}

export interface VaultParts {
  /** As they are now. */
  config(): Config;
  /** Of the database: the path of a file, or `inMemory`. */
  readonly path: string;
  /** @defaultValue "own" */
  readonly copying?: LogCopying | undefined;
  /** Of the answers that can be read on. Undefined: they are kept in memory. */
  readonly replayDirectory: string | undefined;
  /** See `ReplaysOptions`. */
  readonly forgottenElsewhere?: ((caller: string, streamId: string) => void) | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly watch: StorageWatch;
  /** What stands in a store that several gateways share, in place of the database. */
  readonly shared?: SharedRooms | undefined;
}

/** @throws when the database cannot be opened, or the directory of the replays not be made */
export function openVault(parts: VaultParts): OpenVault {
  const database = openChatDatabase(parts.path, parts.log, parts.copying);
  try {
    return openOver(database, parts);
  } catch (error) {
    // The next request tries again.
    database.close();
    throw error;
  }
}

function openOver(database: Database, parts: VaultParts): OpenVault {
  const { clock, log, watch } = parts;
  // The first to ask: all stores over it share them.
  const transactions = transactionsOf(database, { watch, place: "chat" });
  const erasure = erasureOf(database);
  const times = {
    clock,
    get sessionTimeoutMs(): number {
      return parts.config().sessionTimeout;
    },
  };
  const { shared } = parts;
  const wishes = shared && createStopWishes(shared.wishes, { log });
  const replays = createReplays({
    ...(parts.replayDirectory === undefined ? {} : { directory: parts.replayDirectory }),
    mirror: shared?.spools,
    wishes,
    index: shared?.replays ?? createSqliteReplayIndex(database),
    forgottenElsewhere: parts.forgottenElsewhere,
    clock,
    log,
    limits: replayLimits(parts.config()),
    interruptedFrames: endingFrames("failed", "The gateway was stopped during this answer: send the message again"),
    abandonedFrames: endingFrames(
      "failed",
      "The answer was ended since nobody read it any more: send the message again",
    ),
    stoppedFrames: endingFrames("cancelled", "The answer was stopped"),
    isEnding,
  });
  const running = new Map<string, Promise<void>>();
  const agent = createSqliteAgent(database, times);
  return {
    database,
    store: shared?.chat ?? createSqliteChat(database, times),
    agentStore: shared?.agent(agent) ?? agent,
    responses: shared?.responses ?? createSqliteResponses(database, times),
    conversations: shared?.conversations ?? createSqliteConversations(database, times),
    replays,
    wishes,
    running,
    adjust: () => replays.adjust(replayLimits(parts.config())),
    probe: () => transactions.write(() => rewriteVersion(database)),
    async close() {
      await replays.close();
      while (running.size > 0) await Promise.all(running.values());
      await transactions.flush();
      await erasure.close();
      database.close();
    },
  };
}

/** In the words of whichever stream it ends. */
function endingFrames(status: "failed" | "cancelled", sentence: string): EndingFrames {
  return (lastId, streamId) => {
    if (isResponseId(streamId)) return responseEndingFrames(lastId, streamId, { status, sentence });
    return [chatEndingFrame(lastId, sentence)];
  };
}

function isEnding(frame: Uint8Array, streamId: string): boolean {
  return isResponseId(streamId) ? isResponseEnding(frame) : isChatEnding(frame);
}

function replayLimits(config: Config): ReplayLimits {
  return {
    maxStreamBytes: config.replayMaxStreamBytes,
    maxTotalBytes: config.replayMaxBytes,
    keepMs: config.replayKeepMs,
    graceMs: config.replayGraceMs,
    keepAliveMs: config.sseKeepaliveMs,
    clientStallMs: config.clientStallMs,
  };
}
