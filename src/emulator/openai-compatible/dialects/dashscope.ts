// Alibaba Cloud Model Studio, pay as you go, in its OpenAI-compatible form.

import type { Dialect } from "../dialect.ts";
import { hosted, hostedChecks } from "./hosted.ts";
import { payAsYouGoCards } from "./hosted-models.ts";

export const dashscope: Dialect = {
  ...hosted,
  name: "dashscope",
  cards: payAsYouGoCards,
  wrongKey: (key) => (key.startsWith("sk-sp-") ? "wrong-plan" : undefined),
  checks: hostedChecks,
};
