// Who may come in by a stored key, and how much everybody may use, as the settings have it.

import type { CallerLimits, Quota } from "../contract/access.ts";
import type { Config } from "../config/config-schema.ts";
import type { Clock } from "../contract/clock.ts";
import { createPriceOf } from "../gateway/quotas/prices.ts";
import { createQuotas, type Quotas } from "../gateway/quotas/quotas.ts";
import { type KeyRing, openKeyRing } from "../server/auth/key-ring.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";

export interface Callers {
  readonly keyRing: KeyRing;
  readonly quotas: Quotas;
  /** Of every caller whose key says nothing else. */
  readonly callerLimits: CallerLimits;
  readonly sessionLimits: Quota["session"];
  /** Before the store is closed. */
  close(): Promise<void>;
}

export async function composeCallers(
  config: Config,
  { store, clock, log }: { readonly store: Store; readonly clock: Clock; readonly log: Log },
): Promise<Callers> {
  const keyRing = await openKeyRing({ store, clock, log });
  const quotas = createQuotas({ store, clock, log, priceOf: createPriceOf({ own: config.prices }) });
  const session = withoutAbsent({ requestsPerMinute: config.sessionRequestsPerMinute, streams: config.sessionStreams });
  return {
    keyRing,
    quotas,
    callerLimits: withoutAbsent({
      requestsPerMinute: config.limitRequestsPerMinute,
      tokensPerMinute: config.limitTokensPerMinute,
      tokensPerDay: config.limitTokensPerDay,
      spendPerDay: config.limitSpendPerDay,
      streams: config.maxStreamsPerKey,
    }),
    sessionLimits: Object.keys(session).length === 0 ? undefined : session,
    async close() {
      keyRing.close();
      await quotas.close();
    },
  };
}

function withoutAbsent(limits: { readonly [Name in keyof CallerLimits]: number | undefined }): CallerLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, amount]) => amount !== undefined));
}
