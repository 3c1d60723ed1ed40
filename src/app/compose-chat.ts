// The typed chat put together: its database, replays, documents, steps and routes. Loaded with the first request for it.

import type { Database } from "bun:sqlite";
import type { Config } from "../config/config-schema.ts";
import type { Clock } from "../contract/clock.ts";
import type { Upstream } from "../contract/upstream.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { createDocuments, type Documents } from "../documents/documents.ts";
import { generation } from "../pipeline/steps/generation.ts";
import { followUps } from "../pipeline/steps/follow-ups.ts";
import { quality } from "../pipeline/steps/quality.ts";
import { queryAnalysis } from "../pipeline/steps/query-analysis.ts";
import { retrieval } from "../pipeline/steps/retrieval.ts";
import { definePipeline, type Pipeline, type Step } from "../pipeline/step.ts";
import { createTypedChat, type TypedChat } from "../pipeline/typed-chat.ts";
import { createReplays } from "../replay/create-replays.ts";
import type { EndingFrame, Replays } from "../replay/replays.ts";
import { chatRoutes } from "../server/chat-routes.ts";
import type { Edge } from "../server/create-server.ts";
import { documentRoutes } from "../server/document-routes.ts";
import { feedRoute } from "../server/feed-route.ts";
import type { ServerRoute } from "../server/trip.ts";
import { transactionsOf } from "../store/shared-transactions.ts";
import { openChatDatabase } from "../store/chat-database.ts";
import type { ChatStore } from "../store/chat-store.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import { createSqliteAgent } from "../store/sqlite-agent.ts";
import { createSqliteChat } from "../store/sqlite-chat.ts";
import { createSqliteConversations } from "../store/sqlite-conversations.ts";
import { createSqliteDocuments } from "../store/sqlite-documents.ts";
import { createSqliteReplayIndex } from "../store/sqlite-replay-index.ts";
import { createSqliteResponses } from "../store/sqlite-responses.ts";
import type { ResponseStore } from "../store/response-store.ts";
import { embedThrough } from "./embed-through.ts";
import type { Store } from "../store/store.ts";
import { responseEndingFrame } from "../surfaces/openai-responses/ending-frame.ts";
import { isResponseId } from "../surfaces/openai-responses/items.ts";
import type { Log } from "../telemetry/log.ts";

