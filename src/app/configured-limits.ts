// How much everybody may use, as the settings have it. What was used already is counted elsewhere (open-callers.ts).

import type { Config } from "../config/config-schema.ts";
import type { CallerLimits, Quota } from "../contract/access.ts";

export interface ConfiguredLimits {
  /** Of every caller whose key says nothing else. */
  readonly callerLimits: CallerLimits;
  readonly sessionLimits: Quota["session"];
}

export function configuredLimits(config: Config): ConfiguredLimits {
  const session = withoutAbsent({ requestsPerMinute: config.sessionRequestsPerMinute, streams: config.sessionStreams });
  return {
    callerLimits: withoutAbsent({
      requestsPerMinute: config.limitRequestsPerMinute,
      tokensPerMinute: config.limitTokensPerMinute,
      tokensPerDay: config.limitTokensPerDay,
      spendPerDay: config.limitSpendPerDay,
      streams: config.maxStreamsPerKey,
    }),
    sessionLimits: Object.keys(session).length === 0 ? undefined : session,
  };
}

function withoutAbsent(limits: { readonly [Name in keyof CallerLimits]: number | undefined }): CallerLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, amount]) => amount !== undefined));
}
