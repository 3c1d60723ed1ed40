// The vault of the typed chat opened: its database with its stores, and the replays. Loaded with the first request for it.

import type { Database } from "bun:sqlite";
import { createReplays } from "../replay/create-replays.ts";
import type { EndingFrame } from "../replay/replays.ts";
import { openChatDatabase } from "../store/chat-database.ts";
import { rewriteVersion } from "../store/migrate.ts";
import { transactionsOf } from "../store/shared-transactions.ts";
import { createSqliteAgent } from "../store/sqlite-agent.ts";
import { createSqliteChat } from "../store/sqlite-chat.ts";
import { createSqliteReplayIndex } from "../store/sqlite-replay-index.ts";
import { createSqliteResponses } from "../store/sqlite-responses.ts";
import { responseEndingFrame } from "../surfaces/openai-responses/ending-frame.ts";
import { isResponseId } from "../surfaces/openai-responses/items.ts";
import { type OpenVault, replayLimits, type VaultParts } from "./chat-vault.ts";

/** @throws when the database cannot be opened, or the directory of the replays not be made */
export function openVault(parts: VaultParts): OpenVault {
  const database = openChatDatabase(parts.path, parts.log);
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
  const times = {
    clock,
    get sessionTimeoutMs(): number {
      return parts.config().sessionTimeout;
    },
  };
  const replays = createReplays({
    ...(parts.replayDirectory === undefined ? {} : { directory: parts.replayDirectory }),
    index: createSqliteReplayIndex(database),
    clock,
    log,
    limits: replayLimits(parts.config()),
    interruptedFrame: endingFrame("failed", "The gateway was stopped during this answer: send the message again"),
    abandonedFrame: endingFrame("failed", "The answer was ended since nobody read it any more: send the message again"),
    stoppedFrame: endingFrame("cancelled", "The answer was stopped"),
  });
  const running = new Map<string, Promise<void>>();
  return {
    database,
    store: createSqliteChat(database, times),
    agentStore: createSqliteAgent(database, times),
    responses: createSqliteResponses(database, times),
    replays,
    running,
    probe: () => transactions.write(() => rewriteVersion(database)),
    async close() {
      await replays.close();
      while (running.size > 0) await Promise.all(running.values());
      await transactions.flush();
      database.close();
    },
  };
}

/** In the words of whichever stream it ends. */
function endingFrame(status: "failed" | "cancelled", sentence: string): EndingFrame {
  return (lastId, streamId) => {
    if (isResponseId(streamId)) return responseEndingFrame(lastId, streamId, { status, sentence });
    return new TextEncoder().encode(`id: ${lastId + 1}\ndata: ${JSON.stringify({ error: sentence })}\n\n`);
  };
}
