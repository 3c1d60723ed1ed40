// The typed chat of these settings put together: documents, steps and routes, over what is kept. Loaded with the first
// request for it.

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
import type { Replays } from "../replay/replays.ts";
import { chatRoutes } from "../server/chat-routes.ts";
import type { Edge } from "../server/create-server.ts";
import { documentRoutes } from "../server/documents/document-routes.ts";
import { feedRoute } from "../server/feed-route.ts";
import type { ServerRoute } from "../server/trip.ts";
import type { AgentStore } from "../store/agent-store.ts";
import type { ChatStore } from "../store/chat-store.ts";
import type { ConversationStore } from "../store/conversation-store.ts";
import { createSqliteDocuments } from "../store/sqlite/documents.ts";
import type { ResponseStore } from "../store/response-store.ts";
import type { OpenVault } from "./open-vault.ts";
import { embedThrough } from "./embed-through.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { Fellows } from "../workers/fellows.ts";

export interface ChatParts {
  readonly config: Config;
  readonly gateway: Gateway;
  readonly turns: Store;
  readonly upstreams: () => readonly Upstream[];
  /** @defaultValue the steps that the settings name */
  readonly pipeline: Pipeline | undefined;
  readonly vault: OpenVault;
  /** The other workers, if there are any. */
  readonly fellows: Fellows | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Chat {
  readonly store: ChatStore;
  readonly agentStore: AgentStore;
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
  /** The same without forgetting anything: another process does. */
  recount(): Promise<void>;
}

export function composeChat(parts: ChatParts): Chat {
  const { config, gateway, vault, clock, log } = parts;
  const { database, store, agentStore, replays, responses, conversations, running } = vault;
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
    running,
    search: (caller, query, { ids, limit, signal }) =>
      documents.search(caller, query, { limit, signal, ...(ids === undefined ? {} : { ids, skipsUnknown: true }) }),
    upstreamNames: () => parts.upstreams().map(({ name }) => name),
    defaultModel: config.defaultModel,
    clock,
    log,
  });
  return {
    agentStore,
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
        fellows: parts.fellows,
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
        log.error("Cannot sweep the typed chat: the next sweep tries again", {}, error);
      }
    },
    async recount() {
      try {
        await replays.recount();
      } catch (error) {
        log.error("Cannot count what is kept of streams: the next sweep tries again", {}, error);
      }
    },
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
