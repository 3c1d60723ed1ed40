// Coding Plan and Token Plan: the hosts of Model Studio for interactive coding tools, with keys of their own.

import { needsKnownModel } from "../checks.ts";
import type { Dialect } from "../dialect.ts";
import { dashscopeErrors } from "./dashscope-errors.ts";
import { hosted, hostedChecks } from "./hosted.ts";
import { planCards } from "./hosted-models.ts";

export const dashscopePlans: Dialect = {
  ...hosted,
  name: "dashscope-plans",
  cards: planCards,
  wrongKey: (key) => (key.startsWith("sk-sp-") ? undefined : "invalid-key"),
  checks: [
    ...hostedChecks.filter((check) => check !== needsKnownModel),
    ({ card, model }) =>
      card === undefined ? { name: "model-not-found", message: `model '${model}' is not supported.` } : undefined,
    // Mandatory thinking is told of by the presets; the sentence is ours (?).
    ({ card, body }) =>
      card?.thinking === "always" && body["enable_thinking"] === false
        ? { name: "invalid-parameter", message: "The value of the enable_thinking parameter is restricted to True." }
        : undefined,
  ],
  errors: {
    ...dashscopeErrors,
    rows: {
      ...dashscopeErrors.rows,
      // An ordinary key, or a plan that has ended (coding-plan-faq).
      "invalid-key": {
        status: 401,
        code: "invalid_api_key",
        type: "invalid_request_error",
        message: "invalid access token or token expired",
      },
      "model-not-found": { status: 400, code: "model_not_supported", message: "model '{model}' is not supported." },
    },
  },
  endpoints: [],
};
