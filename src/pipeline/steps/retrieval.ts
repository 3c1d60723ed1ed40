// The step that looks for pieces of the caller's documents.

import { toGatewayError } from "../../contract/gateway-error.ts";
import type { Step } from "../step.ts";

export interface RetrievalOptions {
  /** Most pieces. @defaultValue 5 */
  readonly limit?: number;
}

/** Tells its sources, none as an empty list, so that a reader knows that it has looked. */
export function retrieval({ limit = 5 }: RetrievalOptions = {}): Step {
  return {
    name: "retrieval",
    async *run(context) {
      yield { stage: "retrieval" };
      const { state, signal, log } = context;
      if (state.needsDocuments) {
        try {
          state.sources = await context.searchDocuments(state.query, limit);
        } catch (error) {
          if (signal.aborted) throw error;
          const failure = toGatewayError(error);
          const message = "Cannot search the documents: the answer goes on without";
          if (failure.kind === "internal") log.error(message, {}, failure);
          else log.info(message, { reason: failure.message });
        }
      }
      yield { sources: state.sources };
    },
  };
}
