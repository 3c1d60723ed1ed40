// Method and path to the function that answers, and the name by which scripts know the call.

import { chatCompletions } from "./chat-completions.ts";
import { type Call, refuseCall } from "./call.ts";
import type { Endpoint, InfoRoute, ModelListContext } from "./dialect.ts";
import { createEmbeddings } from "./embeddings.ts";
import { type CompatibleState, contextOf } from "./emulator-state.ts";
import { createImages, createSpeech, createTranscription } from "./media.ts";
import { createRanking } from "./rerank.ts";
import type { CallName } from "./script.ts";

export interface CompatibleRoute {
  readonly on: CallName;
  readonly needsKey: boolean;
  answer(call: Call, state: CompatibleState, leave: AbortSignal): Response | Promise<Response>;
}

const endpoints: Readonly<Record<string, readonly [Endpoint, CompatibleRoute["answer"]]>> = {
  "/v1/embeddings": ["embeddings", createEmbeddings],
  "/v1/reranks": ["rerank", createRanking],
  "/v1/rerank": ["rerank", createRanking],
  "/rerank": ["rerank", createRanking],
  "/v1/images/generations": ["images", createImages],
  "/v1/audio/transcriptions": ["transcriptions", createTranscription],
  "/v1/audio/speech": ["speech", createSpeech],
};

/** @param path without a slash at its end */
export function findRoute(method: string, path: string, { dialect }: CompatibleState): CompatibleRoute {
  if (method === "POST" && path === "/v1/chat/completions") {
    return { on: "completions", needsKey: true, answer: chatCompletions };
  }
  if (method === "GET" && path === "/v1/models") return { on: "models", needsKey: true, answer: listModels };
  if (method === "GET" && path.startsWith("/v1/models/")) return { on: "models", needsKey: true, answer: readModel };
  const [endpoint, answer] = Object.hasOwn(endpoints, path) ? (endpoints[path] ?? []) : [];
  if (method === "POST" && endpoint !== undefined && answer !== undefined && dialect.endpoints.includes(endpoint)) {
    return { on: endpoint, needsKey: true, answer };
  }
  const name = `${method} ${path}`;
  const info = Object.hasOwn(dialect.infoRoutes, name) ? dialect.infoRoutes[name] : undefined;
  if (info !== undefined) return { on: "info", needsKey: false, answer: (call, state) => tell(info, call, state) };
  return { on: "other", needsKey: false, answer: (call) => dialect.notFound(call.method, call.path) };
}

function tell(info: InfoRoute, call: Call, state: CompatibleState): Response {
  return info({ ...listContext(state), body: call.body });
}

function listModels(_call: Call, state: CompatibleState): Response {
  return Response.json(state.dialect.modelList(listContext(state)));
}

function readModel(call: Call, state: CompatibleState): Response {
  const id = decodeURIComponent(call.path.slice("/v1/models/".length));
  const cards = state.cards.filter((card) => card.id === id);
  if (cards.length === 0) return refuseCall(call, state, { name: "model-not-found" }, { model: id });
  const list = state.dialect.modelList({ ...listContext(state), cards });
  const entries = typeof list === "object" && list !== null && "data" in list ? list["data"] : undefined;
  return Response.json(Array.isArray(entries) ? entries[0] : null);
}

function listContext(state: CompatibleState): ModelListContext {
  return {
    cards: state.cards,
    nowSeconds: Math.floor(state.clock() / 1000),
    contextTokens: (card) => contextOf(card, state),
  };
}
