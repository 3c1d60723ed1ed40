// ModelScope's inference service. Its stream form is not in the reference (?): that of DashScope in its older shape.

import type { Dialect } from "../dialect.ts";
import { dashscopeErrors } from "./dashscope-errors.ts";
import { hosted, hostedChecks } from "./hosted.ts";
import { modelScopeCards } from "./hosted-models.ts";

export const modelscope: Dialect = {
  ...hosted,
  name: "modelscope",
  variants: ["2025", "2026", "empty-names"],
  cards: modelScopeCards,
  wrongKey: () => undefined,
  checks: [
    // claude-code-router#948 (2025-10).
    ({ card, isStream }) =>
      !isStream && card?.thinksInStreamsOnly === true
        ? { name: "invalid-parameter", message: "enable thinking can not be support when `stream=False`." }
        : undefined,
    ...hostedChecks,
  ],
  errors: {
    ...dashscopeErrors,
    rows: {
      ...dashscopeErrors.rows,
      "rate-limited": { status: 429, code: "rate_limit_exceeded", message: "We have to rate limit you" },
      "quota-exhausted": {
        status: 429,
        code: "insufficient_quota",
        message: "You have exceeded today's quota for this model, please try again tomorrow",
      },
    },
  },
  rateHeaders: "modelscope",
  endpoints: ["embeddings", "images"],
};
