// The endpoints beside chat that are passed on as they are: what an upstream is handed, and what it hands back.

import type { ByteSource } from "./byte-source.ts";
import type { GatewayError } from "./gateway-error.ts";
import type { LimitListener } from "./limits.ts";

/** Behind `/v1/`. The names are OpenAI's, `rerank` is Cohere's and Jina's. */
export const forwardEndpoints = [
  "embeddings",
  "rerank",
  "images/generations",
  "audio/transcriptions",
  "audio/translations",
  "audio/speech",
] as const;

export type ForwardEndpoint = (typeof forwardEndpoints)[number];

export type ForwardBody =
  /** Held whole: it can be sent again. The pieces are one body. */
  | { readonly type: "bytes"; readonly pieces: readonly Uint8Array[] }
  /** Read from the client while it is sent. */
  | {
      readonly type: "stream";
      /** Undefined: the client did not say. */
      readonly sizeBytes: number | undefined;
      /** Once, unless nothing was read of the one before. Its failure is the client's. */
      open(): ReadableStream<Uint8Array>;
    };

export interface ForwardRequest {
  readonly endpoint: ForwardEndpoint;
  /** As the upstream calls it; it stands in the body already. Undefined: the body names none that was found. */
  readonly model: string | undefined;
  readonly contentType: string;
  readonly accept: string;
  readonly body: ForwardBody;
}

export interface ForwardContext {
  /** Aborted when the client leaves, the upstream is silent for too long, or the gateway stops. */
  readonly signal: AbortSignal;
  readonly caller: string;
  readonly requestId: string;
  /** Epoch milliseconds by which waits for a key or an account must be over. */
  readonly deadlineMs: number;
  /** Of a part of the work that fails for the moment: how often it is done, and how long after. */
  readonly retry: { readonly maxAttempts: number; readonly baseDelayMs: number; readonly maxDelayMs: number };
  /** Work goes on although no answer has come: the clock of silence starts anew. */
  alive(): void;
  /** Hears what the upstream tells of its limits. */
  readonly limits: LimitListener;
}

export interface ForwardedAnswer {
  /** Id of the account that serves it; "" where the upstream has none. */
  readonly account: string;
  /** A good one: refusals are thrown. */
  readonly status: number;
  readonly contentType: string | undefined;
  /** Bytes when it is whole already. */
  readonly body: ByteSource | Uint8Array;
  /**
   * Called exactly once, when nothing of it is read any more; what still runs is for the caller to cancel.
   * @param error what it failed by
   */
  onEnd(error?: GatewayError): void;
}

export interface Forwarding {
  /** Whether a request for it makes sense. Cheap: asks nobody. */
  serves(endpoint: ForwardEndpoint): boolean;
  /**
   * Sends the request and returns as soon as it is known that the answer is a good one.
   * @throws {GatewayError} on every refusal, classified; `not-served` when the endpoint turns out to be missing there
   */
  forward(request: ForwardRequest, context: ForwardContext): Promise<ForwardedAnswer>;
}
