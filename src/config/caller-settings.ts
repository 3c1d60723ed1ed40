// The settings of callers: how much each of them may use. A key's own limits go before these.

import { Type } from "typebox";
import { limit, mostTokens } from "./setting-kinds.ts";

/** Dollars for a million tokens. */
const priceSchema = Type.Object(
  { input: Type.Number({ minimum: 0 }), output: Type.Number({ minimum: 0 }) },
  { additionalProperties: false },
);

export const callerSettings = {
  limitRequestsPerMinute: limit(
    "Most requests of one caller within a minute: a key, a user, or without keys an address. Beyond it: 429",
  ),
  limitTokensPerMinute: limit("The same for tokens, read and written. Beyond it: 429", mostTokens),
  limitTokensPerDay: limit("Most tokens of one caller within a day, UTC. Beyond it: 429", mostTokens),
  limitSpendPerDay: Type.Optional(
    Type.Number({
      description:
        "Most US dollars of one caller within a day, UTC, as PRICES and list prices estimate them. Beyond it: 429",
      minimum: 0.0001,
      maximum: 1_000_000,
      allowed: "a number of dollars such as 2.5",
    }),
  ),
  sessionRequestsPerMinute: limit("Most requests of one session that requests name, within a minute. Beyond it: 429"),
  sessionStreams: limit("Most replies of one session that requests name, at a time. Beyond it: 429"),
  prices: Type.Optional(
    Type.Record(Type.String({ minLength: 1 }), priceSchema, {
      description:
        "Prices of models in US dollars for a million tokens, before the list prices that are built in. A name may end in *",
      allowed: 'an object such as {"qwen3-max": {"input": 1.2, "output": 6}, "home/*": {"input": 0, "output": 0}}',
    }),
  ),
};
