// What a gateway is made of.

import type { ReplyDisplay } from "../contract/answer-format.ts";
import type { Upstream } from "../contract/upstream.ts";
import type { TrimStrategy } from "../conversation/trim-messages.ts";
import type { HistoryRecorder } from "../history/ended-exchange.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { AdmissionOptions } from "./queues/admission.ts";
import type { FindFile } from "./file-references.ts";
import type { GatewayLedger } from "./ledger.ts";
import type { LivenessOptions } from "./replies/liveness.ts";
import type { Quotas } from "./quotas/quotas.ts";

export interface GatewayOptions {
  /** One at least; which ones may change while the gateway runs. The first serves what no route knows. */
  readonly upstreams: () => readonly Upstream[];
  /** @see RouteOptions. @defaultValue none */
  readonly modelRoutes?: Readonly<Record<string, string | readonly string[]>>;
  /** How long a failing candidate is passed over where another one can serve. @defaultValue 30_000 */
  readonly breakerOpenMs?: number;
  readonly store: Store;
  /** What new turns get while a store on another machine cannot be used. @defaultValue "stateless" */
  readonly storeDown?: "refuse" | "stateless";
  /** How long a commit may hold back the end of a reply. @defaultValue 250 */
  readonly commitMs?: number;
  readonly defaultModel: string;
  readonly sessionMatch: "history" | "first-message";
  /** Deleting a session also deletes its chats at the upstream. */
  readonly deleteChats: boolean;
  /** False: every answer is one JSON body, whatever the client asks. */
  readonly stream: boolean;
  readonly streamUsage: "request" | "always";
  readonly liveness: LivenessOptions;
  readonly holdHeadersMs: number;
  readonly retry: { readonly maxAttempts: number; readonly baseDelayMs: number; readonly maxDelayMs: number };
  readonly retryBudgetMs: number;
  /** How replies are shown to clients that do not say it. @defaultValue as their protocols have it */
  readonly display?: ReplyDisplay;
  readonly debugStreaming: boolean;
  /** What is given up of a prompt that is too long for its model. @defaultValue "off": it is refused */
  readonly contextTrim?: "off" | TrimStrategy;
  /** Most messages of one request. @defaultValue no limit */
  readonly maxMessages?: number;
  /** What requests name by the ids of files. @defaultValue there are none */
  readonly findFile?: FindFile;
  /** How many replies may run at a time. @defaultValue no limit */
  readonly admission?: Omit<AdmissionOptions, "counts">;
  /** Holds callers to their limits. @defaultValue nothing is counted */
  readonly quotas?: Quotas | undefined;
  /** Where settings follow one another: what all gateways of the process share. @defaultValue its own */
  readonly ledger?: GatewayLedger;
  /** Told of every exchange that ends. @defaultValue nothing is kept */
  readonly history?: HistoryRecorder | undefined;
  readonly clock: () => number;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** Undefined: no traces are sent. */
  readonly tracing?: Pick<Tracing, "reply"> | undefined;
}
