// The stored keys and what callers have used, for the life of the process: settings that follow one another go on counting
// where the ones before were. Limits and keys of the settings come with each request instead (configured-limits.ts).

import type { Config } from "../config/config-schema.ts";
import type { Clock } from "../contract/clock.ts";
import { createPriceOf, type PriceOf } from "../gateway/quotas/prices.ts";
import { createQuotas, type Quotas } from "../gateway/quotas/quotas.ts";
import { type KeyRing, openKeyRing } from "../server/auth/key-ring.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";

export interface CallersParts {
  readonly store: Store;
  /** Of the settings of the moment. */
  prices(): Config["prices"];
  readonly clock: Clock;
  readonly log: Log;
}

export interface Callers {
  readonly keyRing: KeyRing;
  readonly quotas: Quotas;
  /** Before the store is closed. */
  closeCallers(): Promise<void>;
}

/** @throws what the store throws when it cannot be read */
export async function openCallers({ store, prices, clock, log }: CallersParts): Promise<Callers> {
  const keyRing = await openKeyRing({ store, clock, log });
  const quotas = createQuotas({ store, clock, log, priceOf: createPresentPriceOf(prices) });
  return {
    keyRing,
    quotas,
    async closeCallers() {
      keyRing.close();
      await quotas.close();
    },
  };
}

/** A reply costs what the settings say when it ends. */
function createPresentPriceOf(prices: () => Config["prices"]): PriceOf {
  let own: Config["prices"];
  let priceOf = createPriceOf();
  return (model, usage) => {
    const present = prices();
    if (present !== own) {
      own = present;
      priceOf = createPriceOf({ own });
    }
    return priceOf(model, usage);
  };
}
