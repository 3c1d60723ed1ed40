// Rerank: documents in the order of the words that they share with the query.

import { member } from "../request-log.ts";
import { countTokens } from "../reply-steps.ts";
import { type Call, refuseCall } from "./call.ts";
import type { CompatibleState } from "./emulator-state.ts";

export function createRanking(call: Call, state: CompatibleState): Response {
  const query = member(call.body, "query");
  const given = member(call.body, "documents");
  if (typeof query !== "string" || !Array.isArray(given) || given.length === 0) {
    return refuseCall(call, state, { name: "invalid-parameter", message: "query and documents are required" });
  }
  const documents = given.map((entry) => (typeof entry === "string" ? entry : String(member(entry, "text") ?? "")));
  const most = member(call.body, "top_n");
  const ranked = documents
    .map((text, index) => ({ index, text, relevance_score: similarity(query, text) }))
    .sort((one, other) => other.relevance_score - one.relevance_score || one.index - other.index)
    .slice(0, typeof most === "number" ? most : documents.length);
  const tokens = countTokens(query) + documents.reduce((sum, text) => sum + countTokens(text), 0);
  const model = String(member(call.body, "model") ?? "");
  const withDocuments = member(call.body, "return_documents") === true;
  switch (state.dialect.name) {
    case "sglang":
      return Response.json(
        ranked.map(({ index, text, relevance_score }) => ({ score: relevance_score, document: text, index })),
      );
    case "vllm":
      return Response.json({
        id: `rerank-${call.requestId.replaceAll("-", "")}`,
        model,
        usage: { total_tokens: tokens },
        results: ranked.map(({ index, text, relevance_score }) => ({ index, document: { text }, relevance_score })),
      });
    default:
      return Response.json({
        object: "list",
        results: ranked.map(({ index, text, relevance_score }) => ({
          index,
          relevance_score,
          ...(withDocuments ? { document: { text } } : {}),
        })),
        model,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
        id: call.requestId,
      });
  }
}

function similarity(query: string, text: string): number {
  const asked = wordsOf(query);
  const shared = [...wordsOf(text)].filter((word) => asked.has(word)).length;
  return Number((shared / Math.max(1, asked.size)).toFixed(4));
}

function wordsOf(text: string): Set<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
}
