// Vectors of pieces and of questions, by whoever makes them. Without them search goes on by words.

import { reasonOf } from "../contract/thrown.ts";
import type { PieceVector } from "../store/document-store.ts";
import type { Log } from "../telemetry/log.ts";

/** At most 16 texts at a time; one vector each, in their order, all of the same length. */
export type Embed = (texts: readonly string[], signal: AbortSignal) => Promise<readonly Float32Array[]>;

export interface Embedder {
  readonly model: string;
  /** For one import: when it has failed once, the rest goes without. */
  forImport(): (texts: readonly string[], signal: AbortSignal) => Promise<readonly (PieceVector | undefined)[]>;
  /** Undefined when it fails: one line in the log says so. */
  embedQuestion(question: string, signal: AbortSignal): Promise<PieceVector | undefined>;
}

/** A person waits for the answer to this question; words alone are better than silence. */
const questionTimeoutMs = 5000;
/** Of some dozen pieces. */
const piecesTimeoutMs = 60_000;

export function createEmbedder(embed: Embed, model: string, log: Log): Embedder {
  async function vectorsOf(texts: readonly string[], signal: AbortSignal, timeoutMs: number): Promise<PieceVector[]> {
    const vectors = await embed(texts, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    if (vectors.length !== texts.length) {
      throw new Error(`Cannot use the embeddings: ${texts.length} texts gave ${vectors.length} vectors`);
    }
    return vectors.map((values) => ({ model, values: toUnitLength(values) }));
  }

  return {
    model,
    forImport() {
      let hasFailed = false;
      return async (texts, signal) => {
        const none = texts.map(() => undefined);
        if (hasFailed) return none;
        try {
          return await vectorsOf(texts, signal, piecesTimeoutMs);
        } catch (error) {
          signal.throwIfAborted();
          hasFailed = true;
          log.warn("Cannot embed a document: it is found by its words only", { model, reason: reasonOf(error) });
          return none;
        }
      };
    },
    async embedQuestion(question, signal) {
      try {
        const [vector] = await vectorsOf([question], signal, questionTimeoutMs);
        return vector;
      } catch (error) {
        signal.throwIfAborted();
        log.warn("Cannot embed a question: documents are searched by its words only", {
          model,
          reason: reasonOf(error),
        });
        return undefined;
      }
    },
  };
}

/** Then their product is their cosine. @throws {Error} for one that has no direction. */
function toUnitLength(values: Float32Array): Float32Array {
  const length = Math.hypot(...values);
  if (!(length > 0 && Number.isFinite(length))) throw new Error("Cannot use an embedding: it has no direction");
  return values.map((value) => value / length);
}
