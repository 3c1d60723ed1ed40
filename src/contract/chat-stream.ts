// The events of the typed chat stream: what the pipeline's steps say, and what stands in the `data:` of its frames. The
// client library publishes the same union as `SSEEvent`.

import type { Json } from "./json.ts";

/** One piece of a document that was found for the question, or a page that the upstream has searched. */
export type ChatSource = {
  readonly chunk_id: string;
  readonly document_id?: string;
  readonly document_name: string;
  readonly text: string;
  /** 0 to 1, the best is nearest to 1. */
  readonly score: number;
  /** Of a page on the web, http or https. */
  readonly url?: string;
};

/** Each frame holds one of them; a reader looks for the keys that it knows. */
export type ChatStreamEvent =
  | { readonly stage: string }
  | { readonly token: string }
  /** A piece of the model's thoughts. */
  | { readonly reasoning: string }
  | { readonly sources: readonly ChatSource[] }
  /** 0 to 1. */
  | { readonly quality_score: number }
  | { readonly follow_up_questions: readonly string[] }
  | { readonly metadata: { readonly [key: string]: Json } }
  | { readonly error: string };