export interface ChatParts {
  readonly config: Config;
  readonly gateway: Gateway;
  readonly turns: Store;
  readonly upstreams: () => readonly Upstream[];
  /** @defaultValue the steps that the settings name */
  readonly pipeline: Pipeline | undefined;
  /** Of the database: the path of a file, or `inMemory`. */
  readonly path: string;
  /** Of the answers that can be read on. Undefined: they are kept in memory. */
  readonly replayDirectory: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Chat {
  /** Others keep theirs in it as well; closed with the chat. */
  readonly database: Database;
  readonly store: ChatStore;
  readonly typedChat: TypedChat;
  readonly documents: Documents;
  /** Answers of another surface, which their clients refer to. */
  readonly responses: ResponseStore;
  readonly conversations: ConversationStore;
  readonly replays: Replays;
  /** @returns whether there was such a session. */
  deleteSession(caller: string, sessionId: string): Promise<boolean>;
  routes(edge: Edge, deleteSession: (caller: string, sessionId: string) => Promise<boolean>): readonly ServerRoute[];
  /** Forgets what has expired. Never rejects. */
  sweep(): Promise<void>;
  /** Ends what still runs, and closes the database. */
  close(): Promise<void>;
}

/** @throws when the database cannot be opened, or the directory of the replays not be made */
export function composeChat(parts: ChatParts): Chat {
  const database = openChatDatabase(parts.path, parts.log);
  try {
    return composeOver(database, parts);
  } catch (error) {
    // The next request tries again.
    database.close();
    throw error;
  }
}

function composeOver(database: Database, parts: ChatParts): Chat {
  const { config, gateway, clock, log } = parts;
  const store = createSqliteChat(database, { clock, sessionTimeoutMs: config.sessionTimeout });
  // In the same database: swept whether the agent is at work here or not.
  const agentStore = createSqliteAgent(database, { clock, sessionTimeoutMs: config.sessionTimeout });
  const replays = createReplays({
    ...(parts.replayDirectory === undefined ? {} : { directory: parts.replayDirectory }),
    index: createSqliteReplayIndex(database),
    clock,
    log,
    limits: {
      maxStreamBytes: config.replayMaxStreamBytes,
      maxTotalBytes: config.replayMaxBytes,
      keepMs: config.replayKeepMs,
      graceMs: config.replayGraceMs,
      keepAliveMs: config.sseKeepaliveMs,
      clientStallMs: config.clientStallMs,
    },
    interruptedFrame: endingFrame("failed", "The gateway was stopped during this answer: send the message again"),
    abandonedFrame: endingFrame("failed", "The answer was ended since nobody read it any more: send the message again"),
    stoppedFrame: endingFrame("cancelled", "The answer was stopped"),
  });
  const responses = createSqliteResponses(database, { clock, sessionTimeoutMs: config.sessionTimeout });
  const conversations = createSqliteConversations(database, { clock, sessionTimeoutMs: config.sessionTimeout });
  const { embeddingModel } = config;
  const documents = createDocuments({
    store: createSqliteDocuments(database, { clock }),
    limits: { maxDocumentBytes: config.documentMaxBytes, maxTotalBytes: config.documentsMaxBytes },
    clock,
    log,
    ...(embeddingModel !== undefined && {
      embed: embedThrough(gateway, embeddingModel),
      embedModel: embeddingModel,
    }),
  });
  const chat = createTypedChat({
    pipeline: parts.pipeline ?? configuredPipeline(config),
    gateway,
    store,
    turns: parts.turns,
    replays,
    search: (caller, query, { ids, limit, signal }) =>
      documents.search(caller, query, { limit, signal, ...(ids === undefined ? {} : { ids }) }),
    upstreamNames: () => parts.upstreams().map(({ name }) => name),
    defaultModel: config.defaultModel,
    clock,
    log,
  });
  return {
    database,
    store,
    typedChat: chat,
    documents,
    responses,
    conversations,
    replays,
    deleteSession: (caller, sessionId) => chat.deleteSession(caller, sessionId),
    routes: (edge, deleteSession) => [
      ...chatRoutes({ chat, store, deleteSession, ...edge }),
      ...documentRoutes({ documents, keepAliveMs: config.sseKeepaliveMs, ...edge }),
      feedRoute({
        accounts: () =>
          parts
            .upstreams()
            .flatMap(({ name, accounts }) => (accounts?.() ?? []).map((account) => ({ upstream: name, ...account }))),
        streams: (caller) =>
          replays
            .running()
            .filter((one) => one.caller === caller)
            .map(({ streamId, readers, startedAtMs }) => ({ stream_id: streamId, readers, started_at: startedAtMs })),
        keepAliveMs: config.sseKeepaliveMs,
        ...edge,
      }),
    ],
    async sweep() {
      try {
        await store.sweep();
        await replays.sweep();
        await documents.sweep();
        await agentStore.sweep();
        await responses.sweep();
        await conversations.sweep();
      } catch (error) {
        log.error("Cannot sweep the typed chat, the next sweep will", {}, error);
      }
    },
    async close() {
      await replays.close();
      await chat.drain();
      await transactionsOf(database).flush();
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

function configuredPipeline(config: Config): Pipeline {
  const steps: Readonly<Record<string, () => Step>> = {
    query_analysis: () => queryAnalysis({ by: config.chatAnalysis }),
    retrieval: () => retrieval({ limit: config.chatSources }),
    generation: () =>
      generation(config.chatInstructions === undefined ? {} : { instructions: config.chatInstructions }),
    quality,
    follow_ups: () => followUps({ timeoutMs: config.chatFollowUpsMs }),
  };
  return definePipeline([...new Set(config.chatSteps)].flatMap((name) => steps[name]?.() ?? []));
}
