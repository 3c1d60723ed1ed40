// LM Studio, as told by its bug tracker (2025 to 2026): where thoughts stand is a setting of its user.

import type { Dialect } from "../dialect.ts";
import { selfHostedReply, selfHostedRequest } from "./self-hosted.ts";

export const lmStudio: Dialect = {
  name: "lm-studio",
  displayName: "LM Studio",
  baseUrls: { local: "http://127.0.0.1:1234/v1" },
  needsKey: false,
  notice: undefined,
  headers: [],
  request: {
    ...selfHostedRequest,
    thinkingSwitch: "none",
    efforts: undefined,
    // An object is refused (#670, 2025-05), and so is `json_object`.
    toolChoice: "required-only",
    jsonObject: "as-schema",
    // #2203 (0.4.20, 2026-07).
    requiresProperties: true,
  },
  // #1698: structured output lands in `reasoning_content`. With the setting off, tags stand in the content (#894).
  reply: selfHostedReply,
  models: { details: "lm-studio-list", fallback: [] },
  healthPath: "models",
  endpoints: { embeddings: "embeddings" },
  refusals: [],
};
