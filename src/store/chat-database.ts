// The database of what is kept of conversations: messages, replays, documents, responses, conversations. Apart from that of the turns, so that the import of a
// long document does not hold up the end of somebody's answer.

import type { Database } from "bun:sqlite";
import { join } from "node:path";
import type { Log } from "../telemetry/log.ts";
import messages from "./chat-migrations/001-messages.sql" with { type: "text" };
import replays from "./chat-migrations/002-replays.sql" with { type: "text" };
import documents from "./chat-migrations/003-documents.sql" with { type: "text" };
import agent from "./chat-migrations/004-agent.sql" with { type: "text" };
import messageOrder from "./chat-migrations/005-message-order.sql" with { type: "text" };
import responses from "./chat-migrations/006-responses.sql" with { type: "text" };
import conversations from "./chat-migrations/007-conversations.sql" with { type: "text" };
import responseRows from "./chat-migrations/008-response-rows.sql" with { type: "text" };
import replayFrames from "./chat-migrations/009-replay-frames.sql" with { type: "text" };
import sharedInputs from "./chat-migrations/010-shared-inputs.sql" with { type: "text" };
import longRows from "./chat-migrations/011-long-rows.sql" with { type: "text" };
import { type LogCopying, openDatabase } from "./open-database.ts";

export const chatMigrations: readonly string[] = [
  messages,
  replays,
  documents,
  agent,
  messageOrder,
  responses,
  conversations,
  responseRows,
  replayFrames,
  sharedInputs,
  longRows,
];

export const chatDatabaseName = "chat.db";

export function chatDatabasePath(dataDir: string): string {
  return join(dataDir, chatDatabaseName);
}

/**
 * @param path of the file, or `inMemory`
 * @throws {GatewayError} when the file cannot be opened, is no database, is damaged, or belongs to a newer version.
 */
export function openChatDatabase(path: string, log: Log, copying?: LogCopying): Database {
  const database = openDatabase(path, log, chatMigrations, copying);
  // What is deleted is written over at once: twice the time of a deletion (0.16 to 0.32 ms for a session of 32 KB), and nothing
  // that could be measured of a turn. What is left besides: erasure.ts.
  database.run("PRAGMA secure_delete = ON");
  return database;
}
